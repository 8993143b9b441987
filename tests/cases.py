"""Every member of every family, by name: what the laws run over.

Adding an estimator, a net or a proposal means adding a line here; the line states its claim.
"""

import dataclasses
import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from exact import ALL_OBSERVATIONS, AbstractSource, States, bound_and_gradient, dreamt, recognised

from beliefnet import BeliefNet, Chain, ConditionalNet, distributions, estimators, nets, proposals, refiners
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
from beliefnet.distributions import (
    AbstractFamily,
    UnitKind,
    WeightedWordsFamily,
    bag_of_words,
    bernoulli,
    categorical,
    discretised_logistic,
    grey_normal,
    normal,
    poisson,
    units,
)
from beliefnet.estimators import (
    ARM,
    ARMS,
    HVI,
    IWAE,
    MSC,
    NVIL,
    OVIS,
    REBAR,
    RELAX,
    RODEO,
    SGVB,
    STL,
    TVO,
    UHA,
    VIMCO,
    AbstractEstimator,
    AsymptoticOVIS,
    DisARM,
    DoubleCV,
    DReG,
    IterativeAmortised,
    LocalExpectation,
    LogVariance,
    MaximumLikelihood,
    MultiSampleDisARM,
    MuProp,
    PerLayer,
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
from beliefnet.evaluation import enumerate_latents
from beliefnet.nets import darn, fully_visible_net, sigmoid_belief_net
from beliefnet.proposals import (
    AbstractProposal,
    Annealed,
    Buffered,
    Defensive,
    Dream,
    FixedPosterior,
    Hamiltonian,
    Refined,
    UncorrectedAnnealing,
)
from beliefnet.refiners import (
    AIR,
    GDIR,
    AbstractPosterior,
    AbstractRefiner,
    ConcreteAscent,
    Form,
    Learned,
    MeanField,
    MeanPassingAscent,
    Shrinkage,
    StraightThroughAscent,
)
from beliefnet.samplers import (
    AbstractSampler,
    Concrete,
    GumbelRao,
    Half,
    MeanPassing,
    Plain,
    ReinMax,
    Reparameterize,
    StraightThrough,
    UnitByUnit,
)

MEAN = jnp.array([0.3, 0.6, 0.5])
OBSERVATIONS = jnp.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]])


def randomise(tree: Any, scale: float = 0.7) -> Any:
    """Move every parameter by a normal step, so that no symmetry of an initialisation hides a mistake."""
    leaves, structure = jax.tree.flatten(tree)
    keys = jax.random.split(jax.random.key(3), len(leaves))
    moved = [leaf + scale * jax.random.normal(key, leaf.shape) for leaf, key in zip(leaves, keys, strict=True)]
    return structure.unflatten(moved)


def conditional_net(*hidden: int) -> ConditionalNet:
    """Outputs of two units given one, through hidden layers given from the bottom up."""
    keys = iter(jax.random.split(jax.random.key(0), 2 * len(hidden) + 1))

    def chain(*sizes: int) -> Chain:
        pairs = itertools.pairwise(sizes)
        return Chain(tuple(Feedforward(Dense(a, b, key=next(keys)), bernoulli) for a, b in pairs))

    return randomise(ConditionalNet(chain(1, *hidden[::-1], 2), chain(3, *hidden)))


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

SINGLE_NETS: dict[str, Callable[[], BeliefNet]] = {
    "one unit": lambda: chain_net((bernoulli, 1), scale=0.8),
    "two single units": lambda: chain_net((bernoulli, 1), (bernoulli, 1), scale=0.8),
    "fully visible": lambda: randomise(fully_visible_net(3)),
    # The log of a mean of weights that differ much is too steep for 32 nodes.
    "gentle normal": lambda: chain_net((normal, 1), scale=0.05),
}
"""Nets for the claims of single estimators."""

ALL_NETS = NETS | FAMILY_NETS


@functools.cache
def net_of(name: str) -> BeliefNet:
    """A net of the tables, made once."""
    return (ALL_NETS | SINGLE_NETS)[name]()


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

VISIBLE_FAMILIES: dict[str, Callable[[], AbstractFamily]] = {
    "bernoulli": lambda: bernoulli,
    "poisson": lambda: distributions.poisson,
    "logistic": lambda: distributions.discretised_logistic(5),
    "grey-normal": lambda: distributions.grey_normal,
    "mixed": lambda: distributions.MixedFamily(((bernoulli, 1), (distributions.poisson, 1), (normal, 1))),
}
"""Families of visible units that can be chosen by their names."""

READY_MADE: dict[str, Callable[[], BeliefNet]] = {
    "sbn": lambda: sigmoid_belief_net(6, (3, 2), key=jax.random.key(0)),
    "categorical": lambda: nets.categorical_belief_net(6, (2,), num_categories=3, key=jax.random.key(0)),
    "darn": lambda: darn(6, (3, 2), key=jax.random.key(0)),
    "fdarn": lambda: nets.fdarn(6, (3, 2), key=jax.random.key(0)),
    "vae": lambda: nets.vae(6, (3, 2), deterministic=(4,), key=jax.random.key(0)),
    "document": lambda: nets.document_net(6, (3,), key=jax.random.key(0)),
    "fvsbn": lambda: fully_visible_net(6),
    "nade": lambda: nets.nade(6, 3, key=jax.random.key(0)),
}
"""Ready-made nets of six visible units."""

PROPOSALS: dict[str, Callable[[], AbstractProposal]] = {
    "recognition": proposals.Recognition,
    # With long steps on few samples the posterior gets too narrow: right on average, by weights that are never drawn.
    "refined by importance": lambda: Refined(AIR(3, 8, rate=0.2)),
    "refined by gradients": lambda: Refined(StraightThroughAscent(3, 4, rate=0.5)),
    "refined until idle": lambda: Refined(AIR(6, 4, patience=2)),
    "buffered": lambda: Buffered(AIR(3, 1, rate=0.02, shrinkage=Shrinkage.NONE)),
    "defensive": lambda: Defensive(Refined(AIR(3, 4, rate=0.5)), every=2),
}


