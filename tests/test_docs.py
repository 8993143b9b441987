"""What the documents say is run."""

import ast
import doctest
import importlib
import importlib.util
import json
import os
import re
import runpy
import shlex
import tomllib
from pathlib import Path

import jax
import jax.numpy as jnp
import named
import numpy as np
import pytest
from cyclopts import CycloptsError, MissingArgumentError
from pages import CHANGELOG, DOCUMENTS, ROOT, anchors, commands, links, overlong, spans

from beliefnet.catalogue import ESTIMATORS, TrainConfig
from beliefnet.cli._app import load_all
from beliefnet.cli._common import COMMON, split_common
from beliefnet.cli._flags import given_flags
from beliefnet.data import load
from beliefnet.estimators import VIMCO
from beliefnet.nets import sigmoid_belief_net

app = load_all()
MODULES = named.module_names()


def by_name(page: Path) -> str:
    return f"{page.parent.name}-{page.name}" if page.name == "README.md" else page.name


IS_THERE = {
    "files": lambda: bool(os.environ.get("BELIEFNET_DATA")),
    "mlflow": lambda: importlib.util.find_spec("mlflow") is not None,
    "tensorboardx": lambda: importlib.util.find_spec("tensorboardX") is not None,
}
"""What a block of a page needs, and is left out without."""


def run_page(page: Path, names: dict) -> dict:
    """Run a page's Python blocks in order, in one namespace; a failure names the line of the page."""
    text = page.read_text()
    found = list(re.finditer(r"```python(?: needs-(\w+))?\n(.*?)```", text, re.DOTALL))
    assert found
    for block in found:
        # Neither data sets that are not embedded nor large packages are at hand everywhere.
        if block[1] and not IS_THERE[block[1]]():
            continue
        above = "\n" * text[: block.start(2)].count("\n")
        exec(compile(above + block[2], str(page), "exec"), names)
    return names


@pytest.mark.full
def test_the_readme_example_runs(capsys):
    names = run_page(ROOT / "README.md", {})
    printed = capsys.readouterr().out
    assert re.fullmatch(r"test ELBO -\d+\.\d\d \+- 0\.\d\d nats, NLL \d+\.\d\d\n", printed)
    history = names["fitted"].history
    assert history[-1]["valid_bound"] > history[0]["valid_bound"] + 1
    assert names["codes"].shape == (300, 20)
    assert names["images"].shape == (10, 64)


PRINTED = {
    "own_estimator.md": r"flip one: largest \|z\| \d\.\d\n$",
    "networks.md": r"^-(19|2[0-5])\.\d+\n64 72\n\(50, 50, 3\)\n\(5,\)\n$",
    "structured_prediction.md": r"^32 64\n\(10, 5, 64\)\n$",
    "visible.md": r"^2\.\d+\nexpected zeros and ones.*\n$",
}
"""What the Python blocks of a page print; the pages' own assertions can fail, too."""

LONG = {"own_estimator.md", "impute.md", "networks.md", "visible.md"}
TAUGHT = [
    pytest.param(page, marks=pytest.mark.full if page.name in LONG else (), id=page.name)
    for page in DOCUMENTS[1:]
    if "```python" in page.read_text() and page.name != "extending.md"  # tests/test_extending.py runs it
]


def supplied() -> dict:
    """What pages speak of without making it: a net, rows of data, a key, an estimator and its state."""
    net = sigmoid_belief_net(64, (6, 4), key=jax.random.key(0))
    rows, estimator = load("digits").test[:20], VIMCO(3)
    return {
        "key": jax.random.key(1),
        "net": net,
        "rows": rows,
        "x": jnp.asarray(rows, float),
        "estimator": estimator,
        "state": estimator.init(net),
    }


