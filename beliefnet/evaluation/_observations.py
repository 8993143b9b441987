"""From stored rows to the observations that a net sees."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from beliefnet._net import BeliefNet
from beliefnet.data import DataError, Record, check_levels
from beliefnet.distributions import DiscretisedLogisticFamily

Prepare = Callable[[Array, Array], Array]
"""Takes stored rows `[batch, visible]` and a key, returns observations as floats of the same shape."""


def as_floats(rows: Array, key: Array) -> Array:
    """Return the rows as floats; the key is not used."""
    return rows.astype(jnp.float32)


def binarize(rows: Array, key: Array) -> Array:
    """Draw each entry with its stored mean: a float in [0, 1], or an intensity of 0 to 255 stored in a byte."""
    means = rows.astype(jnp.float32) / (255 if rows.dtype == jnp.uint8 else 1)
    return (jax.random.uniform(key, means.shape) < means).astype(jnp.float32)


def scaled(rows: Array, key: Array, *, largest: int) -> Array:
    """Return stored levels as values in [0, 1]; the key is not used."""
    return rows.astype(jnp.float32) / largest


def observations(record: Record) -> Prepare:
    """Return how the rows of a data set become observations: drawn anew at every use where binarisation is dynamic.

    Grey values that are stored as levels are divided on the device.
    """
    if record.levels is not None:
        return partial(scaled, largest=record.levels - 1)
    return binarize if record.binarization == "dynamic" else as_floats


def check_visible(net: BeliefNet, record: Record) -> None:
    """Check that the visible units of a net are a model of what data hold.

    Args:
        net: The net.
        record: The record of the data.

    Raises:
        DataError: If they are not, such as bits of grey values, or if grey values lie on other levels than those of
            the net.
    """
    family = net.generative.conditionals[-1].units
    if family.values not in (None, record.values):
        raise DataError(
            f"expected {family.values} data for visible units of {type(family).__name__}, got {record.name!r} with "
            f"{record.values} values; try load(..., values={family.values!r}), or another visible family"
        )
    if isinstance(family, DiscretisedLogisticFamily):
        check_levels(record, family.levels, record.name)
