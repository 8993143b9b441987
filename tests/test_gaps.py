"""The gaps between ELBO and log-likelihood, from Python and from the command line."""

import json

import jax
import numpy as np
import pytest
from cases import OBSERVATIONS, chain_net, small_net
from commands import fails
from pages import ROOT

from beliefnet.cli import run
from beliefnet.cli._sandwich import _show
from beliefnet.distributions import normal
from beliefnet.evaluation import Mean, Sandwich, exact_elbo, exact_log_likelihood, inference_gaps
from beliefnet.evaluation._gaps import _best
from beliefnet.plots import plot_refinement
from beliefnet.plots._refinement import _labelled
from beliefnet.refiners import AIR, GDIR

ROWS = np.tile(OBSERVATIONS, (20, 1))
QUICK = ("--particles", "20", "--refine", "air:steps=3,samples=4", "--steps", "2")


@pytest.mark.full
def test_gaps_are_those_of_the_exact_quantities():
    net = small_net(2)
    gaps = inference_gaps(net, ROWS, AIR(30, 200), num_particles=2000, steps=(2,), key=jax.random.key(0))
    elbo, log_likelihood = (float(f(net, OBSERVATIONS).mean()) for f in (exact_elbo, exact_log_likelihood))
    assert list(gaps.evaluations) == [0, 2, 30]
    assert gaps.evaluations[0].elbo.mean == pytest.approx(elbo, abs=0.03)
    assert gaps.log_likelihood.mean == pytest.approx(log_likelihood, abs=0.03)
    assert gaps.inference.mean == pytest.approx(log_likelihood - elbo, abs=0.03)
    assert gaps.inference.mean == pytest.approx(gaps.amortisation.mean + gaps.approximation.mean)
    # One factorial posterior per datum is much better than the recognition net's, and not perfect.
    assert gaps.amortisation.mean > 5 * gaps.amortisation.stderr > 0
    assert 0 < gaps.approximation.mean < gaps.amortisation.mean
    assert gaps.evaluations[0].elbo.mean < gaps.evaluations[2].elbo.mean < gaps.evaluations[30].elbo.mean


def test_each_half_of_the_data_is_judged_by_the_other():
    bounds = np.array([[0.0, 3.0, 0.0, 3.0], [1.0, 1.0, 1.0, 1.0]])
    np.testing.assert_array_equal(_best(bounds), [0, 1, 0, 1])
    np.testing.assert_array_equal(_best(bounds[:, :1]), [1])


@pytest.mark.full
def test_settings_of_the_refiner_are_kept_and_progress_goes_on():
    net, seen = chain_net((normal, 1)), []
    gaps = inference_gaps(net, ROWS, GDIR(2, 2), num_particles=5, key=jax.random.key(0), progress=seen.append)
    assert list(gaps.evaluations) == [0, 1, 2]
    assert seen == [60, 120, 180]
    assert gaps.to_dict()["evaluations"][2]["num_particles"] == 5


@pytest.mark.parametrize(
    ("refiner", "steps", "message"),
    [
        (AIR(0), None, "a refiner with one step or more, got 0"),
        (AIR(3), (4,), "steps from 0 to the refiner's own 3, got 4"),
        (AIR(3), (-1,), "got -1"),
        (GDIR(3), None, "latent layer 1"),
    ],
)
def test_what_cannot_be_refined_is_refused(refiner, steps, message: str):
    with pytest.raises(ValueError, match=message):
        inference_gaps(small_net(2), ROWS, refiner, num_particles=5, steps=steps, key=jax.random.key(0))


