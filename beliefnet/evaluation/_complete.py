"""Missing entries, filled in by weighted particles of the recognition net: quick, for nets of incomplete rows."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from numpy.typing import ArrayLike

from beliefnet._errors import whole_number
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import check_key
from beliefnet._types import Key
from beliefnet.data import Observations
from beliefnet.evaluation._bounds import rows_per_pass
from beliefnet.evaluation._impute import Imputed, check_incomplete
from beliefnet.evaluation._observe import DataLike
from beliefnet.nets import incomplete

USUAL_PARTICLES = 2000
"""Particles per row where nothing is said: of columns that nearly determine each other, few of them count."""


@broadcasting
def complete(
    net: BeliefNet,
    data: DataLike,
    *,
    key: Key,
    observed: ArrayLike | None = None,
    num_particles: int = USUAL_PARTICLES,
    num_draws: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Imputed:
    """Fill in what is missing by particles of the recognition net, weighed by what was observed.

    It does what `impute` does without its search: the recognition net sees missing entries at the mean of the data, or
    is told which they are (`conditionals.Marked`). That is as good where the net was trained on rows with as much
    missing, and many times quicker. Where columns nearly determine each other, few of the particles count.

    Args:
        net: The net.
        data: Rows `[rows, visible]`, as for `impute`; NaN is missing.
        key: Random key; each row has its own, by its number.
        observed: Which entries were observed, `[rows, visible]`; by default those that are not NaN.
        num_particles: Particles per row, K.
        num_draws: Whole rows that are drawn of each.
        progress: Called with the number of rows done so far.

    Raises:
        DataError: As for `impute`.

    Examples:
        >>> import jax
        >>> from beliefnet.nets import sigmoid_belief_net
        >>> net = incomplete(sigmoid_belief_net(3, (2,), key=jax.random.key(0)))
        >>> complete(net, [[1.0, float("nan"), 0.0]], key=jax.random.key(1)).means.shape
        (1, 3)
    """
    check_key(key)
    num_particles = whole_number("num_particles", num_particles, good=USUAL_PARTICLES)
    num_draws = whole_number("num_draws", num_draws, good=5, least=0)
    numbers = data.numbers if type(data) is Observations else None
    x, known = check_incomplete(net, data, observed)
    numbers = np.arange(len(x)) if numbers is None else numbers
    rows = np.where(known, x, np.float32(np.nan))
    size, parts = min(len(x), max(1, rows_per_pass(net) // num_particles)), []
    for start in range(0, len(x), size):
        # The last block is filled up with its last row, so that one program serves all.
        chosen = np.minimum(np.arange(start, start + size), len(x) - 1)
        keys = jax.vmap(partial(jax.random.fold_in, key))(numbers[chosen])
        found = completed_rows(net, rows[chosen], keys, num_particles=num_particles, num_draws=num_draws)
        parts.append(jax.tree.map(np.asarray, found))
        if progress is not None:
            progress(int(chosen[-1]) + 1)
    return jax.tree.map(lambda *leaves: np.concatenate(leaves)[: len(x)], *parts)


@partial(jax.jit, static_argnames=("num_particles", "num_draws"))
@broadcasting
def completed_rows(
    net: BeliefNet, x: Float[Array, "rows visible"], keys: Array, *, num_particles: int, num_draws: int
) -> Imputed:
    """Fill in rows in which NaN is missing, each with a key of its own."""
    bottom = net.generative.conditionals[-1]
    seeing, bottom = net if bottom.takes_missing else incomplete(net), bottom.whole

    def of_row(row: Array, key: Key) -> tuple[Array, Array, Array, Array]:
        infer_key, choice_key, draw_key = jax.random.split(key, 3)
        draw = seeing.infer(row[None], num_particles, key=infer_key)
        log_weight = (seeing.log_joint(row[None], draw.values) - draw.log_probs.sum(axis=-1))[:, 0]
        latents = draw.values[0][:, 0]
        weights = jax.nn.softmax(log_weight)
        means = weights @ bottom.mean_given(latents)
        drawn = jnp.zeros((0, row.shape[-1]))
        if num_draws:
            chosen = latents[jax.random.categorical(choice_key, log_weight, shape=(num_draws,))]
            drawn = jnp.asarray(bottom(chosen).sample(draw_key))
        bound = jax.nn.logsumexp(log_weight) - jnp.log(num_particles)
        known = ~jnp.isnan(row)
        return jnp.where(known, row, means), bound, 1 / jnp.sum(weights**2), jnp.where(known, row, drawn)

    return Imputed(*jax.vmap(of_row)(x, keys), num_particles=num_particles)
