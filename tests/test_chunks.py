"""What a step holds at a time: rows in blocks, particles in chunks; gradients are those of the whole."""

import re
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import ESTIMATORS as CASES
from cases import OBSERVATIONS, net_of
from exact import assert_same, bound_and_gradient, wide
from laws import assert_mean, draws

from beliefnet._errors import OptionError
from beliefnet._streams import split_key
from beliefnet._trace import Trace
from beliefnet.catalogue import ESTIMATORS, DataShape, TrainConfig, build_estimator, parse_estimator
from beliefnet.cli._message import message
from beliefnet.data import Dataset
from beliefnet.estimators import (
    VIMCO,
    Chunked,
    CreditEstimator,
    Estimate,
    MaximumLikelihood,
    Pieces,
    Sum,
    nvil,
    pieces_for,
    row_blocks,
)
from beliefnet.estimators._driver_path import path_log_weight
from beliefnet.estimators.rules import REWEIGHTED_WAKE, Credit, LeaveOneOutBound
from beliefnet.nets import fully_visible_net, sigmoid_belief_net
from beliefnet.proposals import Buffered, Particles, Recognition
from beliefnet.refiners import AIR, Shrinkage
from beliefnet.training import FitOptions, fit

KEY = jax.random.key(0)
WHOLE = {
    "arm",
    "arms",
    "disarm",
    "double-cv",
    "em",
    "hvi",
    "iterative",
    "local-expectation",
    "msc",
    "multi-sample-disarm",
    "muprop",
    "rebar",
    "relax",
    "rodeo",
    "semi-amortised",
    "uha",
}
"""Estimators that couple their draws, refine with them, or go through the units: they take all particles at once."""
DRIVEN = {
    "vimco": ("one layer", "vimco:particles=7"),
    "nvil": ("two layers", "nvil:particles=7"),
    "concrete": ("one layer", "concrete:particles=7"),
    "dreg": ("normal", "dreg:particles=7"),
    "rws": ("one layer", "rws:particles=7,refine=air:steps=2"),
    "wake-sleep": ("one layer", "wake-sleep:particles=7"),
}
"""One for each way of drawing, and of reading a record; what a rule makes of a record does not know of chunks."""
MANY = VIMCO(1000)


