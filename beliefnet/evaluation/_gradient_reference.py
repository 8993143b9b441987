"""The gradient that estimators are judged by: enumerated where that is possible, else a mean of many draws."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import equinox as eqx
import numpy as np
from jax import Array
from jaxtyping import Float

from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.distributions import UnitKind
from beliefnet.estimators import SGVB, VIMCO, AbstractEstimator, DReG, Reinforce
from beliefnet.evaluation._enumerate import count_states
from beliefnet.evaluation._exact import exact_gradient, num_multisets
from beliefnet.evaluation._gradient_draws import TOTALS, Draw, part_names, split_parts, with_totals

_REFERENCE_PARTICLES = 8
_MOST_NUMBERS = 2**26


@dataclass(frozen=True)
class Reference:
    """Which gradient the estimators were compared with.

    Attributes:
        bound_particles: K of the bound whose gradient it is; 1 for the ELBO.
        method: "exact" (every state enumerated), or the unbiased estimator that was averaged.
        num_draws: Draws that were averaged; 0 for an exact one.
        relative_error: For theta and phi, the standard error of its norm over its norm; 0 for an exact one.
        reason: Why it is not exact; empty for an exact one.
    """

    bound_particles: int
    method: str
    num_draws: int
    relative_error: dict[str, float]
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, strings and dictionaries."""
        return asdict(self)


@dataclass(frozen=True)
class ReferenceGradient:
    """A reference with its numbers, by part.

    Attributes:
        about: How it was obtained.
        mean: The gradient, `[coordinates]`.
        variance: Squared standard error of each coordinate, `[coordinates]`.
        covariance_square: By part and total, the sum of the squared entries of the covariance matrix of its error.
    """

    about: Reference
    mean: dict[str, np.ndarray]
    variance: dict[str, np.ndarray]
    covariance_square: dict[str, float]


def reference_gradient(
    net: BeliefNet, x: Float[Array, "batch visible"], bound_particles: int, *, num_draws: int, key: Key
) -> ReferenceGradient:
    """Return the gradient of the K-particle bound (the ELBO for K = 1), averaged over the batch.

    Args:
        net: Where the gradient is taken.
        x: Observations, `[batch, visible]`.
        bound_particles: K.
        num_draws: Draws to average where the net cannot be enumerated.
        key: Random key for the draws.
    """
    reason = _not_exact(net, x, bound_particles)
    if not reason:
        try:
            exact = exact_gradient(net, x, num_particles=None if bound_particles == 1 else bound_particles)
        except ValueError as error:
            # The report says why, and goes on.
            reason = str(error)
        else:
            mean = {name: np.asarray(value, np.float64) for name, value in split_parts(exact).items()}
            about = Reference(bound_particles, "exact", 0, dict.fromkeys(TOTALS, 0.0), "")
            nothing = {name: np.zeros_like(value) for name, value in mean.items()}
            return ReferenceGradient(about, mean, nothing, dict.fromkeys((*mean, *TOTALS), 0.0))
    return _sampled(net, x, bound_particles, reason, num_draws=num_draws, key=key)


def _not_exact(net: BeliefNet, x: Array, bound_particles: int) -> str:
    """Say why there is no exact gradient, or why it would not fit in memory; nothing if it can be had."""
    if not all(kind.is_finite for kind in net.latent_kinds):
        return "latents that are not discrete cannot be enumerated"
    num_states = min(count_states(net), 2**64)
    sets = num_multisets(num_states, bound_particles) if bound_particles > 1 else 0
    if max(num_states * max(net.num_visible, *net.layer_sizes), sets * bound_particles) * len(x) <= _MOST_NUMBERS:
        return ""
    return f"{num_states} latent states, {bound_particles} particles and a batch of {len(x)} are too many to enumerate"


def _sampled(
    net: BeliefNet, x: Array, bound_particles: int, reason: str, *, num_draws: int, key: Key
) -> ReferenceGradient:
    count = _REFERENCE_PARTICLES if bound_particles == 1 else bound_particles
    estimator: AbstractEstimator
    if set(net.latent_kinds) == {UnitKind.CONTINUOUS}:
        estimator = SGVB(net, count) if bound_particles == 1 else DReG(net, count)
    else:
        estimator = Reinforce(count) if bound_particles == 1 else VIMCO(count)
    method = f"{type(estimator).__name__}({count})"
    shapes = eqx.filter_eval_shape(split_parts, net)
    direction = {name: np.zeros(shapes[name].shape) for name in part_names(net)}
    moments = Draw(estimator, net, x, estimator.init(net)).moments(direction, num=num_draws, key=key)
    count = moments.num_draws
    variance = {name: value / count for name, value in moments.variance.items()}
    noise = with_totals({name: float(value.sum()) for name, value in variance.items()})
    power = with_totals({name: float(np.square(value).sum()) for name, value in moments.mean.items()})
    error = {name: math.sqrt(noise[name] / power[name]) if power[name] > 0 else math.inf for name in TOTALS}
    squares = {name: value / count**2 for name, value in moments.covariance_square.items()}
    return ReferenceGradient(Reference(bound_particles, method, count, error, reason), moments.mean, variance, squares)
