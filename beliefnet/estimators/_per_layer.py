"""Different estimators for different layers of one chain."""

from collections.abc import Callable, Sequence
from typing import cast

import equinox as eqx
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array, lax
from jaxtyping import Float

from beliefnet._chain import Chain
from beliefnet._errors import ArgumentError
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import split_key
from beliefnet._trace import Trace
from beliefnet._types import Key, Values
from beliefnet.conditionals import Prior
from beliefnet.distributions import bernoulli
from beliefnet.estimators._base import AbstractEstimator, Estimate
from beliefnet.estimators._bound import Bound
from beliefnet.estimators._driver_particles import AbstractCreditEstimator
from beliefnet.estimators._driver_units import AbstractUnitEstimator, Layer, LayerCredit
from beliefnet.estimators.rules import WAKE, SurrogateTerm, surrogate
from beliefnet.proposals import Particles, Recognition
from beliefnet.samplers import AbstractSampler

Part = AbstractUnitEstimator | AbstractCreditEstimator


class PerLayer(AbstractEstimator[None]):
    """One estimator for each latent layer: it credits the recognition net's draw of that layer.

    The particles are drawn once, each layer as its estimator asks for; the model learns from all alike. Where a layer's
    draws have a derivative (`SGVB`, `STL`), it goes on through the layers above: through values that have one as well,
    and through what the estimators of the others credit. Unbiased for the ELBO. Each layer costs what its estimator
    costs there.

    Args:
        net: The net to be trained.
        makers: For each latent layer, from the bottom up, what makes the estimator for a net of that layer alone. It
            must be an unbiased one of the ELBO that keeps no statistics; all draw the same number of particles.

    Raises:
        ValueError: If there are not as many as latent layers, one is of another kind, they differ in their number of
            particles, one does not work with the units of its layer, or a net of several layers has a condition.

    Examples:
        >>> import jax
        >>> from beliefnet.estimators import DisARM, Reinforce
        >>> from beliefnet.nets import sigmoid_belief_net
        >>> net = sigmoid_belief_net(6, (3, 2), key=jax.random.key(0))
        >>> estimator = PerLayer(net, (lambda net: Reinforce(4), lambda net: DisARM(net, 4)))
        >>> [type(part).__name__ for part in estimator.parts]
        ['Reinforce', 'DisARM']
    """

    parts: tuple[Part, ...]

    def __init__(self, net: BeliefNet, makers: Sequence[Callable[[BeliefNet], AbstractEstimator]]):
        _check_number(net, len(makers))
        nets = [_alone(net, index) for index in range(len(makers))]
        self.parts = tuple(_checked(make(net), net) for make, net in zip(makers, nets, strict=True))
        counts = [part.num_particles for part in self.parts]
        if len(set(counts)) > 1:
            raise ArgumentError(
                f"expected the same num_particles in every layer, got {', '.join(map(str, counts))}",
                f"num_particles={max(counts)} in each",
            )

    @property
    def is_unbiased(self) -> bool:
        """For the ELBO."""
        return True

    @property
    def num_particles(self) -> int:
        """Draws per datum, K."""
        return self.parts[0].num_particles

    @property
    def bound(self) -> Bound:
        """The ELBO."""
        return Bound(1)

    def init(self, net: BeliefNet) -> None:
        """Return nothing: no statistics are kept.

        Raises:
            ValueError: If the net has another number of layers, or one of other units.
        """
        _check_number(net, len(self.parts))
        for index, part in enumerate(self.parts):
            part.init(_alone(net, index))

    @broadcasting
    def estimate(self, net: BeliefNet, x: Float[Array, "batch visible"], state: None, *, key: Key) -> Estimate[None]:
        """Estimate the gradient on a batch: draw, credit each layer, differentiate.

        Raises:
            ValueError: If the net has another number of layers, or one of other units.
        """
        self.init(net)
        draw_key, *layer_keys = split_key(key, 1 + len(self.parts))

        def objective_of(parts: tuple[BeliefNet, PerLayer]):
            net, estimator = parts
            held, live = lax.stop_gradient(net), estimator._drawn(net, x, key=draw_key)
            fixed = lax.stop_gradient(live)
            log_layers = held.log_recognition_terms(x, fixed)
            trace = Trace.record(net, Particles(x, fixed, log_layers.sum(axis=-1), log_layers))
            credit = WAKE(lax.stop_gradient(trace))
            # The way through the draws; those without a derivative are constants here.
            total = surrogate(trace, credit) + held.log_weight(x, live).mean()
            distributions = (net.recognition.distributions(x, values) for values in (live, fixed))
            for index, (part, *given, layer_key) in enumerate(
                zip(estimator.parts, *distributions, layer_keys, strict=True)
            ):
                above = lax.stop_gradient(trace).above(index)
                own = _credit(part, Layer(held.above(index), above, given[0], 0), given[1], key=layer_key)
                total += own.surrogate(x.shape[0])
            return total, credit.objective.mean()

        (net_grads, own_grads), objective = eqx.filter_grad(objective_of, has_aux=True)((net, self))
        return Estimate(net_grads, own_grads, None, objective)

    def _drawn(self, net: BeliefNet, x: Float[Array, "batch visible"], *, key: Key) -> Values:
        """Draw each layer as its estimator asks for."""
        shape, parent, values = (self.num_particles,), x, []
        keys = split_key(key, len(self.parts))
        for part, conditional, layer_key in zip(self.parts, net.recognition.conditionals, keys, strict=True):
            parent = _sampler(part)(conditional(parent), shape, key=layer_key)
            values.append(parent)
            shape = ()
        return tuple(values)


