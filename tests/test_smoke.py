"""Every command once, and nets of every kind: what has to work with the lowest versions of the dependencies, too."""

import re
from pathlib import Path

import numpy as np
import pytest

from beliefnet.cli import run
from beliefnet.cli._app import COMMANDS

pytestmark = pytest.mark.full

OLD = Path(__file__).parent / "fixtures" / "run-0.1.0"
TEXTS = ("ships sail the wide sea", "the sea carries ships", "bread and butter", "butter melts on warm bread") * 6


def call(line: str, *places: object) -> int:
    """Run a command line, and return its status; each `@` in it is replaced by the next place."""
    places_left = iter(places)
    return run([str(next(places_left)) if word == "@" else word for word in line.split()])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with bits, grey values and texts, and a run on the bits."""
    path = tmp_path_factory.mktemp("smoke")
    rng = np.random.default_rng(0)
    np.save(path / "bits.npy", (rng.random((60, 16)) < 0.3).astype(np.uint8))
    np.savez(path / "grey.npz", train_images=rng.integers(0, 256, (60, 16), dtype=np.uint8))
    (path / "texts.txt").write_text("\n".join(TEXTS))
    assert call("train --data @ --hidden 5 3 --batch-size 16 --epochs 2 --out @", path / "bits.npy", path / "run") == 0
    return path


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch):
    """What a command writes without being told where must not land in the source tree."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "train --resume @ --epochs 3",
        "export @",
        "runs @",
        "evaluate @ --particles 5",
        "evaluate @ --particles 5 --json",
        "evaluate @ --particles 5 --refine air:steps=2,samples=3",
        "evaluate @ --particles 2 --ais 4",
        "gaps @ --limit 5 --particles 5 --refine air:steps=2,samples=2",
        "report @",
        "sandwich @ --num 4 --ais 5 --particles 2",
        "diagnose @ --estimators nvil vimco:particles=2 --draws 20 --batch-size 5",
    ],
)
def test_a_command_runs(folder: Path, line: str):
    assert call(line, folder / "run") == 0


def test_files_are_written(folder: Path):
    assert call("sample @ --num 4 --out @", folder / "run", folder / "samples.png") == 0
    assert call("encode @ @ --out @", folder / "run", folder / "bits.npy", folder / "codes.npy") == 0
    assert np.load(folder / "codes.npy").shape[0] == 60
    assert (folder / "samples.png").stat().st_size > 100
    assert (
        call("impute @ @ --hide 0.5 --limit 5 --out @", folder / "run", folder / "bits.npy", folder / "completed.npy")
        == 0
    )


@pytest.mark.parametrize(
    "line",
    [
        "--estimator vimco --particles 2 --hidden 4",
        "--estimator wake-sleep --hidden 4 --optimizer rmsprop",
        "--estimator rebar --hidden 4",
        "--estimator em --refine air:steps=2,samples=2 --hidden 4",
        "--net fdarn --hidden 4",
        "--net categorical --hidden 3 --categories 3",
        "--net vae --hidden 3 --deterministic 5",
        "--net nade --hidden 4",
        "--hidden 4 --deterministic 6 --activation tanh",
        "--hidden 4 --convolution 3 --learning-rate 0.001",
    ],
)
def test_a_net_is_trained(folder: Path, tmp_path: Path, line: str):
    places = folder / "bits.npy", tmp_path / "run"
    assert call(f"train --data @ {line} --batch-size 16 --epochs 1 --out @", *places) == 0
    assert call("evaluate @ --particles 2", tmp_path / "run") == 0


def test_other_data_are_read(folder: Path, tmp_path: Path):
    grey = "train --data @ --visible logistic --hidden 3 --batch-size 16 --epochs 1 --out @"
    assert call(grey, folder / "grey.npz", tmp_path / "grey") == 0
    texts = "train --data @ --net document --hidden 3 --batch-size 8 --epochs 1 --out @"
    assert call(texts, folder / "texts.txt", tmp_path / "texts") == 0
    assert call("topics @", tmp_path / "texts") == 0
    assert "ships" in (tmp_path / "texts" / "vocabulary.txt").read_text().split()


def test_a_table_is_understood_and_its_outliers_are_found(folder: Path, tmp_path: Path):
    table = tmp_path / "survey.csv"
    table.write_text("age,job\n" + "31,clerk\n45,nurse\n,farmer\n28,\n60,nurse\n" * 12)
    assert call("schema @ --out @", table, tmp_path / "schema.toml") == 0
    assert call("outliers @ @ --out @ --particles 2", folder / "run", folder / "bits.npy", tmp_path / "odd.csv") == 0
    assert (tmp_path / "odd.csv").read_text().count("\n") == 61
    assert call("score @ @ --out @ --particles 2", folder / "run", folder / "bits.npy", tmp_path / "all.npy") == 0
    assert np.load(tmp_path / "all.npy").shape == (60, 2)


def test_models_are_compared(folder: Path, tmp_path: Path):
    models = "mixture:components=2 rbm:hidden=3,epochs=1,batch-size=16"
    assert call("evaluate @ --particles 2", folder / "run") == 0
    assert (
        call(f"compare --data @ --models {models} --runs @ --out @", folder / "bits.npy", folder / "run", tmp_path) == 0
    )


def test_an_old_run_is_converted(tmp_path: Path):
    assert call("convert @ @", OLD, tmp_path / "new") == 0
    assert (tmp_path / "new" / "checkpoints").is_dir()


def test_data_sets_are_listed(capsys):
    assert call("datasets") == 0
    assert "binarized-mnist" in capsys.readouterr().out


def test_a_workload_is_timed(capsys):
    assert call("bench --workloads nvil --peers scikit-learn --rounds 1 --seconds 0.01") == 0
    assert "products by XLA" in capsys.readouterr().out


def test_every_command_is_called():
    called = set(re.findall(r"""["']([a-z]+)[ "']""", Path(__file__).read_text()))
    assert set(COMMANDS) - called == set()
