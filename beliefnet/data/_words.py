"""The vocabulary of a matrix of word counts: one word a line, in a text file beside it."""

from collections.abc import Sequence
from pathlib import Path

from beliefnet._errors import DataError
from beliefnet.data._arrays import readable

SUFFIX = ".vocab.txt"


def vocabulary_path(path: Path) -> Path:
    """Return where the vocabulary of a matrix file is looked for: `mine.vocab.txt` for `mine.npz`."""
    return path.with_name(path.stem + SUFFIX)


def read_words(path: Path) -> tuple[str, ...]:
    """Read a vocabulary.

    Args:
        path: A text file in UTF-8, one word a line.

    Returns:
        The words, in the order of the columns that they name.

    Raises:
        DataError: If the file cannot be read, a line is empty, or a word occurs twice.
    """
    with readable(path):
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    words = tuple(line.strip() for line in (lines if lines[-1] else lines[:-1]))
    first: dict[str, int] = {}
    for number, word in enumerate(words, 1):
        if not word:
            raise DataError(f"expected one word a line in {path}, got an empty line {number}; try removing it")
        if first.setdefault(word, number) != number:
            raise DataError(
                f"expected different words in {path}, got {word!r} in lines {first[word]} and {number}; "
                "try adding up their columns"
            )
    return words


def write_words(path: Path, words: Sequence[str]) -> None:
    """Write a vocabulary as `read_words` reads it."""
    path.write_text("".join(f"{word}\n" for word in words), encoding="utf-8")


def words_beside(path: Path, num_columns: int) -> tuple[str, ...] | None:
    """Read the vocabulary beside a matrix file.

    Args:
        path: The matrix file.
        num_columns: Number of columns of the matrix, each of which needs a word.

    Returns:
        The words, or None where there is no such file.

    Raises:
        DataError: If the file cannot be used, or has more or fewer words than there are columns.
    """
    beside = vocabulary_path(path)
    if not beside.exists():
        return None
    words = read_words(beside)
    if len(words) != num_columns:
        raise DataError(
            f"expected {num_columns} words in {beside}, one for each column of {path.name}, got {len(words)}; "
            "try one word a line, and documents as the rows of the matrix"
        )
    return words


def numbered_words(num_columns: int) -> tuple[str, ...]:
    """Return names for columns without a vocabulary: `word 1`, `word 2` and so on."""
    return tuple(f"word {number}" for number in range(1, num_columns + 1))
