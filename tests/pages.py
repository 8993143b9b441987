"""The documents, taken apart: prose, blocks of code, command lines, and names of the code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "results" / "README.md"]
CHANGELOG = ROOT / "CHANGELOG.md"
LIMIT = 120

_INDENT = 4


@dataclass(frozen=True)
class Piece:
    """Some text of a page.

    Attributes:
        line: Its first line, counted from 1.
        text: The text.
        language: Of a block of code: what follows the fence; None for an indented block.
    """

    line: int
    text: str
    language: str | None = None


def blocks(page: str) -> Iterator[Piece]:
    """Yield the blocks of code of a page, fenced or indented by four spaces after an empty line."""
    lines = page.splitlines()
    number = 0
    while number < len(lines):
        fence = re.match(r"```(\S*)", lines[number])
        if fence:
            end = next(n for n in range(number + 1, len(lines)) if lines[n].startswith("```"))
            yield Piece(number + 2, "\n".join(lines[number + 1 : end]), fence[1])
            number = end + 1
        elif _is_indented(lines, number):
            end = next((n for n in range(number, len(lines)) if lines[n].strip() and lines[n][0] != " "), len(lines))
            yield Piece(number + 1, "\n".join(line[_INDENT:] for line in lines[number:end]))
            number = end
        else:
            number += 1


def _is_indented(lines: list[str], number: int) -> bool:
    return lines[number].startswith(" " * _INDENT) and number > 0 and not lines[number - 1].strip()


def overlong(page: str) -> list[Piece]:
    """Return the lines of prose over the limit: not those of tables, pictures and links to elsewhere."""
    return [
        p for p in prose(page) if len(p.text) > LIMIT and not p.text.startswith(("|", "![")) and "://" not in p.text
    ]


def prose(page: str) -> list[Piece]:
    """Return the lines of a page that are not code."""
    code: set[int] = set()
    for block in blocks(page):
        fence = 0 if block.language is None else 1
        code |= set(range(block.line - fence, block.line + block.text.count("\n") + 1 + fence))
    return [Piece(n, line) for n, line in enumerate(page.splitlines(), 1) if n not in code]


def spans(page: str) -> Iterator[Piece]:
    """Yield what stands between backticks in the prose, also where it goes on in the next line."""
    lines = [""] * page.count("\n") + [""]
    for piece in prose(page):
        lines[piece.line - 1] = piece.text
    text = "\n".join(lines)
    for paragraph in re.finditer(r"(?:.+\n?)+", text):
        for span in re.finditer(r"(?<!`)`([^`]+)`(?!`)", paragraph[0]):
            before = text[: paragraph.start() + span.start()]
            yield Piece(before.count("\n") + 1, " ".join(span[1].split()))


def commands(page: str, program: str = "beliefnet") -> Iterator[Piece]:
    """Yield the command lines of a page that call `program`: in shell or indented blocks, and between backticks."""
    for block in blocks(page):
        if block.language in (None, "", "sh"):
            joined = re.sub(r"\\\n", lambda _: " ", block.text)
            for number, line in enumerate(joined.splitlines()):
                if line.strip().startswith(f"{program} "):
                    yield Piece(block.line + number, line.strip())
    for span in spans(page):
        if span.text.startswith(f"{program} "):
            yield span


def anchors(page: str) -> set[str]:
    """Return the anchors of a page's headings, as they are made by where such pages are read."""
    headings = [piece.text.lstrip("#").strip() for piece in prose(page) if re.match(r"#+ ", piece.text)]
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: str) -> Iterator[Piece]:
    """Yield the targets of links and pictures."""
    for piece in prose(page):
        yield from (Piece(piece.line, target) for target in re.findall(r"\]\(([^)\s]+)\)", piece.text))
