"""Widths of layers, as they are given."""

from collections.abc import Sequence

from beliefnet._errors import ArgumentTypeError, as_whole, shown


def widths(name: str, given: Sequence[int], *, good: str = "(200,)") -> tuple[int, ...]:
    """Return the widths of layers, checked to be whole numbers in a tuple or the like.

    Args:
        name: Of the argument.
        given: The widths.
        good: What works.

    Raises:
        TypeError: If they are something else, such as one number.

    Examples:
        >>> widths("hidden", 3)
        Traceback (most recent call last):
        ...
        beliefnet._errors.ArgumentTypeError: expected hidden to be a tuple of whole numbers, got 3; try (3,)
    """
    try:
        return tuple(as_whole(width) for width in given)
    except TypeError:
        advice = f"({given},)" if type(given) is int else good
        raise ArgumentTypeError(
            f"expected {name} to be a tuple of whole numbers, got {shown(given)}", f"{advice}"
        ) from None
