"""Discrete draws with the derivative of relaxed ones, averaged over the noise that they leave open."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array, lax
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._types import Key
from beliefnet.distributions import UnitKind, units
from beliefnet.samplers._base import AbstractSampler
from beliefnet.samplers._slope import check_temperature, with_slope


class GumbelRao(AbstractSampler):
    """Exact draws of discrete units with the derivative of relaxed ones that round to them, averaged over their noise.

    With one sample it is the straight-through Gumbel-softmax; more of them leave its bias and take away variance. The
    bias falls with the temperature, while the variance grows. Continuous units are reparameterised.

    Args:
        temperature: Of the relaxation, positive.
        num_samples: Draws of the noise, given the unit that was drawn; memory grows with it.

    Raises:
        ValueError: If the temperature is not positive and finite, or there is no sample.

    Reference:
        Jang, Gu & Poole 2017, *Categorical reparameterization with Gumbel-softmax*; Paulus, Maddison & Krause 2021,
        *Rao-Blackwellizing the straight-through Gumbel-softmax gradient estimator*.
    """

    temperature: float = eqx.field(static=True, default=0.5)
    num_samples: int = eqx.field(static=True, default=1)
    kinds: ClassVar[frozenset[UnitKind]] = frozenset({UnitKind.BINARY, UnitKind.ONE_HOT, UnitKind.CONTINUOUS})
    has_derivative: ClassVar[bool] = True

    def __check_init__(self):
        check_temperature(self.temperature)
        if self.num_samples < 1 or self.num_samples != int(self.num_samples):
            raise ArgumentError(
                f"expected {{option}} of at least 1, got {self.num_samples}", "10", option="num_samples"
            )

    def _draw(
        self, distribution: dist.Distribution, shape: tuple[int, ...], *, key: Key
    ) -> Float[Array, "*lead units"]:
        draw_key, noise_key = jax.random.split(key)
        drawn = jnp.asarray(distribution.sample(draw_key, shape))
        kind = UnitKind.of(distribution)
        if kind is UnitKind.CONTINUOUS:
            return drawn
        logits = jnp.asarray(units(distribution).logits)  # pyright: ignore[reportAttributeAccessIssue]
        values = drawn.reshape(shape + logits.shape)
        relax, perturb = (jax.nn.sigmoid, logistic_given) if kind is UnitKind.BINARY else (jax.nn.softmax, gumbel_given)
        perturbed = lax.stop_gradient(perturb(logits, values, self.num_samples, key=noise_key) - logits) + logits
        like = relax(perturbed / self.temperature).mean(axis=0)
        return with_slope(drawn, like.reshape(drawn.shape))


def logistic_given(
    logits: Float[Array, "..."], drawn: Float[Array, "..."], num_samples: int, *, key: Key
) -> Float[Array, "..."]:
    """Draw logit + logistic noise `[samples, ...]`, given that its sign is that of the bit."""
    sign = 2 * drawn - 1
    towards = sign * logits
    uniform = jax.random.uniform(key, (num_samples, *drawn.shape), logits.dtype, jnp.finfo(logits.dtype).tiny, 1)
    return sign * (jax.nn.softplus(towards) + jnp.log1p(-jax.nn.sigmoid(towards) * uniform) - jnp.log(uniform))


def gumbel_given(
    logits: Float[Array, "..."], drawn: Float[Array, "..."], num_samples: int, *, key: Key
) -> Float[Array, "..."]:
    """Draw logits + Gumbel noise `[samples, ...]`, given which of them is the largest."""
    noise = jax.random.exponential(key, (num_samples, *drawn.shape), logits.dtype)
    noise = jnp.maximum(noise, jnp.finfo(noise.dtype).tiny)
    largest = jax.nn.logsumexp(logits, axis=-1, keepdims=True) - jnp.log(jnp.sum(noise * drawn, -1, keepdims=True))
    others = -jnp.logaddexp(jnp.log(noise) - logits, -largest)
    return jnp.where(drawn > 0, largest, others)
