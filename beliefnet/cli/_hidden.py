"""The rows that entries are missing from, or are hidden from to see how well they are filled in."""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import jax
import numpy as np

from beliefnet._errors import OptionError
from beliefnet._types import Key
from beliefnet.cli._flags import HowRead
from beliefnet.cli._rows import Split, check_unread, how_to_read, is_file, load_like, spread, words_of
from beliefnet.cli._run import Run
from beliefnet.data import Observations, check_binarization, read_incomplete_rows

Side: TypeAlias = Literal["left", "right", "top", "bottom"]


@dataclass(frozen=True)
class IncompleteRows:
    """Rows `[rows, visible]`.

    Attributes:
        means: As they came; NaN where missing.
        seen: What the net sees, bits or grey values; 0 where missing.
        observed: What is neither missing nor hidden.
        hidden: What was hidden to be scored.
        columns: Names of the columns, if they have any.
        names: Names of the rows, if they have any.
        named_in: The column that these are from, where it has a name.
    """

    means: np.ndarray
    seen: np.ndarray
    observed: np.ndarray
    hidden: np.ndarray
    columns: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    named_in: str | None = None


def read_incomplete(
    run: Run, data: str, split: Split | None, reading: HowRead, limit: int | None, *, key: Key
) -> IncompleteRows:
    """Read rows, NaN where missing, and make bits of grey values as for training, each drawn once."""
    rows, binarization = _read(run, data, split, reading)
    given = spread(rows, limit)
    means = np.asarray(given.means())
    known = ~np.isnan(means)
    if run.record.values == "grey":
        seen = np.where(known, means, np.float32(0))
    elif binarization == "threshold":
        seen = means >= 0.5
    else:
        # NaN is below nothing, and gives 0.
        seen = np.asarray(replace(given, rows=means, largest=1, is_dynamic=True).take(np.arange(len(given)), key=key))
    hidden = np.zeros_like(known)
    columns = given.columns or words_of(run)
    return IncompleteRows(means, seen.astype(np.float32), known, hidden, columns, given.names, given.named_in)


def hide_entries(run: Run, rows: IncompleteRows, hide: float | None, side: Side | None, *, key: Key) -> IncompleteRows:
    """Hide entries at random, or half of every image."""
    if side is not None:
        chosen = half_of_image(run.record.image_shape, side)
    else:
        chosen = np.asarray(jax.random.uniform(key, rows.seen.shape)) < (hide or 0)
    hidden = rows.observed & chosen
    if not hidden.any():
        raise OptionError(f"expected --hide to hide an entry or more, got {hide or side}, which hides none", "0.5")
    return replace(rows, observed=rows.observed & ~hidden, hidden=hidden)


def half_of_image(image_shape: tuple[int, int] | None, side: Side) -> np.ndarray:
    """Return which pixels `[height * width]` are in one half of an image."""
    if image_shape is None:
        raise OptionError(f"expected images for --hide-half {side}, got a net over rows without a shape", "--hide 0.5")
    height, width = image_shape
    down, across = np.mgrid[:height, :width]
    halves = {
        "left": across < width // 2,
        "right": across >= width - width // 2,
        "top": down < height // 2,
        "bottom": down >= height - height // 2,
    }
    return halves[side].ravel()


def _read(run: Run, data: str, split: Split | None, reading: HowRead) -> tuple[Observations, str]:
    """Read rows, and say how bits are made of them."""
    binarization = run.record.binarization
    if not is_file(data):
        check_unread(data, reading)
        return load_like(run, data).split(split or "test"), binarization
    how = how_to_read(data, split, reading)
    check_binarization(how.get("binarization"), run.record.values)
    binarization = how.pop("binarization", binarization)
    return read_incomplete_rows(run.record, data, columns=words_of(run), **how), binarization
