"""Laws of the losses for NumPyro: each has the gradient that it claims."""

import dataclasses
import functools
import itertools
import re
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from laws import assert_mean, draws
from notebooks import NOTEBOOKS, run_cells, shown
from numpyro.infer import SVI, RenyiELBO, Trace_ELBO, TraceGraph_ELBO
from pages import ROOT
from programs import (
    CHAIN,
    PROGRAMS,
    REALS,
    SHARED,
    SOME,
    Claim,
    Program,
    bound,
    claimed,
    claimed_value,
    elbo,
    expected,
    expected_of_batches,
    idle_exact,
    idle_guide,
    idle_model,
    log_densities,
    loop_guide,
    loop_model,
    states,
    thermodynamic,
    thermodynamic_value,
    wake,
)

from beliefnet import estimators
from beliefnet.baselines import Order, RunningMoments
from beliefnet.estimators import Replacement, Signal
from beliefnet.numpyro import NVIL, OVIS, TVO, VIMCO, DReG, Reinforce, ReweightedWakeSleep, WakeSleep

UNSCALED = RunningMoments(0.8, normalise=False, order=Order.STATISTICS_FIRST)


class Case(NamedTuple):
    """A loss, what its gradient should be, and its objective where that is something else."""

    make: Any
    claim: Claim
    value: Claim | None = None


ENDS = (0.0, 0.3, 1.0)
LOSSES = {
    "vimco": Case(lambda: VIMCO(2), bound(2)),
    "vimco, arithmetic": Case(lambda: VIMCO(2, replacement=Replacement.ARITHMETIC), bound(2)),
    "vimco, local": Case(lambda: VIMCO(2, signal=Signal.LOCAL), bound(2)),
    "ovis": Case(lambda: OVIS(2, num_auxiliary=1), bound(2)),
    "reinforce": Case(lambda: Reinforce(2), elbo),
    "reinforce, whole": Case(lambda: Reinforce(2, signal=Signal.WHOLE), elbo),
    "nvil": Case(lambda: NVIL(1), elbo),
    "rws": Case(lambda: ReweightedWakeSleep(2), wake(2), bound(2)),
    "tvo": Case(lambda: TVO(2, num_intervals=2, first=0.3), thermodynamic(2, ENDS), thermodynamic_value(2, ENDS)),
}
QUICK = {("vimco, local", "no plate")}
EVERY = ("vimco, local", "reinforce")
"""With and without weights, each term to the draws that it depends on: they read every program.

Others read it by the same code: their rule is tried alone, on plates in plates and in a loop.
"""
SOME_PROGRAMS = ("no plate", "nested", "pair")
SHARING = ("vimco", "rws")
"""Their weights are of all that a latent outside of the plate ties together."""


def is_tried(loss: str, program: str) -> bool:
    if program == "late" or loss == "nvil":
        return loss == "nvil" and program in ("late", "nested")
    if (loss, program) == ("ovis", "nested"):
        return False  # more tuples than can be visited
    return loss in EVERY or program in SOME_PROGRAMS or (program == "shared" and loss in SHARING)


LAWS = [
    pytest.param(loss, program, id=f"{loss} of {program}", marks=[] if (loss, program) in QUICK else pytest.mark.full)
    for loss in LOSSES
    for program in PROGRAMS
    if is_tried(loss, program)
]


