"""Names and options: read from signatures, checked by one sentence everywhere, added up before anything is made."""

import inspect
import time
import tomllib
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest

from beliefnet import comparisons, estimators, nets, proposals, refiners
from beliefnet._docstrings import arguments_of, summary_of
from beliefnet._errors import OptionError
from beliefnet._naming import name_of, named
from beliefnet._options import REQUIRED, options_of
from beliefnet._values import values_of
from beliefnet.catalogue import (
    COMPARISONS,
    ESTIMATORS,
    LATENTS,
    NETS,
    PROPOSALS,
    REFINERS,
    VISIBLE,
    Choice,
    TrainConfig,
    all_options,
    build_estimator,
    check_memory,
    flatten,
    parse_comparison,
    parse_estimator,
    parse_proposal,
    parse_refiner,
    refiner_for,
    sections,
    size_of,
)
from beliefnet.catalogue._nets import DataShape
from beliefnet.cli import run
from beliefnet.data import load
from beliefnet.estimators import NVIL, VIMCO, Replacement, Signal
from beliefnet.nets import sigmoid_belief_net, vae
from beliefnet.proposals import Annealed, Recognition, Refined
from beliefnet.refiners import AIR, default_refiner
from beliefnet.training import FitOptions

KEY = jax.random.key(0)
FOLDERS = {
    "estimators": (estimators, ESTIMATORS),
    "refiners": (refiners, REFINERS),
    "proposals": (proposals, PROPOSALS),
    "nets": (nets, NETS),
    "comparisons": (comparisons, COMPARISONS),
}
EVERYTHING = [(folder, name) for folder, (_, known) in FOLDERS.items() for name in known]


@named("noisy")
class Noisy:
    """Adds noise.

    Args:
        net: Something that is no option.
        num_steps: Steps
            of it.
        scale: How much.
        how: In which way.
        sizes: Of the parts.
    """

    def __init__(
        self,
        net: object,
        num_steps: int = 3,
        *,
        scale: float | None = None,
        how: Signal = Signal.LOCAL,
        sizes: tuple[int, ...] = (),
    ): ...


def test_names_are_not_inherited():
    class Louder(Noisy): ...

    assert name_of(Noisy).name == "noisy"
    assert name_of(Louder) is None


def test_options_are_read_from_signature_and_docstring():
    options = options_of(Noisy)
    assert list(options) == ["steps", "scale", "how", "sizes"]
    assert [option.default for option in options.values()] == [3, None, "local", ()]
    assert options["steps"].text == "Steps of it."
    assert options["how"].values.make("whole") is Signal.WHOLE
    assert options["sizes"].values.what == "whole numbers"
    assert arguments_of(Noisy)["net"] == "Something that is no option."
    assert summary_of(Noisy) == "Adds noise"


@pytest.mark.parametrize("annotation", [np.ndarray, int | str, "Family", list[np.ndarray], dict])
def test_what_is_no_plain_value_is_no_option(annotation):
    assert values_of(annotation) is None


@pytest.mark.parametrize(("folder", "name"), EVERYTHING)
def test_everything_with_a_name_says_what_it_is(folder, name):
    entry = FOLDERS[folder][1][name]
    assert summary_of(entry.make)
    assert [o.name for o in entry.options.values() if not o.text] == []
    assert name == name.lower()
    assert ":" not in name


def test_the_catalogue_holds_what_the_folders_export():
    for module, known in FOLDERS.values():
        exported = [getattr(module, thing) for thing in module.__all__]
        assert {name_of(thing).name for thing in exported if name_of(thing)} == set(known)
    assert {"bernoulli", "logistic", "grey-normal", "poisson"} <= set(VISIBLE)
    assert {"bernoulli", "normal"} <= set(LATENTS)


WRONG = {
    "a whole number": [1.5, 2.0, True, "5", float("nan"), None, [], object()],
    "a finite number": [True, "0.5", float("nan"), float("inf"), -float("inf"), [0.5]],
    "true or false": [1, 0, "true", 0.0],
    "text": [1, True, "", ["a"]],
    "texts": [1, [1], [""]],
    "whole numbers": [1.5, [1.5], "20", [True], [[1]], ["5"]],
    "one whole number": [1.5, [1, 2], [], "20"],
}


