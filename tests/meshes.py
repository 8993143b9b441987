"""What `test_mesh.py` asks of eight devices, parts of a processor: run as `python meshes.py QUESTIONS FOLDER`."""

import json
import re
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from callbacks import StopsAt
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from beliefnet._errors import OptionError
from beliefnet._numerics import spread
from beliefnet.data import Dataset, Observations
from beliefnet.devices import Layout
from beliefnet.estimators import VIMCO, AbstractEstimator, Reinforce
from beliefnet.nets import sigmoid_belief_net
from beliefnet.runs import RunFolder
from beliefnet.training import FitOptions, Fitted, fit, run_steps
from beliefnet.training._callback import NoCallback
from beliefnet.training._run import Rows, Run, Start

WIDTH, BOTH = 1024, "data=4,model=2"
BITS = (np.random.default_rng(0).random((40, WIDTH)) < 0.3).astype(np.uint8)
DATA = Dataset.from_observations(Observations(BITS), Observations(BITS[:8]))
NET = sigmoid_belief_net(WIDTH, (64,), key=jax.random.key(0))
OPTIONS = FitOptions(epochs=2, batch_size=16, learning_rate=0.05, optimizer="sgd")
HOST = re.compile(r"infeed|outfeed|callback|\bsend\(|\brecv\(|is_host_transfer=true")


def train(mesh: Any = None, estimator: AbstractEstimator | None = None, **given: Any) -> Fitted:
    named = {name: given.pop(name) for name in ("folder", "callback") if name in given}
    options = replace(OPTIONS, **given)
    return fit(NET, DATA, Reinforce(2) if estimator is None else estimator, options=options, mesh=mesh, **named)


def arrays(found: Fitted) -> list[np.ndarray]:
    return list(map(np.asarray, jax.tree.leaves(found.state)))


def difference(one: Fitted, other: Fitted) -> float:
    """The largest difference of any number of two states, or of a bound of the epochs by a thousandth of a nat."""
    bounds = [abs(a["valid_bound"] - b["valid_bound"]) / 1000 for a, b in zip(one.history, other.history, strict=True)]
    pairs = zip(arrays(one), arrays(other), strict=True)
    # The sum of the objective is of the size of bounds.
    own = [float(np.abs(a - b).max()) / max(1.0, float(np.abs(a).max())) for a, b in pairs]
    return max(own + bounds)


def is_same(one: Fitted, other: Fitted) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(arrays(one), arrays(other), strict=True))


def numbers(folder: Path) -> dict[str, Any]:
    """Numbers are those of one device, wide arrays are divided, and the program is one that asks the host nothing."""
    programs = run_steps._cache_size  # pyright: ignore[reportFunctionMemberAccess]
    one, before = train(), programs()
    many, made = train(BOTH), programs() - before
    changed = train({"data": 4, "model": 2}, learning_rate=0.02, seed=3)
    specs = {str(leaf.sharding.spec) for leaf in jax.tree.leaves(many.state) if leaf.size >= WIDTH * 64}
    run = Run(Start(NET, Reinforce(2), OPTIONS), Rows.of(NET, DATA, OPTIONS, BOTH), NoCallback())
    feed = run.feed(Rows.of(NET, DATA, OPTIONS, BOTH))
    lowered = run_steps.lower(run.state.learner, feed.rows, run.plan, jnp.int32(0), batch_size=16, key=run.key)  # pyright: ignore
    text = lowered.compile().as_text()
    return {
        "difference": difference(one, many),
        "moved": float(np.abs(np.asarray(jax.tree.leaves(many.net)[1]) - jax.tree.leaves(NET)[1]).max()),
        "other numbers": difference(many, changed),
        "specs": sorted(specs),
        "devices": len(jax.tree.leaves(many.net)[0].sharding.device_set),
        "programs": made,
        "more programs": programs() - before - made,
        "collectives": len(re.findall(r" all-reduce(?:-start)?\(", text)),
        "gathers": len(re.findall(r"\[\d+,[\d,]+\]\S* (?:all-gather|all-to-all|collective-permute)\(", text)),
        "host": HOST.findall(text),
    }


def feeds(folder: Path) -> dict[str, Any]:
    """Rows on the host, chunks of particles and meshes of JAX give the same numbers."""
    explicit = Mesh(np.array(jax.devices()[::-1][:4]), ("data",), axis_types=(AxisType.Explicit,))
    chunked = {"estimator": VIMCO(4), "particle_chunk": 2}
    one = train(**chunked)
    return {
        "host": difference(one, train("data=2,model=4", rows_on="host", **chunked)),
        "mesh": difference(one, train(explicit, **chunked)),
    }


def resumed(folder: Path) -> dict[str, Any]:
    """What a mesh leaves goes on on one device, and the other way round; what is stored is what was there."""
    one, many = train(), train(BOTH)
    found: dict[str, Any] = {}
    for name, first, second in (("to one", BOTH, None), ("to many", None, BOTH), ("to others", BOTH, "data=8")):
        place = folder / name
        begun = train(first, folder=place, callback=StopsAt(3))
        stored = RunFolder(place).checkpoints.restore(jax.tree.map(np.asarray, begun.state)).state
        found[f"{name}: stored"] = is_same(begun, replace(begun, state=stored))
        with warnings.catch_warnings(record=True) as said:
            found[name] = difference(one, train(second, folder=place))
        found[f"{name}: said"] = [str(warning.message) for warning in said]
    train(BOTH, folder=folder / "same", callback=StopsAt(3))
    found["same"] = is_same(many, train(BOTH, folder=folder / "same"))
    return found


def repeated(folder: Path) -> dict[str, Any]:
    """Values over particles, and their derivative, where axes of theirs are divided: nothing is gathered."""
    found = {}
    for kind in (AxisType.Auto, AxisType.Explicit):
        mesh = jax.make_mesh((4, 2), ("data", "model"), axis_types=(kind, kind))
        with jax.set_mesh(mesh):
            values = jax.device_put(jnp.arange(32.0).reshape(4, 8), NamedSharding(mesh, PartitionSpec("data", "model")))
            slope = jax.jit(jax.grad(lambda values: (spread(values, (6, 4, 8)) ** 2).sum()))
            gathers = slope.lower(values).compile().as_text().count("all-gather")
            found[str(kind)] = [gathers, float(jnp.abs(slope(values) - 12 * values).max())]
    return found


def refused(folder: Path) -> dict[str, Any]:
    """What does not fit says what does; the hints are followed."""

    def said(mesh: Any, batch_size: int = 16) -> str:
        try:
            Layout.of(mesh, NET, batch_size)
        except OptionError as error:
            return str(error)
        return "good"

    apart = Mesh(np.array(jax.devices()[:2]), ("data",))
    return {
        "batch": [said("data=3"), said("data=3", 15), said("data=1"), said("data=6", 10), said("data=2", 10)],
        "model": [said("data=2,model=3"), said("data=2")],
        "devices": [said("data=16"), said("data=8"), said(apart)],
    }


if __name__ == "__main__":
    *questions, place = sys.argv[1:]
    print(json.dumps({question: globals()[question](Path(place)) for question in questions}))
