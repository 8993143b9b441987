"""What a net or an estimator is, is written down and rebuilt: the law runs over every net, estimator and proposal."""

import json
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest
from cases import ALL_NETS, CONDITIONALS, ESTIMATORS, PROPOSALS, REFINERS, SINGLE_NETS, small_net

from beliefnet import nets
from beliefnet.conditionals import EquinoxNetwork
from beliefnet.distributions import bernoulli, discretised_logistic, poisson
from beliefnet.estimators import HVI, UHA, VIMCO, Reinforce, VariationalEM, reweighted_wake_sleep
from beliefnet.proposals import Hamiltonian, Refined, UncorrectedAnnealing
from beliefnet.refiners import AIR, StraightThroughAscent
from beliefnet.runs import StructureError, describe, differences, fingerprint, skeleton

KEY = jax.random.key(0)
EVERY_NET = ALL_NETS | SINGLE_NETS

READY_MADE = {
    "sbn": lambda: nets.sigmoid_belief_net(6, (3, 2), key=KEY, deterministic=(4,), activation=jax.nn.relu),
    "sbn, other recognition": lambda: nets.sigmoid_belief_net(6, (3,), key=KEY, deterministic_recognition=(4, 4)),
    "poisson": lambda: nets.sigmoid_belief_net(6, (3,), key=KEY, visible=poisson),
    "convolution": lambda: nets.vae(64, (3,), key=KEY, bottom=nets.Convolution((8, 8), (2,))),
    "vae": lambda: nets.vae(6, (3,), key=KEY, visible=discretised_logistic(17)),
    "categorical": lambda: nets.categorical_belief_net(6, (3, 2), key=KEY, num_categories=4),
    "darn": lambda: nets.darn(6, (3, 2), key=KEY, autoregressive_recognition=True, nade_units=2),
    "document": lambda: nets.document_net(9, (3,), key=KEY, document_length=12.5),
    "fvsbn": lambda: nets.fully_visible_net(6, visible_mean=jnp.full(6, 0.3)),
    "nade": lambda: nets.nade(6, 3, key=KEY),
}

TREES = {
    **{f"net {name}": make for name, make in (EVERY_NET | READY_MADE).items()},
    **{f"conditional {name}": make for name, make in CONDITIONALS.items() if name != "own module"},
    **{f"proposal {name}": make for name, make in PROPOSALS.items()},
    **{f"refiner {name}": lambda case=case: case.make(3) for name, case in REFINERS.items()},
    **{f"estimator {n}": lambda case=case: case.make(EVERY_NET[case.nets[0]]()) for n, case in ESTIMATORS.items()},
    "estimator hvi": lambda: HVI(Hamiltonian(nets.vae(6, (3,), key=KEY), 2, 3, key=KEY), 2),
    "estimator uha": lambda: UHA(UncorrectedAnnealing(nets.vae(6, (3,), key=KEY), 4), 2),
    "estimator rws, refined": lambda: reweighted_wake_sleep(3, proposal=Refined(AIR(3, 4))),
    "estimator em": lambda: VariationalEM(StraightThroughAscent(3, 4), 2),
    "own network": lambda: EquinoxNetwork(
        eqx.nn.MLP(2, 3, 4, 1, activation=jnp.tanh, final_activation=jax.nn.relu, key=KEY), 2
    ),
}


@pytest.mark.full(
    but=[
        "net darn",
        "net convolution",
        "conditional nade",
        "proposal defensive",
        "refiner air",
        "refiner gdir",
        "own network",
        "estimator nvil",
        "estimator vimco",
        "estimator em",
        "estimator hvi",
    ]
)
@pytest.mark.parametrize("name", TREES)
def test_a_tree_is_rebuilt_from_its_description(name):
    tree = jax.tree.map(jnp.asarray, TREES[name]())
    description = describe(tree)
    read = json.loads(json.dumps(description))
    assert read == description
    rebuilt = skeleton(read)
    assert jax.tree.structure(rebuilt) == jax.tree.structure(tree)
    for left, right in zip(jax.tree.leaves(rebuilt), jax.tree.leaves(tree), strict=True):
        assert (left.shape, left.dtype) == (right.shape, right.dtype)
    assert differences(describe(rebuilt), description) == []