def test_the_table_of_gains_is_that_of_the_records():
    page = (ROOT / "docs" / "refinement.md").read_text()
    table = page.partition("<!-- table of gains")[2].partition("<!-- end -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "." in line]
    names = iter(("air", "straight-through", "concrete", "mean-passing", "air-mean-field", "air-papers"))
    refiner = "air"
    assert len(rows) == 19
    for label, steps, *figures in rows[1:]:
        refiner = next(names) if label else refiner
        for name, shown in (("digits-200-nvil", figures[:3]), ("digits-40-30-20-vimco", figures[3:])):
            record = json.loads((ROOT / "results" / "digits" / "refinement" / f"{name}-{refiner}.json").read_text())
            found = record[name]["evaluations"][steps]
            measured = found["elbo"]["mean"], -found["ladder"]["100"]["mean"], found["ess"]["mean"]
            assert shown == [f"{value:.{digits}f}" for value, digits in zip(measured, (2, 2, 0), strict=True)]


def test_the_table_of_learned_gains_is_that_of_the_records():
    page = (ROOT / "docs" / "refinement.md").read_text()
    table = page.partition("<!-- table of learned gains")[2].partition("<!-- end -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "." in line]
    refiners = ("learned", "learned", "learned", "air")
    assert [row[1] for row in rows] == ["0", "1", "5", "20"]
    for (_, steps, *figures), refiner in zip(rows, refiners, strict=True):
        for name, shown in (("digits-200-iterative", figures[:3]), ("digits-40-30-20-iterative", figures[3:])):
            record = json.loads((ROOT / "results" / "digits" / "refinement" / f"{name}-{refiner}.json").read_text())
            found = record[name]["evaluations"][steps]
            measured = (found["elbo"]["mean"], 2), (found["bound"]["mean"], 2), (found["ess"]["mean"], 0)
            assert shown == [f"{value:.{digits}f}" for value, digits in measured]


@pytest.mark.parametrize("steps", [[0], [0, 1], [0, 20], [0, 1, 2, 5, 10, 20, 50, 60], [*range(0, 200, 3)]])
def test_labels_of_steps_do_not_meet(steps: list[int]):
    labels = _labelled(steps)
    assert (labels[0], labels[-1]) == (steps[0], steps[-1])
    assert set(labels) <= set(steps)
    places = np.log1p(labels) / np.log1p(steps[-1] or 1)
    assert np.all(np.diff(places) >= 0.05 - 1e-9)
    assert len(labels) >= min(len(steps), 7)


def test_a_picture_of_nothing_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one net"):
        plot_refinement({}, tmp_path / "none.png")


@pytest.mark.full
def test_the_command_compares_runs(copy, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").symlink_to(copy)
    assert run(["gaps", str(copy), "other", *QUICK]) == 0
    table = capsys.readouterr().out
    assert all(
        word in table for word in ("copy: grey, test split, 6 examples", "other: grey, test split", "amortisation gap")
    )
    assert (copy / "plots" / "gaps.png").read_bytes().startswith(b"\x89PNG")
    assert not list(tmp_path.glob("*.png"))
    assert "k-hat: needs 100 particles or more" in table
    assert run(["gaps", "other", *QUICK, "--json", "--limit", "4", "--out", "x.png"]) == 0
    report = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert list(report["other"]["evaluations"]) == ["0", "2", "3"]
    assert report["other"]["amortisation"]["stderr"] > 0
    assert report["other"]["refine"] == (
        "AIR(num_steps=3, num_samples=4, rate=0.1, patience=0, num_checks=20, shrinkage=james-stein, form=structured)"
    )
    assert (report["other"]["split"], report["other"]["seed"]) == ("test", 0)
    assert (tmp_path / "x.png").exists()


@pytest.mark.parametrize(("gap", "is_said"), [(-0.02, True), (0.0, False), (0.3, False)])
def test_bounds_that_cross_are_called_noise(gap: float, is_said: bool, capsys):
    result = Sandwich(100, 10, 500, Mean(-20.0, 0.5), Mean(-20 + gap, 0.5), Mean(gap, 0.04))
    assert result.is_crossed is is_said
    _show(result)
    shown = " ".join(capsys.readouterr().out.split())
    sentence = (
        "The upper estimate is below the lower one: that is noise, the bounds hold in expectation; try more --num"
    )
    assert (sentence in shown) is is_said


@pytest.mark.full
def test_the_command_bounds_from_both_sides(trained, capsys):
    few = ("--ais", "3", "--particles", "2", "--num", "5")
    assert run(["sandwich", str(trained), *few, "--json"]) == 0
    report = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert (report["num_examples"], report["num_particles"], report["num_temperatures"]) == (5, 2, 3)
    assert (report["proposal"], report["seed"]) == ("Recognition(sampler=Plain())", 0)
    assert report["gap"]["mean"] == pytest.approx(report["upper"]["mean"] - report["lower"]["mean"])
    assert run(["sandwich", str(trained), *few]) == 0
    table = capsys.readouterr().out
    assert all(word in table for word in ("lower bound", "upper bound", "3 temperatures"))


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ("gaps RUN elsewhere/run", "run folders of different names"),
        ("gaps", "DIR"),
        (
            "gaps RUN --steps 4",
            "steps from 0 to the refiner's own 3, got 4; try --refine with steps=20",
        ),
        ("gaps RUN --refine air:steps=0", "a refiner with one step or more, got 0 steps; try --refine with steps=20"),
        ("gaps RUN --refine gdir", "got binary units in latent layer 1; try air"),
        ("gaps RUN --particles 0", "--particles of at least 1"),
        ("gaps RUN --out x.pdf", ".png, got x.pdf"),
        ("gaps nothere", "nothere"),
        ("gaps RUN --steps 1.5", "steps to be whole numbers, got '1.5'"),
        ("sandwich RUN --ais 0", "--ais of at least 1"),
        ("sandwich RUN --num 0", "--num of at least 1"),
        ("sandwich nothere", "nothere"),
    ],
)
def test_bad_use_of_the_commands(trained, tmp_path, monkeypatch, capsys, tokens: str, message: str):
    monkeypatch.chdir(tmp_path)
    words = [trained if word == "RUN" else word for word in tokens.split()]
    refine = () if "--refine" in words or words[0] != "gaps" else ("--refine", "air:steps=3")
    assert message in fails(capsys, *words, *refine)
    assert not list(tmp_path.iterdir())
