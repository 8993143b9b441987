"""Every member of every family, by name: what the laws run over.

Adding an estimator, a net or a proposal means adding a line here; the line states its claim.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from beliefnet import BeliefNet, Chain
from beliefnet.baselines import InputBaseline, Moments, NoBaseline, Order, RunningMoments
from beliefnet.conditionals import (
    MLP,
    NADE,
    AbstractConditional,
    Centred,
    Dense,
    EquinoxNetwork,
    Feedforward,
    LogisticAutoregression,
    Prior,
    Signs,
)
from beliefnet.distributions import AbstractFamily, bernoulli, categorical, normal
from beliefnet.estimators import (
    ARM,
    IWAE,
    NVIL,
    REBAR,
    RELAX,
    SGVB,
    STL,
    TVO,
    VIMCO,
    DisARM,
    DReG,
    Estimator,
    LocalExpectation,
    MultiSampleDisARM,
    MuProp,
    Reinforce,
    Replacement,
    ReweightedWake,
    SemiAmortised,
    Signal,
    Sleep,
    VariationalEM,
    Wake,
    WeightedWake,
    reweighted_wake_sleep,
    wake_sleep,
)
from beliefnet.evaluation import enumerate_latents, exact_bound, exact_elbo, exact_gradient
from beliefnet.nets import darn, sigmoid_belief_net
from beliefnet.proposals import Proposal, Recognition, Refined
from beliefnet.refiners import AIR, Posterior, Refiner, concrete, gdir, mean_passing, straight_through
from beliefnet.samplers import Half, Reparameterize, StraightThrough

MEAN = jnp.array([0.3, 0.6, 0.5])
ALL_OBSERVATIONS = jnp.array(list(itertools.product((0.0, 1.0), repeat=3)))
OBSERVATIONS = jnp.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]])


def randomise(tree: Any, scale: float = 0.7) -> Any:
    """Move every parameter by a normal step, so that no symmetry of an initialisation hides a mistake."""
    leaves, structure = jax.tree.flatten(tree)
    keys = jax.random.split(jax.random.key(3), len(leaves))
    moved = [leaf + scale * jax.random.normal(key, leaf.shape) for leaf, key in zip(leaves, keys, strict=True)]
    return structure.unflatten(moved)


def small_net(*hidden: int) -> BeliefNet:
    return randomise(sigmoid_belief_net(3, hidden, key=jax.random.key(0), input_mean=MEAN, visible_mean=MEAN))


NETS: dict[str, Callable[[], BeliefNet]] = {
    "one layer": lambda: small_net(3),
    "two layers": lambda: small_net(2, 3),
    "three layers": lambda: small_net(2, 2, 2),
}


def chain_net(*layers: tuple[AbstractFamily, int], scale: float = 0.25) -> BeliefNet:
    """A net over three binary observations with latent layers of any families, given as (family, size) bottom first."""
    keys = iter(jax.random.split(jax.random.key(0), 2 * len(layers)))
    widths = [family.num_units(family.num_parameters(size)) for family, size in layers]
    up, down, below, below_family, below_parameters = [], [], 3, bernoulli, 3
    for (family, size), width in zip(layers, widths, strict=True):
        up.append(Feedforward(Dense(below, family.num_parameters(size), key=next(keys)), family))
        down.append(Feedforward(Dense(width, below_parameters, key=next(keys)), below_family))
        below, below_family, below_parameters = width, family, family.num_parameters(size)
    prior = Prior(jnp.zeros(below_parameters), below_family)
    net = BeliefNet(Chain((prior, *down[::-1])), Chain(tuple(up)))
    # Small maps keep normal layers within each other's reach, and the quadrature accurate.
    return randomise(jax.tree.map(lambda leaf: 0.4 * leaf, net), scale)


FAMILY_NETS: dict[str, Callable[[], BeliefNet]] = {
    "categorical": lambda: chain_net((categorical(3), 2)),
    "two categorical": lambda: chain_net((categorical(3), 1), (categorical(2), 2)),
    "categorical on binary": lambda: chain_net((bernoulli, 2), (categorical(3), 1)),
    "normal": lambda: chain_net((normal, 1)),
    "two normal layers": lambda: chain_net((normal, 1), (normal, 1)),
    "normal on binary": lambda: chain_net((bernoulli, 2), (normal, 1)),
    "binary on normal": lambda: chain_net((normal, 1), (bernoulli, 2)),
    "darn": lambda: randomise(darn(3, (2, 2), key=jax.random.key(0), visible_mean=MEAN)),
    "connected": lambda: randomise(darn(3, (2, 2), key=jax.random.key(0), autoregressive_recognition=True)),
    "nade": lambda: randomise(darn(3, (3,), key=jax.random.key(0), autoregressive_recognition=True, nade_units=2)),
}
"""Latent layers of other families, mixed ones, and units that depend on each other, above and in both nets."""

ALL_NETS = NETS | FAMILY_NETS

CONDITIONALS: dict[str, Callable[[], AbstractConditional]] = {
    "dense": lambda: randomise(Feedforward(Dense(2, 3, key=jax.random.key(0)), bernoulli)),
    "centred": lambda: randomise(Feedforward(Dense(2, 3, key=jax.random.key(0)), bernoulli, Centred(MEAN[:2]))),
    "biased": lambda: randomise(
        Feedforward(Dense(2, 3, key=jax.random.key(0), has_bias=False), bernoulli, Signs(), jnp.zeros(3))
    ),
    "mlp": lambda: randomise(Feedforward(MLP((2, 4, 3), jnp.tanh, key=jax.random.key(0)), bernoulli)),
    "own module": lambda: randomise(
        Feedforward(EquinoxNetwork(eqx.nn.MLP(2, 3, 4, 1, key=jax.random.key(0)), 2), bernoulli)
    ),
    "prior": lambda: randomise(Prior(jnp.zeros(3), bernoulli)),
    "one-hot": lambda: randomise(Feedforward(Dense(2, 6, key=jax.random.key(0)), categorical(3))),
    "autoregressive": lambda: randomise(
        LogisticAutoregression(Feedforward(Dense(2, 3, key=jax.random.key(0)), bernoulli), jnp.zeros((3, 3)))
    ),
    "nade": lambda: randomise(
        NADE(
            Feedforward(Dense(2, 3, key=jax.random.key(0)), bernoulli),
            jnp.zeros((3, 4)),
            jnp.zeros((3, 4)),
            jnp.zeros(4),
            Dense(2, 4, key=jax.random.key(1), has_bias=False),
        )
    ),
    "nade prior": lambda: randomise(
        NADE(Prior(jnp.zeros(3), bernoulli), jnp.zeros((3, 2)), jnp.zeros((3, 2)), jnp.zeros(2))
    ),
    "autoregressive prior": lambda: randomise(
        LogisticAutoregression(Prior(jnp.zeros(3), bernoulli), jnp.zeros((3, 3)))
    ),
}

PROPOSALS: dict[str, Callable[[], Proposal]] = {
    "recognition": Recognition,
    "refined by importance": lambda: Refined(AIR(3, 4, rate=0.5)),
    "refined by gradients": lambda: Refined(straight_through(3, 4, rate=0.5)),
    "refined until idle": lambda: Refined(AIR(6, 4, patience=2)),
}


def held_posterior(net: BeliefNet, x: jax.Array, refiner: Refiner) -> Posterior:
    """The refined posterior of a refiner without randomness, held constant under differentiation."""
    return jax.lax.stop_gradient(refiner.refine(net, x, key=jax.random.key(0)))


def factorial_elbo(net: BeliefNet, x: jax.Array, posterior: Posterior) -> jax.Array:
    """Exact ELBO of a factorial posterior over discrete layers, `[batch]`."""
    states = enumerate_latents(net, x)
    log_q = posterior.log_probs(states.latents).sum(axis=-1)
    return jnp.sum(jnp.exp(log_q) * (states.log_p - log_q), axis=0)


def negative_divergence(net: BeliefNet, x: jax.Array, posterior: Posterior) -> jax.Array:
    """Exact -KL(p(h | x) || q~) over discrete layers, `[batch]`."""
    states = enumerate_latents(net, x)
    log_posterior = jax.nn.log_softmax(states.log_p, axis=0)
    return jnp.sum(jnp.exp(log_posterior) * (posterior.log_probs(states.latents).sum(axis=-1) - log_posterior), axis=0)


def surrogate(net: BeliefNet, x: jax.Array, posterior: Posterior) -> jax.Array:
    """What mean-passing climbs, `[batch]`."""
    return posterior.elbo(net, x, tuple(mean[None] for mean in posterior.means))[0]


def sampled_elbo(net: BeliefNet, x: jax.Array, posterior: Posterior) -> jax.Array:
    """The ELBO of a factorial posterior from many draws, `[batch]`; the noise is the same for every posterior."""
    latents = posterior.draw(20_000, key=jax.random.key(8), sampler=Reparameterize())
    return posterior.elbo(net, x, latents).mean(axis=0)


@dataclass(frozen=True)
class RefinerCase:
    """A refiner and what it climbs.

    Attributes:
        make: Builds it for a number of steps.
        objective: What it climbs, per datum, for a net, a batch and a posterior.
        nets: Names of the nets on which the claim is tested.
    """

    make: Callable[[int], Refiner]
    objective: Callable[[BeliefNet, jax.Array, Posterior], jax.Array]
    nets: tuple[str, ...]


DISCRETE = (*NETS, "categorical", "two categorical", "categorical on binary", "darn", "connected", "nade")

REFINERS: dict[str, RefinerCase] = {
    "air": RefinerCase(
        lambda steps: AIR(steps, 500), negative_divergence, tuple(name for name in DISCRETE if name != "darn")
    ),
    "air, undamped": RefinerCase(lambda steps: AIR(steps, 20_000, rate=1.0), negative_divergence, tuple(NETS)),
    "gdir": RefinerCase(lambda steps: gdir(steps, 50), sampled_elbo, ("normal", "two normal layers")),
    "gdir, momentum": RefinerCase(lambda steps: gdir(steps, 50, rate=0.03, momentum=0.7), sampled_elbo, ("normal",)),
    "mean-passing": RefinerCase(mean_passing, surrogate, (*DISCRETE, "normal", "binary on normal")),
    "straight-through": RefinerCase(lambda steps: straight_through(steps, 200, rate=0.3), factorial_elbo, DISCRETE),
    "straight-through, logits": RefinerCase(
        lambda steps: straight_through(steps, 200, slope="logits"), factorial_elbo, tuple(NETS)
    ),
    "concrete": RefinerCase(lambda steps: concrete(steps, 200, temperature=0.3, rate=0.3), factorial_elbo, DISCRETE),
}


@dataclass(frozen=True)
class EstimatorCase:
    """An estimator and what it claims to estimate.

    Attributes:
        make: Builds it for a net.
        expected: The exact expected gradient for the net, of the estimator at a state, on a batch.
        objective: The exact expected objective.
        state: The state at which the claim holds; statistics are frozen there.
        nets: Names of the nets on which the claim is tested.
    """

    make: Callable[[BeliefNet], Estimator]
    expected: Callable[[BeliefNet, jax.Array, Any, Any], BeliefNet]
    objective: Callable[[BeliefNet, jax.Array], Any] = exact_elbo
    state: Callable[[BeliefNet], Any] = lambda net: None
    nets: tuple[str, ...] = tuple(NETS)


def frozen_moments(net: BeliefNet) -> Moments:
    """Means near the size of the signal and variances that make the scale differ between layers."""
    layers = jnp.arange(1.0, 1 + len(net.layer_sizes))
    return Moments(-3.0 + 0.5 * layers, 1.5 * layers)


def one_pair(net: BeliefNet) -> Moments:
    return Moments(jnp.array([-2.5]), jnp.array([2.5]))


def nvil(net: BeliefNet, **changes: Any) -> NVIL:
    estimator = NVIL(net, key=jax.random.key(1), **changes)
    return randomise(estimator, scale=0.3)


def elbo_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
    """Unbiased for the ELBO."""
    return exact_gradient(net, x)


def bound_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
    """Unbiased for the bound of as many particles as the estimator draws."""
    return exact_gradient(net, x, estimator.num_particles)


def scaled_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Moments) -> BeliefNet:
    """Unbiased for the ELBO, except that each layer's recognition gradient is divided by max(1, sd)."""
    return scale_recognition(exact_gradient(net, x), 1 / jnp.maximum(1, jnp.sqrt(state.variance)))


