"""The driver of estimators that credit single units: a layer as seen from its draw, and the way to parameters."""

from abc import abstractmethod
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array, lax
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import split_key
from beliefnet._trace import Trace
from beliefnet._types import Key
from beliefnet.distributions import UnitKind, check_kind, units
from beliefnet.estimators._base import AbstractEstimator, Estimate, check_particles
from beliefnet.estimators._bound import Bound
from beliefnet.estimators.rules import WAKE, AbstractPureRule, Credit, SurrogateTerm, surrogate
from beliefnet.proposals import Recognition
from beliefnet.samplers import AbstractSampler, Plain


class Layer(eqx.Module):
    """One latent layer in the midst of an estimate: what was drawn there, and what another value would have brought.

    Attributes:
        net: The net; its parameters are constants here.
        index: Which latent layer, 0 being the one next to the data.
        trace: The record of all that was drawn; constants too.
        distribution: q(h_l | h_(l-1)), differentiable by the recognition net's parameters.
    """

    net: BeliefNet
    trace: Trace
    distribution: dist.Distribution
    index: int = eqx.field(static=True)

    @property
    def value(self) -> Float[Array, "particles batch units"]:
        """What was drawn."""
        return self.trace.values[self.index + 1]

    @property
    def shares_parent(self) -> bool:
        """Whether all particles were drawn from one distribution: in the lowest layer."""
        return self.trace.values[self.index].ndim == 2

    @property
    def signal(self) -> Float[Array, "particles batch"]:
        """What the draw has brought: the local signal of the layer, in nats."""
        return self.trace.local_signal[..., self.index]

    @property
    def logits(self) -> Float[Array, "..."]:
        """Logits of the layer's units, differentiable; of shape `[batch, ...]` in the lowest layer."""
        return units(self.distribution).logits  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def held_logits(self) -> Float[Array, "particles batch units"]:
        """Logits of the binary units as constants, one row for each draw."""
        return jnp.broadcast_to(lax.stop_gradient(self.logits), self.value.shape)

    @property
    def slope(self) -> Float[Array, "particles batch units"]:
        """The derivative of the signal by the value, the layers above being as they were drawn."""
        here, above = self.net.above(self.index), self.trace.values[self.index + 2 :]

        def signal_with(value: Array) -> Array:
            return here.log_weight(self.trace.values[self.index], (value, *above))

        signal, pull_back = jax.vjp(signal_with, self.value)
        return pull_back(jnp.ones_like(signal))[0]

    def signal_of(
        self, value: Float[Array, "*lead units"], *, key: Key, sampler: AbstractSampler, below: Array | None = None
    ) -> Float[Array, "*lead"]:
        """Return what another value brings; the layers above are drawn anew.

        Args:
            value: In the place of the one that was drawn; its derivative goes into the result.
            key: Random key for the layers above.
            sampler: How they are drawn.
            below: In the place of what was drawn in the layer below.
        """
        here = self.net.above(self.index)
        latents = (value,)
        if len(here.recognition) > 1:
            latents += here.above(1).recognition.draw(value, sampler=sampler, key=key).values
        below = self.trace.values[self.index] if below is None else below
        return here.log_weight(below, latents)


class LayerCredit(eqx.Module):
    """What the draw of one layer is credited with.

    Attributes:
        terms: Surrogate terms of values of the recognition net in this layer, such as its logits, per datum.
        ascent: What the estimator's own parameters climb, averaged over the batch, if there are any.
    """

    terms: tuple[SurrogateTerm, ...]
    ascent: Float[Array, ""] | None = None

    def surrogate(self, num_data: int) -> Float[Array, ""]:
        """Return the scalar whose gradient the layer and the estimator get, per example of a batch."""
        total = sum((term.scalar() for term in self.terms), jnp.zeros(())) / num_data
        return total if self.ascent is None else total + self.ascent