@pytest.mark.parametrize(("loss", "program"), LAWS)
def test_the_expected_gradient_is_the_claimed_one(loss: str, program: str):
    """Over every tuple of states."""
    case = LOSSES[loss]
    value, found = expected(case.make(), PROGRAMS[program], program)
    np.testing.assert_allclose(value, claimed_value(PROGRAMS[program], case.value or case.claim), rtol=2e-4)
    exact = claimed(PROGRAMS[program], case.claim)
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
@pytest.mark.parametrize(
    ("loss", "gradient"),
    [
        (VIMCO(2), -0.26746),
        (VIMCO(5), -0.10418),
        (OVIS(2), -0.26746),
        (Reinforce(2), -0.412),
        (NVIL(2), -0.412),
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


@pytest.mark.full(but=["ws"])
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


@pytest.mark.full(but=["vimco"])
@pytest.mark.parametrize("name", ["vimco", "vimco, local", "reinforce", "rws", "tvo"])
def test_subsampling_is_unbiased(name: str):
    case = LOSSES[name]
    loss = case.make()

    def one(key: jax.Array) -> Any:
        return jax.value_and_grad(lambda params: -loss.loss(key, params, sliced_model, sliced_guide, THREE))(
            WHOLE.params
        )

    assert_mean(draws(one, 20_000), (claimed_value(WHOLE, case.value or case.claim), claimed(WHOLE, case.claim)))


# A latent outside of a plate of which some rows are taken -------------------------------------------------------------


@pytest.mark.full
@pytest.mark.parametrize("loss", [Reinforce(2), ReweightedWakeSleep(1)], ids=["reinforce", "rws, 1"])
def test_rows_of_a_plate_under_a_shared_latent(loss: Any):
    """In the mean over the rows it is the ELBO of all of them; the wake phase of one draw has no news for the guide."""
    value, found = expected_of_batches(loss, SOME, REALS[:, None])
    np.testing.assert_allclose(value, claimed_value(SHARED, elbo), rtol=2e-4)
    exact = claimed(SHARED, elbo)
    for name in exact:
        is_idle = type(loss) is ReweightedWakeSleep and is_of_guide(name)
        np.testing.assert_allclose(found[name], 0 if is_idle else exact[name], rtol=2e-4, atol=2e-5, err_msg=name)


@pytest.mark.full
def test_dreams_of_rows_of_a_plate_under_a_shared_latent():
    nodes, mass = np.polynomial.hermite_e.hermegauss(12)

    def one(key: jax.Array) -> Any:
        x = REALS[jax.random.bernoulli(key).astype(int)][None]
        return jax.grad(lambda params: -WakeSleep().loss(key, params, SOME.model, SOME.guide, x))(SOME.params)

    def asleep(params: Any) -> jax.Array:
        dreamt, total = jax.lax.stop_gradient(params), jnp.zeros(())
        for every, own in itertools.product((0, 1), repeat=2):
            x = dreamt["out"] * own + nodes
            log_p = of_bit(every, dreamt["prior"]) + of_bit(own, dreamt["mix"] * (every - 0.4))
            log_q = of_bit(own, params["q_slope"] * x + params["q_mix"] * every) @ mass / mass.sum()
            total += jnp.exp(log_p) * (of_bit(every, params["q_every"]) + len(REALS) * log_q)
        return total

    model, guide = claimed(SHARED, elbo), jax.jit(jax.grad(asleep))(SOME.params)
    assert_mean(draws(one, 20_000), {name: guide[name] if is_of_guide(name) else model[name] for name in model})


def of_bit(value: int, logits: Any) -> Any:
    return jax.nn.log_sigmoid((2 * value - 1) * jnp.asarray(logits))


def shared_normal(observe: bool, size: int = 2) -> Any:
    """A model or a guide of normal latents, one of them outside of the plate."""

    def program(x):
        every = numpyro.sample("every", dist.Normal(0.0, 1.0))
        with numpyro.plate("data", size, subsample_size=len(x)):
            low = numpyro.sample("low", dist.Normal(every, 1.0))
            if observe:
                numpyro.sample("x", dist.Normal(low, 1.0), obs=x)

    return program


def stated(row: int) -> dict[str, str]:
    """What the table of the page says of each loss."""
    page = (ROOT / "docs" / "numpyro.md").read_text()
    lines = page.partition("| loss | a plate of the data")[2].partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]
    return {name: row_[row] for row_ in cells for name in row_[0].split("`, `")}


@pytest.mark.parametrize("kind", [NVIL, OVIS, TVO, VIMCO, DReG, Reinforce, ReweightedWakeSleep, WakeSleep])
def test_the_page_says_which_plates_may_be_subsampled(kind: Any):
    """What weighs particles refuses rows of a plate under a shared latent; each hint of it works, as does one draw."""
    model, guide = shared_normal(observe=True), shared_normal(observe=False)
    assert stated(1)[kind.__name__] == stated(2)[kind.__name__] == "right"
    read(kind(3), model, guide, REALS)
    if stated(3)[kind.__name__] == "right":
        return read(kind(3), model, guide, REALS[:1])
    assert stated(3)[kind.__name__] == "refused"
    words = refused(kind(3), model, guide, REALS[:1])
    assert words.endswith("'data'; try Reinforce, NVIL or WakeSleep, which weigh none, or the whole plate")
    for hint in (Reinforce(3), NVIL(3), WakeSleep(3)):
        read(hint, model, guide, REALS[:1])
    if kind in (DReG, ReweightedWakeSleep):
        read(kind(1), model, guide, REALS[:1])
    return None


def read_by_all(model: Any, rows: Any) -> Any:
    """A model or a guide with a latent outside of a plate, of which one row is taken."""

    def program(x):
        numpyro.sample("every", dist.Bernoulli(logits=0.0 if model else x.sum()))
        with numpyro.plate("data", 2, subsample_size=1) as taken:
            low = numpyro.sample("low", dist.Bernoulli(logits=0.0 if model else x[rows(taken)]))
            if model:
                numpyro.sample("x", dist.Normal(low, 1.0), obs=x[rows(taken)])

    return program


def test_rows_that_are_not_dreamt_are_not_read():
    """The guide of a latent outside of the plate reads all of them, but of rows that are handed in."""
    model, guide = (read_by_all(model, lambda taken: taken) for model in (True, False))
    words = refused(WakeSleep(observed={"x": "x"}), model, guide, REALS)
    assert "only a subsample of its rows is dreamt, got 'every'" in words
    assert "numpyro.plate('data', size, subsample_size=len(x)), or Reinforce or NVIL" in words
    model, guide = (read_by_all(model, lambda taken: slice(None)) for model in (True, False))
    read(WakeSleep(observed={"x": "x"}), model, guide, REALS[:1])


def test_a_transposed_argument_is_refused():
    """Of a loop over time; the hint is the array as the loop has it."""

    def model(x):
        loop_model(x.T)

    def guide(x):
        loop_guide(x.T)

    x = jnp.zeros((2, 3))
    assert "shape (3, 2) of the site" in refused(WakeSleep(observed={"x": "x"}), model, guide, x)
    read(WakeSleep(observed={"x": "x"}), loop_model, loop_guide, x.T)


@pytest.mark.full
def test_dreams_take_the_place_of_subsampled_rows():
    found = ascents(WakeSleep(observed={"x": "x"}), sliced_model, sliced_guide, WHOLE.params, THREE)
    model, guide = claimed(WHOLE, elbo), asleep(WHOLE)
    assert_mean(found, {name: guide[name] if is_of_guide(name) else model[name] for name in model})


@pytest.mark.full
def test_numpyro_has_a_factor_too_many_where_a_plate_is_subsampled():
    """In the gradient of the guide, by `TraceGraph_ELBO`, which is right without subsampling."""
    exact = claimed(WHOLE, elbo)
    for program, factor in ((sliced_model, sliced_guide), 1.5), ((whole_model, whole_guide), 1.0):
        found = ascents(TraceGraph_ELBO(), *program, WHOLE.params, THREE)
        assert_mean(found, exact | {"q_slope": factor * exact["q_slope"]})


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


@functools.cache
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
        program = dataclasses.replace(CHAIN, model=mixed_model, guide=mixed_guide)
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
@pytest.mark.parametrize(
    ("loss", "count", "claim"),
    [
        (VIMCO(2), 2, "bound"),
        (VIMCO(2, signal=Signal.LOCAL), 2, "bound"),
        (Reinforce(2), 1, "bound"),
        (ReweightedWakeSleep(2), 2, "wake"),
    ],
    ids=["vimco", "vimco, local", "reinforce", "rws"],
)
def test_mixed_latents(loss: Any, count: int, claim: str):
    """A bit between two normal latents: the derivative goes through the one before into the bit's score."""
    assert_mean(ascents(loss, mixed_model, mixed_guide, MIXED_PARAMS, jnp.array(1.1)), mixed_exact(count, claim))


PAIR_OF_REALS = jnp.array([1.1, -0.3])


def normal_model(x):
    with numpyro.plate("data", len(x)):
        low = numpyro.sample("low", dist.Normal(numpyro.param("prior", 0.0), 1.0))
        numpyro.sample("x", dist.Normal(numpyro.param("out", 0.0) * low, 0.8), obs=x)


def normal_guide(x):
    scale = numpyro.param("q_scale", 1.0, constraint=dist.constraints.positive)
    with numpyro.plate("data", len(x)):
        numpyro.sample("low", dist.Normal(numpyro.param("q_slope", 0.0) * x, scale))


NORMAL_PARAMS = {"prior": 0.4, "out": 1.2, "q_slope": 0.3, "q_scale": 0.7}


@functools.cache
def normal_exact() -> Any:
    """The exact gradient of the bound of two particles, by quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    mass = jnp.log(weights / weights.sum())
    program = dataclasses.replace(CHAIN, model=normal_model, guide=normal_guide)

    def total(params: Any) -> jax.Array:
        bounds = []
        for one in PAIR_OF_REALS[:, None]:
            low = params["q_slope"] * one + params["q_scale"] * jnp.asarray(nodes)[:, None]
            log_p, log_q = log_densities(program, params, one, {"low": low})
            pair = jnp.logaddexp((log_p - log_q)[:, None], (log_p - log_q)[None]) - jnp.log(2)
            bounds.append(jnp.sum(jnp.exp(mass[:, None] + mass) * pair))
        return sum(bounds)

    return jax.jit(jax.grad(total))(NORMAL_PARAMS)


@pytest.mark.full
@pytest.mark.parametrize("loss", [DReG(2), VIMCO(2)], ids=["dreg", "vimco"])
def test_normal_latents(loss: Any):
    """Of the model and of the guide."""
    assert_mean(ascents(loss, normal_model, normal_guide, NORMAL_PARAMS, PAIR_OF_REALS), normal_exact())


def mixture(loc: Any) -> Any:
    """A distribution over real numbers whose draws have no derivative, though their code could be differentiated."""
    return dist.MixtureSameFamily(
        dist.Categorical(probs=jnp.array([0.3, 0.7])), dist.Normal(loc * jnp.array([-1, 2]), 1.0)
    )


@pytest.mark.full
def test_continuous_latents_without_a_derivative():
    def model():
        low = numpyro.sample("low", mixture(1.0))
        numpyro.sample("x", dist.Normal(low, 1.0), obs=jnp.array(0.7))

    def guide():
        numpyro.sample("low", mixture(numpyro.param("q_loc", 0.0)))

    def exact(loc):
        low = jnp.linspace(-12, 12, 4001)
        log_q = mixture(loc).log_prob(low)
        f = mixture(1.0).log_prob(low) + dist.Normal(low, 1.0).log_prob(0.7) - log_q
        return jnp.sum(jnp.exp(log_q) * f) * (low[1] - low[0])

    assert not mixture(1.0).has_rsample
    found = ascents(Reinforce(3), model, guide, {"q_loc": 0.6})
    assert_mean(found, {"q_loc": jax.jit(jax.grad(exact))(0.6)})


def sliced_normal_model(x):
    with numpyro.plate("data", len(x), subsample_size=1) as rows:
        low = numpyro.sample("low", dist.Normal(numpyro.param("prior", 0.0), 1.0))
        numpyro.sample("x", dist.Normal(numpyro.param("out", 0.0) * low, 0.8), obs=x[rows])


def sliced_normal_guide(x):
    scale = numpyro.param("q_scale", 1.0, constraint=dist.constraints.positive)
    with numpyro.plate("data", len(x), subsample_size=1) as rows:
        numpyro.sample("low", dist.Normal(numpyro.param("q_slope", 0.0) * x[rows], scale))


@pytest.mark.full
@pytest.mark.parametrize("loss", [DReG(2), VIMCO(2)], ids=["dreg", "vimco"])
def test_subsampling_of_normal_latents(loss: Any):
    found = ascents(loss, sliced_normal_model, sliced_normal_guide, NORMAL_PARAMS, PAIR_OF_REALS)
    assert_mean(found, normal_exact())


@pytest.mark.full
def test_dreg_has_no_noise_where_the_guide_is_the_posterior():
    """The score, which it has not, is all that is noise there; the model's gradient is noisy."""
    params = {"prior": 0.0, "out": 0.8, "q_slope": 0.8 / 1.28, "q_scale": (0.64 / 1.28) ** 0.5}
    found = ascents(DReG(3), normal_model, normal_guide, params, PAIR_OF_REALS, num=50)
    np.testing.assert_allclose(found["q_slope"], 0, atol=1e-4)
    np.testing.assert_allclose(found["q_scale"], 0, atol=1e-4)
    assert found["out"].std() > 0.1


# Scales and masks -----------------------------------------------------------------------------------------------------


def scaled_model(x, latent, observed):
    with numpyro.plate("data", len(x)):
        with numpyro.handlers.scale(scale=latent):
            low = numpyro.sample("low", dist.Bernoulli(logits=numpyro.param("prior", 0.0)))
        with numpyro.handlers.scale(scale=observed):
            numpyro.sample("x", dist.Normal(numpyro.param("out", 0.0) * low, 1.0), obs=x)


def scaled_guide(x, latent, observed):
    with numpyro.plate("data", len(x)), numpyro.handlers.scale(scale=latent):
        numpyro.sample("low", dist.Bernoulli(logits=numpyro.param("q_slope", 0.0) * x))


SCALED_PARAMS = {"prior": 0.4, "out": 1.7, "q_slope": 0.6}


def scaled_exact(count: int, latent: float, observed: float) -> Any:
    """The mean over all pairs of bits, written out; for one particle, the ELBO with a weight of the divergence."""

    def total(params: Any) -> jax.Array:
        bits, values = jnp.array([0.0, 1.0]), []
        for x in (0.3, 1.6):
            log_q = jax.nn.log_sigmoid((2 * bits - 1) * params["q_slope"] * x)
            log_p = latent * jax.nn.log_sigmoid((2 * bits - 1) * params["prior"])
            log_p += observed * dist.Normal(params["out"] * bits, 1.0).log_prob(x)
            f = log_p - latent * log_q
            pair = jnp.logaddexp(f[:, None], f) - jnp.log(2) if count == 2 else (f[:, None] + f) / 2
            values.append(jnp.sum(jnp.exp(log_q[:, None] + log_q) * pair))
        return sum(values)

    return jax.jit(jax.grad(total))(SCALED_PARAMS)


@pytest.mark.full
@pytest.mark.parametrize(
    ("loss", "count", "scales"),
    [(Reinforce(2), 1, (0.3, 0.5)), (VIMCO(2), 2, (1.0, 0.5))],
    ids=["reinforce, both", "vimco, likelihood"],
)
def test_scales(loss: Any, count: int, scales: tuple[float, float]):
    found = ascents(loss, scaled_model, scaled_guide, SCALED_PARAMS, REALS, *scales)
    assert_mean(found, scaled_exact(count, *scales))


@pytest.mark.full
@pytest.mark.parametrize("name", ["vimco", "reinforce", "rws"])
def test_a_scale_of_all_sites_is_a_factor(name: str):
    """Weights are not changed by it."""
    scaled, plain = (
        ascents(LOSSES[name].make(), scaled_model, scaled_guide, SCALED_PARAMS, REALS, scale, scale, num=5)
        for scale in (0.3, 1.0)
    )
    for one, other in zip(jax.tree.leaves(scaled), jax.tree.leaves(plain), strict=True):
        np.testing.assert_allclose(one, 0.3 * other, rtol=1e-4, atol=1e-6)


@pytest.mark.full
@pytest.mark.parametrize(("loss", "count"), [(VIMCO(2), 2), (Reinforce(2), 1)], ids=["vimco", "reinforce"])
def test_a_masked_latent_may_decide_something(loss: Any, count: int):
    """Its draws have a score all the same: a mask takes its term away, not what it was drawn with."""
    params = {"out": 1.7, "q_slope": 0.6}
    exact = jax.jit(jax.grad(functools.partial(idle_exact, count=count)))(params)
    assert_mean(ascents(loss, idle_model, idle_guide, params, REALS), exact)


def partly_model(x, there):
    with numpyro.plate("data", len(x)):
        low = numpyro.sample("low", dist.Bernoulli(logits=numpyro.param("prior", 0.0)))
        numpyro.sample("x", dist.Bernoulli(logits=numpyro.param("out", 0.0) * (low - 0.4)), obs=x, obs_mask=there)


def partly_guide(x, there):
    with numpyro.plate("data", len(x)):
        low = numpyro.sample("low", dist.Bernoulli(logits=numpyro.param("q_slope", 0.0) * jnp.where(there, x, 0.5)))
        with numpyro.handlers.mask(mask=~there):
            numpyro.sample("x_unobserved", dist.Bernoulli(logits=numpyro.param("q_mix", 0.0) * (low - 0.3)))


def seen_model(x, obs=True):
    with numpyro.plate("data", 1):
        low = numpyro.sample("low", dist.Bernoulli(logits=numpyro.param("prior", 0.0)))
        likelihood = dist.Bernoulli(logits=numpyro.param("out", 0.0) * (low - 0.4))
        numpyro.sample("x", likelihood, obs=x if obs else None)


def seen_guide(x):
    with numpyro.plate("data", 1):
        return numpyro.sample("low", dist.Bernoulli(logits=numpyro.param("q_slope", 0.0) * x))


def unseen_model(x):
    seen_model(x, obs=False)


def unseen_guide(x):
    low = seen_guide(0.5)
    with numpyro.plate("data", 1):
        numpyro.sample("x", dist.Bernoulli(logits=numpyro.param("q_mix", 0.0) * (low - 0.3)))


@pytest.mark.full
@pytest.mark.parametrize("name", ["vimco", "reinforce"])
def test_what_is_not_observed_is_a_latent(name: str):
    """By `obs_mask`: of two data, one has its observation, the other a latent in its place."""
    params = {"prior": 0.4, "out": 1.7, "q_slope": 0.6, "q_mix": -0.5}
    x, there = jnp.array([1.0, 1.0]), jnp.array([True, False])
    found = ascents(LOSSES[name].make(), partly_model, partly_guide, params, x, there)
    seen = Program(seen_model, seen_guide, params, x, {"low": (1,)}, (x[:1],))
    unseen = Program(unseen_model, unseen_guide, params, x, {"low": (1,), "x": (1,)}, (x[:1],))
    exact = jax.tree.map(jnp.add, *(claimed(program, LOSSES[name].claim) for program in (seen, unseen)))
    assert_mean(found, exact)


# As NumPyro uses them -------------------------------------------------------------------------------------------------


def svi_of(loss: Any) -> SVI:
    guide = loss.guide(CHAIN.guide) if type(loss) is NVIL else CHAIN.guide
    return SVI(CHAIN.model, guide, numpyro.optim.Adam(0.05), loss=loss)


@pytest.mark.full
@pytest.mark.parametrize("make", [VIMCO, NVIL, ReweightedWakeSleep, WakeSleep], ids=lambda make: make.__name__)
def test_training_lowers_the_loss(make: Any, recwarn: Any):
    """`run`, and `evaluate` under `vmap`, without a word of warning: weights, a state that is kept, and dreams."""
    svi = svi_of(make())
    result = svi.run(jax.random.key(0), 40, CHAIN.x, progress_bar=False)
    keys = jax.random.split(jax.random.key(2), 200)
    evaluate = jax.jit(jax.vmap(lambda key: svi.evaluate(result.state._replace(rng_key=key), CHAIN.x)))
    assert np.isfinite(result.losses).all()
    assert evaluate(keys).mean() < np.mean(result.losses[:3])
    assert not [str(one.message) for one in recwarn]


@pytest.mark.full
@pytest.mark.parametrize("make", [NVIL, WakeSleep], ids=lambda make: make.__name__)
def test_a_run_goes_on_and_runs_of_many_seeds_are_one_program(make: Any, recwarn: Any):
    """A state that is kept, and dreams."""
    svi = svi_of(make())
    state = svi.init(jax.random.key(0), CHAIN.x)
    first = svi.run(jax.random.key(1), 2, CHAIN.x, progress_bar=False, init_state=state)
    assert np.isfinite(svi.run(jax.random.key(1), 2, CHAIN.x, progress_bar=False, init_state=first.state).losses).all()
    keys = jax.random.split(jax.random.key(2), 3)
    assert jax.vmap(lambda key: svi.run(key, 2, CHAIN.x, progress_bar=False).losses)(keys).shape == (3, 2)
    assert not [str(one.message) for one in recwarn]


class Asked:
    """A loss that tells what it is asked for."""

    def __init__(self):
        self.names: set[str] = set()

    def __getattr__(self, name: str) -> bool:
        self.names.add(name)
        return name == "can_infer_discrete"


def test_svi_makes_no_place_for_the_state_of_a_loss():
    """It asks for two flags alone, and calls nothing, so that a plain guide cannot get one."""
    loss = Asked()
    state = SVI(ONE, ONE, numpyro.optim.Adam(0.05), loss=loss).init(jax.random.key(0))
    assert loss.names <= {"can_infer_discrete", "multi_sample_guide"}
    assert state.mutable_state is None


def test_nvil_takes_a_plain_guide(recwarn: Any):
    svi = SVI(CHAIN.model, CHAIN.guide, numpyro.optim.Adam(0.05), loss=NVIL())
    result = jax.eval_shape(lambda key: svi.run(key, 2, CHAIN.x, progress_bar=False), jax.random.key(0))
    assert result.losses.shape == (2,)
    assert result.state.mutable_state is None
    assert not [str(one.message) for one in recwarn]


@pytest.mark.full
def test_moments_and_baselines_leave_the_gradient_as_it_is():
    """Those of earlier batches: here, where nothing is scaled."""
    loss = NVIL(1, baseline=lambda x: {"low": x - 2.0, "top": jnp.array(-1.0)}, moments=UNSCALED)
    flat = PROGRAMS["no plate"]
    _, found = expected(loss, dataclasses.replace(flat, guide=loss.guide(flat.guide)), "no plate")
    for name, exact in claimed(flat, elbo).items():
        np.testing.assert_allclose(found[name], exact, rtol=2e-4, atol=2e-5, err_msg=name)


def test_moments_are_kept_beside_a_loop(recwarn: Any):
    """Whose replay by NumPyro takes arrays alone."""
    loop = PROGRAMS["loop"]
    loss = NVIL(baseline=lambda x: {"now": 0.0})
    svi = SVI(loop.model, loss.guide(loop.guide), numpyro.optim.Adam(0.05), loss=loss)
    state = svi.init(jax.random.key(0), loop.x)
    shapes = jax.eval_shape(svi.update, state, loop.x)[0].mutable_state
    assert shapes["nvil_moments_now"].shape == (2, 1)
    assert not [str(one.message) for one in recwarn]


def test_moments_are_kept_in_the_mutable_state():
    """From step to step, by site: the first bit to be drawn has a signal of more terms."""
    svi = svi_of(NVIL(4))
    state = svi.init(jax.random.key(0), CHAIN.x)
    update, seen = jax.jit(svi.update), []
    for _ in range(20):
        state, _ = update(state, CHAIN.x)
        seen.append(state.mutable_state)
    assert set(seen[-1]) == {"nvil_moments_low", "nvil_moments_top"}
    (low, variance), (top, _) = (seen[-1][f"nvil_moments_{site}"][:, 0] for site in ("low", "top"))
    assert -6 < low < top - 0.1
    assert variance > 0
    assert np.all(np.diff([float(moments["nvil_moments_low"][0, 0]) for moments in seen]) != 0)


@pytest.mark.full
def test_a_baseline_is_learnt_with_all_else():
    """Predictions of each datum's signal: the sum of log p(x, h) - log q(h | x), of which x explains most."""

    def baseline(x):
        with numpyro.plate("data", len(x)):
            return x @ numpyro.param("baseline", jnp.zeros(2)) + numpyro.param("baseline_bias", 0.0)

    loss = NVIL(8, baseline=baseline, moments=RunningMoments(centre=False, normalise=False))
    svi = SVI(whole_model, loss.guide(whole_guide), numpyro.optim.Adam(0.05), loss=loss)
    result = svi.run(jax.random.key(0), 600, THREE, progress_bar=False)
    params = result.params
    predicted = THREE @ params["baseline"] + params["baseline_bias"]
    at = jax.jit(lambda x: elbo(*log_densities(WHOLE, params, x, states(WHOLE.latents))))
    elbos = [at(x) for x in WHOLE.data]
    np.testing.assert_allclose(predicted, elbos, atol=0.3)


def test_particles_may_be_run_one_after_another():
    losses = (VIMCO(3, vectorize_particles=way) for way in (True, False))
    program = jax.random.key(0), CHAIN.params, CHAIN.model, CHAIN.guide, CHAIN.x
    together, alone = (jax.jit(functools.partial(loss.loss, *program))() for loss in losses)
    np.testing.assert_allclose(together, alone, rtol=1e-6)


# Refused --------------------------------------------------------------------------------------------------------------


def read(loss: Any, model: Any, guide: Any, *args: Any) -> None:
    """Let a loss look at a program, and draw nothing."""
    jax.eval_shape(lambda: loss.loss(jax.random.key(0), {}, model, guide, *args))


def refused(loss: Any, model: Any, guide: Any, *args: Any) -> str:
    with pytest.raises(ValueError, match=r"^expected .*, got .*; try ") as error:
        read(loss, model, guide, *args)
    return str(error.value)


def sampled(name: str, distribution: Any = None, **options: Any) -> Any:
    return lambda: numpyro.sample(name, dist.Bernoulli(0.5) if distribution is None else distribution, **options)


def in_plate(program: Any, name: str = "data") -> Any:
    def inside():
        with numpyro.plate(name, 4, subsample_size=2):
            program()

    return inside


def rows_of(program: Any) -> Any:
    def inside():
        with numpyro.plate("rows", 3):
            program()

    return inside


def made(kind: Any, *args: Any, **options: Any) -> Any:
    """Make a loss as users do: the types of its arguments are not checked by the tests."""
    return kind(*args, **options)


def both(*programs: Any) -> Any:
    return lambda: [program() for program in programs]


ONE = sampled("h")


@pytest.mark.parametrize(
    ("loss", "model", "guide", "words"),
    [
        (VIMCO(2), both(ONE, sampled("z", infer={"enumerate": "parallel"})), ONE, "'z' with infer={'enumerate'"),
        (VIMCO(2), ONE, sampled("h", infer={"enumerate": "parallel"}), "'h' with infer={'enumerate'"),
        (Reinforce(2), both(ONE, sampled("z")), ONE, "got none of 'z'"),
        (Reinforce(2), ONE, sampled("h", obs=jnp.array(1)), "got none of 'h'"),
        (Reinforce(2), ONE, both(ONE, sampled("z")), "got 'z' too"),
        (Reinforce(2), numpyro.handlers.mask(ONE, mask=jnp.array(True)), ONE, "a mask in the model alone"),
        (Reinforce(2), ONE, numpyro.handlers.mask(ONE, mask=jnp.array(True)), "a mask in the guide alone"),
        (Reinforce(2), sampled("h", dist.Bernoulli(0.5 * jnp.ones(3)).to_event(1)), ONE, "(3,) with 1 axes of events"),
        (VIMCO(2), both(ONE, in_plate(sampled("z"))), both(ONE, in_plate(sampled("z"))), "a subsample of 'data'"),
        (VIMCO(2), ONE, numpyro.handlers.scale(ONE, scale=0.5), "'h' scaled on its own"),
        (DReG(2), ONE, ONE, "got 'h' without one"),
        (TVO(2), sampled("h", dist.Normal(0, 1)), sampled("h", dist.Delta(0.0)), "got a Delta for 'h'"),
        (WakeSleep(), both(ONE, sampled("x", obs=jnp.array(1.0))), ONE, "observed={'x': 'NAME'}"),
        (WakeSleep(observed={"y": "x"}), ONE, ONE, "expected observed to name observed sites, got 'y'"),
        (WakeSleep(), both(ONE, lambda: numpyro.factor("f", 1.0)), ONE, "got the factor 'f'"),
        (WakeSleep(), ONE, both(ONE, sampled("z", infer={"is_auxiliary": True})), "got 'z'"),
        (VIMCO(2), lambda: None, lambda: None, "got a model and a guide without any"),
        (Reinforce(2), lambda: None, lambda: None, "got a model and a guide without any"),
    ],
)
def test_what_would_be_wrong_is_refused(loss: Any, model: Any, guide: Any, words: str):
    assert words in refused(loss, model, guide)


@pytest.mark.parametrize("make", [VIMCO, OVIS, TVO, Reinforce])
def test_one_particle_is_refused(make: Any):
    with pytest.raises(ValueError, match="num_particles of at least 2, got 1"):
        make(1)


def test_a_missing_plate_is_said():
    many = sampled("h", dist.Bernoulli(0.5 * jnp.ones(3)))
    with pytest.warns(UserWarning, match=r"expected a plate for every batch axis of 'h', .*plate\('data', 3\)"):
        read(VIMCO(2), many, many)


def test_plates_of_other_names_are_said():
    with pytest.warns(UserWarning, match=r"expected 'h' to be in the same plates .*, got 'data' and 'rows'"):
        read(Reinforce(2), in_plate(ONE, "data"), in_plate(ONE, "rows"))


def penalised(program: Any) -> Any:
    """The same with a factor that no draw can change, in the guide."""

    def more(x):
        numpyro.factor("guide_penalty", numpyro.param("q_slope", 0.0) ** 2)
        return program(x)

    return more


@pytest.mark.full
@pytest.mark.parametrize("name", ["vimco", "reinforce", "rws"])
def test_a_factor_of_the_guide_counts_once(name: str):
    _, found = expected(LOSSES[name].make(), dataclasses.replace(CHAIN, guide=penalised(CHAIN.guide)), "plate")
    exact = claimed(CHAIN, LOSSES[name].claim)
    exact["q_slope"] -= 2 * CHAIN.params["q_slope"]
    for site in exact:
        np.testing.assert_allclose(found[site], exact[site], rtol=2e-4, atol=2e-5, err_msg=site)


def test_without_latents_it_is_the_likelihood():
    def model(x):
        numpyro.sample("x", dist.Normal(numpyro.param("mean", 0.0), 1.0), obs=x)

    for make in (VIMCO, Reinforce, ReweightedWakeSleep):
        loss = jax.jit(functools.partial(make().loss, jax.random.key(0), {"mean": 1.0}, model, lambda x: None, 3.0))
        np.testing.assert_allclose(loss(), -dist.Normal(1.0, 1.0).log_prob(3.0), rtol=1e-6)


def zero() -> jax.Array:
    return jnp.zeros(())


@pytest.mark.parametrize(
    ("options", "guide", "words"),
    [
        ({"moments": UNSCALED}, ONE, "the moments of NVIL"),
        ({"baseline": zero}, ONE, "the baseline of NVIL"),
        ({"baseline": zero, "moments": UNSCALED}, ONE, "the baseline and the moments of NVIL"),
        ({"baseline": zero}, NVIL().guide(ONE), "the baseline of NVIL"),
    ],
    ids=["moments", "a baseline", "both", "of another"],
)
def test_what_a_plain_guide_has_no_place_for_is_refused(options: Any, guide: Any, words: str):
    loss = NVIL(**options)
    said = refused(loss, ONE, guide)
    assert f"a guide with a place for {words}" in said
    assert said.endswith(f"try nvil.guide(guide), or NVIL without {' and '.join(options)}")
    read(loss, ONE, loss.guide(ONE))
    read(NVIL(), ONE, guide)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "a dictionary of such by site, got NoneType"),
        ([0.0], "a dictionary of such by site, got list"),
        ({"h": None}, "a dictionary of such by site, got NoneType"),
        ({"z": 0.0}, "got none for 'h'; try {'h': 0.0, ...}"),
    ],
)
def test_a_baseline_without_predictions_is_refused(value: Any, words: str):
    loss = NVIL(baseline=lambda: value)
    assert words in refused(loss, ONE, loss.guide(ONE))


