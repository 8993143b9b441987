"""Convolutions that halve images, and their transposes that double them, as matrix products.

XLA's own convolutions are slow on a processor inside a loop, where training steps run.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._numerics import over_rows
from beliefnet._streams import split_key
from beliefnet._types import Key
from beliefnet.conditionals._activations import as_fast
from beliefnet.conditionals._networks import AbstractNetwork

_TAPS = 16
"""Entries of a kernel of 4 by 4."""


class _AbstractConvolutions(AbstractNetwork):
    """Kernels of 4 by 4 with a stride of 2, layer by layer.

    Raises:
        ValueError: If there is no layer.
    """

    weights: tuple[Float[Array, "_ _"], ...]
    biases: tuple[Float[Array, " _"], ...]
    image_shape: tuple[int, int] = eqx.field(static=True)
    channels: tuple[int, ...] = eqx.field(static=True)
    activation: Callable[[Array], Array] = eqx.field(static=True)

    def __check_init__(self):
        if not self.weights:
            raise ArgumentError(f"expected channels of two images or more, got {self.channels}", "(1, 32)")

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Heights and widths of the images, from the largest to the smallest."""
        shapes = [self.image_shape]
        for _ in self.channels[1:]:
            height, width = shapes[-1]
            shapes.append((-(-height // 2), -(-width // 2)))
        return tuple(shapes)


def has_convolutions(net: Any) -> bool:
    """Whether there are convolutions among the networks of a net, or of any other tree."""

    def is_one(part: Any) -> bool:
        return issubclass(type(part), _AbstractConvolutions)

    return any(map(is_one, jax.tree.leaves(net, is_leaf=is_one)))


class Convolutions(_AbstractConvolutions):
    """Convolutions, each halving height and width, rounded up, and followed by an activation.

    Inputs are images channel by channel, `[channels, height, width]` flattened; outputs are flattened pixel by pixel.

    Args:
        image_shape: Height and width of the input.
        channels: Numbers of channels of the input and of each layer, for example `(1, 32, 64)`.
        activation: Elementwise function after each convolution.
        key: Random key for the weights, which start Glorot-uniform; biases start at zero.
    """

    def __init__(
        self, image_shape: tuple[int, int], channels: Sequence[int], activation: Callable[[Array], Array], *, key: Key
    ):
        keys = split_key(key, len(channels) - 1)
        self.image_shape, self.channels, self.activation = image_shape, tuple(channels), activation
        pairs = zip(self.channels[:-1], self.channels[1:], keys, strict=True)
        self.weights = tuple(_glorot((_TAPS * a, b), _TAPS // 4 * (4 * a + b), key=k) for a, b, k in pairs)
        self.biases = tuple(jnp.zeros(count) for count in self.channels[1:])

    @property
    def num_inputs(self) -> int:
        """Number of channels times height times width."""
        return self.channels[0] * math.prod(self.image_shape)

    @property
    def num_outputs(self) -> int:
        """Number of channels of the last layer times height times width of the smallest image."""
        return self.channels[-1] * math.prod(self.shapes[-1])

    def __call__(self, values: Float[Array, "*lead inputs"]) -> Float[Array, "*lead outputs"]:
        """Apply the convolutions in turn."""
        return over_rows(self._of_rows, values)

    def _of_rows(self, rows: Float[Array, "rows inputs"]) -> Float[Array, "rows outputs"]:
        images = jnp.moveaxis(rows.reshape(-1, self.channels[0], *self.image_shape), 1, -1)
        for weight, bias in zip(self.weights, self.biases, strict=True):
            images = as_fast(self.activation)(_patches(images) @ weight + bias)
        return images.reshape(-1, self.num_outputs)


class TransposedConvolutions(_AbstractConvolutions):
    """Transposed convolutions, each doubling height and width; an activation comes before each.

    The last has no bias: one per pixel is to be added. Inputs are flattened pixel by pixel; outputs are images channel
    by channel, `[channels, height, width]` flattened.

    Args:
        image_shape: Height and width of the result; images of an odd size are cut from larger ones.
        channels: Numbers of channels of the result and of each layer before, the last being that of the input, for
            example `(1, 32, 64)`.
        activation: Elementwise function before each transposed convolution.
        key: Random key for the weights, which start Glorot-uniform; biases start at zero.
    """

    def __init__(
        self, image_shape: tuple[int, int], channels: Sequence[int], activation: Callable[[Array], Array], *, key: Key
    ):
        keys = split_key(key, len(channels) - 1)
        self.image_shape, self.channels, self.activation = image_shape, tuple(channels), activation
        pairs = zip(self.channels[:-1], self.channels[1:], keys, strict=True)
        self.weights = tuple(_glorot((b, _TAPS * a), _TAPS // 4 * (4 * a + b), key=k) for a, b, k in pairs)
        self.biases = tuple(jnp.zeros(count) for count in self.channels[1:-1])

    @property
    def num_inputs(self) -> int:
        """Number of channels times height and width of the smallest image."""
        return self.channels[-1] * math.prod(self.shapes[-1])

    @property
    def num_outputs(self) -> int:
        """Number of channels of the result times height times width."""
        return self.channels[0] * math.prod(self.image_shape)

    def __call__(self, values: Float[Array, "*lead inputs"]) -> Float[Array, "*lead outputs"]:
        """Apply the transposed convolutions in turn."""
        return over_rows(self._of_rows, values)

    def _of_rows(self, rows: Float[Array, "rows inputs"]) -> Float[Array, "rows outputs"]:
        images = rows.reshape(-1, *self.shapes[-1], self.channels[-1])
        for index in range(len(self.weights) - 1, -1, -1):
            images = _overlaid(as_fast(self.activation)(images) @ self.weights[index], self.shapes[index])
            if index:
                images = images + self.biases[index - 1]
        return jnp.moveaxis(images, -1, 1).reshape(-1, self.num_outputs)


def _patches(images: Float[Array, "n height width channels"]) -> Float[Array, "n _ _ _"]:
    """Return the 4 by 4 neighbourhood of every second pixel, in rows and columns: `[n, h, w, 16 channels]`."""
    n, height, width, depth = images.shape
    rows, columns = -(-height // 2), -(-width // 2)
    around = ((0, 0), (1, 2 * rows + 1 - height), (1, 2 * columns + 1 - width), (0, 0))
    tiles = jnp.pad(images, around).reshape(n, rows + 1, 2, columns + 1, 2, depth)
    tiles = tiles.transpose(0, 1, 3, 2, 4, 5).reshape(n, rows + 1, columns + 1, 4 * depth)
    corners = [tiles[:, i : i + rows, j : j + columns] for i in (0, 1) for j in (0, 1)]
    return jnp.concatenate(corners, axis=-1)


def _overlaid(patches: Float[Array, "n rows columns _"], shape: tuple[int, int]) -> Float[Array, "n _ _ _"]:
    """Add 4 by 4 patches up where they overlap, one around every second pixel, and cut the image to a shape."""
    n, rows, columns, length = patches.shape
    corners = patches.reshape(n, rows, columns, 2, 2, length // 4)
    total = jnp.zeros((n, rows + 1, columns + 1, length // 4))
    for i in (0, 1):
        for j in (0, 1):
            total += jnp.pad(corners[:, :, :, i, j], ((0, 0), (i, 1 - i), (j, 1 - j), (0, 0)))
    tiles = total.reshape(n, rows + 1, columns + 1, 2, 2, length // _TAPS).transpose(0, 1, 3, 2, 4, 5)
    image = tiles.reshape(n, 2 * rows + 2, 2 * columns + 2, length // _TAPS)
    return image[:, 1 : 1 + shape[0], 1 : 1 + shape[1]]


def _glorot(shape: tuple[int, int], fan_sum: int, *, key: Key) -> Float[Array, "_ _"]:
    limit = math.sqrt(6 / fan_sum)
    return jax.random.uniform(key, shape, minval=-limit, maxval=limit)
