"""Small NumPyro programs, and what their gradients should be, by enumeration with NumPyro's own log-densities."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax.scipy.special import logsumexp
from numpyro.contrib.control_flow import scan
from numpyro.infer.util import log_density
from numpyro.primitives import Messenger

from beliefnet.numpyro._call import Call

Params = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Program:
    """A model and its guide, with binary latents.

    Attributes:
        model: The model.
        guide: Its guide.
        params: Values of the parameters of both; those of the guide begin with q.
        x: The data.
        latents: Shapes of the latents of one datum.
        data: What has a weight of its own: arguments for each datum.
    """

    model: Callable
    guide: Callable
    params: Params
    x: Any
    latents: dict[str, tuple[int, ...]]
    data: tuple[Any, ...]


def bit(name: str, logits: Any, **options: Any) -> Any:
    return numpyro.sample(name, dist.Bernoulli(logits=logits), **options)


# One plate: two layers of a bit each ----------------------------------------------------------------------------------

ROWS = jnp.array([[1.0, 0.0], [1.0, 1.0]])


def chain_model(x):
    prior, mix, out = (numpyro.param(name, 0.0) for name in ("prior", "mix", "out"))
    with numpyro.plate("data", len(x)):
        top = bit("top", prior)
        low = bit("low", mix * (2 * top - 1))
        numpyro.sample("x", dist.Bernoulli(logits=(out * (low - 0.4))[..., None] * jnp.ones(2)).to_event(1), obs=x)


def chain_guide(x):
    slope, mix = numpyro.param("q_slope", 0.0), numpyro.param("q_mix", 0.0)
    with numpyro.plate("data", len(x)):
        low = bit("low", slope * (x.sum(axis=-1) - 0.7))
        bit("top", mix * (low - 0.3))


CHAIN = Program(
    chain_model,
    chain_guide,
    {"prior": 0.4, "mix": 0.9, "out": 1.7, "q_slope": 0.6, "q_mix": -0.5},
    ROWS,
    {"low": (1,), "top": (1,)},
    (ROWS[:1], ROWS[1:]),
)


# No plate -------------------------------------------------------------------------------------------------------------


def flat_model(x):
    top = bit("top", numpyro.param("prior", 0.0))
    low = bit("low", numpyro.param("mix", 0.0) * (2 * top - 1))
    numpyro.sample("x", dist.Normal(low + numpyro.param("out", 0.0) * top, 1.0), obs=x)


def flat_guide(x):
    low = bit("low", numpyro.param("q_slope", 0.0) * x)
    bit("top", numpyro.param("q_mix", 0.0) * (low - 0.3))


FLAT = Program(
    flat_model,
    flat_guide,
    {"prior": 0.4, "mix": 0.9, "out": 1.7, "q_slope": 0.6, "q_mix": -0.5},
    jnp.array(1.2),
    {"low": (), "top": ()},
    (jnp.array(1.2),),
)


# A latent outside the plate -------------------------------------------------------------------------------------------


def shared_model(x):
    every = bit("every", numpyro.param("prior", 0.0))
    with numpyro.plate("data", len(x)):
        own = bit("own", numpyro.param("mix", 0.0) * (every - 0.4))
        numpyro.sample("x", dist.Normal(numpyro.param("out", 0.0) * own, 1.0), obs=x)


def shared_guide(x):
    every = bit("every", numpyro.param("q_every", 0.0))
    with numpyro.plate("data", len(x)):
        bit("own", numpyro.param("q_slope", 0.0) * x + numpyro.param("q_mix", 0.0) * every)


REALS = jnp.array([0.3, 1.6])
SHARED = Program(
    shared_model,
    shared_guide,
    {"prior": 0.4, "mix": 0.9, "out": 1.7, "q_every": -0.2, "q_slope": 0.6, "q_mix": -0.5},
    REALS,
    {"every": (), "own": (2,)},
    (REALS,),
)


# The same with rows that are handed in: a part of a plate of two ------------------------------------------------------


def some_model(x):
    every = bit("every", numpyro.param("prior", 0.0))
    with numpyro.plate("data", 2, subsample_size=len(x)):
        own = bit("own", numpyro.param("mix", 0.0) * (every - 0.4))
        numpyro.sample("x", dist.Normal(numpyro.param("out", 0.0) * own, 1.0), obs=x)


def some_guide(x):
    every = bit("every", numpyro.param("q_every", 0.0))
    with numpyro.plate("data", 2, subsample_size=len(x)):
        bit("own", numpyro.param("q_slope", 0.0) * x + numpyro.param("q_mix", 0.0) * every)


SOME = Program(some_model, some_guide, SHARED.params, REALS, {"every": (), "own": (1,)}, ())

# A latent outside the plate that is drawn after those inside ----------------------------------------------------------


def late_model(x):
    after = bit("after", numpyro.param("prior", 0.0))
    with numpyro.plate("data", len(x)):
        own = bit("own", numpyro.param("mix", 0.0) * (after - 0.4))
        numpyro.sample("x", dist.Normal(numpyro.param("out", 0.0) * own, 1.0), obs=x)


def late_guide(x):
    with numpyro.plate("data", len(x)):
        own = bit("own", numpyro.param("q_slope", 0.0) * x)
    bit("after", numpyro.param("q_mix", 0.0) * (own.sum() - 0.7))


LATE = Program(
    late_model,
    late_guide,
    {"prior": 0.4, "mix": 0.9, "out": 1.7, "q_slope": 0.6, "q_mix": 1.5},
    REALS,
    {"own": (2,), "after": ()},
    (REALS,),
)

# A plate in a plate ---------------------------------------------------------------------------------------------------


def nested_model(x):
    with numpyro.plate("documents", x.shape[0], dim=-2):
        topic = bit("topic", numpyro.param("prior", 0.0))
        with numpyro.plate("words", x.shape[1], dim=-1):
            sense = bit("sense", numpyro.param("mix", 0.0) * (topic - 0.4))
            numpyro.sample("x", dist.Normal(numpyro.param("out", 0.0) * sense, 1.0), obs=x)


def nested_guide(x):
    with numpyro.plate("documents", x.shape[0], dim=-2):
        topic = bit("topic", numpyro.param("q_every", 0.0) * x.mean(axis=1, keepdims=True))
        with numpyro.plate("words", x.shape[1], dim=-1):
            bit("sense", numpyro.param("q_slope", 0.0) * x + numpyro.param("q_mix", 0.0) * topic)


TABLE = jnp.array([[0.3, 1.6], [-0.4, 0.8]])
NESTED = Program(
    nested_model,
    nested_guide,
    {"prior": 0.4, "mix": 0.9, "out": 1.7, "q_every": -0.2, "q_slope": 0.6, "q_mix": -0.5},
    TABLE,
    {"topic": (1, 1), "sense": (1, 2)},
    (TABLE[:1], TABLE[1:]),
)


# A plate whose second datum is masked, and a penalty that no draw can change ------------------------------------------

KEPT = jnp.array([True, False, True])


def masked_model(x):
    prior = numpyro.param("prior", 0.0)
    numpyro.factor("penalty", -(prior**2))
    with numpyro.plate("data", len(x)), numpyro.handlers.mask(mask=KEPT[: len(x)]):
        low = bit("low", prior)
        numpyro.sample("x", dist.Normal(numpyro.param("out", 0.0) * low, 1.0), obs=x)


def masked_guide(x):
    with numpyro.plate("data", len(x)), numpyro.handlers.mask(mask=KEPT[: len(x)]):
        bit("low", numpyro.param("q_slope", 0.0) * x)


MASKED = Program(
    masked_model,
    masked_guide,
    {"prior": 0.4, "out": 1.7, "q_slope": 0.6},
    jnp.array([0.3, 3.0, 1.6]),
    {"low": (1,)},
    (jnp.array([0.3]), jnp.array([1.6])),
)
# A loop of NumPyro's, with a plate in it ------------------------------------------------------------------------------


def loop_model(x):
    mix, out = numpyro.param("mix", 0.0), numpyro.param("out", 0.0)

    def step(before, x):
        with numpyro.plate("series", len(x)):
            now = bit("now", mix * (2 * before - 1))
            numpyro.sample("x", dist.Normal(out * now, 1.0), obs=x)
        return now, None

    scan(step, jnp.zeros(x.shape[1], int), x)


def loop_guide(x):
    slope, mix = numpyro.param("q_slope", 0.0), numpyro.param("q_mix", 0.0)

    def step(before, x):
        with numpyro.plate("series", len(x)):
            return bit("now", slope * x + mix * before), None

    scan(step, jnp.zeros(x.shape[1], int), x)


SERIES = jnp.array([[0.3, 1.6], [-0.4, 0.8]])
LOOP = Program(
    loop_model,
    loop_guide,
    {"mix": 0.9, "out": 1.7, "q_slope": 0.6, "q_mix": -0.5},
    SERIES,
    {"now": (2, 1)},
    (SERIES[:, :1], SERIES[:, 1:]),
)

# Two bits in a loop: the draw of one changes the other's guide, inside ------------------------------------------------


def pair_model(x):
    mix, out = numpyro.param("mix", 0.0), numpyro.param("out", 0.0)

    def step(before, x):
        first = bit("first", mix * (2 * before - 1))
        second = bit("second", mix * (0.5 - first))
        numpyro.sample("x", dist.Normal(out * second, 1.0), obs=x)
        return first, None

    scan(step, jnp.array(0), x)


def pair_guide(x):
    slope, mix = numpyro.param("q_slope", 0.0), numpyro.param("q_mix", 0.0)

    def step(before, x):
        first = bit("first", slope * x + mix * before)
        bit("second", 3 * mix * (first - 0.4))
        return first, None

    scan(step, jnp.array(0), x)


PAIR = Program(
    pair_model,
    pair_guide,
    {"mix": 0.9, "out": 1.7, "q_slope": 0.6, "q_mix": -0.5},
    SERIES[0],
    {"first": (2,), "second": (2,)},
    (SERIES[0],),
)

# Everything in two plates: a datum is a cell of the outer one ---------------------------------------------------------


def crossed_model(x):
    with numpyro.plate("rows", x.shape[0], dim=-2), numpyro.plate("columns", x.shape[1], dim=-1):
        low = bit("low", numpyro.param("prior", 0.0))
        numpyro.sample("x", dist.Normal(numpyro.param("out", 0.0) * low, 1.0), obs=x)


def crossed_guide(x):
    with numpyro.plate("rows", x.shape[0], dim=-2), numpyro.plate("columns", x.shape[1], dim=-1):
        bit("low", numpyro.param("q_slope", 0.0) * x)


CROSSED = Program(
    crossed_model,
    crossed_guide,
    {"prior": 0.4, "out": 1.7, "q_slope": 0.6},
    TABLE,
    {"low": (1, 2)},
    (TABLE[:1], TABLE[1:]),
)

# A mask on a latent that still decides something ----------------------------------------------------------------------


def idle_model(x):
    out = numpyro.param("out", 0.0)
    with numpyro.plate("data", len(x)):
        with numpyro.handlers.mask(mask=jnp.array(False)):
            low = bit("low", 0.0)
        numpyro.sample("x", dist.Normal(out * low, 1.0), obs=x)


def idle_guide(x):
    with numpyro.plate("data", len(x)), numpyro.handlers.mask(mask=jnp.array(False)):
        bit("low", numpyro.param("q_slope", 0.0) * x)


def idle_exact(params: Params, *, count: int) -> jax.Array:
    """The mean over pairs of bits, or over one, of what the likelihood says."""
    bits, total = jnp.array([0.0, 1.0]), jnp.zeros(())
    for x in REALS:
        log_q = jax.nn.log_sigmoid((2 * bits - 1) * params["q_slope"] * x)
        f = dist.Normal(params["out"] * bits, 1.0).log_prob(x)
        pair = jnp.logaddexp(f[:, None], f) - jnp.log(2) if count == 2 else (f[:, None] + f) / 2
        total += jnp.sum(jnp.exp(log_q[:, None] + log_q) * pair)
    return total


PENALTIES = -1
"""How many penalties too many the sum over MASKED's data has: one is for the whole."""

