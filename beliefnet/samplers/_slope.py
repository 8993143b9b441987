"""What samplers with a derivative of their own share."""

import math

from jax import Array, lax
from jaxtyping import Float

from beliefnet._errors import ArgumentError


def with_slope(value: Float[Array, "*lead units"], like: Float[Array, "..."]) -> Float[Array, "*lead units"]:
    """Return the value, exactly, with the derivative of something else."""
    return lax.stop_gradient(value) + (like - lax.stop_gradient(like))


def check_temperature(temperature: float) -> None:
    """Check that a temperature is positive and finite.

    Raises:
        ValueError: If it is not.
    """
    if not 0 < temperature < math.inf:
        raise ArgumentError(f"expected {{option}} to be positive, got {temperature}", "0.5", option="temperature")
