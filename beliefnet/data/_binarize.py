"""From intensities to bits: static, dynamic or by threshold."""

from difflib import get_close_matches

import numpy as np

from beliefnet._errors import DataError
from beliefnet.data._raw import RawData, Scale, to_means

BINARIZATIONS = ("none", "static", "dynamic", "threshold")


def choose_binarization(scale: Scale, requested: str | None, default: str, label: str) -> str:
    """Decide how data is binarised, and refuse requests that make no sense for it.

    Args:
        scale: How the values are to be read.
        requested: What the user asked for, or None.
        default: What intensities get when nothing was asked for.
        label: What to call the data in an error.

    Returns:
        One of `BINARIZATIONS`; `"none"` exactly when the data is already binary.

    Raises:
        DataError: If the request is unknown or does not fit the data.
    """
    if requested is not None and requested not in BINARIZATIONS:
        guess = get_close_matches(requested, BINARIZATIONS, n=1)
        hint = f"did you mean {guess[0]!r}?" if guess else "try leaving the option out"
        raise DataError(f"expected binarization {_listed(BINARIZATIONS)}, got {requested!r}; {hint}")
    if scale == "bits":
        if requested not in (None, "none"):
            raise DataError(
                f"expected no binarization for {label}, whose values are already 0 or 1, got {requested!r}; "
                "try leaving the option out"
            )
        return "none"
    if requested == "none":
        raise DataError(
            f"expected binarization {_listed(BINARIZATIONS[1:])} for {label}, whose values lie between 0 and 1, "
            f"got 'none'; try {default!r}, its default"
        )
    return requested or default


def binarize_rows(rows: np.ndarray, scale: Scale, binarization: str, rng: np.random.Generator) -> np.ndarray:
    """Apply one binarisation to rows `[n, num_features]`.

    Args:
        rows: Rows on the given scale.
        scale: How the values are to be read.
        binarization: One of `BINARIZATIONS`.
        rng: Source of the one Bernoulli sample that `"static"` draws.

    Returns:
        uint8 in {0, 1} for `"static"` (one sample) and `"threshold"` (1 where the mean is at least 0.5); the rows
        themselves for `"none"` and `"dynamic"`.
    """
    if binarization == "static":
        return (rng.random(rows.shape, dtype=np.float32) < to_means(rows, scale)).astype(np.uint8)
    if binarization == "threshold":
        return (to_means(rows, scale) >= 0.5).astype(np.uint8)
    return rows


def binarize(raw: RawData, binarization: str, seed: int) -> dict[str, np.ndarray]:
    """Apply one binarisation to the train, valid and test rows, each from its own stream of `seed`."""
    return {
        split: binarize_rows(rows, raw.scale, binarization, np.random.default_rng([seed, stream]))
        for stream, (split, rows) in enumerate(zip(("train", "valid", "test"), raw.arrays, strict=True))
    }


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(repr(name) for name in names)