def shrunk_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Moments) -> BeliefNet:
    """Unbiased for the ELBO, except that the recognition gradient is shrunk by a mean that contains the batch."""
    num_draws = len(x) * estimator.num_particles
    return scale_recognition(exact_gradient(net, x), 1 - (1 - estimator.moments.smoothing) / num_draws)


def scale_recognition(gradient: BeliefNet, scale: Any) -> BeliefNet:
    """Multiply the recognition gradient of each layer by its scale."""
    scales = jnp.broadcast_to(scale, len(gradient.layer_sizes))
    conditionals = tuple(
        jax.tree.map(lambda leaf, s=s: s * leaf, c)
        for s, c in zip(scales, gradient.recognition.conditionals, strict=True)
    )
    return eqx.tree_at(lambda net: net.recognition.conditionals, gradient, conditionals)


def model_only(gradient: BeliefNet) -> BeliefNet:
    return eqx.tree_at(lambda net: net.recognition, gradient, replace_fn=lambda c: jax.tree.map(jnp.zeros_like, c))


def recognition_only(gradient: BeliefNet) -> BeliefNet:
    return eqx.tree_at(lambda net: net.generative, gradient, replace_fn=lambda c: jax.tree.map(jnp.zeros_like, c))


def add(one: BeliefNet, two: BeliefNet) -> BeliefNet:
    return jax.tree.map(jnp.add, one, two)


