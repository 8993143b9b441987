"""Bits of means: which ways there are to make them, and what each makes."""

import numpy as np

from beliefnet._errors import DataError, listed, shown, suggestion
from beliefnet._types import ValueKind

BINARIZATIONS = ("none", "static", "dynamic", "threshold")


def check_binarization(requested: str | None, values: ValueKind | None) -> None:
    """Check that what was asked for is a way to make bits, and that the model is one of bits.

    Raises:
        DataError: If not.
    """
    if requested is None:
        return
    if values != "binary":
        raise DataError(
            f"expected no {{option}} for a model of {values}, got {shown(requested)}",
            "leaving the option out",
            option="binarization",
        )
    if requested not in BINARIZATIONS:
        meant = suggestion(str(requested), BINARIZATIONS)
        raise DataError(
            f"expected {{option}} {listed(BINARIZATIONS)}, got {shown(requested)}{meant}",
            *([] if meant else ["leaving the option out"]),
            option="binarization",
        )


def choose_binarization(is_bits: bool, requested: str | None, default: str, label: str) -> str:
    """Decide how data is binarised, and refuse requests that make no sense for it.

    Args:
        is_bits: Whether all values are 0 or 1.
        requested: What the user asked for, or None.
        default: What intensities get when nothing was asked for.
        label: What to call the data in an error.

    Returns:
        One of `BINARIZATIONS`; `"none"` exactly when the data is already binary.

    Raises:
        DataError: If the request is unknown or does not fit the data.
    """
    check_binarization(requested, "binary")
    if is_bits:
        if requested not in (None, "none"):
            raise DataError(
                f"expected no binarization for {label}, whose values are already 0 or 1, got {shown(requested)}",
                "leaving the option out",
            )
        return "none"
    if requested == "none":
        raise DataError(
            f"expected binarization {listed(BINARIZATIONS[1:])} for {label}, whose values lie between 0 and 1, "
            f"got 'none'",
            f"{default!r}, its default",
        )
    return requested or default


def binarize_rows(rows: np.ndarray, largest: int, binarization: str, rng: np.random.Generator) -> np.ndarray:
    """Apply one binarisation to rows `[n, num_features]`.

    Args:
        rows: Rows as they are stored.
        largest: What a one is stored as.
        binarization: One of `BINARIZATIONS`.
        rng: Source of the one Bernoulli sample that `"static"` draws.

    Returns:
        uint8 in {0, 1} for `"static"` (one sample) and `"threshold"` (1 where the mean is at least 0.5); the rows
        themselves for `"none"` and `"dynamic"`.
    """
    if binarization == "static":
        return (rng.random(rows.shape, dtype=np.float32) < to_unit(rows, largest)).astype(np.uint8)
    if binarization == "threshold":
        return (to_unit(rows, largest) >= 0.5).astype(np.uint8)
    return rows


def to_unit(rows: np.ndarray, largest: int) -> np.ndarray:
    """Return rows `[..., num_features]` as float32, divided by what a one is stored as."""
    values = rows.astype(np.float32)
    return values if largest == 1 else values / np.float32(largest)