PROPOSALS_FOR_NETS: dict[str, Callable[[BeliefNet], AbstractProposal]] = {
    "annealed": lambda net: Annealed(3),
    "dream": lambda net: Dream(),
    "fixed posterior": lambda net: FixedPosterior(MeanField.recognised(net, OBSERVATIONS)),
    "hamiltonian": lambda net: Hamiltonian(net, key=jax.random.key(0)),
    "uncorrected annealing": UncorrectedAnnealing,
}
"""Proposals that are made for a net, or for data, or have laws of their own."""

SAMPLERS: dict[str, AbstractSampler] = {
    "plain": Plain(),
    "reparameterize": Reparameterize(),
    "concrete": Concrete(0.7),
    "straight-through": StraightThrough(),
    "half": Half(),
    "reinmax": ReinMax(0.8),
    "gumbel-rao": GumbelRao(0.7, 3),
    "mean": MeanPassing(),
    "unit by unit": UnitByUnit(StraightThrough()),
}

FAMILIES: dict[str, AbstractFamily] = {
    "bernoulli": bernoulli,
    "categorical": categorical(3),
    "normal": normal,
    "grey-normal": grey_normal,
    "discretised-logistic": discretised_logistic(8),
    "poisson": poisson,
    "bag-of-words": bag_of_words(5),
    "weighted-words": WeightedWordsFamily(5),
    "mixed": distributions.MixedFamily(((bernoulli, 1), (categorical(3), 1), (poisson, 1), (normal, 1))),
}


@eqx.filter_jit
def held_posterior(net: BeliefNet, x: jax.Array, refiner: AbstractRefiner) -> AbstractPosterior:
    """The refined posterior of a refiner without randomness, held constant under differentiation."""
    return jax.lax.stop_gradient(refiner.refine(net, x, key=jax.random.key(0)))


@eqx.filter_jit
def posterior_elbo(net: BeliefNet, x: jax.Array, posterior: AbstractPosterior) -> jax.Array:
    """Exact ELBO of a posterior over discrete layers, `[batch]`."""
    states = enumerate_latents(net, x)
    log_q = posterior.log_probs(states.latents).sum(axis=-1)
    return jnp.sum(jnp.exp(log_q) * (states.log_p - log_q), axis=0)


def negative_divergence(net: BeliefNet, x: jax.Array, posterior: AbstractPosterior) -> jax.Array:
    """Exact -KL(p(h | x) || q~) over discrete layers, `[batch]`."""
    states = enumerate_latents(net, x)
    log_posterior = jax.nn.log_softmax(states.log_p, axis=0)
    return jnp.sum(jnp.exp(log_posterior) * (posterior.log_probs(states.latents).sum(axis=-1) - log_posterior), axis=0)


def surrogate(net: BeliefNet, x: jax.Array, posterior: AbstractPosterior) -> jax.Array:
    """What mean-passing climbs, `[batch]`."""
    return posterior.elbo(net, x, tuple(mean[None] for mean in posterior.means))[0]


def sampled_elbo(net: BeliefNet, x: jax.Array, posterior: AbstractPosterior) -> jax.Array:
    """The ELBO of a posterior from many draws, `[batch]`; the noise is the same for every posterior."""
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

    make: Callable[[int], AbstractRefiner]
    objective: Callable[[BeliefNet, jax.Array, AbstractPosterior], jax.Array]
    nets: tuple[str, ...]


def imitating(net: BeliefNet, num_steps: int, rate: float = 0.3, small: float = 1e-2) -> Learned:
    """A network that does what gradient steps at layer means do: d + rate * gradient, as far as inputs are small."""
    refiner = Learned.untrained(net, num_steps, num_units=6, key=jax.random.key(0))
    nothing, one = jnp.zeros((3, 3)), small * jnp.eye(3)
    inward = jnp.block([[one, nothing], [nothing, nothing], [nothing, one]])
    outward = jnp.concatenate([jnp.eye(3), rate * jnp.eye(3)]) / small
    return eqx.tree_at(lambda r: [layer.weight for layer in r.network.layers], refiner, [inward, outward])


SOME_DISCRETE = ("three layers", "categorical on binary")

REFINERS: dict[str, RefinerCase] = {
    "air": RefinerCase(lambda steps: refiners.AIR(steps, 500), negative_divergence, SOME_DISCRETE),
    "air, mean-field": RefinerCase(
        lambda steps: AIR(steps, 500, form=Form.MEAN_FIELD), negative_divergence, ("connected",)
    ),
    "air, of the papers": RefinerCase(
        lambda steps: AIR(steps, 500, num_checks=0, shrinkage=Shrinkage.NONE, form=Form.MEAN_FIELD),
        negative_divergence,
        ("three layers",),
    ),
    "air, undamped": RefinerCase(lambda steps: AIR(steps, 20_000, rate=1.0), negative_divergence, ("three layers",)),
    "gdir": RefinerCase(lambda steps: GDIR(steps, 50), sampled_elbo, ("two normal layers",)),
    "gdir, momentum": RefinerCase(lambda steps: GDIR(steps, 50, rate=0.03, momentum=0.7), sampled_elbo, ("normal",)),
    "learned": RefinerCase(lambda steps: imitating(small_net(3), steps), posterior_elbo, ("one layer",)),
    "mean-passing": RefinerCase(MeanPassingAscent, surrogate, ("categorical on binary", "binary on normal")),
    "straight-through": RefinerCase(
        lambda steps: StraightThroughAscent(steps, 200, rate=0.3), posterior_elbo, SOME_DISCRETE
    ),
    "straight-through, logits": RefinerCase(
        lambda steps: StraightThroughAscent(steps, 200, slope="logits"), posterior_elbo, ("two layers",)
    ),
    "concrete": RefinerCase(
        lambda steps: ConcreteAscent(steps, 200, temperature=0.3, rate=0.3), posterior_elbo, ("categorical on binary",)
    ),
}


