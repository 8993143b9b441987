"""beliefnet bench: contestants in turn, and the check that they compute the same."""

import io
import json
import os
import subprocess
import sys
import tomllib
from dataclasses import replace
from importlib.metadata import packages_distributions
from pathlib import Path

import numpy as np
import pytest
from commands import fails

from beliefnet.bench import _child, _measure
from beliefnet.bench._contestant import AbstractContestant, Product, Task, Work
from beliefnet.bench._definitions import DEFINITIONS, rows_of
from beliefnet.bench._measure import Effort, contestants_of, measure_task
from beliefnet.bench._own import contestant, task_of, work_of
from beliefnet.bench._process import Contestant, ContestantError
from beliefnet.bench._row import Bound, agreement
from beliefnet.bench.peers import PEERS
from beliefnet.cli import run

SMALL = {"num_visible": 12, "batch_size": 8}
SIZES = {
    "nvil": {"hidden": (5,)},
    "vimco": {"hidden": (5, 4, 3), "particles": 3},
    "iwae": {"hidden": (4,), "deterministic": (6,), "particles": 3},
    "em": {"hidden": (5,), "particles": 4},
    "nll": {"hidden": (5,), "particles": 20},
    "documents": {"hidden": (4,), "deterministic": (6,)},
}


def small(workload: str) -> Task:
    definition = replace(DEFINITIONS[workload], **SMALL, **SIZES[workload])
    return task_of(definition, rows_of(definition, 50))


def check_same(own: AbstractContestant, other: AbstractContestant, *, steps: int) -> None:
    """Both have the same bound, and move it alike."""
    found = [Bound.of([one.bound() for _ in range(200)]) for one in (own, other)]
    assert found[0].stderr > 0
    assert abs(agreement(*found)) < 4
    if steps:
        for one in (own, other):
            one.run(steps)
        after = [Bound.of([one.bound() for _ in range(100)]) for one in (own, other)]
        rises = [end.mean - begin.mean for begin, end in zip(found, after, strict=True)]
        assert rises[0] > 10 * after[0].stderr
        assert rises[1] == pytest.approx(rises[0], rel=0.3)


SECONDS = {"own": 1.0, "_torch:eager": 3.0, "_torch:compiled": 2.0, "_numpyro:usual": 4.0}
SECONDS |= {"xla-floor": 0.5, "_torch:floor": 0.25}
STARTS = {"own": -9.0, "_torch:eager": -9.0, "_torch:compiled": -8.0, "_numpyro:usual": -9.0}
RISES = {"own": 2.0, "_torch:eager": 2.1, "_torch:compiled": 2.0, "_numpyro:usual": 0.0}
CLOSED: list[str] = []


class Faked:
    """A process whose seconds and bounds are known beforehand."""

    def __init__(self, folder: Path, name: str):
        assert (folder / "task.json").exists()
        if name == "_pyro:usual":
            raise ContestantError("expected Pyro to run, got: it did not")
        self.name, self.ran = name, 0

    def run(self, count: int) -> float:
        self.ran += count
        return count * SECONDS[self.name]

    def bounds(self, seconds: float, most: int) -> list[float]:
        start = STARTS[self.name] + (RISES[self.name] if self.ran else 0)
        return [start - 0.01, start + 0.01] * 4

    def close(self) -> None:
        CLOSED.append(self.name)


@pytest.fixture
def faked(monkeypatch):
    monkeypatch.setattr(_measure, "Contestant", Faked)
    monkeypatch.setattr(type(PEERS["pytorch"]), "missing", property(lambda self: []))
    CLOSED.clear()


