"""Deterministic maps that act on the last axis of an array, whatever axes lead it."""

from abc import abstractmethod
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from equinox import AbstractVar
from jax import Array
from jaxtyping import Float

from beliefnet._types import Key


class Network(eqx.Module):
    """A map from the values of a parent layer to the parameters of a layer."""

    @property
    @abstractmethod
    def num_inputs(self) -> int:
        """Width of the parent layer."""

    @property
    @abstractmethod
    def num_outputs(self) -> int:
        """Width of the result."""

    @abstractmethod
    def __call__(self, values: Float[Array, "*lead inputs"]) -> Float[Array, "*lead outputs"]:
        """Map values of shape `[*lead, num_inputs]` to `[*lead, num_outputs]`."""


class Dense(Network):
    """An affine map, `values @ weight + bias`, with Glorot-uniform weights and zero biases at the start.

    Args:
        num_inputs: Width of the parent layer.
        num_outputs: Width of the result.
        key: Random key for the weights.
    """

    weight: Float[Array, "inputs outputs"]
    bias: Float[Array, " outputs"]

    def __init__(self, num_inputs: int, num_outputs: int, *, key: Key):
        self.weight = jax.nn.initializers.glorot_uniform()(key, (num_inputs, num_outputs))
        self.bias = jnp.zeros(num_outputs)

    @property
    def num_inputs(self) -> int:
        """Width of the parent layer."""
        return self.weight.shape[0]

    @property
    def num_outputs(self) -> int:
        """Width of the result."""
        return self.weight.shape[1]

    def __call__(self, values: Float[Array, "*lead inputs"]) -> Float[Array, "*lead outputs"]:
        """Return `values @ weight + bias`."""
        # One flat product: over several leading axes, the weight's gradient would first copy a transposed operand.
        flat = values.reshape(-1, self.num_inputs) @ self.weight + self.bias
        return flat.reshape(*values.shape[:-1], self.num_outputs)


class Composed(Network):
    """Networks in turn."""

    @property
    @abstractmethod
    def parts(self) -> "tuple[Network, ...]":
        """The networks, each of which takes what the one before it gives."""

    @property
    def num_inputs(self) -> int:
        """Width of the first part's input."""
        return self.parts[0].num_inputs

    @property
    def num_outputs(self) -> int:
        """Width of the last part's result."""
        return self.parts[-1].num_outputs


class MLP(Composed):
    """Dense maps with an activation between them.

    Args:
        sizes: Widths from input to output, for example `(784, 100, 1)`.
        activation: Elementwise function between the maps; none follows the last one.
        key: Random key for the weights.
    """

    layers: tuple[Dense, ...]
    activation: Callable[[Array], Array] = eqx.field(static=True)

    def __init__(self, sizes: tuple[int, ...], activation: Callable[[Array], Array], *, key: Key):
        keys = jax.random.split(key, len(sizes) - 1)
        self.layers = tuple(Dense(a, b, key=k) for a, b, k in zip(sizes[:-1], sizes[1:], keys, strict=True))
        self.activation = activation

    @property
    def parts(self) -> tuple[Network, ...]:
        """The maps."""
        return self.layers

    def __call__(self, values: Float[Array, "*lead inputs"]) -> Float[Array, "*lead outputs"]:
        """Apply the maps in turn."""
        for layer in self.layers[:-1]:
            values = self.activation(layer(values))
        return self.layers[-1](values)


class Stacked(Composed):
    """Networks in turn, each fed the result of the one before.

    Raises:
        ValueError: If there is none, or one does not take what the one before gives.
    """

    networks: tuple[Network, ...]

    def __check_init__(self):
        if not self.networks:
            raise ValueError("expected at least one network, got none; try a Dense")
        for before, after in zip(self.networks[:-1], self.networks[1:], strict=True):
            if before.num_outputs != after.num_inputs:
                raise ValueError(
                    f"expected a network that takes the {before.num_outputs} outputs of the one before, got one that "
                    f"takes {after.num_inputs}; try equal sizes"
                )

    @property
    def parts(self) -> tuple[Network, ...]:
        """The networks."""
        return self.networks

    def __call__(self, values: Float[Array, "*lead inputs"]) -> Float[Array, "*lead outputs"]:
        """Apply the networks in turn."""
        for network in self.networks:
            values = network(values)
        return values


class Biased(Network):
    """A network with a bias added to its result.

    Raises:
        ValueError: If there is not one bias per output.
    """

    network: Network
    bias: Float[Array, " outputs"]

    def __check_init__(self):
        if self.bias.shape != (self.network.num_outputs,):
            raise ValueError(
                f"expected {self.network.num_outputs} biases, one per output of the network, got shape "
                f"{self.bias.shape}"
            )

    @property
    def num_inputs(self) -> int:
        """Width of the parent layer."""
        return self.network.num_inputs

    @property
    def num_outputs(self) -> int:
        """Width of the result."""
        return self.network.num_outputs

    def __call__(self, values: Float[Array, "*lead inputs"]) -> Float[Array, "*lead outputs"]:
        """Return the network's result plus the bias."""
        return self.network(values) + self.bias


class Transformed(Network):
    """A network that sees a function of its input."""

    network: AbstractVar[Network]

    @property
    def num_inputs(self) -> int:
        """Width of the parent layer."""
        return self.network.num_inputs

    @property
    def num_outputs(self) -> int:
        """Width of the result."""
        return self.network.num_outputs

    @abstractmethod
    def transform(self, values: Float[Array, "*lead inputs"]) -> Float[Array, "*lead inputs"]:
        """Return what the network sees."""

    def __call__(self, values: Float[Array, "*lead inputs"]) -> Float[Array, "*lead outputs"]:
        """Apply the network to what it sees."""
        return self.network(self.transform(values))


class Centred(Transformed):
    """A network that sees its input with a fixed offset subtracted, such as the mean of the training data.

    The offset is data, not a parameter: it gets no gradient.
    """

    network: Network
    offset: Float[Array, " inputs"]

    def transform(self, values: Float[Array, "*lead inputs"]) -> Float[Array, "*lead inputs"]:
        """Return `values - offset`."""
        return values - jax.lax.stop_gradient(self.offset)


class LogCounts(Transformed):
    """A network that sees the logarithm of one plus each count, or else the largest counts would drown the others."""

    network: Network

    def transform(self, values: Float[Array, "*lead inputs"]) -> Float[Array, "*lead inputs"]:
        """Return `log(1 + values)`."""
        return jnp.log1p(values)


class Signs(Transformed):
    """A network that sees zeros and ones as -1 and 1.

    The net can express what it could before, but learns otherwise: with inputs centred at one half, a weight and the
    bias pull less on each other. Deep nets of binary units gain most, in speed and in units that stay in use.
    """

    network: Network

    def transform(self, values: Float[Array, "*lead inputs"]) -> Float[Array, "*lead inputs"]:
        """Return `2 * values - 1`."""
        return 2 * values - 1
