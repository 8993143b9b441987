"""The field's words are used in code and prose, and none that were given up for them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GIVEN_UP = (
    r"(?<![a-z])(payments?|pay(?:s|ing)?|paid|buy(?:s|ing)?|bought|purchas(?:e|es|ed|ing)|stand[-_ ]?ins?|watchers?"
    r"|whereabouts|sittings?|mend(?:s|ed|ing)?)(?![a-z])"
)
# A title, and the names that older files and programs have.
LEGITIMATE = (
    "Buy 4 REINFORCE samples",
    "`vimco.stand_in` is `vimco.replacement`",
    "`Payment` is",
    "`StandIn` is `Replacement`",
    "`Watcher` is `Callback`",
    '{"stand_in": "replacement"}',
    'if "stand_in" in values',
)


def given_up(text: str) -> list[str]:
    for phrase in LEGITIMATE:
        text = text.replace(phrase, "")
    return re.findall(GIVEN_UP, text, re.IGNORECASE)


def test_words_are_those_of_the_field():
    folders = [ROOT / "beliefnet", ROOT / "docs", ROOT / "benchmarks", ROOT / "examples"]
    pages = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".md", ".toml")]
    pages += [ROOT / "README.md", ROOT / "CHANGELOG.md"]
    assert len(pages) > 200
    found = {path.name: words for path in pages if (words := given_up(path.read_text(encoding="utf-8")))}
    assert found == {}


@pytest.mark.parametrize(
    "text", ["the Payment of", "_pay_units", "pays\n", "stand-in", "stand_ins", "a watcher", "mended"]
)
def test_a_planted_word_is_caught(text: str):
    assert len(given_up(text)) == 1


@pytest.mark.parametrize("text", ["amendment", "payload", "recommended", "buyer", "standing", "outstanding", "display"])
def test_other_words_pass(text: str):
    assert given_up(text) == []
