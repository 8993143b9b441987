"""Which refiner suits a net."""

from beliefnet._net import BeliefNet
from beliefnet.distributions import UnitKind
from beliefnet.refiners._adaptive_importance import AIR
from beliefnet.refiners._base import AbstractRefiner
from beliefnet.refiners._gradient import GDIR


def default_refiner(net: BeliefNet) -> AbstractRefiner:
    """Return gradient refinement where all latents are continuous, else adaptive importance sampling."""
    return GDIR() if all(kind is UnitKind.CONTINUOUS for kind in net.latent_kinds) else AIR()