def test_one_prediction_serves_all_cells():
    """Of a plate of three, with two particles: it is laid out over cells, not over particles."""
    program = rows_of(sampled("h"))

    def value(prediction: Any) -> float:
        loss = NVIL(2, baseline=lambda: {"h": prediction})
        return float(loss.loss(jax.random.key(0), {}, program, loss.guide(program)))

    assert value(0.5) == value(jnp.full(3, 0.5))


# Arguments of losses


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: made(VIMCO, 3, signal="local"), "signal to be of type Signal, got 'local'"),
        (lambda: made(estimators.VIMCO, 3, signal="local"), "signal to be of type Signal, got 'local'"),
        (lambda: made(VIMCO, 3, replacement="arithmetic"), "replacement to be of type Replacement, got 'arithmetic'"),
        (lambda: made(Reinforce, 3, signal="whole"), "signal to be of type Signal, got 'whole'"),
        (lambda: made(NVIL, signal="whole"), "signal to be of type Signal, got 'whole'"),
        (lambda: made(NVIL, moments=RunningMoments), "moments to be of type RunningMoments, got <class"),
        (lambda: made(NVIL, baseline=0.5), "baseline to be a function, got 0.5"),
        (lambda: RunningMoments(order="paper"), "order to be of type Order, got 'paper'"),  # pyright: ignore
        (lambda: made(TVO, first="0.1"), "first to be of type Real, got '0.1'"),
        (lambda: made(WakeSleep, observed=["x"]), "observed to be of type Mapping, got ['x']"),
        (lambda: made(WakeSleep, observed={"x": 0}), "observed['x'] to be of type str, got 0"),
        (lambda: made(ReweightedWakeSleep, sleep_phi="no"), "sleep_phi to be of type bool, got 'no'"),
        (lambda: made(OVIS, vectorize_particles="yes"), "vectorize_particles to be of type bool, got 'yes'"),
    ],
)
def test_arguments_of_losses_are_things_not_names(make: Any, words: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(TypeError, match=f"^expected {re.escape(words)}.*; try "):
        make()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: made(TVO, num_intervals=2.5), "num_intervals to be a whole number, got 2.5"),
        (lambda: made(TVO, num_intervals=0), "num_intervals of at least 1, got 0"),
        (lambda: made(OVIS, num_auxiliary="1"), "OVIS's num_auxiliary to be a whole number, got '1'"),
    ],
)
def test_counts_of_losses_are_whole_numbers(make: Any, words: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match=f"^expected {re.escape(words)}.*; try "):
        make()