def wake_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
    """The model's part of the ELBO's gradient."""
    return model_only(exact_gradient(net, x))


def weighted_wake_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
    """The model's part of the gradient of the K-particle bound."""
    return model_only(exact_gradient(net, x, estimator.num_particles))


@eqx.filter_jit
def dream_objective(net: BeliefNet, x: jax.Array) -> jax.Array:
    """E_p(x, h)[log q(h | x)], over every observation there is."""
    states = enumerate_latents(net, ALL_OBSERVATIONS)
    return jnp.sum(jax.lax.stop_gradient(jnp.exp(states.log_p)) * states.log_q)


@eqx.filter_jit
def sleep_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
    """The recognition net's gradient of the dream objective."""
    return recognition_only(eqx.filter_grad(lambda net: dream_objective(net, x))(net))


def over_draws(net: BeliefNet, x: jax.Array, count: int, value: Callable[..., jax.Array]) -> jax.Array:
    """Expectation of a value of (log p, log q), each `[draws, particles, batch]`, over all draws of some particles.

    The drawn values and their probabilities are held constant.
    """
    states = jax.lax.stop_gradient(enumerate_latents(net, x))
    all_log_p = net.log_joint(x, states.latents).sum(axis=-1)
    all_log_q = net.log_recognition(x, states.latents).sum(axis=-1)
    indices = [jnp.arange(states.log_p.shape[0])] * count
    draws = jnp.stack(jnp.meshgrid(*indices, indexing="ij"), -1).reshape(-1, count)
    probability = jnp.exp(states.log_mass[draws].sum(axis=1))
    return jnp.sum(probability * value(all_log_p[draws], all_log_q[draws]), axis=0).mean()