def write_files(folder: Path) -> None:
    """Write the files that pages call the reader's own."""
    rng = np.random.default_rng(0)
    np.save(folder / "mine.npy", rng.random((50, 9)).astype(np.float32))
    np.savetxt(folder / "new.csv", rng.integers(0, 2, (3, 784)), fmt="%d", delimiter=",")
    (folder / "new_texts").mkdir()
    (folder / "new_texts" / "one.txt").write_text("An article for people who write articles.")


@pytest.mark.full(but=["data.md"])
@pytest.mark.parametrize("page", TAUGHT)
def test_pages_run(page: Path, capsys, tmp_path, monkeypatch):
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    own = set(tmp_path.iterdir())
    run_page(page, supplied())
    added = {path.name for path in set(tmp_path.iterdir()) - own if path.suffix in (".csv", ".npy", ".txt")}
    assert not added, "a page writes files of data where the reader may have some of these names"
    printed = capsys.readouterr().out
    assert re.search(PRINTED.get(page.name, ""), printed)
    # What a page prints about a thing, and the row of that thing in its tables.
    for name, *found in re.findall(r"^(\w+): .*variance ([\d.]+), SNR ([\d.]+)$", printed, re.MULTILINE):
        row = re.search(rf"^\| `{name}` \| ([\d.]+) \| ([\d.]+) \|$", page.read_text(), re.MULTILINE)
        assert row, f"{page.name} has no row of {name}"
        np.testing.assert_allclose(np.array(row.groups(), float), np.array(found, float), rtol=0.2)


@pytest.mark.full
@pytest.mark.parametrize("ahead", [[], ["--ahead"]], ids=["recognition", "ahead"])
def test_the_structured_prediction_example_runs(capsys, tmp_path, monkeypatch, ahead):
    options = ["--hidden", "8", "6", "--epochs", "8", "--out", str(tmp_path), "--folder", str(tmp_path / "run"), *ahead]
    monkeypatch.setattr("sys.argv", ["structured_prediction.py", *options])
    runpy.run_path(str(ROOT / "examples" / "structured_prediction.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    by_recognition, alone = (float(re.search(r":\s+(\d+\.\d+)", line)[1]) for line in lines[1:3])  # pyright: ignore
    assert by_recognition < 20
    assert abs(alone - by_recognition) < 1, "two estimates of one likelihood"
    record = json.loads((tmp_path / "predictions.json").read_text())
    assert record["nll_100_alone"]["mean"] == pytest.approx(alone, abs=0.006)
    assert (tmp_path / "completions.png").stat().st_size > 10_000
    assert (tmp_path / "run" / "net.safetensors").stat().st_size > 1000


def test_figures_of_structured_prediction_are_those_of_the_record():
    record = json.loads((ROOT / "results/binarized-mnist/structured-240-240/predictions.json").read_text())
    page = (ROOT / "docs" / "structured_prediction.md").read_text()
    row = re.search(r"^\| 50 draws .*\| ([\d.]+) \+- ([\d.]+) \| ([\d.]+) \+- ([\d.]+) \|$", page, re.MULTILINE)
    found = [record[name][key] for name in ("nll_100_alone", "nll_100_of_recognition") for key in ("mean", "stderr")]
    assert row is not None
    assert [float(cell) for cell in row.groups()] == pytest.approx(found, abs=0.005)


SLOW_EXAMPLES = {
    *("_fit", "estimators._nvil", "estimators._driver_particles", "estimators._likelihood", "moves._discrete"),
    *("nets._bottom", "numpyro._bounds", "evaluation._impute", "evaluation._gradient_costs", "evaluation._two_sided"),
    *("sklearn._nets", "sklearn._imputer", "sklearn._outliers"),
}


@pytest.mark.full(but=[name for name in MODULES if name.removeprefix("beliefnet.") not in SLOW_EXAMPLES])
@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("page", [*DOCUMENTS, CHANGELOG], ids=by_name)
def test_links_lead_somewhere(page: Path):
    for link in links(page.read_text()):
        target, _, anchor = link.text.partition("#")
        if "://" in target:
            continue
        place = page.parent / target if target else page
        assert place.exists(), f"{page.name}:{link.line} links to {target}"
        assert not anchor or anchor in anchors(place.read_text()), f"{page.name}:{link.line} links to #{anchor}"


def test_the_site_has_every_page():
    nav = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
    named_there = set(re.findall(r"'([^' ]+\.md)'", str(nav)))
    made = {"results.md", "changelog.md", "commands.md"}
    assert {page for page in named_there if "/" not in page} == {p.name for p in (ROOT / "docs").glob("*.md")} | made
    packages = {f"reference/beliefnet.{Path(name).parent.name}.md" for name in ROOT.glob("beliefnet/*/__init__.py")}
    assert {page for page in named_there if page.startswith("reference")} == (
        packages - {"reference/beliefnet.cli.md", "reference/beliefnet.bench.md"} | {"reference/beliefnet.md"}
    )
    tutorials = {f"tutorials/{path.stem}.md" for path in (ROOT / "examples").glob("*.ipynb")}
    assert {page for page in named_there if page.startswith("tutorials")} == tutorials


@pytest.mark.parametrize("page", [*DOCUMENTS, CHANGELOG], ids=by_name)
def test_lines_fit(page: Path):
    assert [(line.line, len(line.text)) for line in overlong(page.read_text())] == []


@pytest.mark.parametrize("page", DOCUMENTS, ids=by_name)
def test_what_the_code_does_not_have_is_not_named(page: Path):
    text = page.read_text()
    # What a page defines itself is there as well.
    own = "|".join(["$", *re.findall(r"^(?:class|def) (\w+)", text, re.MULTILINE)])
    wrong = [(span.line, fault) for span in spans(text) for fault in named.faults(span.text)]
    assert [(line, fault) for line, fault in wrong if not re.search(rf"\b({own})$", fault)] == []


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("evaluation.evaluated", "evaluation has no evaluated"),
        ("beliefnet.estimator.VIMCO", "beliefnet has no estimator"),
        ("Trace.log_weigth", "Trace has no log_weigth"),
        ("result.nlls", "result has no nlls"),
        ("sigmoid_belief_net(64, (50,), input_means=mean)", "sigmoid_belief_net has no parameter input_means"),
        ("FitOptions(batchsize=20)", "FitOptions has no parameter batchsize"),
        ("VariationalExpectation", "there is no VariationalExpectation"),
        ("num_particle", "there is no num_particle"),
        ("estimators/_vimcos.py", "there is no estimators/_vimcos.py"),
        ("beliefnet/estimator/", "there is no beliefnet/estimator/"),
    ],
)
def test_a_planted_name_is_caught(code: str, fault: str):
    assert fault in named.faults(code)