# Arguments that dreams take the place of


def target_model(x, target):
    numpyro.sample("x", dist.Normal(sampled("h")(), 1.0), obs=target)


def test_one_array_in_two_arguments_is_refused_until_one_is_named():
    """The guide then reads the data in the one argument, and a dream in the other."""
    seen = []

    def guide(x, target):
        seen.append((x is data, target is data))
        numpyro.sample("h", dist.Bernoulli(0.5))

    data = jnp.array(1.5)
    words = refused(WakeSleep(), target_model, guide, data, data)
    assert words.endswith(
        "the same array 2 times among the arguments; try observed={'x': 'x'}, or observed={'x': 'target'}"
    )
    for name, last in {"target": (True, False), "x": (False, True)}.items():
        read(WakeSleep(observed={"x": name}), target_model, guide, data, data)
        assert seen[-1] == last


def pair_model(pair):
    for name, value in zip("xy", pair, strict=True):
        numpyro.sample(name, dist.Normal(sampled(f"h{name}")(), 1.0), obs=value)


def pair_guide(pair):
    for name in "xy":
        sampled(f"h{name}")()


@pytest.mark.parametrize(
    ("observed", "value", "words"),
    [
        ({"x": "pair"}, (jnp.array(1.0), jnp.array(2.0)), "an argument that is one array, got 'pair' of 2 arrays"),
        ({"x": "z"}, (jnp.array(1.0), jnp.array(2.0)), "to name arguments of the model, got 'z'; try 'pair'"),
        (None, (THREE[0, 0],) * 2, "2 times among the arguments; try an array for each argument"),
        ({"x": "pair", "y": "pair"}, [jnp.array(1.0)], "one for 'x', 'y'; try an argument for each"),
    ],
)
def test_arguments_that_dreams_could_not_take_the_place_of(observed: Any, value: Any, words: str):
    model = pair_model if len(value) == 2 else lambda pair: pair_model([pair[0] + 0.0] * 2)
    assert words in refused(WakeSleep(observed=observed), model, pair_guide, value)


