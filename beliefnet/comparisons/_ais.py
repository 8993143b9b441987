"""The partition function of a restricted Boltzmann machine by annealed importance sampling."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float, Int

from beliefnet._errors import ArgumentError
from beliefnet._numerics import softplus
from beliefnet._streams import check_key
from beliefnet._types import Key
from beliefnet.comparisons._base import ProgressCallback

_STEPS_OF_A_PART = 500


class BoltzmannMachine(eqx.Module):
    """A restricted Boltzmann machine of binary units: p(v, h) is exp(v b + h c + h W v) / Z.

    Attributes:
        weights: W, `[hidden, visible]`.
        visible_bias: b, `[visible]`.
        hidden_bias: c, `[hidden]`.
    """

    weights: Float[Array, "hidden visible"]
    visible_bias: Float[Array, " visible"]
    hidden_bias: Float[Array, " hidden"]

    def inputs(self, visible: Float[Array, "*lead visible"]) -> Float[Array, "*lead hidden"]:
        """Return the logits of the hidden units."""
        return jnp.matmul(visible, self.weights.T, precision=lax.Precision.HIGHEST) + self.hidden_bias

    def free_energy(self, visible: Float[Array, "*lead visible"]) -> Float[Array, "*lead"]:
        """Return F(v) = -log sum_h exp(v b + h c + h W v), so that log p(v) = -F(v) - log Z, in nats."""
        return -(visible @ self.visible_bias + softplus(self.inputs(visible)).sum(axis=-1))


@dataclass(frozen=True)
class LogPartition:
    """An estimate of log Z, in nats.

    Attributes:
        log_z: Log of the mean weight. The mean is unbiased for Z, so its log is too low in expectation.
        stderr: Standard error of `log_z`, to first order: that of the mean weight over the mean weight.
        low: Log of the mean weight less three of its standard errors; -inf where they are as large as the mean.
        high: Log of the mean weight plus three of its standard errors.
        num_temperatures: Of the annealing.
        num_chains: Weights that the mean is of.
    """

    log_z: float
    stderr: float
    low: float
    high: float
    num_temperatures: int
    num_chains: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers."""
        return asdict(self)


def log_partition(
    machine: BoltzmannMachine,
    base_bias: Float[Array, " visible"],
    *,
    num_temperatures: int,
    num_chains: int,
    key: Key,
    progress: ProgressCallback = None,
) -> LogPartition:
    """Estimate log Z by annealed importance sampling along the geometric path from independent visible units.

    At inverse temperature b, the unnormalised density of the visible units is
    `exp((1 - b) v base_bias + b v visible_bias) prod_j (1 + exp(b inputs_j(v)))`; one sweep of Gibbs sampling, hidden
    units and visible ones, leaves it as it is. The mean weight is unbiased for Z however few the temperatures, but may
    rest on chains that are hardly ever seen: `stderr` knows only of those that were.

    Args:
        machine: The machine, of any size; time grows with `num_temperatures * num_chains`.
        base_bias: Biases of the independent units, such as the logits of the data's means, `[visible]`.
        num_temperatures: Steps between inverse temperatures 0 and 1: 1/29 of them up to 0.5 and 8/29 from there to 0.9.
        num_chains: Independent chains, all of them at a time.
        key: Random key.
        progress: Called with the number of parts done so far, of `num_parts(num_temperatures)`.

    Raises:
        ValueError: If there are fewer than two chains, or fewer than 29 temperatures.

    Reference:
        Salakhutdinov & Murray 2008, *On the quantitative analysis of deep belief networks*.
    """
    check_key(key)
    if num_chains < 2:
        raise ArgumentError(
            f"expected {{option}} of at least 2, for an error, got {num_chains}", "100", option="num_chains"
        )
    if num_temperatures < 29:
        raise ArgumentError(
            f"expected {{option}} of at least 29, got {num_temperatures}", "14500", option="num_temperatures"
        )
    schedule = jnp.asarray(_schedule(num_temperatures), jnp.float32)
    start_key, steps_key = jax.random.split(key)
    chains = _independent(base_bias, num_chains, start_key)
    for part in range(num_parts(num_temperatures)):
        start = jnp.asarray(part * _STEPS_OF_A_PART)
        stop = jnp.minimum(start + _STEPS_OF_A_PART, num_temperatures)
        chains = _anneal(machine, base_bias, schedule, chains, start, stop, steps_key)
        if progress is not None:
            jax.block_until_ready(chains)
            progress(part + 1)
    log_weights = np.asarray(chains.log_weight, np.float64)
    # At temperature 0 hidden units do not see the visible ones: each sums to 2.
    base = np.logaddexp(0, np.asarray(base_bias, np.float64)).sum() + len(machine.hidden_bias) * math.log(2)
    largest = log_weights.max()
    weights = np.exp(log_weights - largest)
    mean, stderr = weights.mean(), weights.std(ddof=1) / math.sqrt(num_chains)
    low, middle, high = (
        float(base + largest + np.log(value)) if value > 0 else -math.inf
        for value in (mean - 3 * stderr, mean, mean + 3 * stderr)
    )
    return LogPartition(middle, float(stderr / mean), low, high, num_temperatures, num_chains)


