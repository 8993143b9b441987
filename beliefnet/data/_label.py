"""What rows are called in an error, and where an entry of them is in the file that they came from."""

from collections.abc import Callable
from typing import TypeAlias

from beliefnet._errors import entry

Place: TypeAlias = Callable[[int, int], str]
"""Says where an entry is, given the numbers of its row and column of data, from 0."""


class Label(str):
    """What to call rows of a text file, whose entries are found by their lines.

    Args:
        text: What to call them.
        place: Where an entry is.
    """

    place: Place

    def __new__(cls, text: str, place: Place) -> "Label":
        """Make a string that knows where entries are."""
        label = super().__new__(cls, text)
        label.place = place
        return label


def labelled(text: str, place: Place | None) -> str:
    """Return what to call rows, with the places of their entries where these are known."""
    return text if place is None else Label(text, place)


def place_in(label: str, row: int, column: int) -> str:
    """Return where an entry is: by its line in a text file, and by its row otherwise; all are counted from 1."""
    place: Place = getattr(label, "place", entry)
    return place(row, column)