def test_a_ratio_counts_only_where_the_same_was_computed(faked):
    task = Task(DEFINITIONS["iwae"], np.zeros((4, 784), np.uint8), {}, Work())
    rows = measure_task(task, list(PEERS), Effort(3, 1.0), lambda _: None)
    found = {row.contestant: row for row in rows}
    eager = found["PyTorch, eager"]
    assert (eager.ratio, eager.of_floor, eager.error) == (3.0, 0.25 / 3, "")
    assert eager.examples_per_second == pytest.approx(100 / 3)
    assert found["beliefnet"].of_floor == 0.25
    assert found["PyTorch, compiled"].error.startswith("another bound: -8.00 +- 0.00, expected -9.00")
    assert found["PyTorch, compiled"].to_dict()["ratio"] is None
    assert found["NumPyro"].error == "another training: 20 steps raise the bound by 0.0 nats, expected 2.0"
    assert (found["Pyro"].error, found["Pyro"].seconds) == ("expected Pyro to run, got: it did not", [])
    assert found["scikit-learn"].note == "no variational autoencoder"
    assert sorted(CLOSED) == sorted(SECONDS)


def test_one_that_dies_between_rounds_is_an_error(faked, monkeypatch):
    class Mortal(Faked):
        def run(self, count: int) -> float:
            if self.name == "_numpyro:usual" and self.ran > 23:
                raise ContestantError("expected NumPyro to run, got: Killed")
            return super().run(count)

    monkeypatch.setattr(_measure, "Contestant", Mortal)
    task = Task(DEFINITIONS["iwae"], np.zeros((4, 784), np.uint8), {}, Work())
    found = {row.contestant: row for row in measure_task(task, ["numpyro"], Effort(3, 1.0), lambda _: None)}
    assert (found["NumPyro"].error, found["NumPyro"].ratio) == ("expected NumPyro to run, got: Killed", None)
    assert len(found["beliefnet"].seconds) == 3


def test_a_peer_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(type(PEERS["pytorch"]), "missing", property(lambda self: ["torch"]))
    assert list(contestants_of("nvil", ["pytorch", "numpyro"])) == ["beliefnet", "products by XLA"]
    assert [row.note for row in _measure._absent("nvil", ["pytorch"])] == [
        "not installed: pip install 'beliefnet[bench]'"
    ]


def test_a_task_is_read_as_it_was_written(tmp_path):
    task = small("em")
    task.save(tmp_path)
    found = Task.load(tmp_path)
    assert (found.definition, found.work) == (task.definition, task.work)
    np.testing.assert_array_equal(found.rows, task.rows)
    assert found.weights.keys() == {"prior", "up0.weight", "up0.bias", "down0.weight", "down0.bias"}
    np.testing.assert_array_equal(found.weights["up0.weight"], task.weights["up0.weight"])


def test_what_depends_on_a_datum_alone_is_multiplied_once():
    upward, downward = (Product(8, 12, 5), Product(8, 5, 4), Product(8, 4, 3)), (Product(24, 5, 12),)
    products = work_of(small("vimco").definition).trained
    assert products[0] == upward[0]
    assert downward[0] in products
    assert {product.rows for product in products[1:]} == {24}
    refined = work_of(small("em").definition)
    assert (refined.forward, refined.times) == (((32, 5, 12),), 20)
    assert refined.flops == 4 * (8 + 32) * 12 * 5 + 20 * 2 * 32 * 5 * 12


def test_a_process_that_fails_says_why(tmp_path):
    Task(DEFINITIONS["nll"], rows_of(DEFINITIONS["nll"], 2), {}, Work()).save(tmp_path)
    with pytest.raises(ContestantError, match="expected _nobody:usual to run, got: ModuleNotFoundError: No module"):
        Contestant(tmp_path, "_nobody:usual")


def test_a_process_answers_line_after_line(monkeypatch):
    class Counting(AbstractContestant):
        done = 0

        def run(self, count: int) -> None:
            self.done += count

        def bound(self) -> float:
            return float(self.done)

    monkeypatch.setattr(_child, "make", lambda task, name: Counting())
    answers = io.StringIO()
    _child.serve(small("nll"), "own", io.StringIO("bound 0 9\nrun 3\nbound 9 20\n"), answers)
    ready, before, seconds, after = (json.loads(line) for line in answers.getvalue().splitlines())
    assert (ready, before, after) == ("ready", [0.0] * _child.LEAST_BOUNDS, [3.0] * 20)
    assert seconds >= 0


