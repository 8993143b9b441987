"""Numbers that are asked for: particles, draws, steps."""

import operator
from typing import SupportsIndex

from beliefnet._errors import shown

MOST = 2**31 - 1
"""The largest number that a compiled loop counts to."""


def whole_number(name: str, value: SupportsIndex, *, good: int, least: int = 1, most: int = MOST) -> int:
    """Return a number of something, checked.

    Args:
        name: Of the argument.
        value: What was given.
        good: One that works.
        least: The least one that does.
        most: The largest one that does.

    Raises:
        ValueError: If it is no whole number, or out of range.

    Example:
        >>> whole_number("num_particles", 1.5, good=1000)
        Traceback (most recent call last):
        ...
        ValueError: expected num_particles to be a whole number, got 1.5; try 1000
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"expected {name} to be a whole number, got {shown(value)}; try {good}") from None
    if number < least:
        raise ValueError(f"expected {name} of at least {least}, got {number}; try {good}")
    if number > most:
        raise ValueError(f"expected {name} of at most {most}, got {number}; try {good}")
    return number
