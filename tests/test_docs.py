"""What the documents say is run."""

import doctest
import importlib
import pkgutil
import re
import runpy
from pathlib import Path

import pytest

import beliefnet
from beliefnet.cli._app import load_all

ROOT = Path(__file__).parent.parent
MODULES = [m.name for m in pkgutil.walk_packages(beliefnet.__path__, "beliefnet.")]


def run_page(page: Path) -> dict:
    """Run a page's Python blocks in order, in one namespace; a failure names the line of the page."""
    text, names = page.read_text(), {}
    blocks = list(re.finditer(r"```python\n(.*?)```", text, re.DOTALL))
    assert blocks
    for block in blocks:
        above = "\n" * text[: block.start(1)].count("\n")
        exec(compile(above + block[1], str(page), "exec"), names)
    return names


def test_the_readme_example_runs(capsys):
    names = run_page(ROOT / "README.md")
    printed = capsys.readouterr().out
    assert re.fullmatch(r"test ELBO -\d+\.\d\d \+- 0\.\d\d nats, NLL \d+\.\d\d\n", printed)
    history = names["fitted"].history
    assert history[-1]["valid_bound"] > history[0]["valid_bound"] + 1
    assert names["codes"].shape == (300, 20)
    assert names["images"].shape == (10, 64)


PAGES = {
    "own_estimator.md": r"flip one: largest \|z\| \d\.\d\n$",
    "networks.md": r"^-2[0-5]\.\d+\n64 72\n\(5,\)\n$",
    "structured_prediction.md": r"^32 64\n\(10, 5, 64\)\n$",
    "visible.md": r"^2\.\d+\n$",
}
"""What the Python blocks of a page print; the pages' own assertions can fail, too."""


@pytest.mark.parametrize("page", PAGES)
def test_pages_run(page: str, capsys):
    run_page(ROOT / "docs" / page)
    assert re.search(PAGES[page], capsys.readouterr().out)


def test_the_structured_prediction_example_runs(capsys, tmp_path, monkeypatch):
    options = ["--hidden", "8", "6", "--epochs", "8", "--out", str(tmp_path)]
    monkeypatch.setattr("sys.argv", ["structured_prediction.py", *options])
    runpy.run_path(str(ROOT / "examples" / "structured_prediction.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    by_recognition, alone = (float(re.search(r":\s+(\d+\.\d+)", line)[1]) for line in lines[1:3])  # pyright: ignore
    assert by_recognition < 20
    assert abs(alone - by_recognition) < 1, "two estimates of one likelihood"
    assert (tmp_path / "completions.png").stat().st_size > 10_000


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert "://" in target or (page.parent / target).exists(), f"{page.name} links to {target}"


OPTION = r"(?<![\w-])--[a-z][a-z.-]*[a-z]"
BENCHMARK = r"`[^`]*(benchmarks/\w+\.py)[^`]*`"


def test_every_option_of_the_documents_exists():
    """Options named in the documents are options of the command line, or of the benchmark that is run with them."""
    known = {"--help", "--debug"}
    for command in ("train", "evaluate", "compare", "gaps", "sandwich", "sample", "encode", "diagnose", "impute"):
        known |= {name for argument in load_all()[command].assemble_argument_collection() for name in argument.names}
    named, unknown = set(), set()
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "results" / "README.md"]:
        text = page.read_text()
        for call in re.finditer(BENCHMARK, text):
            source = (ROOT / call[1]).read_text()
            unknown |= {(page.name, option) for option in re.findall(OPTION, call[0]) if f'"{option}"' not in source}
        named |= {(page.name, option) for option in re.findall(OPTION, re.sub(BENCHMARK, "", text))}
    assert len(named) > 20
    assert unknown | {(page, option) for page, option in named if option not in known} == set()
