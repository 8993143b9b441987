"""Deterministic maps that act on the last axis of an array, whatever axes lead it."""

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

import beliefnet._pickling  # noqa: F401  (networks hold functions of JAX)
from beliefnet._errors import ArgumentError
from beliefnet._numerics import over_rows, starting_map
from beliefnet._streams import check_key, split_key
from beliefnet._types import Key
from beliefnet.conditionals._activations import as_fast
from beliefnet.native._products import product

T = TypeVar("T")


class AbstractNetwork(eqx.Module):
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

    def of_reals(self, values: Float[Array, "*lead inputs"]) -> Float[Array, "*lead outputs"]:
        """Return the same, of values that are no bits: nothing has to be looked at."""
        return self(values)

    @property
    def marks_missing(self) -> bool:
        """Whether it is told which of its inputs are missing, which NaN says."""
        return False

    def without_bias(self) -> "tuple[AbstractNetwork, Float[Array, ' outputs'] | None]":
        """Return the network without the biases of its last map, and those; itself and None where it has none."""
        return self, None

    def recentred(self, centre: Float[Array, " inputs"]) -> "AbstractNetwork":
        """Return the network that maps the centre to what this one maps zeros to, by the biases of its first map.

        Itself, where the first map has no biases that can take it up.
        """
        return self


class Dense(AbstractNetwork):
    """An affine map, `values @ weight + bias`, with Glorot-uniform weights and zero biases at the start.

    Args:
        num_inputs: Width of the parent layer.
        num_outputs: Width of the result.
        key: Random key for the weights.
        has_bias: Whether it has a bias; without, the map is linear.
    """

    weight: Float[Array, "inputs outputs"]
    bias: Float[Array, " outputs"] | None

    def __init__(self, num_inputs: int, num_outputs: int, *, key: Key, has_bias: bool = True):
        check_key(key)
        self.weight, bias = starting_map(key, (num_inputs, num_outputs))
        self.bias = bias if has_bias else None

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
        return over_rows(partial(self._of_rows, multiply=product), values)

    def of_reals(self, values: Float[Array, "*lead inputs"]) -> Float[Array, "*lead outputs"]:
        """Return the same, of values that are no bits, such as activations."""
        if type(self).__call__ is not Dense.__call__:  # a map of one's own
            return self(values)
        return over_rows(partial(self._of_rows, multiply=jnp.matmul), values)

    def _of_rows(
        self, rows: Float[Array, "rows inputs"], multiply: Callable[[Array, Array], Array]
    ) -> Float[Array, "rows outputs"]:
        if self.weight.dtype == jnp.bfloat16:
            sums = jnp.result_type(rows.dtype, jnp.float32)
            flat = jnp.matmul(rows.astype(jnp.bfloat16), self.weight, preferred_element_type=sums)
        else:
            flat = multiply(rows, self.weight)
        return flat if self.bias is None else flat + self.bias

    def without_bias(self) -> tuple[AbstractNetwork, Float[Array, " outputs"] | None]:
        """Return the linear map, and the bias."""
        return replaced(self, lambda dense: dense.bias, None), self.bias

    def recentred(self, centre: Float[Array, " inputs"]) -> AbstractNetwork:
        """Return the map with another bias."""
        return self if self.bias is None else replaced(self, lambda dense: dense.bias, self.bias - centre @ self.weight)


class Marked(AbstractNetwork):
    """An affine map that is told which of its inputs are missing: NaN becomes zero, and has a weight of its own.

        result = values @ weight + is_missing @ marks + bias

    The marks start at zero: before training, and where nothing was missing in training, a missing input is one of zero.

    Args:
        dense: The map of the values.

    Examples:
        >>> import jax
        >>> marked = Marked(Dense(2, 3, key=jax.random.key(0)))
        >>> bool((marked(jnp.array([1.0, jnp.nan])) == marked(jnp.array([1.0, 0.0]))).all())
        True
    """

    dense: Dense
    marks: Float[Array, "inputs outputs"]

    def __init__(self, dense: Dense):
        self.dense, self.marks = dense, jnp.zeros_like(dense.weight)

    @property
    def num_inputs(self) -> int:
        """Width of the parent layer."""
        return self.dense.num_inputs

    @property
    def num_outputs(self) -> int:
        """Width of the result."""
        return self.dense.num_outputs

    @property
    def marks_missing(self) -> bool:
        """True."""
        return True

    def __call__(self, values: Float[Array, "*lead inputs"]) -> Float[Array, "*lead outputs"]:
        """Return the map of the values, those that are missing at zero, plus that of the marks."""
        is_missing = jnp.isnan(values)
        return self.dense(jnp.where(is_missing, 0, values)) + is_missing.astype(values.dtype) @ self.marks

    def without_bias(self) -> tuple[AbstractNetwork, Float[Array, " outputs"] | None]:
        """Return the map without its bias, and the bias."""
        return replaced(self, lambda marked: marked.dense.bias, None), self.dense.bias