PROGRAMS = {
    "no plate": FLAT,
    "plate": CHAIN,
    "shared": SHARED,
    "late": LATE,
    "nested": NESTED,
    "masked": MASKED,
    "loop": LOOP,
    "pair": PAIR,
    "crossed": CROSSED,
}


# Exact ----------------------------------------------------------------------------------------------------------------


def states(latents: dict[str, tuple[int, ...]]) -> dict[str, jax.Array]:
    """Every state of some bits, along a first axis."""
    sizes = {name: int(np.prod(shape)) for name, shape in latents.items()}
    table = np.array(list(itertools.product((0, 1), repeat=sum(sizes.values()))))
    parts = np.split(table, np.cumsum(list(sizes.values()))[:-1], axis=1)
    return {n: jnp.asarray(p.reshape(-1, *latents[n])) for n, p in zip(latents, parts, strict=True)}


def log_densities(program: Program, params: Params, x: Any, values: Any) -> tuple[jax.Array, jax.Array]:
    """Log p(x, h) and log q(h | x) of many states."""

    def both(one: Any) -> tuple[jax.Array, jax.Array]:
        sites = (numpyro.handlers.seed(site, 0) for site in (program.model, program.guide))
        log_p, log_q = (log_density(site, (x,), {}, {**params, **one})[0] for site in sites)
        return log_p, log_q

    return jax.vmap(both)(values)


