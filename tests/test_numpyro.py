"""Laws of the losses for NumPyro: each has the gradient that it claims."""

import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from laws import assert_mean, draws
from numpyro.infer import RenyiELBO, Trace_ELBO
from programs import (
    CHAIN,
    PROGRAMS,
    Claim,
    Program,
    bound,
    claimed,
    elbo,
    expected,
    log_densities,
    states,
    thermodynamic,
    wake,
)

from beliefnet.baselines import Order, RunningMoments
from beliefnet.estimators import Replacement, Signal
from beliefnet.numpyro import NVIL, OVIS, TVO, VIMCO, Reinforce, ReweightedWakeSleep, WakeSleep

UNSCALED = RunningMoments(0.8, normalise=False, order=Order.STATISTICS_FIRST)


class Case(NamedTuple):
    """A loss, and what its gradient should be."""

    make: Any
    claim: Claim


LOSSES = {
    "vimco": Case(lambda: VIMCO(2), bound(2)),
    "vimco, arithmetic": Case(lambda: VIMCO(2, replacement=Replacement.ARITHMETIC), bound(2)),
    "vimco, local": Case(lambda: VIMCO(2, signal=Signal.LOCAL), bound(2)),
    "ovis": Case(lambda: OVIS(2, num_auxiliary=1), bound(2)),
    "reinforce": Case(lambda: Reinforce(2), elbo),
    "reinforce, whole": Case(lambda: Reinforce(2, signal=Signal.WHOLE), elbo),
    "nvil": Case(lambda: NVIL(1, moments=UNSCALED), elbo),
    "rws": Case(lambda: ReweightedWakeSleep(2), wake(2)),
    "tvo": Case(lambda: TVO(2, num_intervals=2, first=0.3), thermodynamic(2, (0.0, 0.3, 1.0))),
}
QUICK = {("vimco, local", "shared"), ("reinforce", "shared")}
TOO_MANY = {("ovis", "nested")}
LAWS = [
    pytest.param(loss, program, id=f"{loss} of {program}", marks=[] if (loss, program) in QUICK else pytest.mark.full)
    for loss in LOSSES
    for program in PROGRAMS
    if (loss, program) not in TOO_MANY
]


@pytest.mark.filterwarnings("ignore:expected a guide that NVIL")
@pytest.mark.parametrize(("loss", "program"), LAWS)
def test_the_expected_gradient_is_the_claimed_one(loss: str, program: str):
    """Over every tuple of states."""
    found = expected(LOSSES[loss].make(), PROGRAMS[program])
    exact = claimed(PROGRAMS[program], LOSSES[loss].claim)
    for name in exact:
        np.testing.assert_allclose(found[name], exact[name], rtol=2e-4, atol=2e-5, err_msg=name)


# Draws ----------------------------------------------------------------------------------------------------------------


def ascents(loss: Any, model: Any, guide: Any, params: Any, *args: Any, num: int = 20_000) -> Any:
    """Many estimates of the gradient."""

    def one(key: jax.Array) -> Any:
        return jax.grad(lambda params: -loss.loss(key, params, model, guide, *args))(params)

    return draws(one, num)


# One bit --------------------------------------------------------------------------------------------------------------


def bit_model():
    h = numpyro.sample("h", dist.Bernoulli(0.2))
    numpyro.factor("x", 0.0 * h)


def bit_guide():
    numpyro.sample("h", dist.Bernoulli(logits=numpyro.param("phi", 0.3)))


@pytest.mark.full(but=["vimco, 2", "reinforce"])
@pytest.mark.filterwarnings("ignore:expected a guide that NVIL")
@pytest.mark.parametrize(
    ("loss", "gradient"),
    [
        (VIMCO(2), -0.26746),
        (VIMCO(5), -0.10418),
        (OVIS(2), -0.26746),
        (Reinforce(2), -0.412),
        (NVIL(2, moments=UNSCALED), -0.412),
    ],
    ids=["vimco, 2", "vimco, 5", "ovis", "reinforce", "nvil"],
)
def test_one_bit_has_the_published_gradient(loss: Any, gradient: float):
    """NumPyro's TraceGraph_ELBO has -0.412 as well."""
    found = ascents(loss, bit_model, bit_guide, {"phi": 0.3})["phi"]
    assert abs(found.mean() - gradient) < 4 * found.std() / 141 + 5e-4