def wrong_values():
    for name, option in all_options().items():
        bad = (
            WRONG["text"]
            if name in ("data", "start", "refine")
            else WRONG.get(option.values.what, ["no such thing", 3.5, True])
        )
        yield from ((name, value) for value in bad if value is not None)


@pytest.mark.parametrize(("name", "value"), list(wrong_values()), ids=lambda value: str(value)[:20])
def test_a_value_of_the_wrong_type_is_refused_by_name(name, value):
    option = all_options()[name]
    chosen = {"net": next((net for net, entry in NETS.items() if name in entry.options), "sbn")}
    if option.group is not None:
        chosen["estimator"] = option.group
    with pytest.raises(OptionError) as caught:
        TrainConfig(**{**chosen, name: value})
    assert f"expected {option.flag} to be" in str(caught.value) or value == ""
    assert "; try " in str(caught.value) or "; did you mean" in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("name", [name for name, option in all_options().items() if option.default is not REQUIRED])
def test_the_hint_of_a_refusal_works(name):
    option = all_options()[name]
    if option.default not in (None, ()):
        assert option.read(option.hint) == option.default


FLAT = {
    "epochs": (1.5, "expected epochs to be a whole number, got 1.5; try 400"),
    "learning_rate": (float("nan"), "expected learning-rate to be a finite number, got nan; try 0.003"),
    "batch_size": (0, "expected batch-size of at least 1, got 0; try leaving it out"),
    "momentum": (1.0, "expected momentum in [0, 1), got 1.0; try 0.9"),
    "optimizer": ("adm", "expected optimizer to be one of adam, rmsprop, sgd, got 'adm'; did you mean 'adam'?"),
    "seed": (True, "expected seed to be a whole number, got True; try 0"),
}


@pytest.mark.parametrize("name", FLAT)
def test_python_toml_and_the_command_line_say_the_same(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    value, sentence = FLAT[name]
    for make in (FitOptions, TrainConfig):
        with pytest.raises(OptionError) as caught:
            make(**{name: value})
        assert str(caught.value) == sentence
    Path("run.toml").write_text(f"{name} = {str(value).lower() if type(value) is not str else repr(value)}\n")
    assert run(["train", "run.toml", "--out", "run"]) == 1
    assert capsys.readouterr().err == f"error: {sentence}\n"
    assert run(["train", f"--{name.replace('_', '-')}", str(value), "--out", "run"]) == 1
    said = capsys.readouterr().err
    assert said.partition(", got")[0] == f"error: {sentence}".partition(", got")[0]
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"hidden": (0,)}, "expected hidden to be one positive layer size or more, got 0; try 200 200"),
        ({"hidden": ()}, "got none; try 200 200"),
        ({"particles": 2.5}, "expected particles to be a whole number, got 2.5; try 4"),
        ({"particles": 0}, "particles of at least 1"),
        ({"estimator": "vimco", "particles": 1}, "particles of at least 2, got 1; try 5"),
        ({"nvil": {"smoothing": 2}}, "expected nvil.smoothing in [0, 1), got 2.0; try 0.8"),
        ({"nvil": {"baseline_units": 0}}, "got 0 (nvil.baseline-units 0); try 100"),
        ({"nvil": 5}, "expected nvil to be a table of options, got 5"),
        ({"estimator": "tvo", "tvo": {"intervals": 0}}, "expected tvo.intervals of at least 1, got 0; try 5"),
        (
            {"estimator": "rws", "rws": {"wake_phi": False, "sleep_phi": False}},
            "expected rws.wake-phi, or the sleep phase",
        ),
        ({"net": "darn", "nade_units": 0}, "expected nade-units of at least 1"),
        ({"net": "nade", "hidden": (30, 20)}, "expected hidden to be one whole number, got (30, 20)"),
        ({"net": "categorical", "categories": 1}, "categories"),
        ({"net": "nade", "visible": "logistic"}, "expected a net that takes visible logistic (categorical, darn, "),
        ({"latent_mean": 2}, "expected latent-mean"),
        ({"hiden": (3,)}, "expected the name of an option, got 'hiden'; did you mean 'hidden'?"),
        ({"nvil": {"smooting": 0.5}}, "got 'nvil.smooting'; did you mean 'nvil.smoothing'?"),
        ({"estimator": "nvli"}, "expected estimator to be one of arm, "),
        ({"estimator": "sgvb"}, "expected an estimator for binary latents, got sgvb, which is for continuous latents"),
        ({"net": "vae", "estimator": "arm"}, "got arm, which is for binary latents; try sgvb, "),
        ({"net": "nade", "estimator": "nvil"}, "expected an estimator for a net without latents, got nvil"),
        ({"estimator": "em", "refine": "gdir"}, "try air, "),
        ({"estimator": "em", "refine": "air:stps=3"}, "got 'stps' in 'air:stps=3'; did you mean 'steps'?"),
        ({"estimator": "semi-amortised", "refine": "air"}, "expected a refiner with gradient steps"),
        ({"data": 5}, "expected data to be the name or path of a data set, got 5; try digits"),
        ({"x" * 10_000: 5}, "expected the name of an option"),
        ({"optimizer": "y" * 10_000}, "expected optimizer to be one of"),
    ],
)
def test_a_value_that_cannot_work_is_refused(options, sentence):
    with pytest.raises(OptionError) as caught:
        TrainConfig(**options)
    assert sentence in str(caught.value)
    assert len(str(caught.value)) < 500


