"""The driver of the derivative through draws."""

import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._net import BeliefNet
from beliefnet._trace import Trace
from beliefnet.proposals import AbstractProposal, Particles


def path_surrogate(
    proposal: AbstractProposal, net: BeliefNet, drawn: Particles, path: Float[Array, "particles batch"]
) -> Float[Array, ""]:
    """Return the scalar whose gradient is sum_k path_k * grad f_k through the draws alone, per example.

    Args:
        proposal: What drew them.
        net: The net; its parameters must be held.
        drawn: The particles, differentiable by the parameters that drew them.
        path: The path credit.

    Raises:
        ValueError: If draws of the proposal have no derivative, or it scores whole paths.
    """
    if not proposal.has_derivative:
        raise ArgumentError(
            f"expected a proposal whose draws have a derivative for a path credit, got {type(proposal).__name__} "
            "without one",
            "Recognition(Reparameterize())",
        )
    if drawn.log_layers is None:
        raise ArgumentError(
            f"expected a proposal that scores each layer for a path credit, got {type(proposal).__name__}, which "
            "scores whole paths",
            "HVI or UHA for Hamiltonian dynamics",
        )
    trace = Trace.record(net, drawn)
    log_weight = trace.log_p.sum(axis=-1) - trace.log_q.sum(axis=-1)
    return jnp.sum(lax.stop_gradient(path) * log_weight) / path.shape[1]
