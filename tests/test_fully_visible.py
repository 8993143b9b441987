"""Nets without latents: exact likelihoods."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import ALL_OBSERVATIONS, MEAN, OBSERVATIONS, randomise, small_net
from commands import fails
from laws import assert_frequencies, draws

from beliefnet import BeliefNet, Chain, sample_means
from beliefnet.cli import run
from beliefnet.estimators import VIMCO, MaximumLikelihood, Reinforce, Wake
from beliefnet.evaluation import evaluate
from beliefnet.nets import fully_visible_net, nade
from beliefnet.proposals import Annealed
from beliefnet.refiners import AIR

KEY = jax.random.key(0)
NETS = {
    "fvsbn": lambda: randomise(fully_visible_net(3, visible_mean=MEAN)),
    "nade": lambda: randomise(nade(3, 2, key=KEY, visible_mean=MEAN)),
}


def log_likelihood(net, x):
    return net.log_joint(x, ())


@pytest.mark.full(but=["fvsbn"])
@pytest.mark.parametrize("name", NETS)
def test_likelihoods_sum_to_one_and_are_those_of_the_draws(name):
    net = NETS[name]()
    probabilities = jnp.exp(log_likelihood(net, ALL_OBSERVATIONS))
    np.testing.assert_allclose(probabilities.sum(), 1, rtol=1e-5)
    x = draws(lambda key: net.dream((), key=key)[0], 20_000)
    assert_frequencies((x[:, None] == np.asarray(ALL_OBSERVATIONS)).all(axis=-1), probabilities)


@pytest.mark.full(but=["estimator0-nade"])
@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("estimator", [MaximumLikelihood(), Wake(3), Reinforce(2), VIMCO(2)])
def test_the_gradient_is_exact(name, estimator):
    net = NETS[name]()
    estimate = estimator.estimate(net, OBSERVATIONS, estimator.init(net), key=KEY)
    value, expected = jax.value_and_grad(lambda net: log_likelihood(net, OBSERVATIONS).mean())(net)
    np.testing.assert_allclose(estimate.objective, value, rtol=1e-5)
    for leaf, exact in zip(jax.tree.leaves(estimate.net), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(leaf, exact, atol=1e-5)


@pytest.mark.full(but=["fvsbn"])
@pytest.mark.parametrize("name", NETS)
def test_an_evaluation_of_any_number_of_particles_is_exact(name):
    net = NETS[name]()
    exact = log_likelihood(net, OBSERVATIONS).mean()
    for count in (1, 7):
        result = evaluate(net, OBSERVATIONS, num_particles=count, key=KEY)
        np.testing.assert_allclose([result.elbo.mean, -result.nll.mean], exact, rtol=1e-5)
        assert result.active_units == []
    np.testing.assert_allclose(sample_means(net, (4,), key=KEY).shape, (4, 3))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"net without latents .* got latent layers of \[3\]"):
        MaximumLikelihood().init(small_net(3))
    with pytest.raises(ValueError, match="at least 1 hidden unit, got 0"):
        nade(3, 0, key=KEY)
    with pytest.raises(ValueError, match="at least 1 visible unit"):
        fully_visible_net(0)
    with pytest.raises(ValueError, match="at least one conditional in the generative chain"):
        BeliefNet(Chain(()), Chain(()))


@pytest.mark.full
@pytest.mark.parametrize(
    ("options", "title"), [(("fvsbn",), "7 fully visible"), (("nade", "--hidden", "3"), "7-3 neural autoregressive")]
)
def test_from_the_command_line(options, title, grey_file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tokens = (
        "train",
        "--data",
        str(grey_file),
        "--batch-size",
        "8",
        "--epochs",
        "2",
        "--out",
        "run",
        "--net",
        *options,
    )
    assert run(list(tokens)) == 0
    assert title in capsys.readouterr().out
    assert (tmp_path / "run" / "plots" / "samples.png").exists()
    assert run(["evaluate", "run"]) == 0
    assert "NLL, exact" in capsys.readouterr().out
    assert json.loads((tmp_path / "run" / "evaluation.json").read_text())["num_particles"] == 1
    assert run(["sample", "run", "--num", "3", "--out", "s.npy"]) == 0
    for command in (("gaps", "run"), ("diagnose", "run"), ("encode", "run", grey_file), ("impute", "run", grey_file)):
        assert "expected a run of a net with latents, got 7" in fails(capsys, *command)
    for option in (("--refine", "air"), ("--ais", "5"), ("--proposal", "hamiltonian:steps=2")):
        assert f"expected no {option[0]} for a net without latents" in fails(capsys, "evaluate", "run", *option)
    assert run(["evaluate", "run", "--refine", "none"]) == 0


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ("--net nade --estimator nvil", "an estimator for a net without latents, got nvil"),
        ("--estimator likelihood", "got likelihood, which is for a net without latents"),
        ("--net nade --hidden 3 4", "hidden to be one whole number, got (3, 4); try 500"),
    ],
)
def test_bad_options(tokens, message, grey_file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert message in fails(capsys, "train", "--data", grey_file, "--batch-size", "8", *tokens.split())


def test_there_is_nothing_to_refine():
    with pytest.raises(ValueError, match="expected a net with latents to refine, got one without; try leaving"):
        AIR().check(fully_visible_net(3))
    with pytest.raises(ValueError, match="expected a net with latents to anneal, got one without; try the recog"):
        evaluate(fully_visible_net(3), OBSERVATIONS, num_particles=2, proposal=Annealed(2), key=jax.random.key(0))


@pytest.mark.parametrize("option", ["hidden", "particles", "deterministic"])
def test_options_without_effect_are_refused(option: str, grey_file, capsys):
    message = fails(capsys, "train", "--data", grey_file, "--net", "fvsbn", f"--{option}", 3)
    assert f"expected options that have an effect with net fvsbn and estimator likelihood, got {option} 3" in message
