"""Commands on runs that `fit` made: no config.toml, data by what the record says or by --data."""

import json

import jax
import numpy as np
import pytest
from commands import fails

from beliefnet.cli import run
from beliefnet.data import Dataset, load
from beliefnet.estimators import VIMCO
from beliefnet.nets import document_net, sigmoid_belief_net
from beliefnet.training import FitOptions, fit

BITS = (np.random.default_rng(0).random((60, 6)) < 0.4).astype(np.uint8)
COUNTS = np.random.default_rng(1).poisson(1.0, (40, 6)) + np.eye(6, dtype=int)[np.arange(40) % 6]
WORDS = ("apple", "pear", "plum", "fig", "quince", "lime")
OPTIONS = FitOptions(epochs=1, batch_size=10)


def sbn():
    return sigmoid_belief_net(6, (3,), key=jax.random.key(0))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run folders by what they were trained on."""
    place = tmp_path_factory.mktemp("python")
    for name, rows in (("x.npy", BITS), ("c.npy", COUNTS)):
        np.save(place / name, rows)
    fit(sbn(), Dataset.from_arrays(BITS), VIMCO(2), options=OPTIONS, folder=place / "arrays")
    fit(sbn(), load(place / "x.npy", valid_fraction=0.2), VIMCO(2), options=OPTIONS, folder=place / "other split")
    fit(sbn(), load(place / "x.npy"), VIMCO(2), options=OPTIONS, folder=place / "file")
    bars = sigmoid_belief_net(64, (3,), key=jax.random.key(0))
    fit(bars, load("bars"), VIMCO(2), options=FitOptions(epochs=1, batch_size=500), folder=place / "named")
    documents = Dataset.from_arrays(COUNTS, values="counts", columns=WORDS)
    fit(document_net(6, (3,), key=jax.random.key(0)), documents, VIMCO(2), options=OPTIONS, folder=place / "documents")
    return place


def report(capsys, *tokens):
    capsys.readouterr()
    assert run([*map(str, tokens), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.full
@pytest.mark.parametrize(("name", "num_test"), [("named", 1000), ("file", 6)])
def test_data_that_have_a_name_or_a_file_are_found(runs, name: str, num_test: int, capsys):
    found = report(capsys, "evaluate", runs / name, "--particles", 3)
    assert (found["num_examples"], found["split"]) == (num_test, "test")
    assert (runs / name / "evaluation.json").exists()


@pytest.mark.full
def test_rows_in_memory_are_asked_for(runs, capsys):
    for command in ("evaluate", "diagnose", "gaps"):
        error = fails(capsys, command, runs / "arrays")
        assert "data that can be loaded again, got arrays (in memory" in error
        assert "try --data FILE" in error
    assert report(capsys, "evaluate", runs / "arrays", "--data", runs / "x.npy", "--particles", 3)["num_examples"] == 60
    error = fails(capsys, "evaluate", runs / "other split")
    assert "got other contents of" in error
    assert "try naming it with --data" in error


@pytest.mark.parametrize(
    "command",
    [
        "encode arrays x.npy",
        pytest.param(
            "impute arrays x.npy --hide 0.5 --particles 4 --starts 2 --rounds 1 --refine air:steps=1,samples=2",
            marks=pytest.mark.full,
        ),
        "sample arrays --num 4",
        "sample documents --num 4",
        pytest.param("gaps arrays --data x.npy --particles 2 --refine air:steps=1,samples=2", marks=pytest.mark.full),
        pytest.param("sandwich arrays --num 2 --ais 2 --particles 2", marks=pytest.mark.full),
        pytest.param("diagnose arrays --data x.npy --draws 8 --estimators reinforce", marks=pytest.mark.full),
        pytest.param("topics documents --data c.npy", marks=pytest.mark.full),
    ],
)
def test_commands_work(runs, command: str, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    given = [str(runs / word) if (runs / word).exists() else word for word in command.split()]
    assert run(given) == 0
    shown = capsys.readouterr().out
    if "documents" in command:
        shown += "".join(path.read_text() for path in tmp_path.glob("*.txt"))
        assert "quince" in shown
    if command.startswith("impute"):
        assert "one half" in shown, "there is no mean of training data to fill in with"


@pytest.mark.full
def test_an_estimator_of_ones_own_says_nothing_of_particles(runs, tmp_path, capsys):
    class Own(VIMCO):
        """Known here alone."""

    fit(sbn(), Dataset.from_arrays(BITS), Own(2), options=OPTIONS, folder=tmp_path / "own")
    given = ("evaluate", tmp_path / "own", "--data", runs / "x.npy", "--particles", 3)
    assert "got one of a class of one's own; try --refine none" in fails(capsys, *given)
    assert report(capsys, *given, "--refine", "none")["num_examples"] == 60


def test_compare_reads_a_file_as_the_run_did(runs, tmp_path, capsys):
    rows = "".join(f"r{index},{','.join(map(str, row))},cat\n" for index, row in enumerate(BITS))
    (tmp_path / "x.csv").write_text(f"id,a,b,c,d,e,f,kind\n{rows}")
    data = load(tmp_path / "x.csv", drop="kind", name_column="id", split_seed=0)
    fit(sbn(), data, VIMCO(2), options=OPTIONS, folder=tmp_path / "run")
    assert report(capsys, "evaluate", tmp_path / "run", "--particles", 3)["data"]["checksum"] == data.record.checksum
    models = ("compare", "--models", "mixture:components=2")
    # Without --data, and with the same file, the run says how; another order of the columns is other data.
    for given in ((), ("--data", tmp_path / "x.csv"), ("--data", tmp_path / "x.csv", "--drop", "kind")):
        found = report(capsys, *models, "--runs", tmp_path / "run", *given)
        assert found["data"]["checksum"] == data.record.checksum
        settings = {row["model"]: row["settings"] for row in found["models"]}
        assert settings.keys() == {"mixture", "run"}
        assert settings["run"] == {"net": "BeliefNet 6-3", "estimator": "VIMCO"}
    error = fails(capsys, *models, "--runs", tmp_path / "run", "--split-seed", 1)
    assert "expected runs evaluated on the data of this table" in error
    assert "try --data digits" in fails(capsys, *models)