class Joined(Chunked):
    """Draws what a chunked estimator draws, and holds all of it."""

    def record(self, net, x, *, key):
        prepare_key, draw_key = split_key(key)
        ready = self.proposal.prepare(net, x, key=prepare_key)
        count = -(-self.num_draws // self.chunk)
        size = -(-self.num_draws // count)
        drawn = jax.vmap(lambda own: ready.draw(net, x, size, key=own))(split_key(draw_key, count))
        parts = (drawn.x, drawn.latents, drawn.log_proposal, drawn.log_layers)
        seen, *rest = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[: self.num_draws], parts)
        particles = Particles(x if drawn.x.ndim == 3 else seen, *rest)
        path = path_log_weight(self.proposal, jax.lax.stop_gradient(net), particles)
        return Trace.record(net, jax.lax.stop_gradient(particles)), path


@eqx.filter_jit
def estimated(estimator: Any, net: Any, x: jax.Array) -> Any:
    found = estimator.estimate(net, x, estimator.init(net), key=KEY)
    return found.net, jax.tree.leaves(found.estimator), found.state, found.objective


def joined(estimator: Any) -> Any:
    """The same draws, all held at once."""
    if type(estimator) is Sum:
        return Sum(tuple(joined(part) for part in estimator.parts))
    return Joined(estimator.estimator, estimator.chunk) if type(estimator) is Chunked else estimator


@pytest.mark.full(but=["vimco"])
@pytest.mark.parametrize("name", DRIVEN)
def test_gradients_in_chunks_are_those_of_the_whole(name: str):
    """Seven particles in three chunks, the last of which is not full: net, baselines, statistics and objective."""
    net_name, spec = DRIVEN[name]
    narrow = net_of(net_name)
    with jax.enable_x64(True):
        net, x = wide(narrow), wide(OBSERVATIONS)
        chunked = wide(build_estimator(parse_estimator(spec), net, key=KEY)).in_chunks(3)
        found, whole = (estimated(each, net, x) for each in (chunked, joined(chunked)))
        assert sum(float(jnp.abs(leaf).sum()) for leaf in jax.tree.leaves(whole[0])) > 0.1
        assert_same(found, whole, 1e-9)


def test_the_hint_of_a_run_out_of_memory_works():
    """What the message advises is taken for a number of particles that was held at once."""
    hint = re.search(r"--particle-chunk (\d+)", message(MemoryError(), "train"))
    assert hint is not None
    assert "--particle-chunk" not in message(MemoryError(), "evaluate")
    config = TrainConfig(estimator="vimco", particles=50, hidden=(3,), particle_chunk=int(hint[1]))
    net, estimator = config.build(DataShape(6))
    assert pieces_for(net, estimator, 100, particle_chunk=config.fit.particle_chunk) == Pieces(particles=10)


def test_an_estimator_of_few_particles_stays_what_it_is():
    vimco = VIMCO(50)
    assert vimco.in_chunks(50) is vimco
    assert vimco.in_chunks(49) == Chunked(vimco, 49)


@pytest.mark.full(but=["arm", "rws", "vimco"])
@pytest.mark.parametrize("name", sorted(ESTIMATORS.keys() - {"likelihood"}))
def test_every_estimator_of_the_catalogue_has_chunks_or_says_that_it_has_none(name: str):
    choice = parse_estimator(f"{name}:particles=7" if name != "local-expectation" else name)
    net = net_of("one layer" if choice.entry.suits(net_of("one layer").latent_kinds) else "normal")
    estimator = build_estimator(choice, net, key=KEY)
    chunked = estimator.in_chunks(3)
    assert (chunked is None) == (name in WHOLE)
    if chunked is None:
        with pytest.raises(OptionError, match=f"chunk 3, got one .* at once, {type(estimator).__name__}; try vimco"):
            pieces_for(net, estimator, 100, particle_chunk=3)
        assert pieces_for(net, estimator, 10**9) == Pieces()
    else:
        assert type(getattr(chunked, "parts", (chunked,))[0]) is Chunked
        assert chunked.bound == estimator.bound
        assert pieces_for(net, estimator, 100, particle_chunk=3) == Pieces(particles=3)


def test_all_particles_at_once_are_not_drawn_in_chunks():
    buffered = CreditEstimator(REWEIGHTED_WAKE, 7, Buffered(AIR(3, 1, shrinkage=Shrinkage.NONE)))
    assert buffered.in_chunks(3) is None
    with pytest.raises(ValueError, match="in chunks, got Buffered, which draws all of them at once; try Recognition"):
        Chunked(buffered, 3)
    with pytest.raises(ValueError, match="chunk of at least 1"):
        VIMCO(7).in_chunks(0)


@pytest.mark.parametrize(
    ("name", "visible", "batch", "expected"),
    [
        ("vimco:particles=5", 784, 100, Pieces()),
        ("vimco:particles=50", 784, 100, Pieces(rows=53)),
        ("vimco:particles=1000", 784, 100, Pieces(rows=2)),
        ("wake-sleep:particles=1000", 784, 97, Pieces(rows=2)),
        ("vimco:particles=100000", 784, 100, Pieces(rows=1, particles=6061)),
        # Moments of the signal are those of the whole batch.
        ("nvil:particles=50", 784, 100, Pieces()),
        ("nvil:particles=1000", 784, 100, Pieces(particles=60)),
        ("em:particles=1000", 784, 100, Pieces()),
        # A gradient of wide weights takes longer than a small block.
        ("wake-sleep:particles=1", 200_000, 100, Pieces()),
        ("vimco:particles=5", 20_000, 100, Pieces()),
        ("vimco:particles=1000", 20_000, 100, Pieces(rows=1)),
    ],
)
def test_large_steps_are_taken_in_pieces(name: str, visible: int, batch: int, expected: Pieces):
    """Visible units and layers of 200: blocks of rows where rows can be taken apart, or chunks of particles."""
    net = jax.eval_shape(lambda: sigmoid_belief_net(visible, (200, 200, 200), key=KEY))
    estimator = build_estimator(parse_estimator(name), sigmoid_belief_net(784, (5, 4, 3), key=KEY), key=KEY)
    assert pieces_for(net, estimator, batch) == expected


def test_what_was_asked_for_and_what_is_divided_over_devices():
    net = jax.eval_shape(lambda: sigmoid_belief_net(784, (200, 200, 200), key=KEY))
    assert pieces_for(net, MANY, 100, particle_chunk=1000) == Pieces()
    assert pieces_for(net, MANY, 100, particle_chunk=10) == Pieces(rows=2, particles=10)
    assert pieces_for(net, MANY, 100, is_on_mesh=True) == Pieces(particles=60)
    # What is in chunks by hand stays so.
    assert pieces_for(net, MANY.in_chunks(50), 100).rows is None


class OfTheBatch(LeaveOneOutBound):
    """A rule made of one that credits a datum by itself."""

    def __call__(self, trace: Trace) -> Credit:
        credit = super().__call__(trace)
        assert credit.score is not None
        return eqx.tree_at(lambda c: c.score, credit, credit.score - credit.score.mean())


class Clipped(VIMCO):
    """An estimator that looks at the gradient of a batch."""

    def estimate(self, net, x, state, *, key):
        return jax.tree.map(lambda leaf: jnp.clip(leaf, -1, 1), super().estimate(net, x, state, key=key))


class ClippedSum(Sum):
    """The same of several estimators."""

    estimate = Clipped.estimate


class OfAnother(Recognition):
    """A proposal made of one that draws for each datum by itself."""


def test_what_is_made_of_others_takes_batches_whole_until_it_says_otherwise():
    assert CreditEstimator(LeaveOneOutBound(), 4).draws_apart == 4
    for estimator in (
        CreditEstimator(OfTheBatch(), 4),
        CreditEstimator(LeaveOneOutBound(), 4, OfAnother()),
        Clipped(4),
        Sum((VIMCO(4), Clipped(4))),
        ClippedSum((VIMCO(4),)),
    ):
        assert estimator.draws_apart is None


def test_an_accelerator_takes_pieces_for_want_of_memory_alone(monkeypatch):
    net = jax.eval_shape(lambda: sigmoid_belief_net(784, (200, 200, 200), key=KEY))
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert pieces_for(net, VIMCO(50), 100) == Pieces()
    assert pieces_for(net, MANY, 100) == Pieces(rows=24)


def parts_of(estimator: Any) -> list[Any]:
    return list(getattr(estimator, "parts", (estimator,)))


def row_of(trace: Trace, row: int) -> Trace:
    """The record of one datum; an observation that particles share has no axis of them."""

    def chosen(leaf: jax.Array) -> jax.Array:
        return leaf[row : row + 1] if leaf.ndim == 2 and leaf is trace.values[0] else leaf[:, row : row + 1]

    return jax.tree.map(chosen, trace)


APART = {
    "concrete",
    "dreg",
    "gumbel-rao",
    "half",
    "iwae",
    "likelihood",
    "log-variance",
    "ovis",
    "ovis-asymptotic",
    "reinforce",
    "reinmax",
    "reweighted wake",
    "rws",
    "sgvb",
    "sleep",
    "stl",
    "straight-through",
    "tvo",
    "vimco",
    "wake",
    "wake-sleep",
    "weighted wake",
}
"""Rules without statistics, with draws from one of the nets: rows of a batch can be taken apart."""


@pytest.mark.full(but=["vimco"])
@pytest.mark.parametrize("name", sorted(APART))
def test_rows_that_are_taken_apart_are_credited_apart(name: str):
    """What a datum is credited with is the same in its batch and alone, and no state is left."""
    case = CASES[name]
    net = net_of(case.nets[0])
    for part in parts_of(case.make(net)):
        with jax.enable_x64(True):
            own, part, x = wide(net), wide(part), wide(OBSERVATIONS)
            trace = part.record(own, x, key=KEY)[0]
            credit, state = part.rule.step(trace, None)
            assert state is None
            for row in range(len(x)):
                alone = part.rule.step(row_of(trace, row), None)[0]
                axes = [(alone.objective, credit.objective[row : row + 1])]
                axes += [
                    (getattr(alone, term), getattr(credit, term)[:, row : row + 1])
                    for term in ("model", "score", "path")
                    if getattr(credit, term) is not None
                ]
                for found, expected in axes:
                    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.full
def test_which_estimators_take_rows_apart():
    plain = {name: case.make(net_of(case.nets[0])) for name, case in CASES.items() if "," not in name}
    assert {name for name, estimator in plain.items() if estimator.draws_apart is not None} == APART
    assert plain["vimco"].draws_apart == plain["vimco"].num_particles
    assert CASES["ovis, two auxiliary"].make(net_of("one layer")).draws_apart == 4


def test_blocks_of_rows_are_the_mean_of_their_estimates():
    net, vimco = net_of("two layers"), VIMCO(3)

    def estimate(x: jax.Array, key: jax.Array) -> Any:
        return vimco.estimate(net, x, None, key=key)

    compiled = jax.jit(estimate)
    found = jax.jit(lambda: row_blocks(estimate, OBSERVATIONS, 1, key=KEY))()
    each = [compiled(OBSERVATIONS[i : i + 1], key) for i, key in enumerate(split_key(KEY, 3))]
    assert_same(found, jax.tree.map(lambda *leaves: sum(leaves) / 3, *each), 1e-5)
    whole = jax.jit(lambda: row_blocks(estimate, OBSERVATIONS, None, key=KEY))()
    assert_same(whole, compiled(OBSERVATIONS, KEY), 1e-6)
    assert_same(row_blocks(compiled, np.asarray(OBSERVATIONS), 1, key=KEY), found, 1e-5)


def test_blocks_of_any_batch_are_nearly_equal_and_weigh_what_they_hold():
    """A number that divides the batch if there is one, and otherwise a last block that is smaller."""
    taken: list[int] = []

    def estimate(x: jax.Array, key: jax.Array) -> Any:
        taken.append(len(x))
        return Estimate(x.mean(axis=0), None, None, x.mean())

    for batch in (12, 10, 7, 5, 3):
        x = jnp.arange(2.0 * batch).reshape(batch, 2)
        found = row_blocks(estimate, x, 5, key=KEY)
        np.testing.assert_allclose(found.net, x.mean(axis=0), rtol=1e-6)
        assert float(found.objective) == pytest.approx(float(x.mean()))
    assert list(dict.fromkeys(taken)) == [4, 5, 3]


def test_blocks_carry_no_state():
    def estimate(x: jax.Array, key: jax.Array) -> Any:
        return Estimate(x.mean(axis=0), None, jnp.zeros(3), x.mean())

    assert row_blocks(estimate, OBSERVATIONS, None, key=KEY).state.shape == (3,)
    with pytest.raises(ValueError, match="without state for blocks of rows, got one with; try size=None"):
        row_blocks(estimate, OBSERVATIONS, 1, key=KEY)


@pytest.mark.full
def test_training_in_blocks_is_that_of_whole_batches_where_nothing_is_drawn(monkeypatch):
    """In `fit`, side by side and from rows on the host, with a batch that blocks do not divide."""
    rows = (np.arange(22 * 6).reshape(22, 6) % 7 < 3).astype(np.uint8)
    data, net = Dataset.from_arrays(rows, rows[:9], rows[:9]), fully_visible_net(6)
    options = FitOptions(epochs=3, batch_size=11, learning_rate=0.05)
    whole = fit(net, data, MaximumLikelihood(), options=options).net
    monkeypatch.setattr("beliefnet.estimators._pieces._CACHED_NUMBERS", 4 * 6)
    monkeypatch.setattr("beliefnet.estimators._pieces._LEAST_PARTICLES", 1)
    assert pieces_for(net, MaximumLikelihood(), 11) == Pieces(rows=4)
    assert_same(fit(net, data, MaximumLikelihood(), options=options).net, whole, 1e-4)
    hosted = fit(net, data, MaximumLikelihood(), options=replace(options, rows_on="host")).net
    assert_same(hosted, whole, 1e-4)
    moved = [float(jnp.abs(a - b).max()) for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(net), strict=True)]
    assert max(moved) > 0.1


