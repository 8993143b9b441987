"""Calls from Python that cannot work, without the tests' own check of types: each is refused by what would work."""

import inspect
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import beliefnet
from beliefnet import BeliefNet, Chain, decode, encode, estimators, evaluation, reconstruct, sample_means, training
from beliefnet.baselines import LayerBaselines, NoBaseline
from beliefnet.comparisons import log_partition
from beliefnet.conditionals import MLP, Convolutions, Dense, Prior, TransposedConvolutions
from beliefnet.data import Dataset, DeviceRows, load, read_rows
from beliefnet.distributions import bernoulli
from beliefnet.estimators import (
    NVIL,
    VIMCO,
    AbstractUnitEstimator,
    CreditEstimator,
    DisARM,
    LogVariance,
    Sum,
    VariationalEM,
    reweighted_wake_sleep,
    wake_sleep,
)
from beliefnet.estimators.rules import LeaveOneOut
from beliefnet.evaluation import evaluate, gradient_report, impute, particle_bounds, sandwich
from beliefnet.moves import HMC
from beliefnet.nets import (
    Convolution,
    categorical_belief_net,
    darn,
    document_net,
    nade,
    sigmoid_belief_net,
    vae,
)
from beliefnet.proposals import Annealed, Buffered, Defensive, Hamiltonian, Refined
from beliefnet.refiners import AIR, AbstractRefiner
from beliefnet.runs import RunFolder, load_run
from beliefnet.samplers import AbstractSampler, Plain
from beliefnet.training import Fitted, fit

KEY = jax.random.key(0)
NET = sigmoid_belief_net(3, (2,), key=KEY)
BITS = np.array([[0, 1, 1], [1, 0, 0]])
DATA = Dataset.from_arrays(BITS, BITS, BITS)
ROWS = jnp.asarray(BITS, float)
FITTED = Fitted(NET, -1.0, 1, [], None, "finished")  # pyright: ignore[reportArgumentType]


def plain(function):
    """Return a function as users have it: its types are not checked."""
    return inspect.unwrap(function)


