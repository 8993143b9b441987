"""Particles taken a chunk at a time: gradients are those of the whole, and memory is that of a chunk."""

import re
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import OBSERVATIONS, net_of
from exact import assert_same, wide

from beliefnet._errors import OptionError
from beliefnet._streams import split_key
from beliefnet._trace import Trace
from beliefnet.catalogue import ESTIMATORS, DataShape, TrainConfig, build_estimator, parse_estimator
from beliefnet.cli._message import message
from beliefnet.data import Dataset
from beliefnet.estimators import VIMCO, Chunked, CreditEstimator, Sum, nvil
from beliefnet.estimators._driver_path import path_log_weight
from beliefnet.estimators.rules import REWEIGHTED_WAKE
from beliefnet.nets import sigmoid_belief_net
from beliefnet.proposals import Buffered, Particles
from beliefnet.refiners import AIR, Shrinkage
from beliefnet.training import FitOptions, chunk_for, fit

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
    with jax.enable_x64(True):
        net, x = wide(net_of(net_name)), wide(OBSERVATIONS)
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
    assert chunk_for(net, estimator=estimator, options=config.fit) == 10


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
            chunk_for(net, estimator=estimator, options=FitOptions(particle_chunk=3))
        assert chunk_for(net, estimator=estimator, options=FitOptions(batch_size=10**9)) is None
    else:
        assert type(getattr(chunked, "parts", (chunked,))[0]) is Chunked
        assert chunked.bound == estimator.bound
        assert chunk_for(net, estimator=estimator, options=FitOptions(particle_chunk=3)) == 3


def test_all_particles_at_once_are_not_drawn_in_chunks():
    buffered = CreditEstimator(REWEIGHTED_WAKE, 7, Buffered(AIR(3, 1, shrinkage=Shrinkage.NONE)))
    assert buffered.in_chunks(3) is None
    with pytest.raises(ValueError, match="in chunks, got Buffered, which draws all of them at once; try Recognition"):
        Chunked(buffered, 3)
    with pytest.raises(ValueError, match="chunk of at least 1"):
        VIMCO(7).in_chunks(0)


def test_particles_that_would_take_much_memory_are_taken_in_chunks():
    """784-200-200-200 with batches of 100 and a thousand particles; fifty are held at once, as ever."""
    net = jax.eval_shape(lambda: sigmoid_belief_net(784, (200, 200, 200), key=KEY))
    options = FitOptions(batch_size=100)
    assert chunk_for(net, estimator=VIMCO(50), options=options) is None
    assert chunk_for(net, estimator=MANY, options=options) == 60
    assert chunk_for(net, estimator=MANY, options=replace(options, particle_chunk=1000)) is None


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
