"""Refinement by adaptive importance sampling."""

from enum import Enum
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting, normalised_weights
from beliefnet._streams import split_key
from beliefnet._types import Key
from beliefnet.refiners._base import AbstractRefiner, Form, Progress, check_kinds, check_settings
from beliefnet.refiners._posterior import AbstractPosterior, Averages


class Shrinkage(Enum):
    """What is done about the noise of draws."""

    JAMES_STEIN = "james-stein"
    """Steps are as long as what all draws so far say of a layer is more than their noise."""
    NONE = "none"
    """All steps are of the same rate, as in the papers."""


class Evidence(eqx.Module):
    """What the draws of all steps so far say of one layer, older ones counting less, for each datum.

    Attributes:
        surplus: Statistics drawn less those expected, `[batch, parameters]`.
        noise: Squared standard error of that, `[batch, parameters]`.
    """

    surplus: Float[Array, "batch parameters"]
    noise: Float[Array, "batch parameters"]

    def add(self, averages: Averages, rate: float) -> "Evidence":
        """Take in what the draws of a step say."""
        surplus, noise = averages.drawn - averages.expected, averages.noise
        return Evidence(self.surplus + rate * (surplus - self.surplus), (1 - rate) ** 2 * self.noise + rate**2 * noise)

    def significance(self, averages: Averages) -> Float[Array, "batch 1"]:
        """Return the positive part of 1 - noise / surplus^2, both in units of the layer's variances, summed over it."""
        scale = jnp.maximum(averages.variance, _LEAST_VARIANCE)
        noise, surplus = (jnp.sum(v / scale, axis=-1, keepdims=True) for v in (self.noise, self.surplus**2))
        return jnp.maximum(1 - noise / jnp.where(surplus == 0, 1, surplus), 0) * (surplus != 0)


@named("air", title="adaptive importance sampling")
class AIR(AbstractRefiner):
    """Adaptive importance sampling: moments move towards those of weighted draws from the posterior itself.

        h_n ~ q~,  w~ = softmax_n [log p(x, h_n) - log q~(h_n)],  m <- (1 - rate) m + rate sum_n w~_n s(h_n)

    with m the expected statistics s of each layer: probabilities of discrete units, means and second moments of normal
    ones; in a structured posterior, offsets move as averaged moments say. One weight, that of the whole configuration,
    drives all layers. It descends KL(p(h | x) || q~), whose minimum has the posterior's own marginals, and may lower
    the ELBO where the posterior has several modes. Self-normalised weights bias it at few samples. No gradients are
    taken: a step costs one pass through the generative net.

    Twenty draws say little of hundreds of units. The rate of each layer and datum is multiplied by the positive part of
    1 - noise / surplus^2: surplus is what draws say beyond what was expected, noise its squared standard error, both in
    units of the variances of the layer, summed over it, and over the steps so far with weight `rate` for the newest
    (the shrinkage of James and Stein).

    Args:
        num_steps: Steps.
        num_samples: Draws per step and datum, N.
        rate: Weight of the new moments, in (0, 1]; 1 is without damping.
        patience: Steps without a better score, the effective sample size, after which a datum stops; 0 never stops.
        num_checks: Fresh draws by which the result is compared with the start, each datum on its own: what has become
            worse by more than a standard error is taken back. 0 takes the result as it is.
        shrinkage: james-stein, or none: the rate is that of the papers.
        form: structured: the recognition net's chain, with offsets of each datum; or mean-field.

    Raises:
        ValueError: If a number cannot be used.

    Reference:
        Hjelm et al. 2016, *Iterative refinement of the approximate posterior for directed belief networks* (AIR); James
        & Stein 1961, *Estimation with quadratic loss*.
    """

    caveat: ClassVar[str] = (
        "AIR lowers KL(p(h | x), q~), which serves the likelihood and the effective sample size; the ELBO may fall "
        "where the posterior has several modes."
    )
    shares: ClassVar[tuple[float, ...]] = (1.0,)
    margin: ClassVar[float] = -1.0

    num_steps: int = eqx.field(static=True, default=20)
    num_samples: int = eqx.field(static=True, default=20)
    rate: float = eqx.field(static=True, default=0.1)
    patience: int = eqx.field(static=True, default=0)
    num_checks: int = eqx.field(static=True, default=20)
    shrinkage: Shrinkage = eqx.field(static=True, default=Shrinkage.JAMES_STEIN)
    form: Form = eqx.field(static=True, default=Form.STRUCTURED)

    def __check_init__(self):
        check_settings(self, "AIR", rate=self.rate)
        if self.rate > 1:
            raise ArgumentError(f"expected AIR to have a {{option}} in (0, 1], got {self.rate}", "0.1", option="rate")

    def check(self, net: BeliefNet) -> None:
        """Check that every layer has moments that give it back.

        Raises:
            ValueError: If not, naming the layer.
        """
        check_kinds(net)

    def init(self, posterior: AbstractPosterior) -> tuple[Evidence, ...]:
        """Return no evidence, of each layer; without shrinkage nothing is remembered."""
        if self.shrinkage is Shrinkage.NONE:
            return ()
        nothing = jax.tree.map(jnp.zeros_like, posterior.parameters)
        return tuple(Evidence(zeros, zeros) for zeros in nothing)

    @broadcasting
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
        averages = posterior.averages(latents, weights)
        evidence = progress.memory
        rates = (jnp.full((len(x), 1), self.rate),) * len(averages)
        if self.shrinkage is Shrinkage.JAMES_STEIN:
            evidence = tuple(old.add(new, self.rate) for old, new in zip(evidence, averages, strict=True))
            rates = tuple(self.rate * known.significance(new) for known, new in zip(evidence, averages, strict=True))
        rates = tuple(jnp.where(is_impossible[:, None], 0.0, rate) for rate in rates)
        ess = jnp.where(is_impossible, 0.0, 1 / jnp.sum(weights**2, axis=0))
        return Progress(posterior.towards(averages, rates), evidence), ess

    def gain(
        self,
        net: BeliefNet,
        x: Float[Array, "batch visible"],
        start: AbstractPosterior,
        end: AbstractPosterior,
        *,
        key: Key,
    ) -> tuple[Float[Array, " batch"], Float[Array, " batch"]]:
        """Estimate KL(p(h | x) || start) - KL(p(h | x) || end) by weighted draws from the mixture of both."""
        start_key, end_key = split_key(key)
        half = (self.num_checks + 1) // 2
        pair = start.draw(half, key=start_key), end.draw(half, key=end_key)
        latents = tuple(jnp.concatenate(layers) for layers in zip(*pair, strict=True))
        log_start, log_end = (posterior.log_probs(latents).sum(axis=-1) for posterior in (start, end))
        weights = normalised_weights(net.log_joint(x, latents) - jnp.logaddexp(log_start, log_end))
        ratio = log_end - log_start
        gain = jnp.sum(weights * ratio, axis=0)
        return gain, jnp.sqrt(jnp.sum(weights**2 * (ratio - gain) ** 2, axis=0))


_LEAST_VARIANCE = 1e-6
