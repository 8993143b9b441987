"""Particles from all steps of a refinement."""

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import split_key
from beliefnet._types import Key, Values
from beliefnet.proposals._base import AbstractProposal, Particles
from beliefnet.refiners import AbstractPosterior, AbstractRefiner, MeanField


@named("buffered")
class Buffered(AbstractProposal):
    """Draws from the posterior that a refiner makes, and keeps the draws of its steps as particles.

    Each draw is weighed by the posterior that it was drawn from, p(x, h) / q~_t(h). Given the steps before it, that is
    p(x) on average: so is the mean over draws of all steps. Of K particles the last steps give as many as there is room
    for, and the posterior at the end gives the rest, at least one. The steps' draws are made again, by their keys.

    Where there is room for all steps, the first ones draw from the recognition net, or near it, so that what it
    explains is not lost. The terms of `log_proposal` are those of each particle's own posterior, and `is_own` tells
    those of the last one.

    Args:
        refiner: How the posterior is improved: one whose draws follow it, and that takes all of its steps.

    Raises:
        ValueError: If its draws are relaxed or means, or it may stop early.

    Reference:
        Shu, Bui, Whang & Ermon 2019, *Training variational autoencoders with buffered stochastic variational
        inference*.
    """

    refiner: AbstractRefiner

    def __check_init__(self):
        if not self.refiner.is_exact:
            raise ArgumentError(
                "expected a refiner whose draws follow the posterior for Buffered, got one with relaxed or averaged "
                "values",
                "air, gdir or straight-through",
            )
        if self.refiner.patience:
            raise ArgumentError(
                f"expected a refiner that takes all steps for Buffered, got patience {self.refiner.patience}",
                "patience=0",
            )

    @property
    def is_joint(self) -> bool:
        """All particles are drawn at once: the refinement is theirs."""
        return True

    def check(self, net: BeliefNet) -> None:
        """Check that the refiner can refine the posterior of a net.

        Raises:
            ValueError: If it cannot, naming the layer.
        """
        self.refiner.check(net)

    def mean_field(self, net: BeliefNet, x: Float[Array, "batch visible"]) -> MeanField:
        """Return each layer of the posterior that the refinement starts from."""
        return self.refiner.start(net, x).mean_field

    @broadcasting
    def draw(self, net: BeliefNet, x: Float[Array, "batch visible"], num_particles: int, *, key: Key) -> Particles:
        """Refine, and return `num_particles` configurations for every datum: those of the last steps first."""
        refine_key, draw_key = split_key(key)
        count = min(self.refiner.num_steps, (num_particles - 1) // self.refiner.num_samples)

        def see(posterior: AbstractPosterior, step_key: Key) -> tuple[Values, Float[Array, "particles batch layers"]]:
            latents = self.refiner.draw(posterior, self.refiner.num_samples, key=step_key)
            return latents, posterior.log_probs(latents)

        posterior, seen = self.refiner.refine_seen(net, x, None, see, key=refine_key)
        num_own = num_particles - count * self.refiner.num_samples
        own = posterior.draw(num_own, key=draw_key)
        buffered = jax.tree.map(lambda leaf: _last(leaf, count), seen)
        both = zip(buffered[0], own, strict=True)
        latents = tuple(jnp.concatenate(layers) for layers in both)
        log_layers = jnp.concatenate([buffered[1], posterior.log_probs(own)])
        latents, log_layers = lax.stop_gradient((latents, log_layers))
        is_own = jnp.arange(num_particles) >= num_particles - num_own
        return Particles(x, latents, log_layers.sum(axis=-1), log_layers, is_own)


def _last(leaf: Float[Array, "steps particles ..."], count: int) -> Float[Array, "particles ..."]:
    """Return what the last steps gave, one after the other."""
    kept = leaf[len(leaf) - count :]
    return kept.reshape(-1, *leaf.shape[2:])