def exact_elbo(net: BeliefNet, x: jax.Array) -> jax.Array:
    """The exact ELBO, `[batch]`."""
    return bound_and_gradient(net, x, 1)[0]


class Law(Enum):
    """How the claim of an estimator is tested."""

    EXACT = "exact"
    """Its rule's credit is summed over every tuple of states."""
    NODES = "nodes"
    """So is the whole estimate, through the driver: over the nodes of a quadrature, where draws have a derivative."""
    DRAWN = "drawn"
    """The mean of many estimates: there is more to draw than latents."""


@dataclass(frozen=True)
class EstimatorCase:
    """An estimator and what it claims to estimate.

    Attributes:
        make: Builds it for a net.
        expected: The exact expected gradient for the net, of the estimator at a state, on a batch.
        objective: The exact expected objective.
        state: The state at which the claim holds; statistics are frozen there.
        nets: Names of the nets on which the claim is tested.
        law: How it is tested.
        source: Where the states of an exact law come from, and how probable they are.
        batch: Data in the batch.
        quick: The nets of the quick run; all of them if nothing else is said.
    """

    make: Callable[[BeliefNet], AbstractEstimator]
    expected: Callable[[BeliefNet, jax.Array, Any, Any], BeliefNet]
    objective: Callable[[BeliefNet, jax.Array], Any] = exact_elbo
    state: Callable[[BeliefNet], Any] = lambda net: None
    nets: tuple[str, ...] = tuple(NETS)
    law: Law = Law.EXACT
    source: AbstractSource = recognised
    batch: int = 2
    quick: tuple[str, ...] | None = None


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
    return bound_and_gradient(net, x, 1)[1]


def bound_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
    """Unbiased for the bound of as many particles as the estimator draws."""
    return bound_and_gradient(net, x, estimator.num_particles)[1]


def scaled_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Moments) -> BeliefNet:
    """Unbiased for the ELBO, except that each layer's recognition gradient is divided by max(1, sd)."""
    return scale_recognition(bound_and_gradient(net, x, 1)[1], 1 / jnp.maximum(1, jnp.sqrt(state.variance)))


def shrunk_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Moments) -> BeliefNet:
    """Unbiased for the ELBO, except that the recognition gradient is shrunk by a mean that contains the batch."""
    num_draws = len(x) * estimator.num_particles
    return scale_recognition(bound_and_gradient(net, x, 1)[1], 1 - (1 - estimator.moments.smoothing) / num_draws)


def likelihood_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
    """The gradient of log p(x) of a net without latents."""
    return eqx.filter_grad(lambda net: log_likelihood(net, x).mean())(net)


def log_likelihood(net: BeliefNet, x: jax.Array) -> jax.Array:
    """Log p(x) of a net without latents, `[batch]`."""
    return net.log_joint(x, ())


@eqx.filter_jit
def algorithm_1_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Moments) -> BeliefNet:
    """What Algorithm 1 of NVIL gives in expectation: a batch of one, normalised with moments that contain it.

    The gradient of the model is the ELBO's; that of the recognition net has no simpler form than the algorithm.
    """
    states, count, keep = enumerate_latents(net, x), estimator.num_particles, estimator.moments.smoothing
    values = (x[None], *states.latents)
    sets = jnp.stack(jnp.meshgrid(*[jnp.arange(len(states.log_q))] * count, indexing="ij"), -1).reshape(-1, count)
    mass = jnp.exp(states.log_q[sets].sum(axis=(1, 2)))
    log_p, log_q = net.log_joint_terms(x, states.latents), net.log_recognition_terms(x, states.latents)
    scores = []
    for layer in range(len(net.layer_sizes)):
        signal = log_p[:, 0, layer:].sum(axis=-1) - log_q[:, 0, layer:].sum(axis=-1)
        drawn = (signal - estimator.baseline.networks[layer](values[layer])[:, 0, 0])[sets]
        mean = drawn.mean(axis=1, keepdims=True)
        variance = jnp.mean(drawn**2, axis=1, keepdims=True) - mean**2
        mean = keep * state.mean[layer] + (1 - keep) * mean
        variance = keep * state.variance[layer] + (1 - keep) * variance
        scores.append((drawn - mean) / jnp.maximum(1, jnp.sqrt(variance)) / count)

    def credited(net: BeliefNet) -> jax.Array:
        again = net.log_recognition_terms(x, states.latents)[:, 0]
        return sum(mass @ jnp.sum(score * again[sets, layer], axis=1) for layer, score in enumerate(scores))

    return add(model_only(bound_and_gradient(net, x, 1)[1]), recognition_only(eqx.filter_grad(credited)(net)))


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
    return model_only(bound_and_gradient(net, x, 1)[1])


def weighted_wake_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
    """The model's part of the gradient of the K-particle bound."""
    return model_only(bound_and_gradient(net, x, estimator.num_particles)[1])


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
    all_log_p = net.log_joint(x, states.latents)
    all_log_q = net.log_recognition(x, states.latents)
    indices = [jnp.arange(states.log_p.shape[0])] * count
    draws = jnp.stack(jnp.meshgrid(*indices, indexing="ij"), -1).reshape(-1, count)
    probability = jnp.exp(states.log_mass[draws].sum(axis=1))
    return jnp.sum(probability * value(all_log_p[draws], all_log_q[draws]), axis=0).mean()


@eqx.filter_jit
def reweighted_wake_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
    """The model's part for the K-particle bound; the recognition net's is E[sum_k w~_k grad log q_k]."""

    def weighted_score(net: BeliefNet) -> jax.Array:
        def credited(log_p: jax.Array, log_q: jax.Array) -> jax.Array:
            return jnp.sum(jax.lax.stop_gradient(jax.nn.softmax(log_p - log_q, axis=1)) * log_q, axis=1)

        return over_draws(net, x, estimator.num_particles, credited)

    return add(weighted_wake_gradient(net, x, estimator, state), recognition_only(eqx.filter_grad(weighted_score)(net)))