@pytest.mark.full
def test_the_weight_of_the_divergence_counts_in_blocks(monkeypatch):
    """In the first step of a warm-up the divergence counts little, and the objective is higher."""
    rows = np.tile(np.eye(4, 6, dtype=np.uint8), (5, 1))
    data, net = Dataset.from_arrays(rows, rows[:9], rows[:9]), sigmoid_belief_net(6, (3,), key=KEY)
    options = FitOptions(epochs=1, batch_size=20, learning_rate=1e-9)
    found = []
    for cached in (2**21, 4 * 6 * 50):
        monkeypatch.setattr("beliefnet.estimators._pieces._CACHED_NUMBERS", cached)
        monkeypatch.setattr("beliefnet.estimators._pieces._LEAST_PARTICLES", 1)
        for warm_up in (4, 0):
            own = replace(options, kl_warm_up=warm_up)
            found.append(fit(net, data, VIMCO(50), options=own).history[0]["train_bound"])
    whole, plain, blocks, plain_blocks = found
    assert blocks == pytest.approx(whole, abs=0.15)
    assert blocks - plain_blocks == pytest.approx(whole - plain, abs=0.05)
    assert whole - plain > 0.5


@pytest.mark.full
def test_the_mean_of_many_estimates_in_blocks_is_the_gradient_of_the_bound():
    net = net_of("one layer")

    def draw(key: jax.Array) -> Any:
        def estimate(x: jax.Array, own: jax.Array) -> Any:
            return VIMCO(2).estimate(net, x, None, key=own)

        found = row_blocks(estimate, OBSERVATIONS[:2], 1, key=key)
        return found.net, found.objective

    bound, gradient = bound_and_gradient(net, OBSERVATIONS[:2], 2)
    assert_mean(draws(draw, 12_000), (gradient, bound.mean()))