@pytest.mark.full
def test_what_numpyro_says_of_one_bit():
    """Of the wrong sign, and none at all: what the losses are for."""
    renyi = ascents(RenyiELBO(num_particles=2), bit_model, bit_guide, {"phi": 0.3})["phi"]
    assert abs(renyi.mean() - 0.169) < 4 * renyi.std() / 141
    assert_mean(ascents(Trace_ELBO(), bit_model, bit_guide, {"phi": 0.3}), {"phi": 0.0})


# Dreams ---------------------------------------------------------------------------------------------------------------


def asleep(program: Program) -> Any:
    """The exact gradient of the sleep phase."""
    every = states({"x": (1, 2)})["x"].astype(float)

    def total(params: Any) -> jax.Array:
        pairs = [log_densities(program, params, x, states(program.latents)) for x in every]
        mean = sum(jnp.sum(jax.lax.stop_gradient(jnp.exp(log_p)) * log_q) for log_p, log_q in pairs)
        return len(program.data) * mean

    return jax.jit(jax.grad(total))(program.params)


def is_of_guide(name: str) -> bool:
    return name.startswith("q")


@pytest.mark.parametrize(
    "loss", [WakeSleep(2), ReweightedWakeSleep(2, wake_phi=False, sleep_phi=True)], ids=["ws", "rws"]
)
def test_guides_learn_from_dreams(loss: Any):
    found = ascents(loss, CHAIN.model, CHAIN.guide, CHAIN.params, CHAIN.x)
    model, guide = claimed(CHAIN, elbo if type(loss) is WakeSleep else bound(2)), asleep(CHAIN)
    assert_mean(found, {name: guide[name] if is_of_guide(name) else model[name] for name in model})


def sliced_model(x):
    with numpyro.plate("data", len(x), subsample_size=2) as rows:
        top = numpyro.sample("top", dist.Bernoulli(logits=numpyro.param("prior", 0.0)))
        logits = numpyro.param("out", 0.0) * (top - 0.4)
        numpyro.sample("x", dist.Bernoulli(logits=logits[:, None] * jnp.ones(2)).to_event(1), obs=x[rows])


def sliced_guide(x):
    with numpyro.plate("data", len(x), subsample_size=2):
        x = numpyro.subsample(x, event_dim=1)
        numpyro.sample("top", dist.Bernoulli(logits=numpyro.param("q_slope", 0.0) * (x.sum(axis=-1) - 0.7)))


def whole_model(x):
    with numpyro.plate("data", len(x)):
        top = numpyro.sample("top", dist.Bernoulli(logits=numpyro.param("prior", 0.0)))
        logits = numpyro.param("out", 0.0) * (top - 0.4)
        numpyro.sample("x", dist.Bernoulli(logits=logits[:, None] * jnp.ones(2)).to_event(1), obs=x)


def whole_guide(x):
    with numpyro.plate("data", len(x)):
        numpyro.sample("top", dist.Bernoulli(logits=numpyro.param("q_slope", 0.0) * (x.sum(axis=-1) - 0.7)))


THREE = jnp.array([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
WHOLE = Program(
    whole_model, whole_guide, {"prior": 0.4, "out": 1.7, "q_slope": 0.6}, THREE, {"top": (1,)}, tuple(THREE[:, None])
)


@pytest.mark.filterwarnings("ignore:expected a guide that NVIL")
@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n == "vimco" else pytest.mark.full) for n in LOSSES])
def test_subsampling_is_unbiased(name: str):
    found = ascents(LOSSES[name].make(), sliced_model, sliced_guide, WHOLE.params, THREE)
    assert_mean(found, claimed(WHOLE, LOSSES[name].claim))


@pytest.mark.full
def test_dreams_take_the_place_of_subsampled_rows():
    found = ascents(WakeSleep(observed={"x": "x"}), sliced_model, sliced_guide, WHOLE.params, THREE)
    model, guide = claimed(WHOLE, elbo), asleep(WHOLE)
    assert_mean(found, {name: guide[name] if is_of_guide(name) else model[name] for name in model})