class AbstractUnitEstimator(AbstractEstimator[None]):
    """An estimator that credits each unit of each layer on its own.

    Args:
        net: The net to be trained; its latent layers must be of the kinds that the estimator handles.
        num_particles: Draws per datum, K.

    Raises:
        ValueError: If `num_particles` is not positive, or a layer is of another kind.
    """

    rule: ClassVar[AbstractPureRule] = WAKE
    """What particles are credited with as a whole: by default the model learns from all alike."""
    least_particles: ClassVar[int] = 1
    """The fewest particles that it can work with."""
    sampler: ClassVar[AbstractSampler] = Plain()
    """How particles are drawn."""
    num_particles: int = eqx.field(static=True)

    def __init__(self, net: BeliefNet, num_particles: int = 1):
        self.num_particles = num_particles
        self.check(net)

    @abstractmethod
    def layer_credit(self, layer: Layer, *, key: Key) -> LayerCredit:
        """Return what the draw of one layer is credited with."""

    @property
    def num_layers(self) -> int | None:
        """Number of latent layers that it has parameters for; None if it has none of its own."""
        return None

    @property
    def is_unbiased(self) -> bool:
        """For the ELBO or L_K, with any number of draws."""
        return True

    @property
    def bound(self) -> Bound:
        """L_K for a rule that credits all particles together, otherwise the ELBO; of the recognition net."""
        return Bound(self.num_particles if self.rule.is_multi_sample else 1)

    def init(self, net: BeliefNet) -> None:
        """Return nothing: no statistics are kept.

        Raises:
            ValueError: If a layer is of a kind that it does not handle.
        """
        self.check(net)

    @broadcasting
    def estimate(self, net: BeliefNet, x: Float[Array, "batch visible"], state: None, *, key: Key) -> Estimate[None]:
        """Estimate the gradient on a batch: draw, credit each layer, differentiate.

        Raises:
            ValueError: If the net has layers that the estimator cannot work with.
        """
        self.check(net)
        draw_key, *layer_keys = split_key(key, 1 + len(net.layer_sizes))

        def objective_of(parts: tuple[BeliefNet, AbstractUnitEstimator]):
            net, estimator = parts
            held = lax.stop_gradient(net)
            particles = Recognition(estimator.sampler).draw(held, x, estimator.num_particles, key=draw_key)
            trace = Trace.record(net, particles)
            credit = estimator.rule(lax.stop_gradient(trace))
            _check_no_path(estimator, credit)
            total = surrogate(trace, credit)
            distributions = net.recognition.distributions(x, particles.latents)
            for index, (distribution, layer_key) in enumerate(zip(distributions, layer_keys, strict=True)):
                layer = Layer(net=held, index=index, trace=lax.stop_gradient(trace), distribution=distribution)
                own = estimator.layer_credit(layer, key=layer_key)
                total += own.surrogate(x.shape[0])
            return total, credit.objective.mean()

        (net_grads, own_grads), objective = eqx.filter_grad(objective_of, has_aux=True)((net, self))
        return Estimate(net_grads, own_grads, None, objective)

    def check(self, net: BeliefNet) -> None:
        """Check that it can work with a net.

        Raises:
            ValueError: If there are too few particles, a layer is of a kind that it does not handle, or its parameters
                are for another number of layers.
        """
        least = max(self.least_particles, self.rule.least_particles)
        check_particles(type(self).__name__, self.num_particles, least=least)
        for index, kind in enumerate(net.latent_kinds):
            others = {UnitKind.CONTINUOUS: ", or sgvb, stl or iwae", UnitKind.AUTOREGRESSIVE: ""}
            advice = "an estimator for any latents (vimco, reinforce, nvil)" + others.get(
                kind, ", or concrete, straight-through"
            )
            check_kind(type(self).__name__, kind, self.kinds, advice, place=f" in latent layer {index + 1}")
        depth, name = len(net.layer_sizes), type(self).__name__
        if self.num_layers not in (None, depth):
            raise ArgumentError(
                f"expected the net that {name} was made for, of {self.num_layers} latent layers, got one of {depth}",
                f"{name}(net)",
            )


def _check_no_path(estimator: AbstractUnitEstimator, credit: Credit) -> None:
    if credit.path is not None:
        raise ArgumentError(
            f"expected a rule without a path from {type(estimator).__name__}, whose draws have no derivative, got one",
            "a CreditEstimator",
        )
