"""Refinement on the command line: --refine, --start, and refiners written in one word."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from commands import fails, files, rows
from conftest import SMALL

from beliefnet._errors import OptionError
from beliefnet.catalogue import load_named_run, parse_refiner
from beliefnet.cli import run
from beliefnet.cli._evaluate import _show, _show_source
from beliefnet.evaluation import Evaluation, Mean, RefinementGain
from beliefnet.proposals import Recognition, Refined
from beliefnet.refiners import AIR, StraightThroughAscent

PLAIN = SMALL[:3] + SMALL[5:]  # without the option of another estimator


def report(capsys, folder, *tokens):
    assert run(["evaluate", str(folder), "--json", *tokens]) == 0
    return json.loads(capsys.readouterr().out, parse_constant=pytest.fail)


@pytest.mark.full
def test_evaluation_with_a_refined_posterior(copy, capsys):
    before = files(copy)
    plain = report(capsys, copy, "--particles", "200", "--limit", "5", "--refine", "none")
    refined = report(capsys, copy, "--particles", "200", "--limit", "5", "--refine", "air:steps=3,samples=5")
    assert files(copy) == before
    assert plain["proposal"].startswith("Recognition")
    assert "AIR(num_steps=3, num_samples=5" in refined["proposal"]
    assert plain["elbo"] != refined["elbo"]
    assert "recognition" not in plain
    assert {name: refined["recognition"][name] for name in ("elbo", "nll", "ess")} == {
        name: plain[name] for name in ("elbo", "nll", "ess")
    }
    assert refined["gain"]["elbo"]["mean"] == pytest.approx(refined["elbo"]["mean"] - plain["elbo"]["mean"], abs=1e-5)
    assert refined["gain"]["bound"]["mean"] == pytest.approx(plain["nll"]["mean"] - refined["nll"]["mean"], abs=1e-5)
    assert refined["nll"]["mean"] == pytest.approx(plain["nll"]["mean"], abs=0.35)
    assert list(refined["ladder"]) == ["10", "100", "200"]
    assert refined["ladder"]["200"]["mean"] == pytest.approx(refined["nll"]["mean"], abs=1e-4)
    assert len(refined["kl_per_layer"]) == 2
    assert refined["pareto_k"] < 2
    assert 0 <= refined["untrusted"] <= 1


@pytest.mark.full
def test_where_particles_come_from_is_said(copy, capsys):
    points = ("--particles", "100", "--limit", "5", "--refine", "air:steps=30,samples=2,rate=1,checks=0,shrinkage=none")
    assert run(["evaluate", str(copy), *points]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "shrinkage=none, 20 % from the recognition net, all weighed by the mixture" in shown
    assert "draws are nearly all the same (they repeat as 1." in shown
    annealed = "annealed:temperatures=2,refine=air:steps=1,samples=3"
    given = report(capsys, copy, "--particles", "10", "--limit", "5", "--proposal", annealed)
    assert given["proposal"].startswith("Annealed(num_temperatures=2, start=Refined(")
    assert (given["defensive_share"], given["ais"]) == (0.2, None)


@pytest.mark.parametrize(
    ("elbo", "bound", "said"),
    [
        (0.5, 0.1, ""),
        (-0.1, 0.1, ""),  # within its noise
        (-0.5, 0.4, "gave up ELBO for a lower NLL"),
        (-0.5, 0.1, "lowered the ELBO, and the NLL by no more than noise"),
        (0.5, -0.4, "raised the NLL"),
        (-0.5, -0.4, "made both worse"),
    ],
)
def test_what_a_refinement_did_is_said(elbo: float, bound: float, said: str, capsys):
    mean = Mean(-20.0, 0.3)
    one = Evaluation(9, 10, mean, mean, Mean(20.0, 0.3), Mean(5.0, 0.1), [1.5], [2], {10: mean}, None, None)
    other = replace(one, elbo=Mean(-20 + elbo, 0.3), kl_per_layer=None)
    gain = RefinementGain(one, other, Mean(elbo, 0.1), Mean(bound, 0.1))
    assert said in gain.verdict
    assert bool(said) == bool(gain.verdict)
    _show(gain, "digits, test split", SimpleNamespace(net=SimpleNamespace(layer_sizes=(3,))))
    _show_source(gain, Refined(AIR()))
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("refined", "recognition", f"{-20 + elbo:.3f}", "-20.000", said))
    assert f"changed the ELBO by {elbo:+.3f} +- 0.100 and the NLL by {-bound:+.3f} +- 0.100" in shown


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ("--proposal anealed", "did you mean 'annealed'?"),
        ("--proposal recognition --refine air", "expected --proposal or --refine, got both"),
        ("--proposal recognition --ais 5", "expected --proposal or --ais, got both"),
        (
            "--refine learned:steps=2",
            "expected a run that has learnt to refine, and --refine learned in its evaluation",
        ),
        ("--proposal hamiltonian", "expected continuous units for Hamiltonian"),
    ],
)
def test_bad_proposals(trained, tokens, message, capsys):
    assert message in " ".join(fails(capsys, "evaluate", trained, *tokens.split()).split())


def test_few_particles_say_nothing_of_the_tail(copy, capsys):
    few = report(capsys, copy, "--particles", "20")
    assert (few["pareto_k"], few["untrusted"]) == (None, None)
    assert run(["evaluate", str(copy), "--particles", "20"]) == 0
    table = capsys.readouterr().out
    assert "NLL, 10 particles" in table
    assert "k-hat" not in table


@pytest.mark.full
def test_training_with_a_refined_posterior(tmp_path, grey_file, capsys):
    """The run validates and evaluates with what it was trained with, and starts from another run's net."""
    begin, folder = tmp_path / "begin", tmp_path / "em"
    tokens = ["train", "--data", str(grey_file), *PLAIN, "--checkpoint-seconds", "0"]
    assert run([*tokens, "--epochs", "8", "--out", str(begin)]) == 0
    refine = ["--estimator", "em", "--refine", "straight-through:steps=2,samples=3,slope=logits", "--particles", "2"]
    assert run([*tokens, *refine, "--epochs", "2", "--start", str(begin), "--out", str(folder)]) == 0
    assert rows(folder)[0]["valid_bound"] > rows(begin)[0]["valid_bound"]
    loaded = load_named_run(folder)
    assert isinstance(loaded.proposal, Refined)
    assert loaded.proposal.refiner == StraightThroughAscent(2, 3, slope="logits")
    assert isinstance(load_named_run(begin).proposal, Recognition)
    capsys.readouterr()
    own, none = report(capsys, folder, "--particles", "5"), report(capsys, folder, "--refine", "none")
    assert own["elbo"]["mean"] != none["elbo"]["mean"]
    # The checkpoint has all there is: the run goes on without the one that it started from.
    shutil.rmtree(begin)
    assert run(["train", "--resume", str(folder), "--epochs", "3"]) == 0
    assert len(rows(folder)) == 3


