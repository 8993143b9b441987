"""What can be asked of a data set, and which requests make sense for which values."""

from collections.abc import Mapping
from dataclasses import dataclass

from beliefnet._errors import DataError
from beliefnet._types import ValueKind

ANY_VALUES: tuple[ValueKind, ...] = ("binary", "grey", "counts")
"""What a user's own numbers can be read as, the default first."""


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
    loaded: str
    hint: str
    unfit: tuple[str, ...]


_WORDINGS: Mapping[ValueKind, _Wording] = {
    "binary": _Wording(
        "binary data",
        "binary images",
        "binary images",
        "try --data 20newsgroups, or --net sbn",
        ("vocabulary_size", "text_column"),
    ),
    "grey": _Wording(
        "grey values for logistic or normal visible units",
        "grey images",
        "grey values",
        "try data with grey values, such as fashion-mnist, or a net over what this holds",
        ("binarization", "vocabulary_size", "text_column"),
    ),
    "counts": _Wording(
        "counts for a document net or poisson visible units",
        "word counts",
        "word counts",
        "try --data digits, or --net document",
        ("binarization",),
    ),
}


def choose_values(asked: ValueKind | None, held: tuple[ValueKind, ...], label: str) -> ValueKind:
    """Return what the rows of data are read as.

    Args:
        asked: What was asked for; None for what the data are read as by default.
        held: What the data can be read as, the default first.
        label: What to call the data in an error.

    Raises:
        DataError: If they cannot be read as what was asked for.
    """
    if asked is not None and asked not in _WORDINGS:
        known = ", ".join(repr(values) for values in _WORDINGS)
        raise DataError(f"expected values to be one of {known}, got {asked!r}; try leaving the option out")
    if asked is None or asked in held:
        return asked or held[0]
    wanted, found = _WORDINGS[asked], _WORDINGS[held[0]]
    hint = wanted.hint if asked == "grey" else found.hint
    raise DataError(f"expected {wanted.needed}, got {label}, which holds {found.held}; {hint}")


def check_options(options: Options, values: ValueKind, label: str) -> None:
    """Check that every option that was given has a meaning for data of this kind; `DataError` if not."""
    for name in _WORDINGS[values].unfit:
        given = getattr(options, name)
        if given is not None:
            raise DataError(
                f"expected no {name} for {label}, which holds {_WORDINGS[values].loaded}, got {given!r}; "
                "try leaving the option out"
            )
