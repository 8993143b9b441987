"""Log p of each row, with the standard error of its particles."""

from collections.abc import Callable

import jax
import numpy as np
from jaxtyping import Float

from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.evaluation._bounds import log_mean_error, particle_bounds
from beliefnet.evaluation._observe import DataLike, observe
from beliefnet.proposals import AbstractProposal, Recognition

_ROWS = 1000


def row_scores(
    net: BeliefNet,
    data: DataLike,
    *,
    key: Key,
    num_particles: int = 1000,
    proposal: AbstractProposal | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]]:
    """Estimate log p of each row by its K-particle bound.

    Args:
        net: The net.
        data: Rows `[rows, visible]`, as for `observe`; NaN is missing where the net is one of incomplete rows.
        key: Random key of the particles.
        num_particles: Particles per row, K.
        proposal: Where particles come from; the recognition net by default.
        progress: Called with the number of rows done so far.

    Returns:
        The bound of each row, in nats, in expectation below log p; and its standard error, sqrt(1 / ESS - 1 / K): NaN
        where K is 1, and above about 0.5 a sign that a few particles decide.

    Raises:
        DataError: If the rows are not what the net is a model of.

    Examples:
        >>> import jax
        >>> from beliefnet.nets import sigmoid_belief_net
        >>> net = sigmoid_belief_net(3, (2,), key=jax.random.key(0))
        >>> row_scores(net, [[1.0, 1.0, 0.0]], key=jax.random.key(1))[0].shape
        (1,)
    """
    rows, parts = observe(net, data), []
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        found = particle_bounds(
            net,
            some,
            num_particles=num_particles,
            key=jax.random.fold_in(key, start),
            proposal=Recognition() if proposal is None else proposal,
        )
        parts.append((np.asarray(found.bound, np.float64), np.asarray(found.ess, np.float64)))
        if progress is not None:
            progress(start + len(some))
    bound, ess = (np.concatenate(part) for part in zip(*parts, strict=True))
    return bound, log_mean_error(ess, num_particles)
