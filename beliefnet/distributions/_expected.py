"""Expectations of one layer's log-probability under another distribution of the same layer, in closed form."""

import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from beliefnet.distributions._kind import Kind, units


def expected_log_prob(q: dist.Distribution, p: dist.Distribution) -> Float[Array, "*lead"]:
    """Return E_q[log p(h)], in nats; with q twice it is minus the entropy of q, where q is discrete or normal.

    Args:
        q: What the expectation is over: a layer of independent units.
        p: Whose log-probability is averaged: a layer of independent units of the same kind.

    Raises:
        ValueError: If the units are not binary, one-hot or normal, or the two layers are of different kinds.
    """
    kinds = Kind.of(q), Kind.of(p)
    if kinds[0] is kinds[1] and kinds[0] in (Kind.BINARY, Kind.ONE_HOT):
        # Linear in every unit.
        return jnp.asarray(p.log_prob(jnp.asarray(q.mean)))
    inner, outer = units(q), units(p)
    if isinstance(inner, dist.Normal) and isinstance(outer, dist.Normal):
        spread = jnp.sum((jnp.asarray(inner.scale) / jnp.asarray(outer.scale)) ** 2, axis=-1)
        return jnp.asarray(p.log_prob(jnp.asarray(q.mean))) - 0.5 * spread
    raise ValueError(
        f"expected two layers of binary, one-hot or normal units for a closed form, got {type(inner).__name__} and "
        f"{type(outer).__name__}; try an average over draws"
    )
