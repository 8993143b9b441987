"""Input-dependent baselines (Mnih & Gregor 2014, section 2.3)."""

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._net import BeliefNet
from beliefnet._streams import split_key
from beliefnet._trace import Trace
from beliefnet._types import Key
from beliefnet.baselines._base import AbstractBaseline
from beliefnet.conditionals import MLP


def _network(num_inputs: int, num_units: int, *, key: Key) -> MLP:
    """One hidden layer of tanh units and a linear output that starts at zero, so that the baseline does too."""
    if num_units < 1:
        raise ArgumentError(
            f"expected {{option}} of at least 1 in a baseline, got {num_units}", "100", option="num_units"
        )
    network = MLP((num_inputs, num_units, 1), jnp.tanh, key=key)
    return eqx.tree_at(lambda n: n.layers[-1].weight, network, replace_fn=jnp.zeros_like)


class InputBaseline(AbstractBaseline):
    """One network of the observation, C(x), that serves every layer.

    Args:
        net: The net whose learning signals are predicted.
        num_units: Number of tanh units in the hidden layer.
        key: Random key for the weights.
    """

    network: MLP

    def __init__(self, net: BeliefNet, *, num_units: int = 100, key: Key):
        self.network = _network(net.num_visible, num_units, key=key)

    def predict(self, trace: Trace) -> Float[Array, "#particles batch #layers"]:
        """Return C(x), `[1, batch, 1]`."""
        return self.network(trace.observation)[None]


class LayerBaselines(AbstractBaseline):
    """One network per layer, C_l(h_(l-1)), fed by the value below that layer; the first sees the observation.

    Args:
        net: The net whose learning signals are predicted.
        num_units: Number of tanh units in each hidden layer.
        key: Random key for the weights.
    """

    networks: tuple[MLP, ...]

    def __init__(self, net: BeliefNet, *, num_units: int = 100, key: Key):
        below = (net.num_visible, *net.layer_sizes[:-1])
        keys = split_key(key, len(below))
        self.networks = tuple(_network(size, num_units, key=k) for size, k in zip(below, keys, strict=True))

    def predict(self, trace: Trace) -> Float[Array, "#particles batch #layers"]:
        """Return one prediction per layer, `[particles, batch, layers]`."""
        shape = trace.log_q.shape[:-1]
        below = (trace.observation, *trace.values[1:-1])
        predictions = [network(value)[..., 0] for network, value in zip(self.networks, below, strict=True)]
        return jnp.stack([jnp.broadcast_to(p, shape) for p in predictions], axis=-1)
