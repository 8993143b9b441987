"""Text that users bring, made fit to be shown: nothing in it is obeyed, and its length has a bound."""

import re
import unicodedata

# Control, format (bidirectional marks among them), surrogates, separators of lines and of paragraphs.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# These join letters in scripts that need it, and do nothing else.
_JOINERS = frozenset("\u200c\u200d")

MOST_IN_A_WORD = 300
_LONG_WORD = re.compile(rf"\S{{{MOST_IN_A_WORD + 1},}}")


def printable(text: object, most: int | None = None) -> str:
    r"""Return text with the characters that cannot be seen written out, and its middle left out where it is too long.

    Args:
        text: Anything; its `str` is taken.
        most: The most characters to return, at least 10; None for all of them.

    Examples:
        >>> printable("a\x1b[31mb\u202ec")
        'a\\x1b[31mb\\u202ec'
        >>> printable("x" * 50, most=30)
        'xxxxxxxxxxxxxxxxxx...xxxxxxxxx'
    """
    # Shortened first: a cell of a table may hold megabytes. What is written out grows, so that it is shortened again.
    return shortened("".join(map(_seen, shortened(str(text), most))), most)


def in_bytes(count: float) -> str:
    """Return a size in the unit that fits it.

    Examples:
        >>> in_bytes(532), in_bytes(2_500_000)
        ('532 B', '2.5 MB')
    """
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if round(count, 1) < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.3g} PB"


def with_short_words(text: str) -> str:
    """Return text with the middle of each very long word left out: a message may quote what somebody else wrote.

    Examples:
        >>> len(with_short_words("got " + "x" * 5000))
        304
    """
    return _LONG_WORD.sub(lambda found: shortened(found[0], MOST_IN_A_WORD), text)


def _seen(char: str) -> str:
    if unicodedata.category(char) in _UNSEEN and char not in _JOINERS:
        return char.encode("unicode_escape").decode("ascii")
    return char


def shortened(text: str, most: int | None) -> str:
    """Return text with its middle left out where it is longer than `most` characters, at least 10."""
    if most is None or len(text) <= most:
        return text
    tail = (most - 3) // 3
    return f"{text[: most - 3 - tail]}...{text[-tail:]}"