@pytest.mark.full
@pytest.mark.parametrize("spec", ["vimco:particles=5", "wake-sleep:particles=5", "rws:particles=5"])
def test_a_run_in_blocks_of_rows_learns(spec: str, monkeypatch, tmp_path):
    """With a weight of the KL divergence that rises; stopped, it goes on with whole batches."""
    monkeypatch.setattr("beliefnet.estimators._pieces._CACHED_NUMBERS", 2 * 6 * 5)
    monkeypatch.setattr("beliefnet.estimators._pieces._LEAST_PARTICLES", 1)
    rows = np.tile(np.eye(4, 6, dtype=np.uint8), (5, 1))
    data, net = Dataset.from_arrays(rows, rows[:9], rows[:9]), sigmoid_belief_net(6, (3,), key=KEY)
    options = FitOptions(epochs=20, batch_size=10, learning_rate=0.05, kl_warm_up=5)
    estimator = build_estimator(parse_estimator(spec), net, key=KEY)
    assert pieces_for(net, estimator, 10) == Pieces(rows=2)
    first = fit(net, data, estimator, options=options, folder=tmp_path / "run")
    assert first.history[-1]["valid_bound"] > first.history[0]["valid_bound"] + 0.3
    monkeypatch.undo()
    more = replace(options, epochs=21)
    assert len(fit(net, data, estimator, options=more, folder=tmp_path / "run").history) == 21


