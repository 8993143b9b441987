"""Refinement by adaptive importance sampling."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import normalised_weights
from beliefnet._types import Key
from beliefnet.refiners._base import Progress, Refiner, check_kinds, check_settings
from beliefnet.refiners._posterior import Posterior


@named("air", title="adaptive importance sampling")
class AIR(Refiner):
    """Adaptive importance sampling: moments move towards those of weighted draws from the posterior itself.

        h_n ~ q~,  w~ = softmax_n [log p(x, h_n) - log q~(h_n)],  m <- (1 - rate) m + rate sum_n w~_n s(h_n)

    with m the expected statistics s of each layer: probabilities of discrete units, means and second moments of normal
    ones. One weight, that of the whole configuration, drives all layers. It descends KL(p(h | x) || q~), whose minimum
    has the posterior's own marginals, and may lower the ELBO where the posterior has several modes. Self-normalised
    weights bias it at few samples. No gradients are taken: a step costs one pass through the generative net.

    Args:
        num_steps: Steps.
        num_samples: Draws per step and datum, N.
        rate: Weight of the new moments, in (0, 1]; 1 is without damping.
        patience: Steps without a better score, the effective sample size, after which a datum stops; 0 never stops.

    Raises:
        ValueError: If a number cannot be used.

    Reference:
        Hjelm et al. 2016, *Iterative refinement of the approximate posterior for directed belief networks* (AIR).
    """

    num_steps: int = eqx.field(static=True, default=20)
    num_samples: int = eqx.field(static=True, default=20)
    rate: float = eqx.field(static=True, default=0.1)
    patience: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        check_settings(
            "AIR", num_steps=self.num_steps, num_samples=self.num_samples, rate=self.rate, patience=self.patience
        )
        if self.rate > 1:
            raise ValueError(f"expected AIR to have a rate in (0, 1], got {self.rate}; try 0.1")

    def check(self, net: BeliefNet) -> None:
        """Check that every layer has moments that give it back.

        Raises:
            ValueError: If not, naming the layer.
        """
        check_kinds(net)

    def init(self, posterior: Posterior) -> None:
        """Return nothing: moments are all there is."""
        return

    def step(
        self, net: BeliefNet, x: Float[Array, "batch visible"], progress: Progress, *, key: Key
    ) -> tuple[Progress, Float[Array, " batch"]]:
        """Move the moments; the score is the effective sample size."""
        posterior = progress.posterior
        latents = posterior.draw(self.num_samples, key=key)
        log_weight = net.log_joint(x, latents) - posterior.log_probs(latents).sum(axis=-1)
        weights = normalised_weights(log_weight)
        # Where no draw has any probability there is nothing to learn from them.
        is_impossible = weights.sum(axis=0) == 0
        moments = []
        for family, old, drawn in zip(posterior.families, posterior.moments, latents, strict=True):
            new = jnp.einsum("nb,nbs->bs", weights, family.statistics(drawn), precision=jax.lax.Precision.HIGHEST)
            moments.append(jnp.where(is_impossible[:, None], old, old + self.rate * (new - old)))
        ess = jnp.where(is_impossible, 0.0, 1 / jnp.sum(weights**2, axis=0))
        return Progress(posterior.with_moments(tuple(moments)), None), ess
