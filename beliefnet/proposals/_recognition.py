"""Particles from the recognition net."""

import equinox as eqx
from jax import Array
from jaxtyping import Float

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._types import Key, Values
from beliefnet.proposals._base import AbstractProposal, Particles
from beliefnet.samplers import AbstractSampler, Plain


@named("recognition")
class Recognition(AbstractProposal):
    """Draws latents from q(h | x), layer by layer; the first layer's parameters are computed once per datum."""

    is_by_datum = True

    sampler: AbstractSampler = eqx.field(default_factory=Plain)

    @property
    def is_exact(self) -> bool:
        """That of the sampler."""
        return self.sampler.is_exact

    @property
    def has_derivative(self) -> bool:
        """That of the sampler."""
        return self.sampler.has_derivative

    def log_probs(
        self, net: BeliefNet, x: Float[Array, "batch visible"], latents: Values
    ) -> Float[Array, "particles batch layers"]:
        """Return log q(h | x) of any latents, layer by layer, in nats."""
        return net.log_recognition_terms(x, latents)

    @broadcasting
    def draw(self, net: BeliefNet, x: Float[Array, "batch visible"], num_particles: int, *, key: Key) -> Particles:
        """Draw `num_particles` configurations for every datum."""
        draw = net.infer(x, num_particles, key=key, sampler=self.sampler)
        return Particles(x, draw.values, draw.log_probs.sum(axis=-1), draw.log_probs)
