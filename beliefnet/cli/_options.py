"""Checks of options that commands share, and small things that all of them print."""

import json
from pathlib import Path
from typing import Any

from beliefnet._errors import OptionError
from beliefnet._text import printable
from beliefnet.cli._text import MOST_OF_A_PATH, to_json
from beliefnet.evaluation import Mean
from beliefnet.training import LARGEST_SEED

LARGEST_COUNT = 2**31 - 1
_LONGEST_STEM = 40


def check_counts(*, seed: int = 0, **counts: int | None) -> None:
    """Check that options that count something are positive and fit into 32 bits, and that a seed can be used."""
    for name, value in counts.items():
        if value is not None and not 1 <= value <= LARGEST_COUNT:
            least = f"at least 1, got {value}" if value < 1 else f"at most {LARGEST_COUNT}, got {value}"
            raise OptionError(f"expected --{name.replace('_', '-')} of {least}", "100")
    if not 0 <= seed <= LARGEST_SEED:
        raise OptionError(f"expected --seed from 0 to {LARGEST_SEED}, got {seed}", "0")


def check_suffix(path: Path, *allowed: str) -> None:
    """Check that a file to be written has a name of the right kind."""
    if path.suffix not in allowed:
        stem = path.stem if 0 < len(path.stem) <= _LONGEST_STEM else "result"
        hint = f"{stem}{allowed[0]}"
        *others, last = allowed
        names = f"{', '.join(others)} or {last}" if others else last
        raise OptionError(f"expected --out to end in {names}, got {printable(path, MOST_OF_A_PATH)}", f"--out {hint}")


def plain(value: Any) -> Any:
    """Return a value as it looks after a trip through JSON."""
    return json.loads(to_json(value))


def with_error(value: Mean, digits: int = 3) -> tuple[str, str]:
    """Return a mean and its standard error as the cells of a table."""
    return f"{value.mean:.{digits}f}", f"{value.stderr:.{digits}f}"
