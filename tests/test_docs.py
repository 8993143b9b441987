"""What the documents say is run."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import beliefnet
from beliefnet.cli import app

ROOT = Path(__file__).parent.parent
MODULES = [m.name for m in pkgutil.walk_packages(beliefnet.__path__, "beliefnet.")]


def test_the_readme_example_runs(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    names: dict = {}
    exec(compile(example, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert re.fullmatch(r"test ELBO -\d+\.\d\d \+- 0\.\d\d nats, NLL \d+\.\d\d\n", printed)
    history = names["fitted"].history
    assert history[-1]["valid_bound"] > history[0]["valid_bound"] + 1
    assert names["codes"].shape == (300, 20)
    assert names["images"].shape == (10, 64)


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert "://" in target or (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_option_of_the_documents_exists():
    """Options named in the documents are options of the command line."""
    known = {"--help", "--debug"}
    for command in ("train", "evaluate", "sample", "encode", "diagnose"):
        known |= {name for argument in app[command].assemble_argument_collection() for name in argument.names}
    named = {
        (page.name, option)
        for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "results" / "README.md"]
        for option in re.findall(r"(?<![\w-])--[a-z][a-z.-]*[a-z]", page.read_text())
    }
    assert len(named) > 20
    assert {(page, option) for page, option in named if option not in known} == set()
