"""Models of documents as bags of words."""

from collections.abc import Sequence

import jax
from jax.typing import ArrayLike

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.distributions import AbstractFamily, bag_of_words, bernoulli
from beliefnet.nets._bottom import Activation
from beliefnet.nets._layered import layered_net
from beliefnet.nets._layers import LatentLayer, VisibleLayer
from beliefnet.nets._widths import widths


@named("document", title="document net")
def document_net(
    num_words: int,
    hidden: Sequence[int] = (50,),
    *,
    key: Key,
    latents: AbstractFamily = bernoulli,
    document_length: float = 100.0,
    deterministic: Sequence[int] = (),
    deterministic_recognition: Sequence[int] | None = None,
    activation: Activation = jax.nn.softplus,
    signs: bool = True,
    latent_mean: float = 0.5,
    input_mean: ArrayLike | None = None,
    visible_mean: ArrayLike | None = None,
) -> BeliefNet:
    """Make a model of word counts: layers of latents below which every word is drawn from one softmax.

    The recognition net sees log(1 + count). A document is scored given its own number of words.

    Args:
        num_words: Size of the vocabulary.
        hidden: Numbers of latent variables per layer, from the bottom up.
        key: Random key for the weights.
        latents: Family of the latents: `bernoulli` for topics that are on or off, `normal` for a neural variational
            document model.
        document_length: Mean number of words of documents that are drawn from the net.
        deterministic: Widths of deterministic layers between stochastic ones; none makes the maps affine.
        deterministic_recognition: Those of the recognition net, where it is to have others.
        activation: Elementwise function of the deterministic layers.
        signs: Whether the maps see binary latents as -1 and 1 rather than as 0 and 1.
        latent_mean: Probability of binary latents at the start, in (0, 1): units that are rarely on make the purest
            topics.
        input_mean: Mean counts; log(1 + mean) is subtracted from what the recognition net sees, `[num_words]`.
        visible_mean: Mean counts; the words' biases start at the logarithms of their shares, `[num_words]`.

    Raises:
        ValueError: If a width or the length is not positive, `latent_mean` is not in (0, 1), or a mean is not
            `[num_words]` or negative.

    Reference:
        Mnih & Gregor 2014, *Neural variational inference and learning in belief networks*; with normal latents, Miao,
        Yu & Blunsom 2016, *Neural variational inference for text processing*.

    Examples:
        >>> import jax
        >>> document_net(2000, (50,), key=jax.random.key(0)).layer_sizes
        (50,)
    """
    layers = [
        LatentLayer(latents, size, deterministic, deterministic_recognition, signs=signs, mean=latent_mean)
        for size in widths("hidden", hidden)
    ]
    observed = VisibleLayer(num_words, bag_of_words(document_length), visible_mean, input_mean)
    return layered_net(observed, layers, key=key, activation=activation)
