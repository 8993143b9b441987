"""Deep autoregressive networks."""

from collections.abc import Sequence

import jax
from jax.typing import ArrayLike

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.distributions import AbstractFamily, bernoulli
from beliefnet.nets._bottom import DENSE_LAYERS, AbstractBottom, Activation
from beliefnet.nets._layered import layered_net
from beliefnet.nets._layers import Connections, LatentLayer, VisibleLayer
from beliefnet.nets._widths import widths


@named("darn", title="deep autoregressive network")
def darn(
    num_visible: int,
    hidden: Sequence[int] = (200,),
    *,
    key: Key,
    visible: AbstractFamily = bernoulli,
    autoregressive_visible: bool = True,
    autoregressive_recognition: bool = False,
    nade_units: int | None = None,
    deterministic: Sequence[int] = (),
    deterministic_recognition: Sequence[int] | None = None,
    activation: Activation = jax.nn.softplus,
    bottom: AbstractBottom = DENSE_LAYERS,
    signs: bool = True,
    latent_mean: float = 0.5,
    input_mean: ArrayLike | None = None,
    visible_mean: ArrayLike | None = None,
) -> BeliefNet:
    """Make a deep autoregressive network: a sigmoid belief net with connections among the units of a layer.

    Each unit depends on those before it in its layer, and on the layer above. Without connections among the
    visible units it is an fDARN.

    Args:
        num_visible: Number of observed units.
        hidden: Widths of the latent layers, from the bottom up.
        key: Random key for the weights.
        visible: Family of the observation: `bernoulli` for bits, `discretised_logistic(levels)` or `grey_normal` for
            grey values, `poisson` for counts; any but `bernoulli` without `autoregressive_visible`.
        autoregressive_visible: Whether visible units depend on each other given the latents; if not, they are scored,
            drawn and filled in independently.
        autoregressive_recognition: Whether the units of a recognition layer depend on each other, too: closer to the
            posterior, but drawn one after the other.
        nade_units: Let units depend on each other through so many hidden units in each layer, not linearly: layers are
            NADEs then.
        deterministic: Widths of deterministic layers between stochastic ones; none makes the maps affine.
        deterministic_recognition: Those of the recognition net, where it is to have others.
        activation: Elementwise function of the deterministic layers.
        bottom: Networks between the data and the bottom latent layer: dense ones, `Convolution` or `OwnNetworks`.
        signs: Whether the maps see latents as -1 and 1 rather than as 0 and 1.
        latent_mean: Probability of latents at the start, in (0, 1); wake-sleep is faster with a small one.
        input_mean: Subtracted from what the recognition net sees, `[num_visible]`.
        visible_mean: The visible biases start at this mean of the data, `[num_visible]`; of bits, at its logits.

    Raises:
        ValueError: If a width or `nade_units` is not positive, `latent_mean` is not in (0, 1), or visible units
            are to depend on each other that are not binary, or a mean is not `[num_visible]` or outside the bounds of
            the visible family.

    Reference:
        Gregor, Danihelka, Mnih, Blundell & Wierstra 2014, *Deep autoregressive networks*; for fDARN, Mnih & Gregor
        2014, *Neural variational inference and learning in belief networks*; for NADE, Larochelle & Murray 2011, *The
        neural autoregressive distribution estimator*, and as layers of a deep net Bornschein & Bengio 2015.

    Examples:
        >>> import jax
        >>> darn(64, (20,), key=jax.random.key(0)).layer_sizes
        (20,)
    """
    own = ("model", "recognition") if autoregressive_recognition else ("model",)
    between = Connections(own, nade_units)
    layers = [
        LatentLayer(bernoulli, size, deterministic, deterministic_recognition, between, signs=signs, mean=latent_mean)
        for size in widths("hidden", hidden)
    ]
    among_visible = Connections(("model",) if autoregressive_visible else (), nade_units)
    observed = VisibleLayer(num_visible, visible, visible_mean, input_mean, connections=among_visible)
    return layered_net(observed, layers, key=key, activation=activation, bottom=bottom)


@named("fdarn", title="fDARN")
def fdarn(
    num_visible: int,
    hidden: Sequence[int] = (200,),
    *,
    key: Key,
    visible: AbstractFamily = bernoulli,
    autoregressive_recognition: bool = False,
    nade_units: int | None = None,
    deterministic: Sequence[int] = (),
    deterministic_recognition: Sequence[int] | None = None,
    activation: Activation = jax.nn.softplus,
    bottom: AbstractBottom = DENSE_LAYERS,
    signs: bool = True,
    latent_mean: float = 0.5,
    input_mean: ArrayLike | None = None,
    visible_mean: ArrayLike | None = None,
) -> BeliefNet:
    """Make a deep autoregressive network whose visible units are independent given the latents.

    Args:
        num_visible: Number of observed units.
        hidden: Widths of the latent layers, from the bottom up.
        key: Random key for the weights.
        visible: Family of the observation.
        autoregressive_recognition: Whether the units of a recognition layer depend on each other, too.
        nade_units: Let units depend on each other through so many hidden units in each layer, not linearly.
        deterministic: Widths of deterministic layers between stochastic ones; none makes the maps affine.
        deterministic_recognition: Those of the recognition net, where it is to have others.
        activation: Elementwise function of the deterministic layers.
        bottom: Networks between the data and the bottom latent layer: dense ones, `Convolution` or `OwnNetworks`.
        signs: Whether the maps see latents as -1 and 1 rather than as 0 and 1.
        latent_mean: Probability of latents at the start, in (0, 1); wake-sleep is faster with a small one.
        input_mean: Subtracted from what the recognition net sees, `[num_visible]`.
        visible_mean: The visible biases start at this mean of the data, `[num_visible]`; of bits, at its logits.

    Raises:
        ValueError: As for `darn`.

    Reference:
        Mnih & Gregor 2014, *Neural variational inference and learning in belief networks*.

    Examples:
        >>> import jax
        >>> fdarn(64, (20,), key=jax.random.key(0)).layer_sizes
        (20,)
    """
    return darn(
        num_visible,
        hidden,
        key=key,
        visible=visible,
        autoregressive_visible=False,
        autoregressive_recognition=autoregressive_recognition,
        nade_units=nade_units,
        deterministic=deterministic,
        deterministic_recognition=deterministic_recognition,
        activation=activation,
        bottom=bottom,
        signs=signs,
        latent_mean=latent_mean,
        input_mean=input_mean,
        visible_mean=visible_mean,
    )
