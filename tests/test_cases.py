"""Whatever a family exports has a line in `cases.py`, so that a law is run over it."""

import inspect
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import (
    ESTIMATORS,
    FAMILIES,
    OBSERVATIONS,
    PROPOSALS,
    PROPOSALS_FOR_NETS,
    REFINERS,
    SAMPLERS,
    net_of,
)

from beliefnet import distributions, estimators, proposals, refiners, samplers
from beliefnet._naming import name_of
from beliefnet.distributions import AbstractFamily
from beliefnet.estimators import AbstractEstimator, Chunked, CreditEstimator
from beliefnet.proposals import AbstractProposal
from beliefnet.refiners import AbstractRefiner
from beliefnet.samplers import AbstractSampler


def final_classes(module: ModuleType, base: type) -> set[type]:
    """The classes that a family exports and that can be made."""
    exported = [getattr(module, name) for name in module.__all__]
    return {
        thing
        for thing in exported
        if inspect.isclass(thing)
        and issubclass(thing, base)
        and not inspect.isabstract(thing)
        and not thing.__name__.startswith("Abstract")
        and thing is not base
    }


def names(module: ModuleType) -> set[str]:
    """What a family's members are called on the command line."""
    return {name.name for name in map(name_of, (getattr(module, each) for each in module.__all__)) if name is not None}


def made(name: str) -> Any:
    case = ESTIMATORS[name]
    return case.make(net_of(case.nets[0]))


def test_every_estimator_has_a_claim():
    assert names(estimators) - ESTIMATORS.keys() == set()
    estimators_made = [made(name) for name in ESTIMATORS]
    parts = [part for estimator in estimators_made for part in getattr(estimator, "parts", ())]
    # Chunked has a law of its own, in test_chunks.py.
    assert final_classes(estimators, AbstractEstimator) - {type(each) for each in estimators_made + parts} == {
        Chunked,
        CreditEstimator,
    }


def test_every_refiner_has_a_claim():
    assert names(refiners) - REFINERS.keys() == set()
    assert final_classes(refiners, AbstractRefiner) - {type(case.make(3)) for case in REFINERS.values()} == set()


def test_every_sampler_has_a_law():
    assert final_classes(samplers, AbstractSampler) - {type(sampler) for sampler in SAMPLERS.values()} == set()


def proposal(name: str, net: Any) -> AbstractProposal:
    return PROPOSALS[name]() if name in PROPOSALS else PROPOSALS_FOR_NETS[name](net)


@pytest.mark.full(but=["recognition"])
@pytest.mark.parametrize("name", [*PROPOSALS, *PROPOSALS_FOR_NETS])
def test_particles_have_the_shapes_that_are_said(name: str):
    net = net_of("two normal layers" if name in ("hamiltonian", "uncorrected annealing") else "two layers")
    particles = jax.eval_shape(lambda: proposal(name, net).draw(net, OBSERVATIONS, 4, key=jax.random.key(0)))
    assert [value.shape for value in particles.latents] == [(4, 3, size) for size in net.layer_sizes]
    assert particles.log_proposal.shape == (4, 3)


def test_every_proposal_has_a_law():
    kinds = {type(proposal(name, net_of("normal"))) for name in (*PROPOSALS, *PROPOSALS_FOR_NETS)}
    assert final_classes(proposals, AbstractProposal) - kinds == set()


def test_every_family_has_a_law():
    assert names(distributions) - FAMILIES.keys() == set()
    assert final_classes(distributions, AbstractFamily) - {type(family) for family in FAMILIES.values()} == set()


@pytest.mark.full(but=["poisson"])
@pytest.mark.parametrize("name", FAMILIES)
def test_draws_of_a_family_are_units_that_it_says_it_has(name: str):
    family = FAMILIES[name]
    parameters = jnp.stack([family.neutral(4), family.neutral(4) + 0.3])

    @jax.jit
    def draw(key):
        layer = family(parameters)
        drawn = layer.sample(key, (50,))
        return drawn, layer.log_prob(drawn)

    drawn, log_prob = draw(jax.random.key(0))
    assert drawn.shape == (50, 2, family.num_units(parameters.shape[-1]))
    # A normal density over grey values also draws what no picture has.
    least, largest = (-np.inf, np.inf) if name == "grey-normal" else family.bounds
    assert ((drawn >= least) & (drawn <= largest)).all()
    assert np.isfinite(log_prob).all()
