"""A run folder of version 0.1.0 is refused with a sentence that works when followed."""

import json
import re
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

from beliefnet.catalogue import DataShape, TrainConfig, convert_run, load_named_run
from beliefnet.cli import run
from beliefnet.estimators import VIMCO
from beliefnet.evaluation import evaluate
from beliefnet.runs import RunFolder, RunFolderError, load_run
from beliefnet.training import fit

OLD = Path(__file__).parent / "fixtures" / "run-0.1.0"
ELBO, BOUND = -27.628, -25.352
"""Of the test split, as version 0.1.0 evaluated the run; 50 particles."""


@pytest.fixture
def converted(tmp_path):
    return convert_run(OLD, tmp_path / "new")


@pytest.mark.full
def test_the_refusal_says_what_works(tmp_path, capsys):
    old, new = tmp_path / "old", tmp_path / "new"
    shutil.copytree(OLD, old)
    for tokens in (["evaluate", str(old)], ["train", "--resume", str(old)]):
        assert run(tokens) == 1
        assert "beliefnet convert" in capsys.readouterr().err
    with pytest.raises(RunFolderError, match=r"which beliefnet 0\.1\.0 wrote; try beliefnet convert") as refusal:
        load_run(old)
    hint = re.search(r"try beliefnet (convert .*?), and", str(refusal.value))
    assert hint is not None
    assert run(hint[1].replace("NEW", str(new)).split()) == 0
    assert run(["evaluate", str(new), "--particles", "5"]) == 0
    assert run(["train", "--resume", str(new), "--epochs", "4"]) == 0


@pytest.mark.full
def test_a_converted_run_evaluates_to_what_it_did(converted):
    loaded = load_named_run(converted.path)
    assert loaded.net.layer_sizes == (12, 6)
    assert loaded.estimator == VIMCO(3)
    assert loaded.config == TrainConfig(
        hidden=(12, 6), estimator="vimco", particles=3, epochs=3, learning_rate=0.003, batch_size=100
    )
    assert loaded.environment == {"beliefnet": "0.1.0"}
    found = evaluate(loaded.net, loaded.config.load_data().test, num_particles=50, key=jax.random.key(3))
    assert found.elbo.mean == pytest.approx(ELBO, abs=0.1)
    assert found.bound.mean == pytest.approx(BOUND, abs=0.1)


def test_what_was_beside_the_checkpoint_comes_along(converted):
    assert converted.read_metrics() == RunFolder(OLD).read_metrics()
    assert converted.read_evaluation()["elbo"]["mean"] == pytest.approx(ELBO, abs=1e-3)
    assert len(converted.read_results("evaluation")) == 1


@pytest.mark.full
def test_a_converted_run_goes_on(converted):
    loaded = load_named_run(converted.path)
    dataset = loaded.config.load_data()
    net, estimator = loaded.config.build(DataShape.of(dataset))
    longer = TrainConfig(hidden=(12, 6), estimator="vimco", particles=3, epochs=6, learning_rate=0.003, batch_size=100)
    fitted = fit(net, dataset, estimator, options=longer.fit, folder=converted)
    bounds = [row["valid_bound"] for row in fitted.history]
    assert [row["epoch"] for row in fitted.history] == [1, 2, 3, 4, 5, 6]
    assert bounds[3] == pytest.approx(bounds[2], abs=0.5)
    assert bounds[-1] > bounds[2]


def test_the_old_folder_is_left_alone(tmp_path):
    before = {path: path.read_bytes() for path in OLD.rglob("*") if path.is_file()}
    convert_run(OLD, tmp_path / "new")
    assert {path: path.read_bytes() for path in OLD.rglob("*") if path.is_file()} == before


def test_a_run_of_today_needs_no_conversion(converted, tmp_path):
    with pytest.raises(RunFolderError, match="needs no conversion"):
        convert_run(converted.path, tmp_path / "newer")
    with pytest.raises(RunFolderError, match="in use"):
        convert_run(OLD, converted.path)


def test_the_values_are_the_saved_ones(converted):
    old = RunFolder(OLD).checkpoints.read().state
    new = converted.checkpoints.read().state
    assert new.pop(".best_score") == new[".best_bound"]
    starts = {".learner.step_scale": 1, ".learner.kl_share": 1, ".reduced_epoch": 0}
    assert {name: new.pop(name) for name in starts} == starts
    assert len(old) == len(new)

    def sums(leaves):
        return sorted(round(float(np.abs(np.asarray(v, np.float64)).sum()), 4) for v in leaves.values())

    assert sums(old) == sums(new)
    assert json.loads((OLD / "evaluation.json").read_text())["best_epoch"] == int(new[".best_epoch"])