def chain_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
    """Where chains begin, reweighted wake-sleep with one draw more."""
    more = dataclasses.replace(estimator, num_particles=estimator.num_particles + 1)
    return reweighted_wake_gradient(net, x, more, state)


def asymptotic_gradient(net: BeliefNet, x: jax.Array, estimator: AsymptoticOVIS, state: Any) -> BeliefNet:
    """That of the K-particle bound, and gamma times the wake phase of the recognition net."""
    bias = recognition_only(reweighted_wake_gradient(net, x, estimator, state))
    return add(bound_gradient(net, x, estimator, state), jax.tree.map(lambda leaf: estimator.gamma * leaf, bias))


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
        def credited(log_p: jax.Array, log_q: jax.Array) -> jax.Array:
            f, total = log_p - log_q, 0.0
            held = jax.lax.stop_gradient(f)
            for left, right in itertools.pairwise(ends(estimator)):
                weights = jax.nn.softmax(left * held, axis=1)
                g = left * log_p + (1 - left) * log_q
                mean = jnp.sum(weights * held, axis=1)
                covariance = jnp.sum(weights * g * held, axis=1) - jnp.sum(weights * g, axis=1) * mean
                total += (right - left) * (jnp.sum(weights * f, axis=1) + covariance)
            return total

        return over_draws(net, x, estimator.num_particles, credited)

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


def reinmax_slope(distribution: Any, h: jax.Array) -> jax.Array:
    """By the derivative of the softmax, at logits that give the means of the formula; bits are two categories."""
    logits = units(distribution).logits
    is_binary = UnitKind.of(distribution) is UnitKind.BINARY
    if is_binary:
        logits = jnp.stack([jnp.zeros_like(logits), logits], axis=-1)
        drawn = jnp.stack([1 - h, h], axis=-1)
    else:
        drawn = h.reshape(*h.shape[:-1], -1, logits.shape[-1])
    middle = jax.lax.stop_gradient(jnp.log((jax.nn.softmax(logits / TEMPERATURE) + drawn) / 2) - logits)
    like = 2 * jax.nn.softmax(logits + middle) - jax.nn.softmax(logits) / 2
    return like[..., 1] if is_binary else like.reshape(*like.shape[:-2], -1)


TEMPERATURE = 0.8


def gumbel_slope(distribution: Any, h: jax.Array) -> jax.Array:
    """Of bits: the mean slope of sigmoid((logit + noise) / temperature) on a fine grid of noise that rounds to h."""
    logits = units(distribution).logits
    grid = ((jnp.arange(4000) + 0.5) / 4000).reshape(-1, *[1] * h.ndim)
    p = jax.nn.sigmoid(logits)
    u = jax.lax.stop_gradient(jnp.where(h > 0, 1 - p * grid, (1 - p) * grid))
    return jax.nn.sigmoid((logits + jnp.log(u) - jnp.log1p(-u)) / TEMPERATURE).mean(axis=0)


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
            f = net.log_joint(x, latents) - net.log_recognition(x, latents)
            return jnp.sum(jnp.exp(states.log_q) * f, axis=0).mean()

        return eqx.filter_grad(relaxed_elbo)(net)

    return expected


RELAXED_NODES = 64


@eqx.filter_jit
def relaxed_bound(net: BeliefNet, x: jax.Array, temperature: float, num_particles: int = 1) -> jax.Array:
    """What relaxed draws climb, `[batch]`: the integral over the noise of each unit, one unit in each layer."""
    depth = len(net.layer_sizes)
    # Gauss-Legendre over the uniform numbers that logistic noise is made from.
    nodes, counts = np.polynomial.legendre.leggauss(RELAXED_NODES)
    chosen = np.stack(np.meshgrid(*[np.arange(RELAXED_NODES)] * depth, indexing="ij"), -1).reshape(-1, depth)
    noise = jnp.asarray(np.log((1 + nodes) / (1 - nodes))[chosen])
    mass = jnp.asarray(np.prod(counts[chosen] / 2, axis=1))
    below, latents = x[None], ()
    for index, conditional in enumerate(net.recognition.conditionals):
        below = jax.nn.sigmoid((conditional(below).base_dist.logits + noise[:, index, None, None]) / temperature)
        latents += (below,)
    f = net.log_joint(x, latents) - net.log_recognition(x, latents)
    if num_particles == 1:
        return mass @ f
    return jnp.einsum("a,b,abn->n", mass, mass, jnp.logaddexp(f[:, None], f[None]) - jnp.log(2))


def relaxed_gradient(temperature: float, num_particles: int = 1) -> Callable[..., BeliefNet]:
    """The gradient of what relaxed draws climb."""
    return lambda net, x, estimator, state: eqx.filter_grad(
        lambda net: relaxed_bound(net, x, temperature, num_particles).mean()
    )(net)


DYNAMICS = {"num_iterations": 1, "num_steps": 2, "step_size": 0.3, "num_units": 3}


def hamiltonian(net: BeliefNet) -> HVI:
    """Dynamics of one iteration whose parameters are nowhere special."""
    dynamics = Hamiltonian(net, key=jax.random.key(4), **DYNAMICS)
    return HVI(jax.tree.map(lambda leaf: leaf + 0.2 * jax.random.normal(jax.random.key(5), leaf.shape), dynamics), 2)