def test_hints_work_when_followed():
    """Each estimator that a refusal names can be made for the net."""
    for net, wrong in ((sigmoid_belief_net(4, (2,), key=KEY), "sgvb"), (vae(4, (2,), key=KEY), "arm")):
        with pytest.raises(OptionError) as caught:
            build_estimator(parse_estimator(wrong), net, key=KEY)
        for name in str(caught.value).rpartition("; try ")[2].split(", "):
            particles = ":particles=2" if "particles" in ESTIMATORS[name].options else ""
            build_estimator(parse_estimator(f"{name}{particles}"), net, key=KEY)


def test_defaults_are_those_of_the_signatures():
    config = TrainConfig()
    assert config.fit == FitOptions()
    assert config.net.values["hidden"] == inspect.signature(sigmoid_belief_net).parameters["hidden"].default
    assert (config.net.name, config.estimator.name) == ("sbn", "nvil")
    assert {net: TrainConfig(net=net).estimator.name for net in ("vae", "nade", "fvsbn", "document")} == {
        "vae": "sgvb",
        "nade": "likelihood",
        "fvsbn": "likelihood",
        "document": "nvil",
    }
    assert TrainConfig(net="document", latents="normal").estimator.name == "sgvb"


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_is_built_for_some_net(name):
    entry = ESTIMATORS[name]
    net = {"vae": vae(6, (3,), key=KEY), "sbn": sigmoid_belief_net(6, (3,), key=KEY), "nade": nets.nade(6, 2, key=KEY)}
    fitting = [each for each in net.values() if entry.suits(each.latent_kinds)]
    assert fitting
    estimator = build_estimator(Choice(entry, {}), fitting[0], key=KEY)
    assert estimator.bound.num_particles in (1, 4)


def test_options_reach_what_is_made():
    net = sigmoid_belief_net(6, (3,), key=KEY)
    made = build_estimator(parse_estimator("vimco:particles=3,replacement=arithmetic,local-signals=true"), net, key=KEY)
    assert made == VIMCO(3, replacement=Replacement.ARITHMETIC, signal=Signal.LOCAL)
    made = build_estimator(parse_estimator("nvil:particles=2,smoothing=0.5,local-signals=false"), net, key=KEY)
    assert isinstance(made, NVIL)
    assert (made.num_particles, made.moments.smoothing, made.signal) == (2, 0.5, Signal.WHOLE)
    made = build_estimator(parse_estimator("rws:refine=air:steps=3,samples=5"), net, key=KEY)
    assert made.bound.proposal == Refined(AIR(3, 5))
    assert build_estimator(parse_estimator("em"), net, key=KEY).refiner == default_refiner(net)


def test_proposals_and_models_in_one_word():
    net = sigmoid_belief_net(6, (3,), key=KEY)
    assert parse_proposal("recognition", net, key=KEY) == Recognition()
    annealed = parse_proposal("annealed:temperatures=50,refine=air:steps=2", net, key=KEY)
    assert annealed == Annealed(50, Refined(AIR(2)))
    assert parse_comparison("mixture:components=7").num_components == 7
    for spec, message in (
        ("annealed", "expected annealed with temperatures, got it without; try annealed:temperatures=5"),
        ("refined", "expected refined with refine"),
        ("refind:refine=air", "did you mean 'refined'"),
        ("refined:refine=gdir", "proposal refined:refine=gdir does not fit this net"),
        ("hamiltonian", "expected continuous"),
    ):
        with pytest.raises(OptionError, match=message):
            parse_proposal(spec, net, key=KEY)


