"""The loss of REINFORCE with a leave-one-out baseline."""

from beliefnet.estimators import Signal
from beliefnet.estimators.rules import LeaveOneOut
from beliefnet.numpyro._local import AbstractLocalLoss
from beliefnet.numpyro._loss import Mapped


class Reinforce(AbstractLocalLoss):
    """The ELBO: the score function, each particle's baseline being the mean signal of the others.

        score of particle k at a site = (signal_k - mean over j != k of signal_j) / K

    Unbiased for the gradient of the ELBO, with any plates, subsampling and scales: the derivative goes through
    reparameterised draws, all others have the score function. Costs K runs of model and guide; nothing is learnt or
    kept.

    Args:
        num_particles: Draws, at least 2.
        signal: Only the terms that a site's draw can still change (default), or all of the cell.
        vectorize_particles: As in NumPyro: by `jax.vmap`, one after another (False), or by a function of one's own.

    Raises:
        ValueError: If there are fewer than two particles.
        TypeError: If `signal` is a name, and not a `Signal`.

    Reference:
        Williams 1992, *Simple statistical gradient-following algorithms for connectionist reinforcement learning*;
        Kool, van Hoof & Welling 2019, *Buy 4 REINFORCE samples, get a baseline for free!*

    Examples:
        >>> Reinforce(num_particles=4).can_infer_discrete
        True
    """

    def __init__(
        self,
        num_particles: int = 4,
        *,
        signal: Signal = Signal.LOCAL,
        vectorize_particles: bool | Mapped = True,
    ):
        AbstractLocalLoss.__init__(self, LeaveOneOut(signal), num_particles, vectorize_particles=vectorize_particles)
