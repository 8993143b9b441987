"""The one way by which data enter: converted, and checked by the net's visible family, on the host."""

from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from beliefnet._errors import Use
from beliefnet._net import BeliefNet, check_net
from beliefnet.data import DataError, Dataset, Observations, masked_entries, observations_of
from beliefnet.distributions import AbstractFamily

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
            model of. The first value that is not, its row and column are named.

    Examples:
        >>> import jax
        >>> from beliefnet.nets import sigmoid_belief_net
        >>> net = sigmoid_belief_net(3, (2,), key=jax.random.key(0))
        >>> observe(net, [[0, 1, 1], [1, 1, 0]]).shape
        (2, 3)
    """
    data = _shaped(net, data, label)
    if not data.is_dynamic and data.largest == 1:
        net.check(data.rows, data.label)
        return data
    check = _check_means if data.is_dynamic else _check_levels
    for name, family, columns in net.parts(data.label):
        check(Observations(data.rows[:, columns], data.values, data.largest, data.is_dynamic), family, name)
    return data


def observe_scored(net: BeliefNet, data: DataLike) -> Observations:
    """Return data as `observe` does, for what gives each row a score: a document without a word has none.

    Raises:
        DataError: As for `observe`, or if a row is empty and empty rows are no data for the visible units.
    """
    rows = observe(net, data)
    if not net.visible.takes_empty_rows:
        counts = rows.rows[:, net.num_condition :] if net.num_condition else rows.rows
        empty = np.asarray(counts.sum(axis=1)).ravel() <= 0
        if empty.any():
            raise DataError(
                f"expected documents of at least one word in {rows.label}, got {int(empty.sum())} empty ones of "
                f"{len(rows)}, the first being row {int(empty.argmax()) + 1}",
                "leaving them out",
                Use("keep_empty", False, "where they are loaded"),
            )
    return rows


def observe_incomplete(
    net: BeliefNet, data: DataLike, observed: ArrayLike | None = None
) -> tuple[Float[np.ndarray, "rows visible"], Bool[np.ndarray, "rows visible"]]:
    """Return data of which some entries are missing, zeros in their place, and which were observed.

    Args:
        net: The net that is to see them.
        data: Rows `[rows, visible]`, as for `observe`; NaN and what an array masks is missing.
        observed: Which entries were observed, `[rows, visible]`; by default those that are not missing.

    Raises:
        DataError: As for `observe`, about the observed entries; or if `observed` has another shape than the data, or
            they are means of bits that are to be drawn.
    """
    masked = masked_entries(data)
    if masked is not None:
        data = data.filled(0)
    rows = _without_draws(_shaped(net, data))
    x = rows.means()
    known = ~np.isnan(x) if observed is None else np.asarray(observed)
    if known.shape != x.shape or known.dtype.kind not in "biuf" or not np.isin(known, (0, 1)).all():
        raise DataError(
            f"expected observed to be true or false, of the shape of the data, {list(x.shape)}, got {known.dtype} "
            f"{list(known.shape)}",
            "~numpy.isnan(x)",
        )
    known = known.astype(bool) if masked is None else known.astype(bool) & ~masked
    net.check(x, rows.label, observed=known)
    return np.where(known, x, np.float32(0)), known


def observe_rows(net: BeliefNet, data: DataLike) -> Float[Array, "batch visible"]:
    """Return rows as a net sees them, for what takes no key; what a transformation traces is taken as it is.

    Raises:
        DataError: As for `observe`, or if they are means of bits that are to be drawn.
    """
    match data:
        case Tracer():
            return data
    return jnp.asarray(_without_draws(observe(net, data)).means())


def _without_draws(data: Observations) -> Observations:
    if data.is_dynamic:
        raise DataError(
            f"expected bits in {data.label}, got means of bits that are drawn at every use",
            "data.take(numpy.arange(len(data)), key=key)",
        )
    return data


def _shaped(net: BeliefNet, data: DataLike, label: str = "data") -> Observations:
    """Return observations of the width of a net, and of the kind of values that its visible units are a model of."""
    check_net(net)
    if type(data) is Dataset:
        raise DataError(f"expected rows of one split as {label}, got a whole Dataset", "dataset.test")
    values = net.values
    data = observations_of(data, values or "grey", label=label)
    if data.num_features != net.num_visible or not len(data):
        raise DataError(
            f"expected {data.label} of shape [examples, {net.num_visible}], got {list(data.shape)}",
            "the columns that the net was made for",
        )
    if values not in (None, data.values):
        raise DataError(
            f"expected {values} data for visible units of {type(net.visible).__name__}, got {data.label} with "
            f"{data.values} values",
            f"loading them with values={values!r}",
            "another visible family",
        )
    return data


def _check_means(data: Observations, family: AbstractFamily, label: str) -> None:
    """Check that stored values are the means of bits, and that bits are what the units are a model of."""
    if family.units_per_variable > 1 or family.support.is_wrong(np.array([0.0, 1.0], np.float32)).any():
        raise DataError(
            f"expected {family.support.expected} in {label}, got means of bits that are drawn at every use",
            Use("binarization", "threshold"),
        )
    stored = data.stored
    if stored.dtype == np.uint8 and data.largest == 255:
        return
    wrong = ~((stored >= 0) & (stored <= data.largest))
    if wrong.any():
        raise DataError(
            f"expected means of bits between 0 and {data.largest} in {label}, got {stored[wrong].flat[0]:g}",
            "rescaling them to [0, 1]",
        )


def _check_levels(data: Observations, family: AbstractFamily, label: str) -> None:
    """Check the values of levels rather than those of rows: there are few."""
    largest = data.largest
    wrong = family.support.is_wrong(np.arange(largest + 1, dtype=np.float32) / np.float32(largest))
    if wrong.any():
        raise DataError(
            f"expected {family.support.expected} in {label}, got {largest + 1} levels, such as {int(wrong.argmax())} / "
            f"{largest}",
            f"a net of {largest + 1} levels, or other data",
        )
    stored = data.stored
    if stored.max(initial=0) > largest or stored.min(initial=0) < 0:
        family.check(data.means(), label)