@eqx.filter_jit
def reweighted_wake_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
    """The model's part for the K-particle bound; the recognition net's is E[sum_k w~_k grad log q_k]."""

    def weighted_score(net: BeliefNet) -> jax.Array:
        def paid(log_p: jax.Array, log_q: jax.Array) -> jax.Array:
            return jnp.sum(jax.lax.stop_gradient(jax.nn.softmax(log_p - log_q, axis=1)) * log_q, axis=1)

        return over_draws(net, x, estimator.num_particles, paid)

    return add(weighted_wake_gradient(net, x, estimator, state), recognition_only(eqx.filter_grad(weighted_score)(net)))


def ends(estimator: TVO) -> list[float]:
    """Ends of the intervals, spaced evenly in the logarithm from the first to 1."""
    last = estimator.num_intervals - 1
    return [0.0, *(estimator.first ** (1 - j / last) for j in range(last)), 1.0]


def thermodynamic(log_p: jax.Array, log_q: jax.Array, estimator: TVO) -> jax.Array:
    """The self-normalised estimate of the thermodynamic objective, as a sum over its intervals."""
    f, total = log_p - log_q, 0.0
    for left, right in itertools.pairwise(ends(estimator)):
        total += (right - left) * jnp.sum(jax.nn.softmax(left * f, axis=1) * f, axis=1)
    return total