@eqx.filter_jit
def moved_bound(net: BeliefNet, x: jax.Array, estimator: HVI) -> jax.Array:
    """The mean log-weight of one unit that leapfrog steps move, by quadrature over both noises, `[batch]`."""
    nodes, counts = np.polynomial.hermite_e.hermegauss(24)
    mass = np.outer(counts, counts).ravel() / (2 * np.pi)
    start, kick = (jnp.asarray(grid.ravel())[:, None, None] for grid in np.meshgrid(nodes, nodes, indexing="ij"))
    iteration = estimator.proposal.iterations[0]
    scale, size = jnp.exp(iteration.log_momentum_scale), jnp.exp(iteration.log_step_size)
    q = net.recognition.conditionals[0](x).base_dist
    position = q.loc + q.scale * start
    log_weight = -net.log_recognition(x, (position,))
    log_weight += jnp.sum(0.5 * kick**2 + 0.5 * jnp.log(2 * jnp.pi), axis=-1)
    momentum = scale * kick
    force = jax.grad(lambda position: net.log_joint(x, (position,)).sum())
    for _ in range(DYNAMICS["num_steps"]):
        momentum = momentum + 0.5 * size * force(position)
        position = position + size * momentum
        momentum = momentum + 0.5 * size * force(position)
    log_weight += iteration.reverse(x, position).log_prob(momentum / scale)
    return jnp.asarray(mass) @ (log_weight + net.log_joint(x, (position,)))


def annealing(net: BeliefNet) -> UHA:
    """Two stops of one leapfrog step each, at temperatures and with a persistence that are nowhere special."""
    return UHA(randomise(UncorrectedAnnealing(net, 3, step_size=0.3), 0.3), 2)


@eqx.filter_jit
def annealed_bound(net: BeliefNet, x: jax.Array, estimator: UHA) -> jax.Array:
    """The mean log-weight of one unit after two stops, by quadrature over the three noises, `[batch]`."""
    nodes, counts = np.polynomial.hermite_e.hermegauss(20)
    mass = np.prod(np.meshgrid(counts, counts, counts, indexing="ij"), axis=0).ravel() / (2 * np.pi) ** 1.5
    start, first, second = (jnp.asarray(grid.ravel())[:, None, None] for grid in np.meshgrid(*[nodes] * 3))
    kept, size = jax.nn.sigmoid(estimator.proposal.logit_persistence), jnp.exp(estimator.proposal.log_step_size)
    q = net.recognition.conditionals[0](x).base_dist
    position, momentum = q.loc + q.scale * start, first
    log_weight = -net.log_recognition(x, (position,))
    low, middle, _ = jax.nn.softmax(estimator.proposal.widths)
    for temperature, persistence in ((low, 1.0), (low + middle, kept)):

        def log_density(position, temperature=temperature):
            log_q, log_p = net.log_recognition(x, (position,)), net.log_joint(x, (position,))
            return ((1 - temperature) * log_q + temperature * log_p).sum()

        momentum = before = persistence * momentum + jnp.sqrt(1 - persistence**2) * second
        momentum = momentum + 0.5 * size * jax.grad(log_density)(position)
        position = position + size * momentum
        momentum = momentum + 0.5 * size * jax.grad(log_density)(position)
        log_weight += jnp.sum(0.5 * before**2 - 0.5 * momentum**2, axis=-1)
    return jnp.asarray(mass) @ (log_weight + net.log_joint(x, (position,)))


def gradient_of_moved(bound: Callable[[BeliefNet, jax.Array, Any], jax.Array]) -> Callable[..., BeliefNet]:
    """The net's gradient of the mean log-weight of moved particles."""

    @eqx.filter_jit
    def gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
        return eqx.filter_grad(lambda net: bound(net, x, estimator).mean())(net)

    return gradient