def test_refiners_that_do_not_fit_are_refused_with_those_that_do():
    net = sigmoid_belief_net(6, (3,), key=KEY)
    assert refiner_for(net, "air:steps=2") == AIR(2)
    with pytest.raises(OptionError) as caught:
        refiner_for(net, "gdir")
    for name in str(caught.value).rpartition("; try ")[2].split(", "):
        parse_refiner(name).check(net)


@pytest.mark.parametrize("net", NETS)
def test_a_config_of_any_net_survives_toml(net, tmp_path):
    import tomli_w

    config = TrainConfig(net=net, data="bars", epochs=2)
    again = TrainConfig.from_dict(tomllib.loads(tomli_w.dumps(config.to_dict())))
    assert again == config
    assert again.idle == ()


def test_a_config_of_version_0_1_0_is_read():
    values = tomllib.loads((Path(__file__).parent / "fixtures" / "run-0.1.0" / "config.toml").read_text())
    config = TrainConfig.from_dict({**values, "vimco": {"stand_in": "arithmetic", "local_signals": True}})
    assert (config.net.values["hidden"], config.estimator.name) == ((12, 6), "vimco")
    assert config.estimator.values["replacement"] == "arithmetic"
    assert config.idle == ()
    assert TrainConfig.from_dict({"visible": "normal"}).net.values["visible"] == "grey-normal"
    assert TrainConfig.from_dict({"net": "document", "latents": "binary"}).net.values["latents"] == "bernoulli"


def test_what_has_no_effect_is_named():
    given = {"levels": 17, "refine": "air", "vimco": {"local_signals": True}, "nade_units": 3}
    assert TrainConfig.from_dict(given).idle == ("nade-units", "refine", "vimco.local-signals", "levels")
    assert TrainConfig.from_dict(given).replace(epochs=3).idle == TrainConfig.from_dict(given).idle
    assert TrainConfig(visible="logistic", levels=17).idle == ()
    assert TrainConfig(activation="relu", deterministic=(3,)).idle == ()
    # A file may have options of another estimator; a change may not.
    assert TrainConfig.from_dict({"nvil": {"smoothing": 0.5}}, estimator="vimco").idle == ("nvil.smoothing",)
    with pytest.raises(OptionError, match=r"got vimco\.particles|got nvil\.smoothing 0\.5"):
        TrainConfig.from_dict({"estimator": "vimco"}, nvil={"smoothing": 0.5})


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"levels": 17}, "net sbn and estimator nvil, got levels 17; try leaving it out, or visible='logistic'"),
        ({"nvil": {"smoothing": 0.5}, "estimator": "vimco"}, "got nvil.smoothing 0.5; .*, or estimator='nvil'"),
        ({"nade_units": 3}, "got nade-units 3; try leaving it out, or net='darn'"),
        ({"activation": "relu"}, "got activation relu; try leaving it out, or deterministic=100"),
        ({"plateau_factor": 0.5, "schedule": "linear"}, "got plateau-factor 0.5; .* or schedule='plateau'"),
        ({"estimator": "vimco", "estimator_learning_rate": 0.1}, "got estimator-learning-rate 0.1; try leaving it out"),
        ({"net": "fvsbn", "recognition_learning_rate": 0.1}, "got recognition-learning-rate 0.1; try leaving it out"),
        ({"estimator": "auto", "refine": "air"}, "estimator auto, got refine air; try leaving it out"),
        (
            {"estimator": "auto", "vimco": {"local_signals": True}},
            "of which vimco is no candidate, got vimco",
        ),
    ],
)
def test_what_has_no_effect_is_refused(given: dict, sentence: str):
    with pytest.raises(OptionError, match=f"expected options that have an effect with .*{sentence}"):
        TrainConfig(**given)


