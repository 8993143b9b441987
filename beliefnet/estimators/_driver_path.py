"""The driver of the derivative through draws."""

import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._net import BeliefNet
from beliefnet._trace import Trace
from beliefnet.proposals import AbstractProposal, Particles


def path_log_weight(
    proposal: AbstractProposal, net: BeliefNet, drawn: Particles
) -> Float[Array, "particles batch"] | None:
    """Return f of each particle, differentiable through its draw alone; None where that has no derivative.

    Args:
        proposal: What drew them.
        net: The net; its parameters must be held.
        drawn: The particles, differentiable by the parameters that drew them.
    """
    if not proposal.has_derivative or drawn.log_layers is None:
        return None
    trace = Trace.record(net, drawn)
    return trace.log_p.sum(axis=-1) - trace.log_q.sum(axis=-1)


def path_surrogate(
    proposal: AbstractProposal,
    log_weight: Float[Array, "particles batch"] | None,
    path: Float[Array, "particles batch"],
) -> Float[Array, ""]:
    """Return the scalar whose gradient is sum_k path_k * grad f_k through the draws alone, per example.

    Args:
        proposal: What drew them.
        log_weight: What `path_log_weight` returned.
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
    if log_weight is None:
        raise ArgumentError(
            f"expected a proposal that scores each layer for a path credit, got {type(proposal).__name__}, which "
            "scores whole paths",
            "HVI or UHA for Hamiltonian dynamics",
        )
    return jnp.sum(lax.stop_gradient(path) * log_weight) / path.shape[1]
