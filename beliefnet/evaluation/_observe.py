"""The one way by which data enter: converted, and checked by the net's visible family, on the host."""

from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from beliefnet._net import BeliefNet
from beliefnet.data import DataError, Observations
from beliefnet.distributions import DiscretisedLogisticFamily

DataLike: TypeAlias = Any
"""Rows `[examples, visible]`: `Observations`, such as a split of a data set, or an array, list or sparse matrix."""


def observe(net: BeliefNet, data: DataLike, *, label: str = "data") -> Observations:
    """Return data as observations of a net, checked.

    Args:
        net: The net that is to see them.
        data: Rows `[examples, visible]`: `Observations`; or an array of NumPy, JAX or anything like it, a list of
            lists, a data frame, or a SciPy matrix of any sparse format.
        label: What to call them in an error, unless they have a label of their own.

    Returns:
        The rows: what was given, where it is `Observations`.

    Raises:
        DataError: If they are no numbers, no rows, of another width than the net, or not what its visible units are a
            model of.
    """
    family = net.generative.conditionals[-1].units
    observations = data if isinstance(data, Observations) else _converted(data, family.values or "grey", label)
    if observations.num_features != net.num_visible or not len(observations):
        raise DataError(
            f"expected {observations.label} of shape [examples, {net.num_visible}], got {list(observations.shape)}"
        )
    _check_kind(family, observations)
    return observations


def _converted(data: Any, values: Any, label: str) -> Observations:
    if sparse.issparse(data):
        rows = sparse.csr_matrix(data)
        rows.sum_duplicates()
        return Observations(rows, values, label=label)
    rows = np.asarray(data)
    if rows.dtype.kind not in "biuf":
        raise DataError(f"expected numbers in {label}, got an array of dtype {rows.dtype}; try array.astype('float32')")
    if rows.ndim != 2:
        raise DataError(
            f"expected {label} of shape [examples, features], got {list(rows.shape)}; try data.reshape(num_rows, -1)"
        )
    return Observations(rows if rows.dtype == np.uint8 else rows.astype(np.float32), values, label=label)


def _check_kind(family: Any, observations: Observations) -> None:
    """Check that visible units are a model of what observations hold."""
    label, largest = observations.label, observations.largest
    if family.values not in (None, observations.values):
        raise DataError(
            f"expected {family.values} data for visible units of {type(family).__name__}, got {label} with "
            f"{observations.values} values; try load(..., values={family.values!r}), or another visible family"
        )
    if not isinstance(family, DiscretisedLogisticFamily):
        return
    rows = observations.rows
    if largest == 1 and np.abs(rows * (family.levels - 1) - np.rint(rows * (family.levels - 1))).max() > 0.02:
        raise DataError(
            f"expected values on a grid of {family.levels} grey levels, k / {family.levels - 1}, for logistic visible "
            f"units, got {label} with values between the levels; try np.rint({family.levels - 1} * x) / "
            f"{family.levels - 1}, or --visible grey-normal"
        )
    if largest > 1 and (family.levels - 1) % largest:
        raise DataError(
            f"expected values on a grid of {family.levels} grey levels, k / {family.levels - 1}, for logistic visible "
            f"units, got {label} with {largest + 1} levels; try {largest + 1} levels, or other data"
        )
