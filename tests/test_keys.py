"""No random number is used twice: a key is split, folded or drawn from, in one of these ways and once.

Keys are those of a generator of the test's own. It is JAX's, and notes every use, within compiled loops too.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import ESTIMATORS, FAMILY_NETS, OBSERVATIONS, PROPOSALS, PROPOSALS_FOR_NETS, net_of, nvil, small_net
from jax import Array
from jax.extend.random import define_prng_impl

from beliefnet import BeliefNet, reconstruct, sample_means
from beliefnet.data import Dataset
from beliefnet.estimators import VIMCO, AbstractEstimator
from beliefnet.evaluation import Effort, Search, evaluate, gradient_report, impute, particle_bounds, sandwich
from beliefnet.evaluation._gradient_draws import Draw
from beliefnet.nets import Convolution, categorical_belief_net, darn, nade, sigmoid_belief_net, vae
from beliefnet.proposals import Annealed, Refined
from beliefnet.refiners import AIR
from beliefnet.training import FitOptions, Plan, Stream, stream
from beliefnet.training._state import TrainState
from beliefnet.training._step import run_steps

BITS = np.array([[0, 1, 1], [1, 0, 0], [1, 1, 1], [0, 0, 1]])
GREY = Dataset.from_arrays(BITS / 2, BITS / 2, BITS / 2)
USES: list[tuple[bytes, str]] = []


def _note(way: str, raw: Array, number: Any = 0) -> None:
    def note(raw: np.ndarray, number: np.ndarray) -> None:
        USES.append((np.asarray(raw).tobytes(), f"{way} {int(number)}"))

    jax.debug.callback(note, raw, number)


def _key(raw: Array) -> Array:
    return jax.random.wrap_key_data(raw, impl="threefry2x32")


def _split(raw: Array, shape: tuple[int, ...]) -> Array:
    _note("split", raw)
    return jax.random.key_data(jax.random.split(_key(raw), shape))


def _fold_in(raw: Array, number: Any) -> Array:
    _note("fold in", raw, number)
    return jax.random.key_data(jax.random.fold_in(_key(raw), number))


def _bits(raw: Array, width: int, shape: tuple[int, ...]) -> Array:
    _note("draw", raw)
    return jax.random.bits(_key(raw), shape, f"uint{width}")


def _seed(seed: Array) -> Array:
    return jax.random.key_data(jax.random.key(seed, impl="threefry2x32"))


NOTING = define_prng_impl(
    key_shape=(2,), seed=_seed, split=_split, random_bits=_bits, fold_in=_fold_in, name="noting", tag="noting"
)


def misused(call: Callable[[Array], object]) -> list[str]:
    """Return how keys were used in two ways, or twice in the same, by a call that is given one."""
    jax.effects_barrier()
    USES.clear()
    jax.block_until_ready(call(jax.random.key(7, impl=NOTING)))
    jax.effects_barrier()
    assert USES, "no key was used"
    ways: dict[bytes, set[str]] = {}
    for raw, way in USES:
        ways.setdefault(raw, set()).add(way.rsplit(" ", 1)[0])
    mixed = [" and ".join(sorted(found)) for found in ways.values() if len(found) > 1]
    return mixed + [f"{way}, {count} times" for (_, way), count in Counter(USES).items() if count > 1]


@pytest.mark.full
def test_a_key_used_twice_is_noticed():
    def folded(key: Array) -> object:
        return jax.random.normal(jax.random.fold_in(key, 1)), jax.random.split(key)

    @jax.jit
    def drawn_in_a_loop(key: Array) -> Array:
        return jax.lax.map(lambda _: jax.random.normal(key), np.arange(3))

    assert misused(folded) == ["fold in and split"]
    assert misused(drawn_in_a_loop) == ["draw 0, 3 times"]
    # The reason for it all: they are the same numbers.
    key = jax.random.key(0)
    np.testing.assert_array_equal(*map(jax.random.key_data, (jax.random.fold_in(key, 1), jax.random.split(key, 5)[1])))


HOLES = np.where(BITS == 1, np.nan, 0)
CALLS: dict[str, Callable[[Array], object]] = {
    "evaluate": lambda key: evaluate(small_net(2, 3), BITS, num_particles=12, key=key),
    "evaluate, dynamic bits": lambda key: evaluate(small_net(2), GREY.test, num_particles=12, key=key),
    "chunks": lambda key: particle_bounds(small_net(2), BITS, num_particles=12, chunk=4, key=key).bound,
    "annealed": lambda key: (
        particle_bounds(
            small_net(2), BITS, num_particles=4, chunk=2, proposal=Annealed(3, Refined(AIR(2, 4))), key=key
        ).bound
    ),
    "impute": lambda key: impute(small_net(2), HOLES, search=Search(8, 2, 2, AIR(2, 3)), key=key).bound,
    "sandwich": lambda key: sandwich(small_net(2), Annealed(3), num_examples=3, num_particles=2, key=key),
    "gradient report": lambda key: gradient_report(
        small_net(2), BITS, {"nvil": nvil(small_net(2)), "vimco": VIMCO(2)}, effort=Effort(8, warm_up=2), key=key
    ),
    "reconstruct": lambda key: reconstruct(small_net(2, 3), BITS, key=key),
    "sample means": lambda key: sample_means(small_net(2, 3), (3,), key=key),
}


LONG = ("annealed", "gradient report", "chunks", "impute", "sandwich", "evaluate, dynamic bits", "reconstruct")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.full) if name in LONG else name for name in CALLS]
)
def test_no_key_is_used_twice(name: str, monkeypatch):
    # A key of an estimate is used again and again where only its time is of interest.
    monkeypatch.setattr(Draw, "milliseconds", lambda self, *, key: 1.0)
    assert misused(CALLS[name]) == []


NETS_OF_KEYS: dict[str, Callable[..., BeliefNet]] = {
    "sbn": partial(sigmoid_belief_net, 3, (3, 3), deterministic=(3,)),
    "categorical": partial(categorical_belief_net, 3, (2, 2), num_categories=3),
    "vae": partial(vae, 3, (2, 2), deterministic=(3, 3)),
    "darn": partial(darn, 3, (3, 3), autoregressive_recognition=True, nade_units=3),
    "nade": partial(nade, 3, 3),
    "convolutional": partial(vae, 64, (3,), bottom=Convolution((8, 8), (3, 4))),
}


@pytest.mark.full(but=["nade", "sbn"])
@pytest.mark.parametrize("name", NETS_OF_KEYS)
def test_no_weight_starts_as_another_one(name: str):
    assert misused(lambda key: jax.tree.leaves(NETS_OF_KEYS[name](key=key))) == []


@pytest.mark.full
@pytest.mark.parametrize("name", [name for name in (*PROPOSALS, *PROPOSALS_FOR_NETS) if name != "buffered"])
def test_no_proposal_uses_a_key_twice(name: str):
    """But for the buffered one, which draws what the steps drew again, by their keys."""
    net = FAMILY_NETS["normal"]() if name in ("hamiltonian", "uncorrected annealing") else small_net(2, 3)
    proposal = PROPOSALS[name]() if name in PROPOSALS else PROPOSALS_FOR_NETS[name](net)
    if name == "refined by gradients":
        # Its checks compare posteriors by the same random numbers, on purpose.
        proposal = eqx.tree_at(lambda p: p.refiner, proposal, dataclasses.replace(proposal.refiner, num_checks=0))
    assert misused(lambda key: proposal.draw(net, OBSERVATIONS, 6, key=key).latents) == []


@eqx.filter_jit
def estimate(estimator: AbstractEstimator, net: BeliefNet, state: Any, key: Array) -> Array:
    return estimator.estimate(net, OBSERVATIONS[:2], state, key=key).objective


@pytest.mark.full
@pytest.mark.parametrize("name", [name for name in ESTIMATORS if "likelihood" not in name and "," not in name])
def test_no_estimator_uses_a_key_twice(name: str):
    case = ESTIMATORS[name]
    net = net_of(case.nets[-1])
    estimator = case.make(net)
    assert misused(lambda key: estimate(estimator, net, case.state(net), key)) == []


@pytest.mark.full
def test_training_uses_no_key_twice():
    net, options = small_net(2), FitOptions(epochs=1, batch_size=2)
    plan = Plan.of(options.decided(net, len(BITS)), 2)
    learner = TrainState.start(net, VIMCO(2), plan).learner

    def epoch(key: Array) -> Array:
        return run_steps(learner, GREY.train.on_device(), plan, jnp.int32(2), batch_size=2, key=key).step

    assert misused(epoch) == []


@pytest.mark.parametrize("purpose", Stream)
def test_the_streams_of_a_seed_are_among_the_keys_that_a_split_gives(purpose: Stream):
    """As the documents say: results of a seed stay what they are."""
    keys = jax.random.key_data(jax.random.split(jax.random.key(3), len(Stream)))
    np.testing.assert_array_equal(jax.random.key_data(stream(3, purpose)), keys[purpose])