def refused(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        call()


def test_what_the_package_shows_is_public():
    shown = dir(beliefnet)
    assert {"BeliefNet", "__version__", "encode", "nets", "training"} <= set(shown)
    assert not {"Any", "TYPE_CHECKING", "import_module"} & set(shown)
    assert [name for name in shown if name.startswith("_")] == ["__version__"]
    assert all(hasattr(beliefnet, name) for name in shown)


ENTRY_POINTS = {
    f"{module.__name__}.{name}": inspect.signature(getattr(module, name))
    for module in (beliefnet, evaluation, training)
    for name in module.__all__
    if inspect.isfunction(getattr(module, name)) and "net" in inspect.signature(getattr(module, name)).parameters
}


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_what_takes_a_net_has_one_order_of_arguments(name: str):
    """The net, the data, what the call is about; all else by name."""
    parameters = ENTRY_POINTS[name].parameters.values()
    by_place = [parameter.name for parameter in parameters if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
    by_name = {parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}
    assert by_place[0] == "net"
    assert by_place[1:] == [] or by_place[1] in {
        *("data", "dataset", "latents", "shape", "observed", "annealed", "num_steps"),
    }
    assert len(by_place) <= 3
    assert not {"key", "proposal", "options", "search", "effort", "progress"} & set(by_place)
    assert not {"x", "rows", "documents"} & {*by_place, *by_name}


def test_a_proposal_that_is_given_is_called_one():
    given = Refined(AIR(2, 3))
    for name in estimators.__all__:
        kind = getattr(estimators, name)
        if inspect.isclass(kind) and "proposal" in vars(kind).get("__dataclass_fields__", ()):
            assert "proposal" in inspect.signature(kind).parameters
            assert not {"source", "own_rule"} & set(kind.__dataclass_fields__)
    made = (CreditEstimator(LeaveOneOut(), 4, given), LogVariance(4, given), reweighted_wake_sleep(4, proposal=given))
    assert [getattr(one, "parts", (one,))[0].proposal for one in made] == [given] * 3
    assert list(vars(made[0])) == ["rule", "num_particles", "proposal"]


def test_every_name_of_evaluation_is_documented():
    page = (Path(__file__).parents[1] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    assert [name for name in evaluation.__all__ if f"`{name}" not in page] == []


FITS = {
    "net": (lambda: plain(fit)(FITTED, DATA, VIMCO(5)), "BeliefNet", "fitted.net"),
    "estimator": (lambda: plain(fit)(NET, DATA, "vimco"), "Estimator, got 'vimco'", "estimators.VIMCO(5)"),
    "estimator ": (lambda: plain(fit)(NET, DATA, VIMCO), "Estimator, got <class", "estimators.VIMCO(5)"),
    "options": (
        lambda: plain(fit)(NET, DATA, VIMCO(5), options={"epochs": 1}),
        "FitOptions, got {",
        "FitOptions(epochs=1)",
    ),
    "options ": (lambda: plain(fit)(NET, DATA, VIMCO(5), options={}), "FitOptions, got {", "FitOptions(epochs=1)"),
    "callback": (lambda: plain(fit)(NET, DATA, VIMCO(5), callback=print), "Callback, got <built-in", "one that"),
    "folder": (lambda: plain(fit)(NET, DATA, VIMCO(5), folder=3), "RunFolder or Path or str, got 3", "'runs/mine'"),
}


@pytest.mark.parametrize("name", FITS)
def test_arguments_of_fit_are_things_not_names(name: str):
    call, message, advice = FITS[name]
    with pytest.raises(TypeError, match=re.escape(f"expected {name.strip()} to be of type {message}")) as caught:
        call()
    assert f"; try {advice}" in str(caught.value)


@pytest.mark.parametrize("make", [sigmoid_belief_net, categorical_belief_net, vae, darn, document_net])
@pytest.mark.parametrize("name", ["hidden", "deterministic", "deterministic_recognition"])
def test_widths_are_given_in_a_tuple(make, name: str):
    message = f"expected {name} to be a tuple of whole numbers, got "
    refused(lambda: plain(make)(12, key=KEY, **{name: 3}), TypeError, message + "3; try (3,)")
    refused(lambda: plain(make)(12, key=KEY, **{name: "3"}), TypeError, message + "'3'; try (200,)")
    refused(lambda: plain(make)(12, key=KEY, **{name: (2.5,)}), TypeError, message + "(2.5,); try (200,)")


def test_widths_of_other_things():
    refused(lambda: Convolution((8, 8), 4), TypeError, "expected channels to be a tuple")  # pyright: ignore
    refused(lambda: plain(nade)(12, (3,), key=KEY), TypeError, "expected hidden to be of type int")
    refused(lambda: plain(vae)("12", key=KEY), TypeError, "expected the number of visible units to be of type int")
    assert sigmoid_belief_net(np.int64(3), np.array([2, 1]).tolist(), key=KEY).layer_sizes == (2, 1)


KEYS = {
    "net": lambda key: plain(sigmoid_belief_net)(3, (2,), key=key),
    "nade": lambda key: plain(nade)(3, 2, key=key),
    "infer": lambda key: plain(BeliefNet.infer)(NET, BITS, 2, key=key),
    "dream": lambda key: plain(BeliefNet.dream)(NET, (2,), key=key),
    "sample_means": lambda key: plain(sample_means)(NET, (2,), key=key),
    "reconstruct": lambda key: plain(reconstruct)(NET, BITS, key=key),
    "evaluate": lambda key: plain(evaluate)(NET, BITS, num_particles=2, key=key),
    "particle_bounds": lambda key: plain(particle_bounds)(NET, BITS, num_particles=2, key=key),
    "impute": lambda key: plain(impute)(NET, BITS, key=key),
    "sandwich": lambda key: plain(sandwich)(NET, Annealed(2), num_examples=2, num_particles=2, key=key),
    "gradient_report": lambda key: plain(gradient_report)(NET, BITS, {"vimco": VIMCO(2)}, key=key),
    "Dense": lambda key: made(Dense, 3, 4, key=key),
    "MLP": lambda key: made(MLP, (3, 4), np.tanh, key=key),
    "Convolutions": lambda key: made(Convolutions, (8, 8), (1, 3), np.tanh, key=key),
    "TransposedConvolutions": lambda key: made(TransposedConvolutions, (8, 8), (1, 3), np.tanh, key=key),
    "LayerBaselines": lambda key: made(LayerBaselines, NET, key=key),
    "NVIL": lambda key: made(NVIL, NET, baseline=NoBaseline(), key=key),
    "Hamiltonian": lambda key: made(Hamiltonian, vae(3, (2,), deterministic=(2,), key=KEY), key=key),
    "log_partition": lambda key: plain(log_partition)(None, None, num_temperatures=29, num_chains=2, key=key),
    "refine": lambda key: plain(AbstractRefiner.refine)(AIR(1, 2), NET, ROWS, key=key),
    "Refined": lambda key: plain(Refined.draw)(Refined(AIR(1, 2)), NET, ROWS, 2, key=key),
    "Buffered": lambda key: plain(Buffered.draw)(Buffered(AIR(1, 2)), NET, ROWS, 2, key=key),
    "Defensive": lambda key: plain(Defensive.draw)(Defensive(Refined(AIR(1, 2))), NET, ROWS, 10, key=key),
    "Annealed": lambda key: plain(Annealed.draw)(Annealed(2), NET, ROWS, 2, key=key),
    "Sum": lambda key: plain(Sum.estimate)(wake_sleep(), NET, ROWS, (None, None), key=key),
    "VariationalEM": lambda key: plain(VariationalEM.estimate)(VariationalEM(), NET, ROWS, None, key=key),
    "DisARM": lambda key: plain(AbstractUnitEstimator.estimate)(DisARM(NET), NET, ROWS, None, key=key),
    "sampler": lambda key: plain(AbstractSampler.__call__)(Plain(), bernoulli(ROWS), key=key),
    "move": lambda key: plain(HMC.__call__)(HMC((0,), ROWS), None, (ROWS,), key=key),
    "take": lambda key: plain(DeviceRows.take)(DATA.train.on_device(), np.arange(2), key=key),
}


def made(kind, *arguments, **by_name):
    """Return what a class makes for users, whose types are not checked."""
    return plain(kind.__init__)(object.__new__(kind), *arguments, **by_name)


@pytest.mark.parametrize("name", KEYS)
def test_a_seed_is_not_a_key(name: str, monkeypatch):
    # Methods of the tests check their types, too.
    monkeypatch.setattr(Chain, "draw", plain(Chain.draw))
    monkeypatch.setattr(BeliefNet, "dream", plain(BeliefNet.dream))
    monkeypatch.setattr(AbstractRefiner, "refine_seen", plain(AbstractRefiner.refine_seen))
    refused(lambda: KEYS[name](7), TypeError, "expected key to be one JAX random key, got 7; try jax.random.key(7)")
    refused(lambda: KEYS[name](None), TypeError, "expected key to be one JAX random key, got None; try jax.random.")
    refused(lambda: KEYS[name](jax.random.split(KEY)), TypeError, "expected key to be one JAX random key, got Array")


def test_old_keys_are_keys():
    old = jax.random.PRNGKey(0)
    assert plain(evaluate)(NET, BITS, num_particles=2, key=old).num_examples == 2


@pytest.mark.parametrize("make", [VIMCO, lambda num_particles: DisARM(NET, num_particles)], ids=["VIMCO", "DisARM"])
@pytest.mark.parametrize("wrong", ["5", 2.5, None], ids=str)
def test_particles_are_a_whole_number(make, wrong, monkeypatch):
    monkeypatch.setattr(VIMCO, "__init__", plain(VIMCO.__init__))
    monkeypatch.setattr(DisARM, "__init__", plain(DisARM.__init__))
    with pytest.raises(ValueError, match=r"num_particles to be a whole number, got .*; try \d"):
        make(wrong)


@pytest.mark.parametrize("wrong", [None, 3, ["digits"], BITS], ids=str)
def test_what_is_loaded_has_a_name_or_a_place(wrong):
    refused(lambda: plain(load)(wrong), TypeError, "expected data to be of type str or PathLike, got")


@pytest.mark.parametrize("wrong", [None, 3, BITS], ids=str)
def test_a_file_and_a_run_have_a_place(wrong, monkeypatch):
    # Methods of the tests check their types, too.
    monkeypatch.setattr(RunFolder, "__init__", plain(RunFolder.__init__))
    monkeypatch.setattr(RunFolder, "open", classmethod(plain(RunFolder.open.__func__)))
    refused(lambda: plain(read_rows)(wrong), TypeError, "expected path to be of type str or PathLike, got")
    refused(lambda: plain(load_run)(wrong), TypeError, "expected the run folder to be of type str or PathLike, got")


@pytest.mark.parametrize("call", [BeliefNet.dream, sample_means])
@pytest.mark.parametrize(
    ("shape", "error", "message"),
    [
        (10, TypeError, "expected shape to be of type tuple or list, got 10; try (10,)"),
        ((-1,), ValueError, "expected each axis of shape of at least 0, got -1; try 100"),
        (("2",), ValueError, "expected each axis of shape to be a whole number, got '2'; try 100"),
    ],
)
def test_axes_are_a_tuple(call, shape, error: type[Exception], message: str):
    refused(lambda: plain(call)(NET, shape, key=KEY), error, message)


def test_draws_are_counted():
    message = "expected num_particles of at least 1, got -1; try 5"
    refused(lambda: plain(BeliefNet.infer)(NET, BITS, -1, key=KEY), ValueError, message)


def test_a_split_is_chosen():
    message = "expected rows of one split as data, got a whole Dataset; try dataset.test"
    refused(lambda: plain(evaluate)(NET, DATA, num_particles=2, key=KEY), ValueError, message)
    refused(lambda: encode(NET, DATA), ValueError, message)


def test_what_holds_a_net_is_not_one():
    message = "expected net to be of type BeliefNet, got Fitted"
    for call in (
        lambda: plain(encode)(FITTED, BITS),
        lambda: plain(decode)(FITTED, (BITS[:, :2],)),
        lambda: plain(sample_means)(FITTED, (2,), key=KEY),
        lambda: plain(sandwich)(FITTED, Annealed(2), num_examples=2, num_particles=2, key=KEY),
    ):
        with pytest.raises(TypeError, match=f"{message}.*; try fitted.net$"):
            call()


def test_a_family_is_asked_for():
    with pytest.raises(TypeError, match=r"family to be of type Family, got .*; try distributions\.bern"):
        plain(Prior)(np.zeros(2), "bernoulli")