Claim = Callable[[jax.Array, jax.Array], jax.Array]
"""Of log p and log q of every state of a datum: a number whose derivative is the claimed gradient."""


def elbo(log_p: jax.Array, log_q: jax.Array) -> jax.Array:
    return jnp.sum(jnp.exp(log_q) * (log_p - log_q))


def over_tuples(one: Callable[[jax.Array, jax.Array], jax.Array], count: int, *, held: bool) -> Claim:
    """The expectation of a function of K particles' log p and log q over all tuples of states."""

    def claim(log_p: jax.Array, log_q: jax.Array) -> jax.Array:
        index = jnp.array(list(itertools.product(range(len(log_p)), repeat=count)))
        mass = jnp.exp(log_q[index].sum(axis=1))
        mass = jax.lax.stop_gradient(mass) if held else mass
        return jnp.sum(mass * jax.vmap(one)(log_p[index], log_q[index]))

    return claim


@cache
def bound(count: int) -> Claim:
    return over_tuples(lambda log_p, log_q: logsumexp(log_p - log_q) - jnp.log(count), count, held=False)


def wake(count: int) -> Claim:
    """The wake phases of reweighted wake-sleep."""

    def one(log_p: jax.Array, log_q: jax.Array) -> jax.Array:
        return jnp.sum(jax.lax.stop_gradient(jax.nn.softmax(log_p - log_q)) * (log_p + log_q))

    return over_tuples(one, count, held=True)


