"""Samplers: what they draw, and the derivative that they promise."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from cases import OBSERVATIONS, SAMPLERS, chain_net
from laws import assert_mean, draws

from beliefnet.distributions import UnitKind, bernoulli, categorical, normal
from beliefnet.estimators import SGVB
from beliefnet.evaluation import exact_gradient
from beliefnet.samplers import AbstractSampler, Concrete, Half, ReinMax, StraightThrough
from beliefnet.samplers._gumbel_rao import gumbel_given, logistic_given

PARAMETERS = jnp.array([0.4, -1.2, 0.3, 0.9, -0.5, 0.1])
FAMILIES = {"binary": bernoulli, "one-hot": categorical(3), "normal": normal}
PAIRS = [
    (name, family)
    for name, sampler in SAMPLERS.items()
    for family, make in FAMILIES.items()
    if UnitKind.of(make(PARAMETERS)) in sampler.kinds
]


@pytest.mark.parametrize(("name", "family"), PAIRS)
def test_shapes_and_means(name: str, family: str):
    """All but the relaxation draw with the mean of the distribution; one leading axis more for each in `shape`."""
    distribution = FAMILIES[family](jnp.stack([PARAMETERS, -PARAMETERS]))
    drawn = SAMPLERS[name](distribution, (4000,), key=jax.random.key(0))
    assert drawn.shape == (4000, 2, *distribution.event_shape)
    if name == "concrete" and family != "normal":
        assert ((drawn > 0) & (drawn < 1)).all()
        if family == "one-hot":
            np.testing.assert_allclose(drawn.reshape(4000, 2, 2, 3).sum(axis=-1), 1, rtol=1e-5)
    else:
        assert_mean(np.asarray(drawn, np.float64), distribution.mean)


@pytest.mark.parametrize("family", ["binary", "one-hot"])
@pytest.mark.parametrize("name", ["plain", "straight-through", "reinmax", "gumbel-rao"])
def test_discrete_draws_are_exactly_zero_or_one(name: str, family: str):
    drawn = SAMPLERS[name](FAMILIES[family](PARAMETERS), (100,), key=jax.random.key(0))
    assert set(np.unique(drawn)) == {0.0, 1.0}
    if family == "one-hot":
        np.testing.assert_array_equal(drawn.reshape(100, 2, 3).sum(axis=-1), 1)


@pytest.mark.parametrize("family", ["binary", "one-hot"])
def test_cold_concrete_draws_what_the_distribution_does(family: str):
    distribution = FAMILIES[family](PARAMETERS)
    drawn = np.asarray(Concrete(1e-3)(distribution, (4000,), key=jax.random.key(0)), np.float64)
    assert_mean(np.round(drawn), distribution.mean)


def jacobian(name: str, family: str) -> tuple[np.ndarray, np.ndarray]:
    """A draw and its derivative by the parameters."""

    def draw(parameters):
        value = SAMPLERS[name](FAMILIES[family](parameters), key=jax.random.key(3))
        return value, value

    slope, value = jax.jacobian(draw, has_aux=True)(PARAMETERS)
    return np.asarray(value), np.asarray(slope)


def test_the_promised_derivatives():
    p = np.asarray(jax.nn.sigmoid(PARAMETERS))
    np.testing.assert_allclose(jacobian("straight-through", "binary")[1], np.diag(p * (1 - p)), rtol=1e-5)
    h, slope = jacobian("half", "binary")
    np.testing.assert_allclose(slope, np.diag((h - 0.5) * (h - p)), rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(jacobian("plain", "binary")[1], 0)
    np.testing.assert_array_equal(jacobian("plain", "normal")[1], 0)
    mean = jax.jacobian(lambda a: categorical(3)(a).mean)(PARAMETERS)
    np.testing.assert_allclose(jacobian("straight-through", "one-hot")[1], mean, rtol=1e-5, atol=1e-7)
    value, slope = jacobian("reparameterize", "normal")
    noise = (value - PARAMETERS[:3]) / normal(PARAMETERS).base_dist.scale
    scale_slope = np.diag(np.asarray(noise * jax.nn.sigmoid(PARAMETERS[3:])))
    np.testing.assert_allclose(slope, np.concatenate([np.eye(3), scale_slope], axis=1), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "family", "kind"),
    [("reparameterize", "binary", "binary"), ("reparameterize", "one-hot", "one-hot"), ("half", "one-hot", "one-hot")],
)
def test_units_without_the_promised_derivative_are_refused(name: str, family: str, kind: str):
    with pytest.raises(ValueError, match=f"got {kind} units; try a relaxation"):
        SAMPLERS[name](FAMILIES[family](PARAMETERS), key=jax.random.key(0))


def test_counts_have_no_derivative_anywhere():
    poisson = dist.Poisson(jnp.ones(3)).to_event(1)
    assert UnitKind.of(poisson) is UnitKind.OTHER
    for name in ("reparameterize", "concrete", "straight-through", "half"):
        with pytest.raises(ValueError, match="got other units"):
            SAMPLERS[name](poisson, key=jax.random.key(0))


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_must_be_positive(temperature: float):
    with pytest.raises(ValueError, match="temperature to be positive"):
        Concrete(temperature)


@pytest.mark.parametrize("family", ["binary", "one-hot"])
def test_relaxed_draws_given_the_rounded_ones_are_those_of_the_relaxation(family: str):
    """Rounded first and perturbed then, or the other way round: the same mean; and the noise rounds to the draw."""
    logits = (PARAMETERS if family == "binary" else PARAMETERS.reshape(2, 3))[None]
    distribution, perturb = FAMILIES[family](PARAMETERS), PERTURB[family]
    drawn = distribution.sample(jax.random.key(1), (20_000,)).reshape(-1, *logits.shape[1:])
    perturbed = perturb(logits[0], drawn, 1, key=jax.random.key(2))[0]
    rounded = perturbed > 0 if family == "binary" else perturbed == perturbed.max(axis=-1, keepdims=True)
    np.testing.assert_array_equal(rounded, drawn > 0)
    relaxed = Concrete(0.7)(distribution, (20_000,), key=jax.random.key(3)).reshape(drawn.shape)
    found = (jax.nn.sigmoid if family == "binary" else jax.nn.softmax)(perturbed / 0.7)
    for power in (1, 2):
        difference = np.asarray(found**power, np.float64) - np.asarray(relaxed**power, np.float64)
        assert_mean(difference, 0.0)


PERTURB = {"binary": logistic_given, "one-hot": gumbel_given}

DEGREES = {StraightThrough(): 1, Half(): 2, ReinMax(): 2, ReinMax(0.8): 0}
"""Up to which power of a bit each biased sampler is exact."""


@pytest.mark.parametrize("sampler", DEGREES, ids=repr)
def test_up_to_which_polynomial_a_biased_derivative_is_exact(sampler: AbstractSampler):
    """Of E[h^n] by the logit, which is p (1 - p) whatever the power is."""
    logit = jnp.array([0.7])
    p = jax.nn.sigmoid(logit)

    def found(power: int) -> float:
        def mean_of(drawn: float):
            def value(logit):
                h = sampler(dist.Bernoulli(logits=logit).to_event(1), key=key_that_draws(drawn))
                return jnp.sum(h**power)

            return jax.grad(value)(logit)

        return float((p * mean_of(1.0) + (1 - p) * mean_of(0.0))[0])

    def key_that_draws(drawn: float):
        keys = (jax.random.key(seed) for seed in range(100))
        return next(
            key for key in keys if float(sampler(dist.Bernoulli(logits=logit).to_event(1), key=key)[0]) == drawn
        )

    exact = float((p * (1 - p))[0])
    wrong = [power for power in range(1, 5) if abs(found(power) - exact) > 1e-6]
    assert wrong == list(range(DEGREES[sampler] + 1, 5))


def one_unit_net():
    return chain_net((bernoulli, 1), scale=0.8)


def relaxed_elbo(net, temperature: float) -> jax.Array:
    """The objective of SGVB with one relaxed unit, as an integral over its noise on a fine grid."""
    uniforms = (jnp.arange(20_000) + 0.5) / 20_000
    noise = jnp.log(uniforms) - jnp.log1p(-uniforms)
    logits = net.recognition.conditionals[0](OBSERVATIONS).base_dist.logits
    values = jax.nn.sigmoid((logits + noise[:, None, None]) / temperature)
    f = net.log_joint(OBSERVATIONS, (values,)) - net.log_recognition(OBSERVATIONS, (values,))
    return f.mean()


def test_concrete_climbs_the_relaxed_objective():
    net = one_unit_net()
    estimator = SGVB(net, 2, sampler=Concrete(0.5))
    samples = draws(lambda key: estimator.estimate(net, OBSERVATIONS, None, key=key).net, 20_000)
    assert_mean(samples, jax.jit(jax.grad(lambda net: relaxed_elbo(net, 0.5)))(net))


def distance(one, two) -> float:
    return float(sum(jnp.sum((a - b) ** 2) for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True)))


def test_concrete_approaches_the_elbo_as_it_cools():
    net = one_unit_net()
    exact = exact_gradient(net, OBSERVATIONS)
    gradient = jax.jit(jax.grad(relaxed_elbo), static_argnums=1)
    gaps = [distance(gradient(net, temperature), exact) for temperature in (1.0, 0.5, 0.1)]
    assert gaps[0] > 2 * gaps[1] > 4 * gaps[2]
    assert gaps[2] < 0.02 * gaps[0]


def test_relaxed_one_hot_units_approach_the_elbo_as_they_cool():
    net = chain_net((categorical(3), 1), scale=0.8)
    exact = exact_gradient(net, OBSERVATIONS)

    def gap(temperature: float) -> float:
        estimator = SGVB(net, 50, sampler=Concrete(temperature))
        samples = draws(lambda key: estimator.estimate(net, OBSERVATIONS, None, key=key).net, 400)
        return distance(jax.tree.map(lambda leaf: leaf.mean(axis=0), samples), exact)

    assert gap(0.1) < 0.2 * gap(1.0)
