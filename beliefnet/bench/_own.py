"""The workloads in this library: nets, estimators, steps, and the matrix products of a step."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from beliefnet._net import BeliefNet
from beliefnet.bench._contestant import AbstractContestant, Product, Task, Work
from beliefnet.bench._definitions import REFINEMENT_STEPS, Definition
from beliefnet.data import Observations
from beliefnet.distributions import normal
from beliefnet.estimators import IWAE, NVIL, SGVB, VIMCO, AbstractEstimator, VariationalEM, pieces_for
from beliefnet.evaluation import evaluate
from beliefnet.nets import document_net, sigmoid_belief_net, vae
from beliefnet.refiners import AIR, Shrinkage
from beliefnet.training import FitOptions, Learner, Plan, TrainState, run_steps

_MOST_ROWS = 10_000
"""Rows of a pass of an evaluation, particles times images."""


def net_of(definition: Definition) -> BeliefNet:
    """Return the net of a workload, as it starts."""
    width, hidden, key = definition.num_visible, definition.hidden, jax.random.key(0)
    match definition.name:
        case "iwae":
            return vae(width, hidden, deterministic=definition.deterministic, key=key)
        case "documents":
            own = definition.deterministic
            return document_net(width, hidden, latents=normal, deterministic_recognition=own, key=key)
    return sigmoid_belief_net(width, hidden, key=key)


def estimator_of(definition: Definition, net: BeliefNet) -> AbstractEstimator:
    """Return the estimator of a workload; that of an evaluation is VIMCO, whose objective is the same bound."""
    count = definition.particles
    match definition.name:
        case "nvil":
            return NVIL(net, num_particles=count, key=jax.random.key(1))
        case "iwae":
            return IWAE(net, count)
        case "documents":
            return SGVB(net, count)
        case "em":
            return VariationalEM(AIR(REFINEMENT_STEPS, count, shrinkage=Shrinkage.NONE, num_checks=0), count)
    return VIMCO(count)


def start(definition: Definition, data: Observations) -> tuple[Learner, Callable[[Learner, int], Learner]]:
    """Return the learner before the first step, and a function that takes steps on the device as `fit` does."""
    rows = data.on_device()
    net, key = net_of(definition), jax.random.key(2)
    estimator = estimator_of(definition, net)
    plan = Plan.of(FitOptions(), 10**6, pieces=pieces_for(net, estimator, definition.batch_size))
    learner = TrainState.start(net, estimator, plan).learner

    def steps(learner: Learner, count: int) -> Learner:
        found = run_steps(learner, rows, plan, jnp.int32(count), batch_size=definition.batch_size, key=key)
        return jax.block_until_ready(found)

    return learner, steps


def work_of(definition: Definition) -> Work:
    """Return the products of a step; what depends on a datum alone is done once for it, not for each particle."""
    net = net_of(definition)
    rows, products = definition.batch_size * definition.particles, []
    num_visible, num_latents = _maps(net.recognition)[0]
    if not definition.is_training:
        passes = -(-rows // _MOST_ROWS)
        return Work(forward=((rows // passes, num_latents, num_visible),), times=passes)
    has_paths = definition.name in ("iwae", "documents")
    for index, conditional in enumerate((*net.recognition.conditionals, *net.generative.conditionals)):
        is_first, is_generative = index == 0, index >= len(net.recognition.conditionals)
        for depth, shape in enumerate(_maps(conditional)):
            gives_input_gradient = depth > 0 or (has_paths and is_generative)
            products.append(Product(definition.batch_size if is_first else rows, *shape, gives_input_gradient))
    own = _maps(estimator_of(definition, net))
    products += [Product(definition.batch_size, *shape, shape[0] != definition.num_visible) for shape in own]
    if definition.name != "em":
        return Work(tuple(products))
    return Work(tuple(products), ((rows, num_latents, num_visible),), REFINEMENT_STEPS)


def weights_of(definition: Definition) -> dict[str, np.ndarray]:
    """Return the weights that all contestants start from, by their names in a `Task`."""
    net = net_of(definition)
    prior, *downward = net.generative.conditionals
    found = {"prior": np.asarray(jax.tree.leaves(prior)[0])}
    parts = (
        ("up", list(net.recognition.conditionals)),
        ("down", downward[::-1]),
        ("baseline", [estimator_of(definition, net)]),
    )
    for name, modules in parts:
        leaves = [np.asarray(leaf) for module in modules for leaf in jax.tree.leaves(module) if eqx.is_array(leaf)]
        for index, (weight, bias) in enumerate(zip(leaves[::2], leaves[1::2], strict=True)):
            found |= {f"{name}{index}.weight": weight, f"{name}{index}.bias": bias}
    return found


def task_of(definition: Definition, rows: np.ndarray) -> Task:
    """Return what every contestant of a workload is given."""
    return Task(definition, rows, weights_of(definition), work_of(definition))


class Training(AbstractContestant):
    """Training steps, many in a dispatch."""

    def __init__(self, task: Task):
        self._learner, self._steps = start(task.definition, _observed(task))
        first = jnp.asarray(task.rows[: task.definition.batch_size], float)
        self._key = jax.random.key(3)

        @eqx.filter_jit
        def objective(learner: Learner, key: jax.Array) -> jax.Array:
            net, estimator = learner.params.net, learner.params.estimator
            return estimator.estimate(net, first, learner.estimator_state, key=key).objective

        self._objective = objective

    def run(self, count: int) -> None:
        """Take so many steps."""
        self._learner = self._steps(self._learner, count)

    def bound(self) -> float:
        """Return the objective of the estimator."""
        self._key, own = jax.random.split(self._key)
        return float(self._objective(self._learner, own))


class Evaluating(AbstractContestant):
    """Evaluations of batches of images."""

    def __init__(self, task: Task):
        self._net, self._definition, self._rows = net_of(task.definition), task.definition, task.rows
        self._key = jax.random.key(3)

    def run(self, count: int) -> None:
        """Evaluate so many batches."""
        self._evaluate(count)

    def bound(self) -> float:
        """Return the K-particle bound."""
        return self._evaluate(1)

    def _evaluate(self, count: int) -> float:
        self._key, own = jax.random.split(self._key)
        rows = np.resize(self._rows, (count * self._definition.batch_size, self._definition.num_visible))
        found = evaluate(self._net, Observations(rows), num_particles=self._definition.particles, key=own)
        return found.bound.mean


def contestant(task: Task) -> AbstractContestant:
    """Return the library's own contestant."""
    return Training(task) if task.definition.is_training else Evaluating(task)


def _observed(task: Task) -> Observations:
    return Observations(task.rows, "counts") if task.definition.name == "documents" else Observations(task.rows)


def _maps(module: object) -> list[tuple[int, int]]:
    """Return inputs and outputs of every dense map in a module."""
    return [(leaf.shape[0], leaf.shape[1]) for leaf in jax.tree.leaves(module) if eqx.is_array(leaf) and leaf.ndim == 2]
