"""How improbable each entry of a row is, given the others."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.scipy.special import logsumexp
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from beliefnet._errors import ArgumentError, whole_number
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import check_key
from beliefnet._types import Key
from beliefnet.distributions import each_unit
from beliefnet.evaluation._bounds import rows_per_pass
from beliefnet.evaluation._observe import DataLike, observe_incomplete
from beliefnet.nets import incomplete


def surprise(
    net: BeliefNet, data: DataLike, *, key: Key, num_particles: int = 100, groups: ArrayLike | None = None
) -> Float[np.ndarray, "rows groups"]:
    """Estimate -log p(x_i | the rest of x) of each entry, or of each group of them, in nats.

    p(x_i | rest) = sum_k w~_k p(x_i | h_k), with h_k drawn by the recognition net given the rest, and w~_k the weights
    of these particles for the rest.

    Args:
        net: A net whose units are independent given the latents.
        data: Rows `[rows, visible]`, as for `observe`; NaN is missing.
        key: Random key of the particles; each row has its own, by its number.
        num_particles: Particles per row, K.
        groups: Which entries belong to each group, `[groups, visible]`, such as the units of one categorical variable;
            by default every entry is one.

    Returns:
        The surprise of each group, `[rows, groups]`; NaN where an entry of it is missing.

    Raises:
        DataError: If what was observed is not what the net is a model of.
        ValueError: If the groups are of another width.

    Examples:
        >>> import jax
        >>> from beliefnet.nets import sigmoid_belief_net
        >>> net = sigmoid_belief_net(3, (2,), key=jax.random.key(0))
        >>> surprise(net, [[1.0, float("nan"), 0.0]], key=jax.random.key(1)).shape
        (1, 3)
    """
    check_key(key)
    num_particles = whole_number("num_particles", num_particles, good=100)
    numbers = getattr(data, "numbers", None)
    x, observed = observe_incomplete(net, data)
    masks = np.eye(net.num_visible, dtype=bool) if groups is None else np.asarray(groups, bool)
    if masks.ndim != 2 or masks.shape[1] != net.num_visible:
        raise ArgumentError(
            f"expected groups of shape [groups, {net.num_visible}], got {list(masks.shape)}", "numpy.eye(num_visible)"
        )
    numbers = np.arange(len(x)) if numbers is None else numbers
    rows = np.where(observed, x, np.float32(np.nan))
    size = min(len(x), max(1, rows_per_pass(net) // num_particles))
    parts = []
    for start in range(0, len(x), size):
        # The last block is filled up with its last row, so that one program serves all.
        chosen = np.minimum(np.arange(start, start + size), len(x) - 1)
        keys = jax.vmap(partial(jax.random.fold_in, key))(numbers[chosen])
        parts.append(np.asarray(surprises_of_rows(net, rows[chosen], keys, masks, num_particles=num_particles)))
    return np.concatenate(parts)[: len(x)]


@partial(jax.jit, static_argnames="num_particles")
@broadcasting
def surprises_of_rows(
    net: BeliefNet,
    x: Float[Array, "rows visible"],
    keys: Array,
    groups: Bool[Array, "groups visible"],
    *,
    num_particles: int,
) -> Float[Array, "rows groups"]:
    """Return the surprise of each group of entries of rows, each with a key of its own; NaN is missing."""
    bottom = net.generative.conditionals[-1]
    seeing, bottom = net if bottom.takes_missing else incomplete(net), bottom.whole

    def of_group(index: Array) -> Float[Array, " rows"]:
        mask = groups[index]

        def of_row(row: Array, key: Key) -> Float[Array, ""]:
            rest = jnp.where(mask, jnp.nan, row)[None]
            draw = seeing.infer(rest, num_particles, key=jax.random.fold_in(key, index))
            log_weight = seeing.log_joint(rest, draw.values) - draw.log_probs.sum(axis=-1)
            terms = jnp.asarray(each_unit(bottom(draw.values[0])).log_prob(jnp.nan_to_num(row)[None]))
            entry = jnp.where(mask, terms, 0).sum(axis=-1)
            # Normalised first: the weights of an outlier are far from zero.
            return -logsumexp(jax.nn.log_softmax(log_weight, axis=0) + entry)

        is_missing = (jnp.isnan(x) & mask).any(axis=-1)
        return jnp.where(is_missing, jnp.nan, jax.vmap(of_row)(x, keys))

    return lax.map(of_group, jnp.arange(len(groups))).T