@pytest.mark.full
def test_a_network_that_has_learnt_to_refine_belongs_to_the_run(tmp_path, grey_file, capsys):
    """Its weights are saved, found again, and the run goes on."""
    folder = tmp_path / "learned"
    tokens = ["--data", str(grey_file), *PLAIN, "--estimator", "iterative", "--iterative.steps", "2"]
    assert run(["train", *tokens, "--epochs", "3", "--out", str(folder)]) == 0
    network = load_named_run(folder).proposal.refiner.network
    assert np.abs(network.layers[-1].weight).max() > 0
    capsys.readouterr()
    own, same, further = (
        report(capsys, folder, "--particles", "5", *refine)
        for refine in ([], ["--refine", "learned"], ["--refine", "learned:steps=4,checks=0"])
    )
    assert own["elbo"] == same["elbo"] != further["elbo"]
    assert "Learned(num_steps=2, " in own["proposal"]
    assert "Learned(num_steps=4, num_samples=20, num_checks=0, " in further["proposal"]
    assert run(["train", "--resume", str(folder), "--epochs", "4"]) == 0
    assert len(rows(folder)) == 4


@pytest.mark.full
@pytest.mark.parametrize("estimator", ["rws", "semi-amortised"])
def test_other_estimators_that_refine(tmp_path, grey_file, estimator):
    tokens = ["train", "--data", str(grey_file), *PLAIN, "--epochs", "1", "--estimator", estimator]
    assert run([*tokens, "--refine", "straight-through:steps=1,samples=2", "--out", str(tmp_path / "run")]) == 0
    assert np.isfinite(rows(tmp_path / "run")[0]["valid_bound"])


def test_refiners_in_one_word():
    assert parse_refiner("air") == AIR()
    assert parse_refiner("air:steps=5,samples=7,rate=1,patience=2") == AIR(5, 7, 1.0, 2)
    assert parse_refiner("mean-passing:momentum=0.5").num_samples == 1
    assert (parse_refiner("gdir").momentum, parse_refiner("gdir:momentum=0.5").momentum) == (0, 0.5)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("aire", "did you mean 'air'"),
        ("air:stepps=3", "did you mean 'steps'"),
        ("air:steps=many", "steps to be a whole number, got 'many'"),
        ("air:rate=2", "rate in (0, 1], got 2.0"),
        ("air:steps=1,steps=2", "steps once"),
        ("straight-through:slope=steep", "slope to be one of mean, logits, got 'steep'"),
    ],
)
def test_a_spec_that_cannot_be_used(spec, words):
    with pytest.raises(OptionError) as caught:
        parse_refiner(spec)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (["--refine", "air:"], None),
        (["--refine", "nothing"], "'nothing'"),
        (["--refine", "gdir"], "got binary units in latent layer 1"),
    ],
)
def test_evaluate_names_what_is_wrong_with_a_refiner(copy, capsys, tokens, words):
    if words is None:
        assert run(["evaluate", str(copy), "--limit", "2", *tokens]) == 0
    else:
        assert words in fails(capsys, *["evaluate", str(copy), *tokens])


def test_a_start_with_another_net_is_refused(trained, tmp_path, grey_file, capsys):
    tokens = ["train", "--data", grey_file, "--hidden", "5", "--batch-size", "8", "--start", trained]
    assert "7-4-3 sigmoid belief net (hidden=(4, 3))" in fails(capsys, *tokens, "--out", tmp_path / "run")
    tokens[-1] = tmp_path / "nowhere"
    assert "(--start); try" in fails(capsys, *tokens, "--out", tmp_path / "run")