@eqx.filter_jit
def tvo_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
    """E of the covariance form: sum_j D_j (<grad f> + <g f> - <g> <f>), g = grad [b log p + (1 - b) log q]."""

    def covariances(net: BeliefNet) -> jax.Array:
        def paid(log_p: jax.Array, log_q: jax.Array) -> jax.Array:
            f, total = log_p - log_q, 0.0
            held = jax.lax.stop_gradient(f)
            for left, right in itertools.pairwise(ends(estimator)):
                weights = jax.nn.softmax(left * held, axis=1)
                g = left * log_p + (1 - left) * log_q
                mean = jnp.sum(weights * held, axis=1)
                covariance = jnp.sum(weights * g * held, axis=1) - jnp.sum(weights * g, axis=1) * mean
                total += (right - left) * (jnp.sum(weights * f, axis=1) + covariance)
            return total

        return over_draws(net, x, estimator.num_particles, paid)

    return eqx.filter_grad(covariances)(net)


def tvo_objective(estimator: TVO) -> Callable[[BeliefNet, jax.Array], jax.Array]:
    return eqx.filter_jit(
        lambda net, x: over_draws(net, x, estimator.num_particles, lambda p, q: thermodynamic(p, q, estimator))
    )


def mean_slope(distribution: Any, h: jax.Array) -> jax.Array:
    return distribution.mean


def half_slope(distribution: Any, h: jax.Array) -> jax.Array:
    logits = distribution.base_dist.logits
    return jax.lax.stop_gradient((h - 0.5) * (h - jax.nn.sigmoid(logits))) * logits