def thermodynamic(count: int, ends: Any) -> Claim:
    """The covariance form of the paper, at the left end of each interval."""

    def one(log_p: jax.Array, log_q: jax.Array) -> jax.Array:
        f = log_p - log_q
        fixed, total = jax.lax.stop_gradient(f), jnp.zeros(())
        for left, right in itertools.pairwise(ends):
            weight = jax.nn.softmax(left * fixed)
            excess = weight * (fixed - jnp.sum(weight * fixed))
            total += (right - left) * (weight @ f + excess @ (left * log_p + (1 - left) * log_q))
        return total

    return over_tuples(one, count, held=True)


def thermodynamic_value(count: int, ends: Any) -> Claim:
    """The Riemann sum itself."""

    def one(log_p: jax.Array, log_q: jax.Array) -> jax.Array:
        f = log_p - log_q
        return sum((right - left) * (jax.nn.softmax(left * f) @ f) for left, right in itertools.pairwise(ends))

    return over_tuples(one, count, held=True)


def claimed_value(program: Program, claim: Claim) -> jax.Array:
    """A claim, summed over the data."""
    return _claimed(program, claim)[0]


def claimed(program: Program, claim: Claim) -> Params:
    """The gradient of a claim, summed over the data."""
    return _claimed(program, claim)[1]


