"""What the numbers of a matrix are taken for, and how they become what a net sees and back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from beliefnet._errors import DataError, OptionError, entry, listed, shown
from beliefnet._types import ValueKind
from beliefnet.data import Observations, rounded_up
from beliefnet.distributions import AbstractFamily, WeightedWordsFamily, bernoulli, grey_normal, normal, poisson

_MOST_COUNTED = 10_000
"""Whole numbers above it are taken for measurements: years, incomes, identifiers."""

_LARGEST = 1e15
"""What a net may see: its square, summed over the features, is a number in single precision."""

DOCUMENT = WeightedWordsFamily(100.0)
FAMILIES: dict[str, AbstractFamily] = {
    family.name: family for family in (bernoulli, grey_normal, poisson, normal, DOCUMENT)
}
VISIBLE = tuple(FAMILIES)[:-1]
"""What can be asked for; bags of words are what documents are."""
_KINDS: dict[str, ValueKind] = {"bernoulli": "binary", "grey-normal": "grey", "normal": "grey"}


@dataclass(frozen=True, eq=False)
class Visible:
    """What the values of a matrix are taken for.

    Attributes:
        name: Name of the family of the net's visible units.
        location: Subtracted from each column, `[features]`; None for zeros.
        scale: What each column is then divided by, `[features]`; None for ones.
        is_dynamic: Whether values between 0 and 1 are means of bits, which are drawn at every use.
    """

    name: str
    location: np.ndarray | None = None
    scale: np.ndarray | None = None
    is_dynamic: bool = False

    @classmethod
    def of(cls, x: Any, visible: str) -> "Visible":
        """Return how training rows are read, `[rows, features]`, dense or sparse, where NaN is missing.

        Args:
            x: The rows.
            visible: Name of a family, or `"auto"` for the one that suits the values.

        Raises:
            OptionError: If there is no such family.
            DataError: If the values are not what it is a model of.
        """
        if visible not in ("auto", *VISIBLE):
            raise OptionError(
                f"expected visible to be one of 'auto', {listed(VISIBLE)}, got {shown(visible)}", "'auto'"
            )
        visible = _suitable(x) if visible == "auto" else visible
        found = cls(visible)
        if visible == "normal":
            found = cls(visible, *_location_and_scale(_dense(x).astype(np.float64)))
        if visible == "bernoulli":
            values = _stored(x)
            found = cls(visible, is_dynamic=bool(((values > 0) & (values < 1)).any()))
        found.check(x)
        return found

    @classmethod
    def of_documents(cls, x: Any) -> "Visible":
        """Return how documents are read, `[rows, words]`, dense or sparse.

        Raises:
            DataError: If a value is no weight of a word.
        """
        found = cls(DOCUMENT.name)
        found.check(x)
        return found

    @property
    def family(self) -> AbstractFamily:
        """The family of the visible units."""
        return FAMILIES[self.name]

    @property
    def values(self) -> ValueKind:
        """What the rows hold, in the words of `Observations`."""
        return _KINDS.get(self.name, "counts")

    def check(self, x: Any) -> None:
        """Check that values are what the units are a model of.

        Raises:
            DataError: Naming the first that is not.
        """
        values = _stored(x)
        if self.location is not None:
            self._check_sizes(x)
            return
        least, most = {"bernoulli": (0, 1), "grey-normal": (-_LARGEST, _LARGEST)}.get(self.name, (0, _LARGEST))
        wrong = (values < least) | (values > most)
        if self.name == "poisson":
            wrong |= (values != np.rint(values)) & ~np.isnan(values)
        if self.name == "bernoulli" and not self.is_dynamic:
            wrong |= (values > 0) & (values < 1)
        if not wrong.any():
            return
        expected = {
            "bernoulli": "values from 0 to 1" if self.is_dynamic else "bits, as in training,",
            "poisson": f"whole numbers from 0 to {_LARGEST:g}",
            "grey-normal": f"numbers of at most {_LARGEST:g}",
            DOCUMENT.name: f"numbers from 0 to {_LARGEST:g}",
        }[self.name]
        where, value = _first(x, wrong)
        hints = ("visible='normal'", "visible='auto' on data with such values")
        if self.name == DOCUMENT.name:
            hints = ("abs(X)" if value < 0 else "X / X.max()",)
        raise DataError(f"expected {expected} in X, got {value:g} at {where}", *hints)

    def _check_sizes(self, x: Any) -> None:
        """Check that no standardised value is too large for single precision."""
        wrong = np.abs(self._standardised(x)) > _LARGEST
        if wrong.any():
            dense = _dense(x)
            where, value = _first(dense, wrong)
            raise DataError(
                f"expected numbers of at most {_LARGEST:g} standard deviations of training in X, got {value:g} at "
                f"{where}",
                "NaN there, for a missing value",
            )

    def _standardised(self, x: Any) -> np.ndarray:
        with np.errstate(over="ignore"):
            return (_dense(x) - self.location) / self.scale

    def observations(self, x: Any, *, numbers: np.ndarray | None = None) -> Observations:
        """Return rows as a net sees them, with room for more."""
        # A matrix of bits stays one of bytes, and a sparse one sparse, unless the values are shifted.
        rows = self.seen(x)
        if self.name == "bernoulli" and not self.is_dynamic and not np.isnan(_stored(rows)).any():
            rows = rows.astype(np.uint8)
        numbers = np.arange(rows.shape[0], dtype=np.int32) if numbers is None else numbers
        room = rounded_up(rows.shape[0])
        return Observations(rows, self.values, is_dynamic=self.is_dynamic, label="X", numbers=numbers, room=room)

    def seen(self, x: Any) -> Any:
        """Return values as the visible units have them, float32, sparse where they were and can be."""
        if self.location is None:
            return (sparse.csr_matrix(x) if sparse.issparse(x) else np.asarray(x)).astype(np.float32)
        return self._standardised(x).astype(np.float32)

    def restored(self, values: np.ndarray) -> np.ndarray:
        """Return values of visible units in the units of the matrix."""
        return values if self.location is None else values * self.scale + self.location

    def log_volumes(self, num_features: int) -> np.ndarray:
        """Return what is to be subtracted from log-densities for the units of the matrix, in nats, `[features]`."""
        return np.zeros(num_features) if self.scale is None else np.log(self.scale)


def dense_block(x: Any, start: int, stop: int) -> np.ndarray:
    """Return some rows of a matrix, dense."""
    return _dense(x[start:stop])


def row_numbers(x: np.ndarray) -> np.ndarray:
    """Return a number of each row that depends on its values alone, by which it draws its random numbers.

    The same row has the same draws in any order and any company.

    Args:
        x: Rows as a net sees them, float32 `[rows, features]`.
    """
    # Minus zero is zero, and NaN has many codes.
    bits = np.where(np.isnan(x), np.float32(1e30), x + np.float32(0)).view(np.uint32).astype(np.uint64)
    factors = np.random.default_rng(0).integers(1, 2**63, x.shape[1], dtype=np.uint64) | np.uint64(1)
    mixed = (bits * factors).sum(axis=1, dtype=np.uint64)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    return (mixed >> np.uint64(33)).astype(np.int32)


def _location_and_scale(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of what was observed of each column, float64 `[rows, features]`.

    Columns are first divided by their largest value: squares of large and of small numbers are none of float64.
    """
    known = ~np.isnan(x)
    count = np.maximum(known.sum(axis=0), 1)
    size = np.abs(np.where(known, x, 0)).max(axis=0)
    size = np.where(size > 0, size, 1.0)
    parts = x / size
    mean = np.where(known, parts, 0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, parts - mean, 0) ** 2).sum(axis=0) / count)
    # A column that never varies, but for rounding, is of scale one, or of that of the rounding.
    varies = spread > 1e-7 * np.abs(mean)
    scale = np.where(varies & (spread > 0), spread * size, np.maximum(1.0, 1e-7 * np.abs(mean) * size))
    return mean * size, scale


def _suitable(x: Any) -> str:
    """Return the name of the family that suits values."""
    values = _stored(x)
    known = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    if not known.size or ((known == 0) | (known == 1)).all():
        return "bernoulli"
    if known.min() < 0:
        return "normal"
    if known.max() <= 1:
        return "grey-normal"
    return "poisson" if known.max() <= _MOST_COUNTED and (known == np.rint(known)).all() else "normal"


def _dense(x: Any) -> np.ndarray:
    return x.toarray() if sparse.issparse(x) else np.asarray(x)


def _stored(x: Any) -> np.ndarray:
    return x.data if sparse.issparse(x) else np.asarray(x)


def _first(x: Any, wrong: np.ndarray) -> tuple[str, float]:
    """Return the place of the first value that is wrong, and the value."""
    if sparse.issparse(x):
        cells, index = x.tocoo(), int(np.argmax(wrong))
        return entry(int(cells.row[index]), int(cells.col[index])), float(cells.data[index])
    row, column = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    return entry(int(row), int(column)), float(np.asarray(x)[row, column])