def slope_gradient(slope: Callable[[Any, jax.Array], jax.Array]) -> Callable[..., BeliefNet]:
    """What SGVB gives in expectation when exact draws are given the derivative of something else."""

    @eqx.filter_jit
    def expected(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
        states = enumerate_latents(net, x)

        def relaxed_elbo(net: BeliefNet) -> jax.Array:
            below, latents = x, ()
            for conditional, h in zip(net.recognition.conditionals, states.latents, strict=True):
                like = slope(conditional(below), h)
                below = h + (like - jax.lax.stop_gradient(like))
                latents += (below,)
            f = net.log_joint(x, latents).sum(axis=-1) - net.log_recognition(x, latents).sum(axis=-1)
            return jnp.sum(jnp.exp(states.log_q) * f, axis=0).mean()

        return eqx.filter_grad(relaxed_elbo)(net)

    return expected


def sum_of(*parts: Callable[..., BeliefNet]) -> Callable[[BeliefNet, jax.Array, Any, Any], BeliefNet]:
    """The expected gradient of a `Sum`, from those of its parts."""

    def expected(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
        one, two = (part(net, x, inner, None) for part, inner in zip(parts, estimator.parts, strict=True))
        return add(one, two)

    return expected


def no_state(net: BeliefNet) -> tuple[None, None]:
    return None, None


def bound_of(num_particles: int) -> Callable[[BeliefNet, jax.Array], Any]:
    return lambda net, x: exact_bound(net, x, num_particles)


ENDS = ("one layer", "three layers")
"""Where an option that works alike in every layer is tried."""


def nvil_case(
    expected=elbo_gradient, state=frozen_moments, signal=Signal.LOCAL, nets=ENDS, **changes: Any
) -> EstimatorCase:
    moments = RunningMoments(**{"order": Order.STATISTICS_FIRST, "normalise": False, **changes.pop("moments", {})})
    return EstimatorCase(
        lambda net: nvil(net, moments=moments, signal=signal, **changes), expected, state=state, nets=nets
    )


ANY = tuple(name for name in ALL_NETS if name != "darn")
SINGLE = (*NETS, "darn")
"""Nets whose recognition layers have binary units that can be paid one by one."""

NVIL_CASES: dict[str, EstimatorCase] = {
    "nvil, not normalised": nvil_case(nets=ANY),
    "nvil, two draws": nvil_case(num_particles=2),
    "nvil, not centred": nvil_case(moments={"centre": False}),
    "nvil, no baseline": nvil_case(baseline=NoBaseline()),
    "nvil, one baseline": EstimatorCase(
        lambda net: nvil(
            net,
            baseline=InputBaseline(net, key=jax.random.key(2)),
            moments=RunningMoments(order=Order.STATISTICS_FIRST, normalise=False, per_layer=False),
        ),
        elbo_gradient,
        state=one_pair,
        nets=ENDS,
    ),
    "nvil, whole signal": nvil_case(signal=Signal.WHOLE),
    "nvil, normalised": nvil_case(scaled_gradient, moments={"normalise": True}),
    "nvil, paper order": nvil_case(shrunk_gradient, moments={"order": Order.PAPER}),
}


@eqx.filter_jit
def em_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
    """The M-step at a posterior without randomness: E_q~[log p(x, h) + log q(h | x)], q~ held."""
    posterior = held_posterior(net, x, estimator.refiner)

    def both(net: BeliefNet) -> jax.Array:
        states = enumerate_latents(net, x)
        mass = jnp.exp(posterior.log_probs(states.latents).sum(axis=-1))
        return jnp.sum(mass * (states.log_p + states.log_q), axis=0).mean()

    return eqx.filter_grad(both)(net)


@eqx.filter_jit
def weighted_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
    """E[sum_k w~_k grad (log p + log q)] for draws from a refined posterior without randomness, which also weighs."""
    states = enumerate_latents(net, x)
    log_r = held_posterior(net, x, estimator.proposal.refiner).log_probs(states.latents).sum(axis=-1)
    indices = [jnp.arange(len(log_r))] * estimator.num_particles
    sets = jnp.stack(jnp.meshgrid(*indices, indexing="ij"), -1).reshape(-1, estimator.num_particles)
    mass = jnp.exp(log_r[sets].sum(axis=1))
    weights = jax.nn.softmax((states.log_p - log_r)[sets], axis=1)

    def weighted(net: BeliefNet) -> jax.Array:
        again = enumerate_latents(net, x)
        return jnp.sum(mass * jnp.sum(weights * (again.log_p + again.log_q)[sets], axis=1), axis=0).mean()

    return eqx.filter_grad(weighted)(net)


def refined_bound(net: BeliefNet, x: jax.Array, refiner: Refiner) -> jax.Array:
    """The exact bound of two particles from a refined posterior without randomness, `[batch]`."""
    states = enumerate_latents(net, x)
    log_r = held_posterior(net, x, refiner).log_probs(states.latents).sum(axis=-1)
    f = states.log_p - log_r
    pairs = jnp.logaddexp(f[:, None], f[None]) - jnp.log(2)
    return jnp.sum(jnp.exp(log_r[:, None] + log_r[None]) * pairs, axis=(0, 1))


STEADY = mean_passing(3, rate=0.5)
"""A refiner without randomness: its posterior can be held, and expectations under it are exact."""

NORMAL = ("normal", "two normal layers")
TVO_TWO, TVO_THREE = TVO(2, num_intervals=3, first=0.2), TVO(3, num_intervals=1)

ESTIMATORS: dict[str, EstimatorCase] = {
    **NVIL_CASES,
    "reinforce": EstimatorCase(lambda net: Reinforce(3), elbo_gradient, nets=ANY),
    "reinforce, whole signal": EstimatorCase(lambda net: Reinforce(2, signal=Signal.WHOLE), elbo_gradient),
    "vimco": EstimatorCase(lambda net: VIMCO(2), bound_gradient, bound_of(2), nets=ANY),
    "vimco, five particles": EstimatorCase(lambda net: VIMCO(5), bound_gradient, bound_of(5), nets=("one layer",)),
    "vimco, three particles": EstimatorCase(lambda net: VIMCO(3), bound_gradient, bound_of(3), nets=ENDS),
    "vimco, arithmetic": EstimatorCase(
        lambda net: VIMCO(3, replacement=Replacement.ARITHMETIC), bound_gradient, bound_of(3), nets=ENDS
    ),
    "vimco, local signals": EstimatorCase(
        lambda net: VIMCO(3, signal=Signal.LOCAL), bound_gradient, bound_of(3), nets=ENDS
    ),
    "vimco, local, arithmetic": EstimatorCase(
        lambda net: VIMCO(2, signal=Signal.LOCAL, replacement=Replacement.ARITHMETIC),
        bound_gradient,
        bound_of(2),
        nets=ENDS,
    ),
    "wake": EstimatorCase(lambda net: Wake(2), wake_gradient),
    "sleep": EstimatorCase(lambda net: Sleep(2), sleep_gradient, dream_objective),
    "wake-sleep": EstimatorCase(
        lambda net: wake_sleep(2), sum_of(wake_gradient, sleep_gradient), state=no_state, nets=(*SINGLE, "connected")
    ),
    "weighted wake": EstimatorCase(lambda net: WeightedWake(2), weighted_wake_gradient, bound_of(2)),
    "reweighted wake": EstimatorCase(lambda net: ReweightedWake(2), reweighted_wake_gradient, bound_of(2), nets=ANY),
    "reweighted wake-sleep": EstimatorCase(
        lambda net: reweighted_wake_sleep(2), sum_of(reweighted_wake_gradient, sleep_gradient), bound_of(2), no_state
    ),
    "tvo": EstimatorCase(
        lambda net: TVO_TWO, tvo_gradient, tvo_objective(TVO_TWO), nets=tuple(name for name in ANY if name != "nade")
    ),
    "tvo, one interval": EstimatorCase(
        lambda net: TVO_THREE, tvo_gradient, tvo_objective(TVO_THREE), nets=("one layer",)
    ),
    "sgvb": EstimatorCase(SGVB, elbo_gradient, nets=NORMAL),
    "sgvb, two draws": EstimatorCase(lambda net: SGVB(net, 2), elbo_gradient, nets=NORMAL),
    "stl": EstimatorCase(lambda net: STL(net, 2), elbo_gradient, nets=NORMAL),
    "iwae": EstimatorCase(lambda net: IWAE(net, 2), bound_gradient, bound_of(2), nets=NORMAL),
    "iwae, five particles": EstimatorCase(lambda net: IWAE(net, 5), bound_gradient, bound_of(5), nets=("normal",)),
    "dreg": EstimatorCase(lambda net: DReG(net, 2), bound_gradient, bound_of(2), nets=NORMAL),
    "dreg, five particles": EstimatorCase(lambda net: DReG(net, 5), bound_gradient, bound_of(5), nets=("normal",)),
    "em": EstimatorCase(
        lambda net: VariationalEM(STEADY, 2),
        em_gradient,
        lambda net, x: factorial_elbo(net, x, held_posterior(net, x, STEADY)),
        nets=DISCRETE,
    ),
    "reweighted wake, refined": EstimatorCase(
        lambda net: ReweightedWake(2, Refined(STEADY)),
        weighted_gradient,
        lambda net, x: refined_bound(net, x, STEADY),
        nets=("one layer", "two layers"),
    ),
    "semi-amortised, no steps": EstimatorCase(lambda net: SemiAmortised(gdir(0), 2), elbo_gradient, nets=("normal",)),
    "straight-through": EstimatorCase(
        lambda net: SGVB(net, 2, sampler=StraightThrough()),
        slope_gradient(mean_slope),
        nets=(*NETS, "categorical", "two categorical"),
    ),
    "1/2 estimator": EstimatorCase(lambda net: SGVB(net, sampler=Half()), slope_gradient(half_slope)),
    "arm": EstimatorCase(ARM, elbo_gradient, nets=SINGLE),
    "disarm": EstimatorCase(lambda net: DisARM(net, 2), elbo_gradient, nets=SINGLE),
    "multi-sample disarm": EstimatorCase(
        lambda net: MultiSampleDisARM(net, 2), bound_gradient, bound_of(2), nets=SINGLE
    ),
    "multi-sample disarm, three": EstimatorCase(lambda net: MultiSampleDisARM(net, 3), bound_gradient, bound_of(3)),
    "muprop": EstimatorCase(
        lambda net: MuProp(net, 2),
        elbo_gradient,
        nets=tuple(name for name in ALL_NETS if name not in ("connected", "nade")),
    ),
    "rebar": EstimatorCase(lambda net: REBAR(net, 2, temperature=0.7, scale=0.6), elbo_gradient, nets=SINGLE),
    "relax": EstimatorCase(
        lambda net: randomise(RELAX(net, key=jax.random.key(1)), scale=0.3), elbo_gradient, nets=SINGLE
    ),
    "local expectation": EstimatorCase(
        LocalExpectation,
        elbo_gradient,
        nets=(*SINGLE, "categorical", "two categorical", "categorical on binary"),
    ),
}