@cache
def _claimed(program: Program, claim: Claim) -> tuple[jax.Array, Params]:
    """Both, once for all losses of the same claim."""
    return jax.jit(jax.value_and_grad(lambda params: _total(program, claim, params)))(program.params)


def _total(program: Program, claim: Claim, params: Params) -> jax.Array:
    pairs = [log_densities(program, params, x, states(program.latents)) for x in program.data]
    penalties = -(params["prior"] ** 2) * PENALTIES if program is MASKED else 0
    return sum((claim(*pair) for pair in pairs), start=penalties * jnp.ones(()))


# Expected -------------------------------------------------------------------------------------------------------------


def expected(loss: Any, program: Program, name: str) -> tuple[jax.Array, Params]:
    """The objective of a loss and its ascent, summed over every tuple of what its particles can draw.

    A key is found for every state, so that a tuple of states is a tuple of keys, which `vectorize_particles` hands in.
    The name is that of the program whose guide draws the same.
    """
    return _expected(loss, program, program.x[None], *keys_of_states(name))


def expected_of_batches(loss: Any, program: Program, batches: jax.Array) -> tuple[jax.Array, Params]:
    """The same in the mean over batches, which are along the first axis."""
    keys, log_q = zip(*(_keys_of_states(program, batch) for batch in batches), strict=True)
    return _expected(loss, program, batches, jnp.concatenate(keys), jnp.concatenate(log_q))


def _expected(
    loss: Any, program: Program, batches: jax.Array, keys: jax.Array, log_q: jax.Array
) -> tuple[jax.Array, Params]:
    keys, log_q = keys.reshape(len(batches), -1), log_q.reshape(len(batches), -1)
    index = jnp.array(list(itertools.product(range(keys.shape[1]), repeat=loss.num_draws)))

    def one(chosen: jax.Array, x: jax.Array, params: Params) -> jax.Array:
        loss.vectorize_particles_fn = lambda function, _: jax.vmap(function)(chosen)
        return -loss.loss(jax.random.key(0), params, program.model, program.guide, x)

    def total(params: Params) -> jax.Array:
        mass = jax.lax.stop_gradient(jnp.exp(log_q[:, index].sum(axis=2)))
        over_tuples = jax.vmap(one, in_axes=(0, None, None))
        return jnp.sum(mass * jax.vmap(over_tuples, in_axes=(0, 0, None))(keys[:, index], batches, params)) / len(mass)

    return jax.jit(jax.value_and_grad(total))(program.params)


@cache
def keys_of_states(name: str) -> tuple[jax.Array, jax.Array]:
    """A key for every state of the latents of all data, and the state's log-probability under the guide."""
    return _keys_of_states(PROGRAMS[name], PROGRAMS[name].x)


def _keys_of_states(program: Program, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    call = Call(program.model, program.guide, (x,), {}, jax.random.key(0))

    def draw(key: jax.Array) -> Any:
        sites = call.guide_trace(program.params, jax.random.split(key)[0])
        return {name: sites[name]["value"] for name in program.latents}

    keys = jax.random.split(jax.random.key(1), 2000)
    drawn = jax.jit(jax.vmap(draw))(keys)
    flat = np.concatenate([np.reshape(value, (len(keys), -1)) for value in drawn.values()], axis=1)
    _, first = np.unique(flat, axis=0, return_index=True)
    assert len(first) == 2 ** flat.shape[1], "every state was drawn"
    values = {name: value[first] for name, value in drawn.items()}
    with AsDrawn():
        return keys[first], jax.jit(lambda values: log_densities(program, program.params, x, values)[1])(values)


class AsDrawn(Messenger):
    """Take masks and scales off sample sites."""

    def postprocess_message(self, msg: Any) -> None:
        if msg["type"] == "sample":
            while type(msg["fn"]).__name__ in ("MaskedDistribution", "ExpandedDistribution"):
                msg["fn"] = msg["fn"].base_dist
            msg["scale"] = None
            msg["fn"] = msg["fn"].expand(jnp.shape(msg["value"]))