def test_rows_of_a_block_are_put_together_once():
    """A place that varies, within the loop of exponentials, would keep the compiler from doing many at a time."""
    net, estimator = sigmoid_belief_net(100, (50,), key=KEY), VIMCO(20)

    def one(x: jax.Array, key: jax.Array) -> Any:
        return estimator.estimate(net, x, None, key=key)

    text = jax.jit(lambda x: row_blocks(one, x, 4, key=KEY)).lower(jnp.zeros((20, 100))).compile().as_text()
    assert "exponential(" in text
    for computation in text.split("\n\n"):
        assert "dynamic-slice(" not in computation or "exponential(" not in computation


@pytest.mark.full
def test_memory_is_that_of_a_block():
    """A thousand particles, a row at a time, and then a few particles of it: what is advised for want of memory."""
    net = sigmoid_belief_net(100, (50,), key=KEY)

    def memory(estimator: Any, size: int | None) -> int:
        def one(x: jax.Array, key: jax.Array) -> Any:
            return estimator.estimate(net, x, None, key=key)

        compiled = jax.jit(lambda x: row_blocks(one, x, size, key=KEY)).lower(jnp.zeros((20, 100))).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    whole, block, chunk = memory(MANY, None), memory(MANY, 1), memory(MANY.in_chunks(10), 1)
    assert block < 0.08 * whole
    assert chunk < 0.5 * block


@pytest.mark.full
def test_memory_is_that_of_a_chunk():
    """A thousand particles, twenty at a time."""
    net = sigmoid_belief_net(100, (50,), key=KEY)
    compiled = [estimated.lower(each, net, jnp.zeros((20, 100))).compile() for each in (MANY, MANY.in_chunks(20))]
    whole, chunked = (each.compiled.memory_analysis().temp_size_in_bytes for each in compiled)
    assert chunked < 0.05 * whole


@pytest.mark.full
def test_a_run_in_chunks_learns_and_goes_on_with_others(tmp_path):
    """What is kept is the estimator itself, with its baseline: a run that needs too much memory goes on with less."""
    rows = np.tile(np.eye(4, 6, dtype=np.uint8), (5, 1))
    data, net = Dataset.from_arrays(rows, rows[:9], rows[:9]), sigmoid_belief_net(6, (3,), key=KEY)
    options, estimator = (
        FitOptions(epochs=20, batch_size=10, learning_rate=0.05, particle_chunk=2),
        nvil(net, 4, key=KEY),
    )
    first = fit(net, data, estimator, options=options, folder=tmp_path / "run")
    assert first.history[-1]["train_bound"] > first.history[0]["train_bound"] + 0.5
    moved = [float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(first.state.learner.params.estimator)]
    assert min(moved) > 0
    more = replace(options, epochs=21, particle_chunk=None)
    assert len(fit(net, data, estimator, options=more, folder=tmp_path / "run").history) == 21