def sum_of(*parts: Callable[..., BeliefNet]) -> Callable[[BeliefNet, jax.Array, Any, Any], BeliefNet]:
    """The expected gradient of a `Sum`, from those of its parts."""

    def expected(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
        one, two = (part(net, x, inner, None) for part, inner in zip(parts, estimator.parts, strict=True))
        return add(one, two)

    return expected


def no_state(net: BeliefNet) -> tuple[None, None]:
    return None, None


def bound_of(num_particles: int) -> Callable[[BeliefNet, jax.Array], Any]:
    return lambda net, x: bound_and_gradient(net, x, num_particles)[0]


ENDS = ("one layer", "three layers")
"""Where an option that works alike in every layer is tried."""


def nvil_case(
    expected=elbo_gradient, state=frozen_moments, signal=Signal.LOCAL, nets=ENDS, batch=2, **changes: Any
) -> EstimatorCase:
    moments = RunningMoments(**{"order": Order.STATISTICS_FIRST, "normalise": False, **changes.pop("moments", {})})
    return EstimatorCase(
        lambda net: nvil(net, moments=moments, signal=signal, **changes), expected, state=state, nets=nets, batch=batch
    )


ANY = tuple(name for name in ALL_NETS if name not in ("darn", "categorical", "normal"))
"""Nets of several layers where there is one of a family: all that holds on them holds on one layer."""
PAIRS = tuple(name for name in ANY if name != "two normal layers")
"""Nets of so few states that every pair of them can be visited."""
SINGLE = ("two layers", "darn")
"""Nets whose recognition layers have binary units that can be credited one by one.

What holds on the second, whose units depend on each other, holds on the first: for estimators without a quick run, the
second alone is tried.
"""
MIDDLE = ("two layers",)
"""The net of the quick run, for laws that draw."""

NVIL_CASES: dict[str, EstimatorCase] = {
    "nvil": nvil_case(
        algorithm_1_gradient, batch=1, num_particles=2, moments={"order": Order.PAPER, "normalise": True}
    ),
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
    "nvil, paper order": nvil_case(shrunk_gradient, batch=1, num_particles=2, moments={"order": Order.PAPER}),
}


def em_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
    """The M-step at a posterior without randomness: E_q~[log p(x, h) + log q(h | x)], q~ held."""
    return _em_gradient(net, x, held_posterior(net, x, estimator.refiner))


@eqx.filter_jit
def _em_gradient(net: BeliefNet, x: jax.Array, posterior: AbstractPosterior) -> BeliefNet:

    def both(net: BeliefNet) -> jax.Array:
        states = enumerate_latents(net, x)
        mass = jnp.exp(posterior.log_probs(states.latents).sum(axis=-1))
        return jnp.sum(mass * (states.log_p + states.log_q), axis=0).mean()

    return eqx.filter_grad(both)(net)


def iterative(net: BeliefNet) -> IterativeAmortised:
    """A refining network of random weights, two steps of it, taken as they come."""
    refiner = randomise(Learned.untrained(net, 2, num_units=4, key=jax.random.key(1)), scale=0.3)
    return IterativeAmortised(dataclasses.replace(refiner, num_checks=0), 2)


def iterative_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
    """The model's is that of the ELBO of the refined posterior, the recognition net's that of its own ELBO."""
    return add(
        model_only(em_gradient(net, x, estimator, state)), recognition_only(elbo_gradient(net, x, estimator, state))
    )


@eqx.filter_jit
def _log_r(posterior: AbstractPosterior, latents: tuple[jax.Array, ...]) -> jax.Array:
    return posterior.log_probs(latents).sum(axis=-1)


def refined_states(refiner: AbstractRefiner) -> AbstractSource:
    """Drawn from a refined posterior without randomness."""

    def source(net: BeliefNet, x: jax.Array, estimator: Any) -> States:
        found = recognised(net, x)
        log_r = _log_r(held_posterior(net, x, refiner), found.trace.values[1:])
        return States(eqx.tree_at(lambda t: t.log_proposal, found.trace, log_r), log_r)

    return source


def weighted_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
    """E[sum_k w~_k grad (log p + log q)] for draws from a refined posterior without randomness, which also weighs."""
    posterior = held_posterior(net, x, estimator.proposal.refiner)
    return _weighted_gradient(net, x, posterior, estimator.num_particles)


@eqx.filter_jit
def _weighted_gradient(net: BeliefNet, x: jax.Array, posterior: AbstractPosterior, num_particles: int) -> BeliefNet:
    states = enumerate_latents(net, x)
    log_r = _log_r(posterior, states.latents)
    indices = [jnp.arange(len(log_r))] * num_particles
    sets = jnp.stack(jnp.meshgrid(*indices, indexing="ij"), -1).reshape(-1, num_particles)
    mass = jnp.exp(log_r[sets].sum(axis=1))
    weights = jax.nn.softmax((states.log_p - log_r)[sets], axis=1)

    def weighted(net: BeliefNet) -> jax.Array:
        again = enumerate_latents(net, x)
        return jnp.sum(mass * jnp.sum(weights * (again.log_p + again.log_q)[sets], axis=1), axis=0).mean()

    return eqx.filter_grad(weighted)(net)


def covariance_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
    """Of the recognition net: Cov_r[log p - log q, grad log q], r held; of the model, its part of the weighted one."""
    return _covariance_gradient(net, x, held_posterior(net, x, estimator.proposal.refiner), estimator.num_particles)


@eqx.filter_jit
def _covariance_gradient(net: BeliefNet, x: jax.Array, posterior: AbstractPosterior, num_particles: int) -> BeliefNet:
    states = enumerate_latents(net, x)
    mass, f = jnp.exp(_log_r(posterior, states.latents)), states.log_p - states.log_q
    centred = f - jnp.sum(mass * f, axis=0)

    def covariance(net: BeliefNet) -> jax.Array:
        return jnp.sum(mass * centred * enumerate_latents(net, x).log_q, axis=0).mean()

    weighted = model_only(_weighted_gradient(net, x, posterior, num_particles))
    return add(weighted, recognition_only(eqx.filter_grad(covariance)(net)))


def mixed_gradient(net: BeliefNet, x: jax.Array, estimator: Any, state: Any) -> BeliefNet:
    """Of the model, that of the K-particle bound; of the recognition net, that of the ELBO."""
    elbo = recognition_only(bound_and_gradient(net, x, 1)[1])
    return add(model_only(bound_gradient(net, x, estimator, state)), elbo)


def refined_bound(net: BeliefNet, x: jax.Array, refiner: AbstractRefiner) -> jax.Array:
    """The exact bound of two particles from a refined posterior without randomness, `[batch]`."""
    return _refined_bound(net, x, held_posterior(net, x, refiner))


@eqx.filter_jit
def _refined_bound(net: BeliefNet, x: jax.Array, posterior: AbstractPosterior) -> jax.Array:
    states = enumerate_latents(net, x)
    log_r = _log_r(posterior, states.latents)
    f = states.log_p - log_r
    pairs = jnp.logaddexp(f[:, None], f[None]) - jnp.log(2)
    return jnp.sum(jnp.exp(log_r[:, None] + log_r[None]) * pairs, axis=(0, 1))


STEADY = MeanPassingAscent(3, rate=0.5, num_checks=0)
"""A refiner without randomness: its posterior can be held, and expectations under it are exact."""

NORMAL = ("normal", "two normal layers")
TVO_TWO, TVO_THREE = TVO(2, num_intervals=3, first=0.2), TVO(3, num_intervals=1)
SMALL = ("one layer", "two layers")

RULE_CASES: dict[str, EstimatorCase] = {
    **NVIL_CASES,
    "likelihood": EstimatorCase(
        lambda net: MaximumLikelihood(), likelihood_gradient, log_likelihood, nets=("fully visible",)
    ),
    "reinforce": EstimatorCase(lambda net: estimators.Reinforce(2), elbo_gradient, nets=(*NETS, "two categorical")),
    "reinforce, three particles": EstimatorCase(lambda net: Reinforce(3), elbo_gradient, nets=SMALL),
    "reinforce, whole signal": EstimatorCase(lambda net: Reinforce(2, signal=Signal.WHOLE), elbo_gradient),
    "vimco": EstimatorCase(lambda net: VIMCO(2), bound_gradient, bound_of(2), nets=PAIRS),
    "vimco, five particles": EstimatorCase(lambda net: VIMCO(5), bound_gradient, bound_of(5), nets=("one layer",)),
    "vimco, three particles": EstimatorCase(lambda net: VIMCO(3), bound_gradient, bound_of(3), nets=SMALL),
    "vimco, arithmetic": EstimatorCase(
        lambda net: VIMCO(3, replacement=Replacement.ARITHMETIC), bound_gradient, bound_of(3), nets=SMALL
    ),
    "vimco, local signals": EstimatorCase(
        lambda net: VIMCO(2, signal=Signal.LOCAL), bound_gradient, bound_of(2), nets=(*NETS, "categorical on binary")
    ),
    "vimco, local, three": EstimatorCase(
        lambda net: VIMCO(3, signal=Signal.LOCAL), bound_gradient, bound_of(3), nets=MIDDLE
    ),
    "vimco, local, arithmetic": EstimatorCase(
        lambda net: VIMCO(3, signal=Signal.LOCAL, replacement=Replacement.ARITHMETIC),
        bound_gradient,
        bound_of(3),
        nets=MIDDLE,
    ),
    "ovis": EstimatorCase(lambda net: OVIS(2), bound_gradient, bound_of(2), nets=(*SMALL, "two categorical")),
    "ovis, two auxiliary": EstimatorCase(
        lambda net: OVIS(2, num_auxiliary=2), bound_gradient, bound_of(2), nets=("one layer",)
    ),
    "ovis-asymptotic": EstimatorCase(
        lambda net: AsymptoticOVIS(3), asymptotic_gradient, bound_of(3), nets=(*SMALL, "two categorical")
    ),
    "ovis-asymptotic, one dominant": EstimatorCase(
        lambda net: AsymptoticOVIS(2, gamma=0.0), bound_gradient, bound_of(2), nets=PAIRS
    ),
    "ovis-asymptotic, between": EstimatorCase(
        lambda net: AsymptoticOVIS(2, gamma=0.4), asymptotic_gradient, bound_of(2), nets=("one layer",)
    ),
    "log-variance": EstimatorCase(lambda net: LogVariance(2), mixed_gradient, bound_of(2), nets=PAIRS),
    "log-variance, three": EstimatorCase(lambda net: LogVariance(3), mixed_gradient, bound_of(3), nets=("one layer",)),
    "log-variance, refined": EstimatorCase(
        lambda net: LogVariance(2, Refined(STEADY)),
        covariance_gradient,
        lambda net, x: refined_bound(net, x, STEADY),
        nets=("one layer",),
        source=refined_states(STEADY),
        quick=(),
    ),
    "wake": EstimatorCase(lambda net: Wake(2), wake_gradient),
    "sleep": EstimatorCase(lambda net: Sleep(1), sleep_gradient, dream_objective, source=dreamt, batch=1),
    "sleep, two dreams": EstimatorCase(
        lambda net: Sleep(2), sleep_gradient, dream_objective, nets=("one layer",), source=dreamt, batch=1
    ),
    "weighted wake": EstimatorCase(lambda net: WeightedWake(2), weighted_wake_gradient, bound_of(2)),
    "reweighted wake": EstimatorCase(
        lambda net: ReweightedWake(2), reweighted_wake_gradient, bound_of(2), nets=(*NETS, "normal on binary")
    ),
    "reweighted wake, refined": EstimatorCase(
        lambda net: ReweightedWake(2, Refined(STEADY)),
        weighted_gradient,
        lambda net, x: refined_bound(net, x, STEADY),
        nets=MIDDLE,
        source=refined_states(STEADY),
        quick=(),
    ),
    "tvo": EstimatorCase(lambda net: TVO_TWO, tvo_gradient, tvo_objective(TVO_TWO), nets=(*NETS, "normal on binary")),
    "tvo, one interval": EstimatorCase(
        lambda net: TVO_THREE, tvo_gradient, tvo_objective(TVO_THREE), nets=("one layer",)
    ),
}
"""Estimators that are a credit rule for particles: exact, and nothing is drawn."""

NODE_CASES: dict[str, EstimatorCase] = {
    "sgvb": EstimatorCase(SGVB, elbo_gradient, nets=NORMAL, law=Law.NODES),
    "sgvb, two draws": EstimatorCase(
        lambda net: SGVB(net, 2), elbo_gradient, nets=("normal",), law=Law.NODES, quick=()
    ),
    "stl": EstimatorCase(STL, elbo_gradient, nets=("two normal layers",), law=Law.NODES, quick=()),
    "iwae": EstimatorCase(
        lambda net: IWAE(net, 2), bound_gradient, bound_of(2), nets=("gentle normal",), law=Law.NODES, quick=()
    ),
    "dreg": EstimatorCase(
        lambda net: DReG(net, 2), bound_gradient, bound_of(2), nets=("gentle normal",), law=Law.NODES
    ),
    "dreg, three particles": EstimatorCase(
        lambda net: DReG(net, 3), bound_gradient, bound_of(3), nets=("gentle normal",), law=Law.NODES, quick=()
    ),
    "vimco, driven": EstimatorCase(lambda net: VIMCO(2), bound_gradient, bound_of(2), nets=MIDDLE, law=Law.NODES),
    "reinforce, driven": EstimatorCase(
        lambda net: Reinforce(2), elbo_gradient, nets=("normal on binary",), law=Law.NODES, quick=()
    ),
}
"""The same through the driver, with the derivative of draws that have one."""


def drawn(
    make, expected=elbo_gradient, objective=exact_elbo, nets=SINGLE, quick=MIDDLE, **others: Any
) -> EstimatorCase:
    return EstimatorCase(make, expected, objective, nets=nets, quick=quick, law=Law.DRAWN, batch=3, **others)


DRAWN_CASES: dict[str, EstimatorCase] = {
    "nvil, drawn": drawn(
        lambda net: nvil(net, moments=RunningMoments(order=Order.STATISTICS_FIRST, normalise=False)),
        state=frozen_moments,
        nets=("normal on binary",),
        quick=(),
    ),
    "iwae, drawn": drawn(lambda net: IWAE(net, 2), bound_gradient, bound_of(2), nets=("normal",), quick=()),
    "dreg, drawn": drawn(lambda net: DReG(net, 2), bound_gradient, bound_of(2), nets=("two normal layers",), quick=()),
    "wake-sleep": drawn(
        lambda net: wake_sleep(2),
        sum_of(wake_gradient, sleep_gradient),
        state=no_state,
        nets=("connected",),
        quick=(),
    ),
    "rws": drawn(
        lambda net: reweighted_wake_sleep(2),
        sum_of(reweighted_wake_gradient, sleep_gradient),
        bound_of(2),
        state=no_state,
        nets=MIDDLE,
        quick=(),
    ),
    "em": drawn(
        lambda net: VariationalEM(STEADY, 2),
        em_gradient,
        lambda net, x: posterior_elbo(net, x, held_posterior(net, x, STEADY)),
        nets=("categorical on binary",),
        quick=(),
    ),
    "iterative": drawn(
        iterative,
        iterative_gradient,
        lambda net, x: posterior_elbo(net, x, held_posterior(net, x, iterative(net).refiner)),
        nets=("categorical on binary",),
        quick=(),
    ),
    "msc": drawn(
        lambda net: MSC(1), chain_gradient, bound_of(1), state=lambda net: MSC(1).init(net), nets=MIDDLE, quick=()
    ),
    "semi-amortised": drawn(lambda net: SemiAmortised(GDIR(0), 2), nets=("normal",), quick=()),
    "hvi": drawn(
        hamiltonian,
        gradient_of_moved(moved_bound),
        lambda net, x: moved_bound(net, x, hamiltonian(net)),
        nets=("normal",),
        quick=(),
    ),
    "uha": drawn(
        annealing,
        gradient_of_moved(annealed_bound),
        lambda net, x: annealed_bound(net, x, annealing(net)),
        nets=("normal",),
        quick=(),
    ),
    "concrete": drawn(
        lambda net: SGVB(net, 2, sampler=Concrete(0.5)),
        relaxed_gradient(0.5),
        lambda net, x: relaxed_bound(net, x, 0.5),
        nets=("one unit", "two single units"),
        quick=("two single units",),
    ),
    "concrete, multi-sample": drawn(
        lambda net: IWAE(net, 2, sampler=Concrete(0.7)),
        relaxed_gradient(0.7, 2),
        lambda net, x: relaxed_bound(net, x, 0.7, 2),
        nets=("one unit",),
        quick=(),
    ),
    "straight-through": drawn(
        lambda net: SGVB(net, 2, sampler=StraightThrough()),
        slope_gradient(mean_slope),
        nets=("categorical on binary",),
        quick=(),
    ),
    "half": drawn(lambda net: SGVB(net, sampler=Half()), slope_gradient(half_slope), nets=MIDDLE, quick=()),
    "reinmax": drawn(
        lambda net: SGVB(net, 2, sampler=ReinMax(TEMPERATURE)),
        slope_gradient(reinmax_slope),
        nets=("categorical on binary",),
        quick=(),
    ),
    "gumbel-rao": drawn(
        lambda net: SGVB(net, 2, sampler=GumbelRao(TEMPERATURE, 3)),
        slope_gradient(gumbel_slope),
        nets=MIDDLE,
        quick=(),
    ),
    "arm": drawn(ARM, nets=("darn",), quick=()),
    "disarm": drawn(lambda net: DisARM(net, 2)),
    "arms": drawn(
        lambda net: ARMS(net, 3),
        nets=("two layers", "two categorical"),
    ),
    "double-cv": drawn(
        lambda net: DoubleCV(net, 3, scale=0.8),
        nets=("two layers", "two categorical", "normal on binary"),
    ),
    "rodeo": drawn(
        lambda net: randomise(RODEO(net, 3, key=jax.random.key(1), num_units=5), scale=0.3), nets=("darn",), quick=()
    ),
    "per layer, disarm below sgvb": drawn(
        lambda net: PerLayer(net, (lambda net: DisARM(net, 2), lambda net: SGVB(net, 2))), nets=("normal on binary",)
    ),
    "per layer, sgvb below disarm": drawn(
        lambda net: PerLayer(net, (lambda net: SGVB(net, 2), lambda net: DisARM(net, 2))),
        nets=("binary on normal",),
        quick=("binary on normal",),
    ),
    "per layer, stl below reinforce": drawn(
        lambda net: PerLayer(net, (lambda net: STL(net, 2), lambda net: Reinforce(2))),
        nets=("binary on normal",),
        quick=(),
    ),
    "per layer, three of them": drawn(
        lambda net: PerLayer(
            net,
            (
                lambda net: ARMS(net, 2),
                lambda net: REBAR(net, 2, temperature=0.7),
                lambda net: DoubleCV(net, 2),
            ),
        ),
        nets=("three layers",),
        quick=(),
    ),
    "per layer, coupled above": drawn(
        lambda net: PerLayer(net, (lambda net: MuProp(net, 2), lambda net: ARMS(net, 2))), nets=MIDDLE, quick=()
    ),
    "multi-sample-disarm": drawn(
        lambda net: MultiSampleDisARM(net, 3), bound_gradient, bound_of(3), nets=("darn",), quick=()
    ),
    "muprop": drawn(
        lambda net: MuProp(net, 2),
        nets=("categorical on binary", "normal on binary", "binary on normal", "darn"),
        quick=(),
    ),
    "rebar": drawn(lambda net: REBAR(net, 2, temperature=0.7, scale=0.6)),
    "relax": drawn(lambda net: randomise(RELAX(net, key=jax.random.key(1)), scale=0.3), nets=("darn",), quick=()),
    "local-expectation": drawn(
        LocalExpectation,
        nets=(*SINGLE, "categorical on binary"),
    ),
}
"""Estimators that draw more than latents, or relax them; and some credit rules with their draws."""

ESTIMATORS: dict[str, EstimatorCase] = {**RULE_CASES, **NODE_CASES, **DRAWN_CASES}
