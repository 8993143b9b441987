"""Numbers in a text, many at once."""

import warnings
from pathlib import Path

import numpy as np

from beliefnet._errors import DataError, shown


def numbers_of(text: str, path: Path) -> np.ndarray:
    """Return the numbers of a text, separated by any space, float64; `DataError` if there is anything else."""
    with warnings.catch_warnings():
        # What numpy cannot read it only warns of, and leaves out.
        warnings.simplefilter("error")
        try:
            return np.fromstring(text, np.float64, sep=" ")
        except (DeprecationWarning, ValueError) as error:
            bad = next((word for word in text.split() if not is_numeric(word)), "nothing")
            raise DataError(f"expected numbers in {path}, got {shown(bad)}", "writing it again") from error


def is_numeric(word: str) -> bool:
    """Whether a word is a number."""
    try:
        float(word)
    except ValueError:
        return False
    return True


def is_whole(numbers: np.ndarray) -> bool:
    """Whether all numbers are whole, and small enough to be told from their neighbours."""
    return bool(np.isfinite(numbers).all() and (numbers == np.rint(numbers)).all() and (np.abs(numbers) < 2**53).all())