# Latents with a derivative --------------------------------------------------------------------------------------------


def mixed_model(x):
    start = numpyro.sample("start", dist.Normal(numpyro.param("prior", 0.0), 1.0))
    turn = numpyro.sample("turn", dist.Bernoulli(logits=numpyro.param("mix", 0.0) * start))
    end = numpyro.sample("end", dist.Normal(numpyro.param("out", 0.0) * turn, 1.3))
    numpyro.sample("x", dist.Normal(end + 0.5 * start * turn, 0.8), obs=x)


def mixed_guide(x):
    start = numpyro.sample("start", dist.Normal(numpyro.param("q_start", 0.0) * x, 0.8))
    turn = numpyro.sample("turn", dist.Bernoulli(logits=numpyro.param("q_turn", 0.0) * start + 0.2))
    numpyro.sample("end", dist.Normal(numpyro.param("q_end", 0.0) * turn + 0.3 * x, 0.9))


MIXED_PARAMS = {"prior": 0.4, "mix": 0.9, "out": 1.2, "q_start": 0.3, "q_turn": -0.8, "q_end": 0.5}


def mixed_exact(count: int, claim: str) -> Any:
    """The exact gradient by quadrature over both normal latents: of the bound, or of the wake phases."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(8)
    weights = weights / weights.sum()
    grid = np.array(list(itertools.product(range(8), (0, 1), range(8))))
    noise, turns, later = jnp.asarray(nodes[grid[:, 0]]), jnp.asarray(grid[:, 1]), jnp.asarray(nodes[grid[:, 2]])
    x = jnp.array(1.1)

    def pairs(params: Any) -> Any:
        start = params["q_start"] * x + 0.8 * noise
        end = params["q_end"] * turns + 0.3 * x + 0.9 * later
        logits = params["q_turn"] * start + 0.2
        log_mass = jnp.log(weights[grid[:, 0]] * weights[grid[:, 2]]) - jax.nn.softplus(
            jnp.where(turns == 1, -logits, logits)
        )
        held = claim == "wake"
        values = {"start": start, "turn": turns, "end": end}
        values, log_mass = jax.lax.stop_gradient((values, log_mass)) if held else (values, log_mass)
        program = CHAIN._replace(model=mixed_model, guide=mixed_guide)
        return (*log_densities(program, params, x, values), log_mass)

    index = jnp.array(list(itertools.product(range(len(grid)), repeat=count)))

    def total(params: Any) -> jax.Array:
        log_p, log_q, log_mass = (part[index] for part in pairs(params))
        f = log_p - log_q
        if claim == "wake":
            value = jnp.sum(jax.lax.stop_gradient(jax.nn.softmax(f, axis=1)) * (log_p + log_q), axis=1)
        else:
            value = jax.scipy.special.logsumexp(f, axis=1) - jnp.log(count)
        return jnp.sum(jnp.exp(log_mass.sum(axis=1)) * value)

    return jax.jit(jax.grad(total))(MIXED_PARAMS)


@pytest.mark.full(but=["vimco"])
@pytest.mark.filterwarnings("ignore:expected a guide that NVIL")
@pytest.mark.parametrize(
    ("loss", "count", "claim"),
    [
        (VIMCO(2), 2, "bound"),
        (VIMCO(2, signal=Signal.LOCAL), 2, "bound"),
        (OVIS(2), 2, "bound"),
        (Reinforce(2), 1, "bound"),
        (NVIL(moments=UNSCALED), 1, "bound"),
        (ReweightedWakeSleep(2), 2, "wake"),
    ],
    ids=["vimco", "vimco, local", "ovis", "reinforce", "nvil", "rws"],
)
def test_mixed_latents(loss: Any, count: int, claim: str):
    """A bit between two normal latents: the derivative goes through the one before into the bit's score."""
    assert_mean(ascents(loss, mixed_model, mixed_guide, MIXED_PARAMS, jnp.array(1.1)), mixed_exact(count, claim))