@pytest.mark.parametrize(
    "code",
    [
        "evaluation.evaluate(net, data.test, num_particles=100, key=key)",
        "Estimate.net",
        "log p(x, h)",
        "estimators/_vimco.py",
        "runs/mnist",
        "p.npz",
        "evaluation.json",
        "--nvil.smoothing 0.9",
    ],
)
def test_what_is_there_passes(code: str):
    assert named.faults(code) == []


MARKERS = r"^(?:<{7}|>{7}|\|{7})(?: |$)|^={7}$"
TEXTS = {".md", ".py", ".toml", ".txt", ".json", ".jsonl", ""}


def test_no_conflict_is_left():
    folders = ("beliefnet", "tests", "docs", "benchmarks", "examples", "results", ".ci")
    paths = [*ROOT.glob("*"), *(path for folder in folders for path in (ROOT / folder).rglob("*"))]
    texts = [path for path in paths if path.is_file() and path.suffix in TEXTS and "checkpoints" not in path.parts]
    assert len(texts) > 200
    marked = [path for path in texts if re.search(MARKERS, path.read_text(errors="replace"), re.MULTILINE)]
    assert marked == []
    assert re.search(MARKERS, "one\n" + 7 * "<" + " HEAD\ntwo\n", re.MULTILINE)