def test_a_config_takes_from_the_data_what_was_left_open():
    digits = load("digits", values="grey")
    config = TrainConfig(visible="logistic")
    assert config.values == "grey"
    assert config.settled(digits).net.values["levels"] == digits.record.levels
    assert TrainConfig(net="document").values == "counts"
    assert config.load_data().record.values == "grey"


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        ({"deterministic": (99_999_999,)}, "--deterministic"),
        ({"hidden": (200, 99_999_999)}, "--hidden"),
        ({"particles": 999_999_999}, "--particles"),
        ({"nvil": {"baseline_units": 999_999_999}}, "--nvil.baseline-units"),
        ({"net": "categorical", "categories": 10**9}, "--categories"),
        ({"net": "darn", "nade_units": 10**10}, "--nade-units"),
        ({"net": "nade", "hidden": 10**10}, "--hidden"),
        ({"estimator": "msc", "hidden": 1_700_000}, "--hidden"),
    ],
)
def test_sizes_are_added_up_and_refused_first(options, flag):
    started = time.monotonic()
    with pytest.raises(OptionError, match=f"got [0-9,]+ parameters .*; try a smaller {flag}$"):
        check_memory(TrainConfig(**options), load("digits"), available=10**10)
    assert time.monotonic() - started < 20


def test_the_size_of_a_run_is_that_of_what_is_made():
    config = TrainConfig(hidden=(5, 3), estimator="vimco", particles=7, batch_size=10)
    net, estimator = config.build(DataShape(64, np.full(64, 0.5)))
    held = sum(leaf.size for leaf in jax.tree.leaves(eqx.filter((net, estimator), eqx.is_inexact_array)))
    size = size_of(config, DataShape(64))
    # The mean of the data, which the recognition net subtracts, is no parameter.
    assert held - 64 <= size.num_parameters <= held
    assert size.draws == 3 * 4 * 10 * 7 * (64 + 5 + 3)
    check_memory(config, load("digits"), available=10**7)
    assert size_of(config.replace(particle_chunk=2), DataShape(64)).draws == 4 * 10 * (3 * 2 * (64 + 5 + 3) + 8 * 7)
    chains = size_of(config.replace(estimator="msc"), DataShape(64), num_rows=1000)
    assert chains.kept == 4 * 1000 * (5 + 3 + 1)
    assert chains.total == chains.parameters + chains.draws + chains.kept


def test_data_are_read_as_what_the_net_is_a_model_of(tmp_path):
    np.save(tmp_path / "counts.npy", np.random.default_rng(0).poisson(2, (60, 5)))
    config = TrainConfig(data=str(tmp_path / "counts.npy"), visible="poisson", seed=3, valid_fraction=0.2)
    dataset = config.load_data()
    assert (dataset.record.values, dataset.record.splits["valid"]) == ("counts", 12)


def test_flat_names_are_those_of_the_command_line():
    assert {"hidden", "nvil.smoothing", "particles", "epochs", "binarization", "levels"} <= set(all_options())
    assert flatten({"nvil": {"smoothing": 0.5}, "batch-size": 3}) == {"nvil.smoothing": 0.5, "batch_size": 3}
    with pytest.raises(OptionError, match=r"nvil\.smoothing once, got it twice"):
        flatten({"nvil": {"smoothing": 0.5}, "nvil.smoothing": 0.4})
    words = flatten({"estimator": "nvil:particles=3,smoothing=0.5"})
    assert words == {"estimator": "nvil", "particles": 3, "nvil.smoothing": 0.5}
    with pytest.raises(OptionError, match="expected particles once, got it twice; try leaving one out"):
        flatten({"estimator": "vimco:particles=3", "particles": 5})
    with pytest.raises(OptionError, match=r"of the options particles, .*, got 'particels' in .*; did you mean 'par"):
        TrainConfig(estimator="vimco:particels=3")
    assert TrainConfig(estimator="vimco:particles=5") == TrainConfig(estimator="vimco", particles=5)
    titles = [section.title for section in sections()]
    assert titles[:3] == ["Data", "Net", "Estimator"]
    assert titles[-1] == "Training"


def test_the_help_names_all_there_is(capsys):
    assert run(["train", "--help-all"]) == 0
    text = capsys.readouterr().out
    for known in (ESTIMATORS, NETS, VISIBLE, LATENTS, REFINERS):
        assert [name for name in known if name not in text] == []
    # Long names go over two lines.
    assert [option.flag for option in all_options().values() if option.flag.rpartition(".")[2] not in text] == []