@pytest.mark.full
def test_descriptions_of_different_estimators_differ():
    """Two of other settings never have the same description, whatever they differ in."""
    trees = {name: jax.tree.map(jnp.asarray, make()) for name, make in TREES.items() if name.startswith("estimator")}
    prints = {name: fingerprint(describe(tree)) for name, tree in trees.items()}
    same = [(a, b) for a in prints for b in prints if a < b and prints[a] == prints[b]]
    assert all(jax.tree.structure(trees[a]) == jax.tree.structure(trees[b]) for a, b in same)
    assert len(set(prints.values())) > 30


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (VIMCO(3), Reinforce(3), "it: VIMCO, Reinforce"),
        (VIMCO(3), VIMCO(5), "num_particles: 3, 5"),
        (VariationalEM(AIR(3)), VariationalEM(AIR(4)), "refiner.num_steps: 3, 4"),
        (
            small_net(2, 3),
            small_net(2),
            "generative.conditionals: (Prior, Feedforward, Feedforward), (Prior, Feedforward)",
        ),
        ({"rate": 1}, {"rate": True}, "rate: 1, True"),
        ({"rate": 1.0}, {"rate": float("inf")}, "rate: 1.0, inf"),
        ({"rate": 1.0}, {"other": 1.0}, "rate: 1.0, nothing"),
        ({"class": 1}, {"class": 2}, "class: 1, 2"),
        ((1, [2, 3]), (1, [2, 4]), "[1][1]: 3, 4"),
    ],
)
def test_differences_say_where_and_what(one, other, expected):
    assert str(differences(describe(one), describe(other))[0]) == expected


def test_activations_differ():
    tanh, relu = (
        nets.sigmoid_belief_net(6, (3, 2), key=KEY, deterministic=(4,), activation=f) for f in (jnp.tanh, jax.nn.relu)
    )
    found = differences(describe(tanh), describe(relu), "net")
    assert found
    assert all(d.place.endswith("activation") and (d.one, d.other) == ("tanh", "relu") for d in found)


def test_whole_numbers_are_the_numbers_they_are():
    assert differences(describe({"rate": 1}), describe({"rate": 1.0})) == []


class Own(eqx.Module):
    weight: jax.Array
    size: int = eqx.field(static=True)


@pytest.mark.parametrize(
    "description",
    [
        describe(Own(jnp.ones(3), 2)),
        describe(lambda x: x),
        {"class": "os.system", "fields": {}},
        {"class": "subprocess.Popen", "fields": {"args": "touch hacked"}},
        {"function": "beliefnet.__main__.main"},
        {"function": "jax.numpy.__loader__.exec_module"},
        {"class": "beliefnet.cli.main", "fields": {}},
        {"class": "beliefnet._numerics.jnp.save", "fields": {}},
        {"enum": "pathlib.Path", "name": "/"},
        {"unknown": 1},
        {"value": "object", "text": ""},
    ],
)
def test_what_is_not_ours_is_refused(description):
    with pytest.raises(StructureError, match="expected"):
        skeleton(description)


@pytest.mark.full
def test_rebuilding_imports_nothing_else():
    source = """
        import sys
        from beliefnet.runs import skeleton, StructureError
        before = set(sys.modules)
        for name in ("antigravity.x", "this.s", "beliefnet_other.Thing", "tkinter.Tk"):
            try:
                skeleton({"class": name, "fields": {}})
            except StructureError:
                pass
        print(sorted(set(sys.modules) - before))
    """
    import textwrap

    command = [sys.executable, "-c", textwrap.dedent(source)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], timeout=120)
    assert done.stdout == "[]\n", done.stderr


def test_families_with_settings_are_told_apart():
    one, other = (nets.vae(6, (3,), key=KEY, visible=discretised_logistic(levels)) for levels in (16, 17))
    assert str(differences(describe(one), describe(other))[0]).endswith("family.levels: 16, 17")
    assert bernoulli == skeleton(describe(bernoulli))


def test_a_field_that_came_later_is_told_from_one_that_changed():
    old, new = describe(AIR(3)), describe(AIR(4))
    del old["fields"]["num_checks"]
    assert [(found.place, found.is_added) for found in differences(old, new)] == [
        ("num_steps", False),
        ("num_checks", True),
    ]