# The page that adds things of its own has a test of its own, which adds them.
PLAIN = [page for page in DOCUMENTS if page.name != "extending.md"]
OPTION = r"(?<![\w-])--[a-z][a-z.-]*[a-z]"
BENCHMARK = re.compile(
    r"`[^`]*((?:benchmarks|examples)/\w+\.py)[^`]*`|^    .*((?:benchmarks|examples)/\w+\.py).*$", re.M
)


HELP = {"--help", "--help-all", "--version", "--install-completion"}
ELSEWHERE = {"--logdir", "--backend-store-uri"}
"""Options of TensorBoard and MLflow, which show what was recorded."""


def known_options() -> set[str]:
    return HELP | ELSEWHERE | {"--full", "--name.option"} | {option.name for option in COMMON} | options_below(app)


def options_below(commands) -> set[str]:
    found = set()
    for command in commands:
        if not command.startswith("-"):
            found |= {name for argument in commands[command].assemble_argument_collection() for name in argument.names}
            found |= options_below(commands[command])
    return found


def test_every_option_of_the_documents_exists():
    """Options named in the documents are options of the command line, or of a script."""
    places = [ROOT / folder for folder in ("benchmarks", "examples", "tests")]
    scripts = [path.read_text() for place in places for path in place.rglob("*.py")]
    known, named_options, unknown = known_options(), set(), set()
    known |= {option for script in scripts for option in re.findall(r'add_argument\(\s*"(--[\w-]+)"', script)}
    for page in PLAIN:
        text = page.read_text()
        for call in BENCHMARK.finditer(text):
            source = (ROOT / (call[1] or call[2])).read_text()
            unknown |= {(page.name, option) for option in re.findall(OPTION, call[0]) if f'"{option}"' not in source}
        others = re.findall(OPTION, BENCHMARK.sub("", text))
        named_options |= {(page.name, option) for option in others}
    assert len(named_options) > 20
    assert unknown | {(page, option) for page, option in named_options if option not in known} == set()


def test_every_option_in_the_sources_exists():
    """Options named by errors, warnings and docstrings are options of the command line."""
    known, unknown = {*known_options(), "--data"}, []
    for path in sorted((ROOT / "beliefnet").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                unknown += [(path.name, option) for option in re.findall(OPTION, node.value) if option not in known]
    assert unknown == []


def tokens(command: str) -> list[str]:
    """Split a command line of a page: brackets say what can be left out, bars what can stand there instead."""
    words = shlex.split(command, comments=True)[1:]
    words = [word.strip("[]").split("|")[0] for word in words if "..." not in word]
    return [word for word in words if word]


def parse(command: str) -> None:
    """Read a command line without running it; a command that is only named may want more arguments."""
    _, words = split_common(tokens(command))
    if HELP.intersection(words):
        assert len(words) == 1 or words[0] in app
        return
    try:
        _, bound, *_ = app.parse_args(words, exit_on_error=False, print_error=False)
    except MissingArgumentError:
        if len(words) > 1 or words[0] not in app:
            raise
        return
    if "flags" in bound.arguments:
        TrainConfig(**given_flags(bound.arguments["flags"]))


@pytest.mark.parametrize("page", PLAIN, ids=by_name)
def test_every_command_line_parses(page: Path):
    wrong = []
    for command in commands(page.read_text()):
        try:
            parse(command.text)
        except (CycloptsError, ValueError) as error:
            wrong.append(f"{page.name}:{command.line}: {command.text}: {error}")
    assert wrong == []


def test_a_planted_command_line_is_caught():
    for command in ("beliefnet evaluate DIR --particle 5", "beliefnet train --hidden two", "beliefnet trian"):
        with pytest.raises((CycloptsError, ValueError)):
            parse(command)


def test_the_readme_counts_what_there_is():
    text = " ".join((ROOT / "README.md").read_text().split())
    assert int(re.search(r"(\d+) gradient estimators", text)[1]) == len(ESTIMATORS)  # pyright: ignore
