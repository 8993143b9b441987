"""What a mutant is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One change of the package.

    Attributes:
        what: What is wrong then.
        file: Where, below the package.
        old: Text that occurs there once.
        new: What it becomes.
        tests: Arguments of pytest.
    """

    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def in_tests(path: str, words: str = "") -> tuple[str, ...]:
    """Return the arguments of pytest that choose tests of a module, all or those with words in their names."""
    return (f"tests/{path}.py", *(("-k", words) if words else ()))
