"""The codes of data: the means of the latent layers under the recognition net."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._types import Values
from beliefnet.evaluation._observe import DataLike, observe

_ROWS = 1000


def encode(
    net: BeliefNet, data: DataLike, *, progress: Callable[[int], None] | None = None
) -> tuple[Float[np.ndarray, "examples _"], ...]:
    """Return the codes of data: the mean of each latent unit under the recognition net, layer means fed upward.

    Means that are binarised dynamically are encoded as they are, no bits are drawn: a code does not depend on chance.

    Args:
        net: The net.
        data: Rows `[examples, visible]`, such as `dataset.test`: anything that `observe` takes.
        progress: Called with the number of rows done so far.

    Returns:
        One array `[examples, units]` per latent layer, bottom first.

    Raises:
        DataError: If the data are none, of another width than the net, or not what the net is a model of.

    Examples:
        >>> import jax
        >>> from beliefnet.nets import sigmoid_belief_net
        >>> net = sigmoid_belief_net(3, (2,), key=jax.random.key(0))
        >>> [codes.shape for codes in encode(net, [[0, 1, 1], [1, 1, 0]])]
        [(2, 2)]
    """
    data = observe(net, data)
    count, parts = len(data), []
    for start in range(0, count, _ROWS):
        # The last block is filled up with its last row, so that one program serves all.
        rows = np.minimum(np.arange(start, start + min(count, _ROWS)), count - 1)
        parts.append([np.asarray(layer) for layer in encode_batch(net, jnp.asarray(data[rows].means()))])
        if progress is not None:
            progress(min(start + _ROWS, count))
    return tuple(np.concatenate(layers)[:count] for layers in zip(*parts, strict=True))


@eqx.filter_jit
@broadcasting
def encode_batch(net: BeliefNet, x: Float[Array, "batch visible"]) -> Values:
    """Return the layer means of the recognition net, compiled."""
    return net.recognition.means(x)
