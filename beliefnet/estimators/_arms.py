"""Estimators from more than two antithetic draws."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._streams import split_key
from beliefnet._types import Key
from beliefnet.distributions import UnitKind
from beliefnet.estimators._antithetic import Coupled, Coupling, antithetic_to, coupling
from beliefnet.estimators._driver_units import AbstractUnitEstimator, Layer, LayerCredit
from beliefnet.estimators.rules import SurrogateTerm
from beliefnet.samplers import AbstractSampler, Plain


@named("arms")
class ARMS(AbstractUnitEstimator):
    """Leave-one-out REINFORCE with antithetic draws, and without the bias of their correlation.

        sum over pairs of draws (n, m) of r_nm (F(h_n) - F(h_m)) (h_n - h_m) / (N (N - 1))

    with F the local signal, and r, of each unit, the probability of its two values in independent draws over that
    in the N draws, which a Dirichlet copula couples: 1 / (1 - correlation) for bits. A categorical variable is
    broken off a stick, the rarest category first, by coupled bits (CARMS). With independent draws it would be
    `Reinforce`; with two, of bits, it is `DisARM`. Unbiased for the ELBO, for binary and categorical layers. The
    particles themselves are coupled in the lowest layer, so that one layer costs K passes; from each layer above, K
    (K - 1) more go through the rest of the net.

    Args:
        net: The net to be trained.
        num_particles: Draws per datum, K, at least 2; as many are coupled in each layer.

    Raises:
        ValueError: If there are fewer than two particles, or a layer is neither binary nor categorical.

    Reference:
        Dimitriev & Zhou 2021, *ARMS: antithetic-REINFORCE-multi-sample gradient for binary variables*, and *CARMS:
        categorical-antithetic-REINFORCE multi-sample gradient estimator*.
    """

    kinds: ClassVar[frozenset[UnitKind]] = frozenset({UnitKind.BINARY, UnitKind.ONE_HOT})
    least_particles: ClassVar[int] = 2
    sampler: ClassVar[AbstractSampler] = Coupled()

    def __init__(self, net: BeliefNet, num_particles: int = 4):
        AbstractUnitEstimator.__init__(self, net, num_particles)

    def layer_credit(self, layer: Layer, *, key: Key) -> LayerCredit:
        """Credit logits with what each of the coupled draws brings beyond all of them."""
        coupled = coupling(layer.distribution, self.num_particles)
        if layer.shares_parent:
            # The particles were drawn together: one set of draws.
            amount = coupled.amount(layer.value, layer.signal)[None]
        else:
            amount = coupled.amount(*_around(layer, coupled, self.num_particles - 1, key=key))
        return LayerCredit((SurrogateTerm(amount / amount.shape[0], layer.logits),))


def _around(
    layer: Layer, coupled: Coupling, count: int, *, key: Key
) -> tuple[Float[Array, "draws particles batch units"], Float[Array, "draws particles batch"]]:
    """Each particle's draw with others that are antithetic to it, and what they bring."""
    uniform_key, above_key, others_key = split_key(key, 3)
    first = coupled.uniforms_given(layer.value, key=uniform_key)
    others = coupled.values(antithetic_to(first, count, key=others_key))
    brought = jax.vmap(lambda value: layer.signal_of(value, key=above_key, sampler=Plain()))(others)
    return jnp.concatenate([layer.value[None], others]), jnp.concatenate([layer.signal[None], brought])