@pytest.mark.parametrize(
    ("distribution", "dtype", "inside"),
    [
        (dist.Normal(0.0, 1.0), "float32", "float32"),
        (dist.Normal(0.0, 1.0), "int32", "float"),
        (dist.Beta(2.0, 2.0), "bool", "float"),
        (dist.Bernoulli(0.5 * jnp.ones(2)).to_event(1), "bool", "bool"),
        (dist.Poisson(3.0), "bool", "int"),
        (dist.Geometric(0.5), "int32", "int32"),
        (dist.Poisson(900.0), "uint8", "int32"),
        (dist.Poisson(3.0), "float32", "float32"),
    ],
)
def test_a_dream_is_neither_rounded_nor_wrapped(distribution: Any, dtype: str, inside: str):
    """It is refused where its argument could not hold it, or the argument gets a dtype that can."""
    seen = []

    def model(x):
        sampled("h")()
        numpyro.sample("x", distribution, obs=x)

    def guide(x):
        seen.append(str(jnp.asarray(x).dtype))
        sampled("h")()

    x = jnp.ones(distribution.batch_shape + distribution.event_shape, dtype)
    if inside in ("int", "float"):
        assert f"got {dtype}; try jnp.asarray(values, {inside})" in refused(WakeSleep(), model, guide, x)
    else:
        read(WakeSleep(), model, guide, x)
        assert seen[-1] == inside


# The worked example ---------------------------------------------------------------------------------------------------


@pytest.mark.full
def test_the_notebook_runs():
    """Its cells in order; what they print is what the notebook shows, to the digits that matter."""
    notebook = NOTEBOOKS["numpyro_discrete"]
    names = run_cells(notebook)
    reached, ascents = names["reached"], names["ascents"]
    right = [value for name, value in reached.items() if name not in ("Trace_ELBO", "RenyiELBO")]
    assert min(right) > max(reached["Trace_ELBO"], reached["RenyiELBO"]) + 2
    for name, value in reached.items():
        line = re.search(rf"^{name} .* (-\d+\.\d+) nats$", shown(notebook), re.MULTILINE)
        assert line is not None
        assert abs(float(line[1]) - value) < 1
    for name, value in {"Trace_ELBO": 0, "Reinforce": -0.412, "RenyiELBO": 0.169, "VIMCO": -0.267}.items():
        assert abs(ascents[name] - value) < 0.01
