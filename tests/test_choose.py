"""The estimator that is chosen by measuring: who may be, and what is said."""

import dataclasses
import tomllib

import jax
import numpy as np
import pytest
from cases import ESTIMATORS, OBSERVATIONS, bound_gradient, elbo_gradient, likelihood_gradient, net_of

from beliefnet._errors import OptionError
from beliefnet.catalogue import TrainConfig, choose_estimator
from beliefnet.catalogue._choose import _candidates
from beliefnet.cli import run
from beliefnet.data import Dataset
from beliefnet.estimators import MuProp, Reinforce
from beliefnet.evaluation import Effort, gradient_costs, gradient_report
from beliefnet.nets import sigmoid_belief_net, vae

UNBIASED = (elbo_gradient, bound_gradient, likelihood_gradient)
KEY = jax.random.key(0)
BITS = (np.random.default_rng(0).random((60, 6)) < 0.4).astype(np.uint8)
DATA = Dataset.from_arrays(BITS, BITS[:9], BITS[:9])


@pytest.mark.full(but=["nvil", "vimco", "ovis-asymptotic", "concrete"])
@pytest.mark.parametrize("name", sorted(ESTIMATORS.keys() - {"semi-amortised"}))  # which has a law without steps
def test_those_that_claim_to_be_unbiased_are_the_ones_whose_law_says_so(name: str):
    """Laws of others name what they estimate instead: a rescaled, relaxed or partial gradient."""
    case, said = ESTIMATORS[name], []
    net = net_of(case.nets[-1])
    jax.eval_shape(lambda: said.append(case.make(net).is_unbiased))  # nothing is computed for it
    assert said == [case.expected in UNBIASED]


@pytest.mark.parametrize(
    ("net", "names"),
    [
        (
            "sbn",
            {
                "arm",
                "arms",
                "disarm",
                "double-cv",
                "local-expectation",
                "muprop",
                "nvil",
                "rebar",
                "reinforce",
                "relax",
                "rodeo",
            },
        ),
        ("vae", {"double-cv", "muprop", "nvil", "reinforce", "sgvb", "stl"}),
    ],
)
def test_candidates_climb_the_elbo(net: str, names: set[str]):
    config = TrainConfig(estimator="auto", net=net, hidden=(3,))
    make = sigmoid_belief_net if net == "sbn" else vae
    found = _candidates(config, make(6, (3,), key=KEY), key=KEY)
    assert found.keys() == names
    assert {getattr(estimator, "num_particles", None) for estimator in found.values()} == {4}


def test_candidates_have_the_options_that_were_given():
    given = {"rebar": {"temperature": 0.1}, "nvil": {"smoothing": 0.5}, "particles": 2}
    config = TrainConfig(estimator="auto", hidden=(3,), **given).replace(epochs=3)
    found = _candidates(config, sigmoid_belief_net(6, (3,), key=KEY), key=KEY)
    np.testing.assert_allclose(np.exp(found["rebar"].log_temperature), 0.1, rtol=1e-6)
    assert config.to_dict()["rebar"] == {"temperature": 0.1}
    chosen = config.choose("rebar")
    assert (str(chosen.estimator), chosen.idle) == ("rebar:particles=2,temperature=0.1", ())
    assert "nvil" not in chosen.to_dict()
    with pytest.raises(OptionError, match=r"rebar\.temperature from 0\.01 to 100, got -1"):
        TrainConfig(estimator="auto", rebar={"temperature": -1.0})


@pytest.mark.full
def test_costs_are_those_of_the_report_and_sorted():
    net = net_of("one layer")
    estimators = {"many": Reinforce(8), "few": Reinforce(2)}
    costs = gradient_costs(net, OBSERVATIONS, estimators, key=KEY)
    report = gradient_report(net, OBSERVATIONS, estimators, key=KEY, effort=Effort(400, 8))
    for name, cost in costs.items():
        parts = report.estimators[name].parts
        assert cost.variance == pytest.approx(parts["theta"].variance + parts["phi"].variance, rel=0.3)
    assert [cost.cost for cost in costs.values()] == sorted(cost.cost for cost in costs.values())


@pytest.mark.full
def test_the_first_is_chosen_and_the_other_options_stay(monkeypatch):
    config = TrainConfig(estimator="auto", hidden=(3,), particles=2, epochs=1, batch_size=20, kl_warm_up=1)
    assert config.is_auto
    assert config.replace(epochs=2).is_auto
    monkeypatch.setattr("beliefnet.catalogue._choose._candidates", lambda *_, **__: found)
    net = sigmoid_belief_net(6, (3,), key=KEY)
    found = {"muprop": MuProp(net, 2), "reinforce": Reinforce(2)}
    chosen, costs = choose_estimator(config, DATA, net)
    assert (chosen.estimator.name, chosen.estimator.values["particles"]) == (next(iter(costs)), 2)
    assert not chosen.is_auto
    assert dataclasses.replace(chosen.fit, batch_size=20) == dataclasses.replace(config.fit, batch_size=20)
    assert costs.keys() <= found.keys()


@pytest.mark.full
def test_the_only_one_is_taken_at_once(tmp_path, capsys):
    np.save(tmp_path / "bits.npy", BITS)
    words = ["train", "--data", str(tmp_path / "bits.npy"), "--net", "nade", "--hidden", "3", "--epochs", "1"]
    assert run([*words, "--estimator", "auto", "--out", str(tmp_path / "run")]) == 0
    assert "chosen: likelihood, the only estimator that climbs" in " ".join(capsys.readouterr().out.split())


@pytest.mark.full
def test_training_says_why_and_the_folder_names_the_choice(tmp_path, capsys, monkeypatch):
    def few(*args, **options):
        found = _candidates(*args, **options)
        return {name: found[name] for name in ("nvil", "disarm", "reinforce")}

    monkeypatch.setattr("beliefnet.catalogue._choose._candidates", few)
    np.save(tmp_path / "bits.npy", BITS)
    words = ["--data", str(tmp_path / "bits.npy"), "--hidden", "3", "--epochs", "2", "--batch-size", "20"]
    assert run(["train", *words, "--estimator", "auto", "--out", str(tmp_path / "run")]) == 0
    shown = capsys.readouterr().out
    chosen = tomllib.loads((tmp_path / "run" / "config.toml").read_text())["estimator"]
    assert f"chosen: {chosen}; training starts anew with it" in " ".join(shown.split())
    assert run(["train", "--resume", str(tmp_path / "run"), "--epochs", "3"]) == 0


@pytest.mark.full
def test_the_pilots_baseline_is_measured_as_it_was_trained_and_with_the_options_of_the_run(monkeypatch):
    measured = {}
    monkeypatch.setattr(
        "beliefnet.catalogue._choose.gradient_costs", lambda *args, **_: measured.update(args[2]) or {"nvil": None}
    )
    options = {"nvil.baseline_units": 5, "nvil.smoothing": 0.5}
    config = TrainConfig(estimator="auto", hidden=(3,), epochs=2, batch_size=20, **options)
    net = sigmoid_belief_net(6, (3,), key=KEY)
    choose_estimator(config, DATA, net)
    nvil = measured["nvil"]
    assert (nvil.moments.smoothing, nvil.is_unbiased) == (0.5, True)
    # A baseline's output layer starts at zero, and any training moves it.
    last = jax.tree.leaves(nvil.baseline)
    assert {5} <= {size for leaf in last for size in leaf.shape}
    assert all(np.abs(leaf).max() > 0 for leaf in last)
