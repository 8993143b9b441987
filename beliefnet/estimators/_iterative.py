"""Iterative amortised inference: a net, and a network that refines its posterior."""

import equinox as eqx
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import split_key
from beliefnet._trace import Trace
from beliefnet._types import Key
from beliefnet.estimators._base import Estimate, check_particles
from beliefnet.estimators._em import AbstractRefinedEstimator
from beliefnet.estimators.rules import Credit, LeaveOneOut, surrogate
from beliefnet.refiners import AbstractPosterior, Learned


class IterativeAmortised(AbstractRefinedEstimator):
    """Model, recognition net and a refining network are trained together, each by an ELBO.

        theta climbs ELBO(q~_T) of the refined posterior, phi that of the recognition net, ELBO(q~_0),
        psi, the refining network, climbs (1/T) sum_t ELBO(q~_t),  q~_t = q~ with d_t = network(what q~_(t-1) shows)

    What the network is shown at a step is held: it learns to make the most of every step. All three gradients are
    unbiased for these, by score functions with the local signals of other particles as the baseline, whatever the
    latents are: discrete ones have no bias of a relaxation. With refined posteriors that gain nothing it is REINFORCE
    with that baseline. Costs T + 2 times the draws, and a gradient at layer means for each step.

    Args:
        refiner: The refining network, made for the net that is trained.
        num_particles: Draws per step and datum.

    Raises:
        ValueError: If there are fewer than two draws.

    Reference:
        Marino, Yue & Mandt 2018, *Iterative amortized inference*, for normal latents; here for bits, too.
    """

    refiner: Learned  # pyright: ignore[reportIncompatibleVariableOverride]
    num_particles: int = eqx.field(static=True, default=20)

    def __check_init__(self):
        check_particles("IterativeAmortised", self.num_particles, least=2)

    @broadcasting
    def estimate(self, net: BeliefNet, x: Float[Array, "batch visible"], state: None, *, key: Key) -> Estimate[None]:
        """Refine step by step, draw at every one, and differentiate."""
        first_key, last_key, *step_keys = split_key(key, self.refiner.num_steps + 2)

        def objective_of(parts: tuple[BeliefNet, IterativeAmortised]) -> tuple[Array, Array]:
            net, own = parts
            held = lax.stop_gradient(net)
            total, _ = own.surrogate(held, x, own.refiner.start(net, x), key=first_key)
            start = own.refiner.start(held, x)

            def step(offsets: tuple[Array, ...], step_key: Key) -> tuple[tuple[Array, ...], Array]:
                posterior, _ = own.refiner.improved(held, x, start.at(offsets))
                return lax.stop_gradient(posterior.parameters), own.surrogate(held, x, posterior, key=step_key)[0]

            end = start.parameters
            if step_keys:
                end, values = lax.scan(step, end, jnp.stack(step_keys))
                total += values.mean()
            last, credit = own.surrogate(net, x, start.at(end), key=last_key)
            return total + last, credit.objective.mean()

        (net_grads, own_grads), objective = eqx.filter_grad(objective_of, has_aux=True)((net, self))
        return Estimate(net_grads, own_grads, state, objective)

    def surrogate(
        self, net: BeliefNet, x: Float[Array, "batch visible"], posterior: AbstractPosterior, *, key: Key
    ) -> tuple[Float[Array, ""], Credit]:
        """Draw from a posterior, and return what has the gradient of its ELBO, with what it is credited with.

        Differentiable by the net, as the model, and by all that the posterior depends on.
        """
        latents = lax.stop_gradient(posterior.draw(self.num_particles, key=key))
        log_layers = posterior.log_probs(latents)
        log_p = net.log_joint_terms(x, latents)
        trace = Trace(log_p, log_layers, log_layers.sum(axis=-1), (x, *latents))
        credit = LeaveOneOut()(lax.stop_gradient(trace))
        return surrogate(trace, credit), credit


@named("iterative", title="iterative amortised inference")
def iterative(
    net: BeliefNet, num_particles: int = 20, *, key: Key, num_steps: int = 5, num_units: int = 100
) -> IterativeAmortised:
    """Return `IterativeAmortised` with a refining network made for a net.

    Args:
        net: The net to be trained.
        num_particles: Draws per step and datum.
        key: Random key for the network's weights.
        num_steps: Steps of refinement.
        num_units: Tanh units of the refining network.

    Raises:
        ValueError: If a number is outside its range, or the posterior of the net cannot be refined.
    """
    return IterativeAmortised(Learned.untrained(net, num_steps, num_units=num_units, key=key), num_particles)