@pytest.mark.full(but=["nvil"])
@pytest.mark.parametrize("workload", ["nvil", "iwae", "nll", "documents"])
def test_numpyro_computes_the_same(workload):
    own = small(workload)
    other = _child.make(own, "_numpyro:usual")
    # Without a baseline it does not move as NVIL does.
    check_same(contestant(own), other, steps=40 if workload in ("iwae", "documents") else 0)


@pytest.mark.full
@pytest.mark.parametrize("workload", list(DEFINITIONS))
def test_pytorch_computes_the_same(workload):
    pytest.importorskip("torch", reason="the peers of the comparison need pip install 'beliefnet[bench]'")
    own = small(workload)
    check_same(contestant(own), _child.make(own, "_torch:eager"), steps=40 if workload != "nll" else 0)


@pytest.mark.full
@pytest.mark.parametrize("workload", [name for name in DEFINITIONS if name not in PEERS["pyro"].cannot])
def test_pyro_computes_the_same(workload):
    pytest.importorskip("pyro", reason="the peers of the comparison need pip install 'beliefnet[bench]'")
    own = small(workload)
    check_same(contestant(own), _child.make(own, "_pyro:usual"), steps=40 if workload in ("iwae", "documents") else 0)


def test_the_command_shows_and_writes_what_was_measured(faked, here, capsys):
    words = ["bench", "--workloads", "nll", "--peers", "pytorch", "scikit-learn", "--out", "bench.png"]
    assert run([*words, "--quiet"]) == 1
    shown = capsys.readouterr().out
    assert "3.00" in shown
    assert "nll, PyTorch, compiled: ERROR: another bound: -8.00" in shown
    assert "nll, scikit-learn: no sigmoid belief net" in shown
    written = json.loads(Path("bench.json").read_text())
    ratios = {row["contestant"]: row["ratio"] for row in written["rows"]}
    assert ratios == {
        "beliefnet": 1.0,
        "PyTorch, eager": 3.0,
        "PyTorch, compiled": None,
        "products by XLA": 0.5,
        "products by PyTorch": 0.25,
        "scikit-learn": None,
    }
    assert Path("bench.png").read_bytes()[1:4] == b"PNG"
    assert run(["bench", "--workloads", "nll", "--peers", "scikit-learn"]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--seconds 0", "expected --seconds above 0, got 0.0; try 1"),
        ("--rounds 0", "expected --rounds of at least 1, got 0"),
        ("--workloads nvl", "some of nvil, vimco, iwae, em, nll, documents, got"),
        ("--out bench.jpg", "expected --out to end in .png"),
    ],
)
def test_what_cannot_be_measured_is_refused(here, capsys, words, message):
    assert message in fails(capsys, "bench", *words.split())


@pytest.mark.full
def test_the_benchmark_of_accelerators_needs_the_numerical_libraries_alone():
    """It is not installed where it runs; with the other dependencies out of reach, training imports none of them."""
    root = Path(__file__).parents[1]
    needed = {"jax", "equinox", "optax", "numpyro", "jaxtyping", "numpy", "scipy"}
    declared = tomllib.loads((root / "pyproject.toml").read_text())["project"]["dependencies"]
    others = {each.partition(">")[0].replace("-", "_") for each in declared} - needed
    owners = {module: {each.replace("-", "_") for each in names} for module, names in packages_distributions().items()}
    assert others <= set().union(*owners.values())
    modules = [module for module, names in owners.items() if names & others]
    script = root / "benchmarks" / "accelerator.py"
    sizes = ["--steps", "2", "--rounds", "1", "--images", "3", "--examples", "200", "--batch-sizes", "100"]
    program = f"""
import runpy, sys
sys.modules |= dict.fromkeys({modules})
sys.path[:] = [{str(script.parent)!r}, *(path for path in sys.path if path not in ("", {str(root)!r}))]
sys.argv = {[str(script), "--workloads", "nvil", "nll", *sizes]}
runpy.run_path(sys.argv[0], run_name="__main__")
"""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "BELIEFNET_CACHE")}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd="/", env=environment)
    assert ran.stderr == ""
    assert [line.split(",")[0] for line in ran.stdout.splitlines()[-2:]] == ["NVIL", "NLL"]