def _sampler(part: Part) -> AbstractSampler:
    own = getattr(part, "sampler", None)
    return cast(Recognition, part.proposal).sampler if own is None else own  # pyright: ignore


def _credit(part: Part, layer: Layer, given: dist.Distribution, *, key: Key) -> LayerCredit:
    """What an estimator credits a layer with, `given` being its distribution at held values of the layer below."""
    if isinstance(part, AbstractUnitEstimator):
        return part.layer_credit(layer, key=key)
    credit = part.rule.step(layer.trace, None)[0]
    if credit.score is None:
        return LayerCredit(())
    # What goes through the layer below to a score of mean zero is noise where the path has gone there already.
    distribution = layer.distribution if credit.path is None else given
    return LayerCredit((SurrogateTerm(credit.score[..., 0], jnp.asarray(distribution.log_prob(layer.value))),))


def _alone(net: BeliefNet, index: int) -> BeliefNet:
    """A net of one latent layer alone, for what is made for its units; its prior is nothing's."""
    if len(net.layer_sizes) == 1:
        return net
    recognition = net.recognition.conditionals[index]
    prior = Prior(jnp.zeros(recognition.num_units), bernoulli)
    return BeliefNet(Chain((prior, net.generative.conditionals[-1 - index])), Chain((recognition,)))


def _check_number(net: BeliefNet, number: int) -> None:
    """Check that there is one estimator for each layer, and that each layer can be looked at from below."""
    depth = len(net.layer_sizes)
    if number != depth or not depth:
        raise ArgumentError(
            f"expected an estimator for each of the {depth} latent layers, got {number}",
            f"{depth} of them" if depth else "MaximumLikelihood() for a net without latents",
        )
    net.above(depth - 1)


def _checked(part: AbstractEstimator, net: BeliefNet) -> Part:
    """Check that an estimator is one whose credit of a single layer means something."""
    is_elbo = part.bound.num_particles == 1 and type(part.bound.proposal) is Recognition
    if not (isinstance(part, Part) and part.is_unbiased and is_elbo and part.init(net) is None):
        raise ArgumentError(
            f"expected unbiased estimators of the ELBO without statistics for single layers, got {type(part).__name__}",
            "Reinforce, DisARM, DoubleCV or SGVB",
        )
    return part