def num_parts(num_temperatures: int) -> int:
    """Return the number of parts that annealing is done in, one call of the device for each."""
    return math.ceil(num_temperatures / _STEPS_OF_A_PART)


def _schedule(num_temperatures: int) -> np.ndarray:
    """Inverse temperatures from 0 to 1, spaced as in the paper: 500 to 0.5, 4000 to 0.9, 10000 to 1."""
    first, second = num_temperatures // 29, num_temperatures * 8 // 29
    parts = [(0.0, 0.5, first), (0.5, 0.9, second), (0.9, 1.0, num_temperatures - first - second)]
    return np.concatenate([np.linspace(start, stop, count, endpoint=False) for start, stop, count in parts] + [[1.0]])


class _Chains(eqx.Module):
    """Visible units of all chains, and their log-weights relative to the partition function of independent units."""

    visible: Float[Array, "chains visible"]
    log_weight: Float[Array, " chains"]


def _independent(base_bias: Float[Array, " visible"], num_chains: int, key: Key) -> _Chains:
    """Draw visible units at temperature 0."""
    visible = jax.random.bernoulli(key, jax.nn.sigmoid(base_bias), (num_chains, len(base_bias)))
    return _Chains(visible.astype(jnp.float32), jnp.zeros(num_chains))


@eqx.filter_jit
def _anneal(
    machine: BoltzmannMachine,
    base_bias: Float[Array, " visible"],
    schedule: Float[Array, " temperatures"],
    chains: _Chains,
    start: Int[Array, ""],
    stop: Int[Array, ""],
    key: Key,
) -> _Chains:
    """Take the steps of the schedule from `start` to `stop`."""

    def step(index: Array, chains: _Chains) -> _Chains:
        beta, rise = schedule[index + 1], schedule[index + 1] - schedule[index]
        inputs = machine.inputs(chains.visible)
        probabilities = jax.nn.sigmoid(beta * inputs)
        # softplus(beta a) - softplus((beta - rise) a), without subtracting large numbers.
        hidden_terms = -jnp.log1p(probabilities * jnp.expm1(-rise * inputs))
        visible_terms = rise * (chains.visible @ (machine.visible_bias - base_bias))
        hidden_key, visible_key = jax.random.split(jax.random.fold_in(key, index))
        hidden = jax.random.bernoulli(hidden_key, probabilities).astype(jnp.float32)
        logits = jnp.matmul(hidden, machine.weights, precision=lax.Precision.HIGHEST) + machine.visible_bias
        logits = beta * logits + (1 - beta) * base_bias
        visible = jax.random.bernoulli(visible_key, jax.nn.sigmoid(logits)).astype(jnp.float32)
        return _Chains(visible, chains.log_weight + (visible_terms + hidden_terms.sum(axis=1)))

    return lax.fori_loop(start, stop, step, chains)
