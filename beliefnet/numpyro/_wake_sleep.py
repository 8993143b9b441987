"""The losses of wake-sleep and of reweighted wake-sleep."""

from beliefnet._errors import ArgumentError, check_type
from beliefnet.estimators import rules
from beliefnet.numpyro._dreams import sleep_surrogate
from beliefnet.numpyro._loss import Batch, Estimated, Mapped
from beliefnet.numpyro._places import Observed, checked
from beliefnet.numpyro._sites import Program
from beliefnet.numpyro._weighted import AbstractHeldLoss, Data


class ReweightedWakeSleep(AbstractHeldLoss):
    """Model and guide learn from the same weighted draws: each datum's particles are weighed against each other.

        model = w~,    score = w~    (wake phase);    score = 1/K for dreams of the model    (sleep phase)

    The model's gradient is unbiased for the K-particle bound. The guide's, in the wake phase, is a self-normalised
    estimate of the gradient of E_p(h | x)[log q(h | x)]: biased at finite K, exact as K grows. Draws are constants,
    reparameterised or not. Costs K runs of model and guide, and as many again for dreams.

    Args:
        num_particles: K.
        wake_phi: Whether the guide learns from weighted draws.
        sleep_phi: Whether the guide learns from dreams.
        observed: For dreams: which argument holds the value of an observed site, where the site is not given the
            argument itself, as in `{"x": "images"}`.
        vectorize_particles: As in NumPyro: by `jax.vmap`, one after another (False), or by a function of one's own.

    Raises:
        ValueError: If `num_particles` is not positive, or the guide would not learn at all.
        TypeError: If a phase is no boolean, or `observed` no dictionary of names.

    Reference:
        Bornschein & Bengio 2015, *Reweighted wake-sleep*.

    Examples:
        >>> ReweightedWakeSleep(num_particles=10).num_particles
        10
    """

    def __init__(
        self,
        num_particles: int = 5,
        *,
        wake_phi: bool = True,
        sleep_phi: bool = False,
        observed: Observed | None = None,
        vectorize_particles: bool | Mapped = True,
    ):
        check_type("wake_phi", wake_phi, bool, good="True")
        check_type("sleep_phi", sleep_phi, bool, good="True")
        if not (wake_phi or sleep_phi):
            raise ArgumentError("expected the guide to learn in one phase at least, got neither", "wake_phi=True")
        self.sleep_phi, self.observed = sleep_phi, checked(observed)
        rule = rules.REWEIGHTED_WAKE if wake_phi else rules.WEIGHTED_WAKE
        AbstractHeldLoss.__init__(self, rule, num_particles, vectorize_particles=vectorize_particles)

    def estimate(self, batch: Batch) -> Estimated:
        """Estimate the bound, and the derivative of the phases together."""
        awake = AbstractHeldLoss.estimate(self, batch)
        return _with_dreams(awake, batch, self.observed) if self.sleep_phi else awake


class WakeSleep(AbstractHeldLoss):
    """The model learns from what the guide draws for the data, the guide from dreams of the model.

        model = 1/K    (wake phase);    score = 1/K for dreams    (sleep phase)

    The model's gradient is unbiased for that of the ELBO, the guide's for that of E_p(x, h)[log q(h | x)], which is no
    bound of log p(x). The loss says the negative ELBO. Costs 2 K runs of model and guide.

    A dream takes the place of the arguments that observed sites are given, so that these must be arguments, and the
    model must be normalised: no `numpyro.factor`.

    Args:
        num_particles: Draws and dreams of each datum, K.
        observed: Which argument holds the value of an observed site, where the site is not given the argument itself,
            as in `{"x": "images"}` for rows that a plate subsamples.
        vectorize_particles: As in NumPyro: by `jax.vmap`, one after another (False), or by a function of one's own.

    Raises:
        ValueError: If `num_particles` is not positive.
        TypeError: If `observed` is no dictionary of names.

    Reference:
        Hinton, Dayan, Frey & Neal 1995, *The wake-sleep algorithm for unsupervised neural networks*.

    Examples:
        >>> WakeSleep(observed={"x": "images"}).num_particles
        1
    """

    def __init__(
        self,
        num_particles: int = 1,
        *,
        observed: Observed | None = None,
        vectorize_particles: bool | Mapped = True,
    ):
        self.observed = checked(observed)
        AbstractHeldLoss.__init__(self, rules.WAKE, num_particles, vectorize_particles=vectorize_particles)

    def data(self, program: Program) -> Data:
        """Return the whole: nothing is weighed, so that any plate may be subsampled, and any site scaled."""
        return Data((), 1.0)

    def estimate(self, batch: Batch) -> Estimated:
        """Estimate the ELBO, and the derivative of both phases together."""
        return _with_dreams(AbstractHeldLoss.estimate(self, batch), batch, self.observed)


def _with_dreams(awake: Estimated, batch: Batch, observed: Observed) -> Estimated:
    return awake._replace(surrogate=awake.surrogate + sleep_surrogate(batch, observed))