class AbstractComposed(AbstractNetwork):
    """Networks in turn."""

    @property
    @abstractmethod
    def parts(self) -> tuple[AbstractNetwork, ...]:
        """The networks, each of which takes what the one before it gives."""

    @property
    def num_inputs(self) -> int:
        """Width of the first part's input."""
        return self.parts[0].num_inputs

    @property
    def num_outputs(self) -> int:
        """Width of the last part's result."""
        return self.parts[-1].num_outputs

    @property
    def marks_missing(self) -> bool:
        """That of the first part."""
        return self.parts[0].marks_missing

    @abstractmethod
    def with_part(self, index: int, part: "AbstractNetwork") -> "AbstractComposed":
        """Return the network with another part in the place of one."""

    def without_bias(self) -> "tuple[AbstractNetwork, Float[Array, ' outputs'] | None]":
        """Return the network without the biases of its last part, and those."""
        last, bias = self.parts[-1].without_bias()
        return self.with_part(-1, last), bias

    def recentred(self, centre: Float[Array, " inputs"]) -> AbstractNetwork:
        """Return the network with other biases in its first part."""
        return self.with_part(0, self.parts[0].recentred(centre))


class MLP(AbstractComposed):
    """Dense maps with an activation between them.

    Args:
        sizes: Widths from input to output, for example `(784, 100, 1)`.
        activation: Elementwise function between the maps; none follows the last one.
        key: Random key for the weights.
    """

    layers: tuple[Dense, ...]
    activation: Callable[[Array], Array] = eqx.field(static=True)

    def __init__(self, sizes: tuple[int, ...], activation: Callable[[Array], Array], *, key: Key):
        keys = split_key(key, len(sizes) - 1)
        self.layers = tuple(Dense(a, b, key=k) for a, b, k in zip(sizes[:-1], sizes[1:], keys, strict=True))
        self.activation = activation

    @property
    def parts(self) -> tuple[AbstractNetwork, ...]:
        """The maps."""
        return self.layers

    def with_part(self, index: int, part: AbstractNetwork) -> AbstractComposed:
        """Return the network with another map in the place of one."""
        return replaced(self, lambda mlp: mlp.layers[index], part)

    def __call__(self, values: Float[Array, "*lead inputs"]) -> Float[Array, "*lead outputs"]:
        """Apply the maps in turn."""
        return self._after_first(self.layers[0](values))

    def of_reals(self, values: Float[Array, "*lead inputs"]) -> Float[Array, "*lead outputs"]:
        """Return the same, of values that are no bits."""
        return self._after_first(self.layers[0].of_reals(values))

    def _after_first(self, values: Float[Array, "*lead units"]) -> Float[Array, "*lead outputs"]:
        for layer in self.layers[1:]:
            values = layer.of_reals(as_fast(self.activation)(values))
        return values


class Stacked(AbstractComposed):
    """Networks in turn, each fed the result of the one before.

    Raises:
        ValueError: If there is none, or one does not take what the one before gives.
    """

    networks: tuple[AbstractNetwork, ...]

    def __check_init__(self):
        if not self.networks:
            raise ArgumentError("expected at least one network, got none", "a Dense")
        for before, after in zip(self.networks[:-1], self.networks[1:], strict=True):
            if before.num_outputs != after.num_inputs:
                raise ArgumentError(
                    f"expected a network that takes the {before.num_outputs} outputs of the one before, got one that "
                    f"takes {after.num_inputs}",
                    "equal sizes",
                )

    @property
    def parts(self) -> tuple[AbstractNetwork, ...]:
        """The networks."""
        return self.networks

    def with_part(self, index: int, part: AbstractNetwork) -> AbstractComposed:
        """Return the network with another one in the place of one."""
        return replaced(self, lambda stacked: stacked.networks[index], part)

    def __call__(self, values: Float[Array, "*lead inputs"]) -> Float[Array, "*lead outputs"]:
        """Apply the networks in turn."""
        return self._after_first(self.networks[0](values))

    def of_reals(self, values: Float[Array, "*lead inputs"]) -> Float[Array, "*lead outputs"]:
        """Return the same, of values that are no bits."""
        return self._after_first(self.networks[0].of_reals(values))

    def _after_first(self, values: Float[Array, "*lead units"]) -> Float[Array, "*lead outputs"]:
        for network in self.networks[1:]:
            values = network(values)
        return values


def in_bfloat16(net: T) -> T:
    """Return a net whose dense maps multiply in bfloat16 and add in single precision, for passes forward.

    Weights are rounded to 8 bits of precision, and so is what they are multiplied with, where it is not zeros, ones or
    small counts: what a `Centred` view shows, and normal units, are rounded. On processors and accelerators that have
    such products, these take about half the time; elsewhere, more. Sums of log-probabilities,
    biases, convolutions and connections within layers stay as they are. Gradients are not for training.

    Args:
        net: A net, or a part of one.

    Examples:
        >>> import jax
        >>> from beliefnet.nets import sigmoid_belief_net
        >>> net = in_bfloat16(sigmoid_belief_net(6, (3,), key=jax.random.key(0)))
        >>> net.log_joint(jnp.ones((2, 6)), (jnp.ones((2, 3)),)).dtype
        dtype('float32')
    """

    def rounded(part: Any) -> Any:
        return replaced(part, lambda dense: dense.weight, part.weight.astype(jnp.bfloat16)) if is_dense(part) else part

    def is_dense(part: Any) -> bool:
        return issubclass(type(part), Dense)

    return jax.tree.map(rounded, net, is_leaf=is_dense)


def replaced(network: T, where: Callable[[T], Any], value: Any) -> T:
    """Return a network with something else in one place, be it a missing bias."""
    return eqx.tree_at(where, network, value, is_leaf=lambda leaf: leaf is None)
