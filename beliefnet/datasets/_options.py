"""What can be asked of a data set, and which requests make sense for which values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from beliefnet.datasets._errors import DataError

Values = Literal["binary", "counts"]
"""binary: bits, or means of bits; counts: how often each word occurs in each document."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `load` was asked for; None stands for a default.

    Attributes:
        binarization: What becomes of values between 0 and 1.
        seed: Seed of whatever is drawn.
        valid_fraction: Fraction of a file's training rows to cut off for validation.
        test_fraction: The same for test rows.
        vocabulary_size: Number of words to keep.
        text_column: The column of a `.csv` file that holds texts.
    """

    binarization: str | None = None
    seed: int = 0
    valid_fraction: float | None = None
    test_fraction: float | None = None
    vocabulary_size: int | None = None
    text_column: str | None = None

    @property
    def fractions(self) -> Mapping[str, float | None]:
        """The fractions to cut off, by the name of the split."""
        return {"valid": self.valid_fraction, "test": self.test_fraction}


@dataclass(frozen=True)
class _Wording:
    needed: str
    held: str
    hint: str
    unfit: tuple[str, ...]


_WORDINGS: Mapping[Values, _Wording] = {
    "binary": _Wording(
        "binary data",
        "binary images",
        "try --data 20newsgroups, or --net sbn",
        ("vocabulary_size", "text_column"),
    ),
    "counts": _Wording(
        "word counts for a document net",
        "word counts",
        "try --data digits, or --net document",
        ("binarization",),
    ),
}


def check_values_asked(asked: Values | None, held: Values, label: str) -> None:
    """Check that data hold the values that were asked for.

    Args:
        asked: What was asked for; None is content with anything.
        held: What the data hold.
        label: What to call the data in an error.

    Raises:
        DataError: If they differ.
    """
    if asked is not None and asked not in _WORDINGS:
        raise DataError(f"expected values 'binary' or 'counts', got {asked!r}; try leaving the option out")
    if asked not in (None, held):
        found = _WORDINGS[held]
        raise DataError(f"expected {_WORDINGS[asked].needed}, got {label}, which holds {found.held}; {found.hint}")


def check_options(options: Options, values: Values, label: str) -> None:
    """Check that every option that was given has a meaning for data of this kind; `DataError` if not."""
    for name in _WORDINGS[values].unfit:
        given = getattr(options, name)
        if given is not None:
            raise DataError(
                f"expected no {name} for {label}, which holds {_WORDINGS[values].held}, got {given!r}; "
                "try leaving the option out"
            )
