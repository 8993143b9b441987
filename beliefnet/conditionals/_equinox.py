"""Networks made with Equinox, or with anything else that is a pytree and can be called."""

import math
from collections.abc import Callable, Hashable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentTypeError
from beliefnet._numerics import over_rows
from beliefnet._pickling import packed, unpacked
from beliefnet.conditionals._networks import AbstractNetwork


class EquinoxNetwork(AbstractNetwork):
    """Any Equinox module as a network: it maps one datum, and is applied to all of them.

    Its arrays of real numbers are trained. All else in it, such as an activation, is fixed.

    Args:
        module: Called with one array of shape `input_shape`, returns one array, of any shape: `eqx.nn.MLP`,
            `eqx.nn.Sequential`, or a module of one's own. Layers with a state (batch normalisation) or with random
            numbers (dropout) do not fit.
        input_shape: What the units of the parent layer are reshaped to, for example `(1, 28, 28)` for a convolution;
            an int for a vector.

    Raises:
        TypeError: If the module cannot be called so, has nothing to train, as a function around a module has, or holds
            what can be neither trained nor fixed: an array of integers, or something that cannot be hashed.

    Examples:
        >>> import equinox as eqx, jax
        >>> module = eqx.nn.MLP(784, 50, width_size=100, depth=2, key=jax.random.key(0))
        >>> network = EquinoxNetwork(module, 784)
        >>> network(jax.numpy.zeros((5, 10, 784))).shape
        (5, 10, 50)
    """

    arrays: Any
    fixed: Hashable = eqx.field(static=True)
    input_shape: tuple[int, ...] = eqx.field(static=True)
    output_shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, module: Callable[[Array], Array], input_shape: int | tuple[int, ...]):
        self.input_shape = tuple(np.atleast_1d(input_shape).tolist())
        arrays, rest = eqx.partition(module, eqx.is_inexact_array)
        if not jax.tree.leaves(arrays):
            raise ArgumentTypeError(
                f"expected a module with arrays of real numbers to train, got {type(module).__name__} without any; a "
                "function hides what it closes over",
                "an equinox.Module that holds it",
                "equinox.nn.Sequential",
            )
        self.arrays = jax.tree.map(jnp.asarray, arrays)
        leaves, structure = jax.tree.flatten(rest)
        for leaf in leaves:
            _check_fixed(leaf)
        self.fixed = (tuple(leaves), structure)
        self.output_shape = _output_shape(module, self.input_shape)

    def __getstate__(self) -> dict[str, Any]:
        # The structure of a tree is not the same object again; the module that it belongs to is.
        state = {name: value for name, value in vars(self).items() if name not in ("arrays", "fixed")}
        return state | {"module": jax.tree.map(packed, self.module)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        arrays, rest = eqx.partition(jax.tree.map(unpacked, state.pop("module")), eqx.is_inexact_array)
        leaves, structure = jax.tree.flatten(rest)
        vars(self).update(state | {"arrays": arrays, "fixed": (tuple(leaves), structure)})

    @property
    def num_inputs(self) -> int:
        """Width of the parent layer."""
        return math.prod(self.input_shape)

    @property
    def num_outputs(self) -> int:
        """Number of entries of the module's result."""
        return math.prod(self.output_shape)

    @property
    def module(self) -> Callable[[Array], Array]:
        """The module, with its present parameters."""
        leaves, structure = self.fixed  # pyright: ignore[reportGeneralTypeIssues]
        return eqx.combine(self.arrays, jax.tree.unflatten(structure, leaves))

    def __call__(self, values: Float[Array, "*lead inputs"]) -> Float[Array, "*lead outputs"]:
        """Apply the module to every datum, and flatten each result."""
        module = jax.vmap(self.module)

        def of_rows(rows: Float[Array, "rows inputs"]) -> Float[Array, "rows outputs"]:
            return module(rows.reshape(-1, *self.input_shape)).reshape(-1, self.num_outputs)

        return over_rows(of_rows, values)


def _check_fixed(leaf: Any) -> None:
    if eqx.is_array(leaf):
        raise ArgumentTypeError(
            f"expected a module whose arrays hold real numbers, got one of {leaf.dtype}",
            "a static field with a tuple for what is not trained",
        )
    try:
        hash(leaf)
    except TypeError:
        raise ArgumentTypeError(
            f"expected a module of JAX arrays and fixed values that can be hashed, got {type(leaf).__name__}",
            "jax.numpy.asarray for what is to be trained, a tuple or a static field for what is not",
        ) from None


def _output_shape(module: Callable[[Array], Array], input_shape: tuple[int, ...]) -> tuple[int, ...]:
    advice = "an input_shape that it takes, and layers without a state and without random numbers"
    try:
        result = jax.eval_shape(module, jax.ShapeDtypeStruct(input_shape, jnp.float32))
    except Exception as error:
        raise ArgumentTypeError(
            f"expected a module that takes one array of shape {input_shape}, got an error from it: {error}", advice
        ) from error
    if not isinstance(result, jax.ShapeDtypeStruct):
        raise ArgumentTypeError(f"expected a module that returns one array, got {type(result).__name__}", advice)
    return result.shape
