"""The losses of bounds of several particles: VIMCO, OVIS, DReG, the thermodynamic variational objective."""

import jax.numpy as jnp
from jax import lax

from beliefnet import estimators
from beliefnet._errors import ArgumentError, listed
from beliefnet.estimators import Replacement, Signal, rules
from beliefnet.estimators.rules import Credit
from beliefnet.numpyro._cells import record
from beliefnet.numpyro._loss import Batch, Mapped
from beliefnet.numpyro._weighted import (
    AbstractFollowedLoss,
    AbstractHeldLoss,
    AbstractWeightedLoss,
    Credited,
    Data,
    total,
)


class VIMCO(AbstractFollowedLoss):
    """The K-particle bound: each particle's score-function weight is what the bound would lose without it.

        L_K = E[log mean over k of p(x, h_k) / q(h_k | x)],    summed over the data

    Unbiased for the gradient of L_K by the parameters of model and guide, whatever the sites are: the derivative goes
    through reparameterised draws, all others have the score function. What has a weight of its own is said in
    `AbstractWeightedLoss`. Costs K runs of model and guide; nothing is learnt or kept.

    Args:
        num_particles: K, at least 2.
        replacement: Which mean of the other weights replaces a particle's own.
        signal: One signal for all sites (the paper's), or one for each, which keeps what the site cannot change.
        vectorize_particles: As in NumPyro: by `jax.vmap`, one after another (False), or by a function of one's own.

    Raises:
        ValueError: If there are fewer than two particles.
        TypeError: If `replacement` or `signal` is a name, and not the member of its enumeration.

    Reference:
        Mnih & Rezende 2016, *Variational inference for Monte Carlo objectives*.

    Examples:
        >>> import jax, numpyro
        >>> import numpyro.distributions as dist
        >>> from numpyro.infer import SVI
        >>> def model(x):
        ...     with numpyro.plate("data", len(x)):
        ...         h = numpyro.sample("h", dist.Bernoulli(0.5))
        ...         numpyro.sample("x", dist.Normal(4.0 * h, 1.0), obs=x)
        >>> def guide(x):
        ...     slope = numpyro.param("slope", 0.0)
        ...     with numpyro.plate("data", len(x)):
        ...         numpyro.sample("h", dist.Bernoulli(logits=slope * (x - 2)))
        >>> svi = SVI(model, guide, numpyro.optim.Adam(0.1), loss=VIMCO(num_particles=4))
        >>> result = svi.run(jax.random.key(0), 200, jax.numpy.array([0.0, 1.0, 3.0, 4.0]), progress_bar=False)
        >>> bool(result.params["slope"] > 2)
        True
    """

    def __init__(
        self,
        num_particles: int = 5,
        *,
        replacement: Replacement = Replacement.GEOMETRIC,
        signal: Signal = Signal.WHOLE,
        vectorize_particles: bool | Mapped = True,
    ):
        rule = rules.LeaveOneOutBound(replacement, signal)
        AbstractFollowedLoss.__init__(self, rule, num_particles, vectorize_particles=vectorize_particles)


class OVIS(AbstractFollowedLoss):
    """The K-particle bound with the optimal control variate, estimated by auxiliary draws.

    Unbiased for L_K, as `VIMCO` is, with lower variance where particles are many and weights even. Costs K + S runs of
    model and guide, and memory in proportion to K S.

    Args:
        num_particles: K, at least 2.
        num_auxiliary: Auxiliary draws, S; they serve the control variates alone.
        vectorize_particles: As in NumPyro: by `jax.vmap`, one after another (False), or by a function of one's own.

    Raises:
        ValueError: If there are fewer than two particles, or no auxiliary draw.

    Reference:
        Lievin, Dittadi, Christensen & Winther 2020, *Optimal variance control of the score function gradient estimator
        for importance weighted bounds* (OVIS-MC).

    Examples:
        >>> OVIS(num_particles=5, num_auxiliary=2).num_draws
        7
    """

    def __init__(self, num_particles: int = 5, *, num_auxiliary: int = 1, vectorize_particles: bool | Mapped = True):
        self.num_auxiliary = num_auxiliary
        rule = estimators.OVIS(num_particles, num_auxiliary=num_auxiliary).rule
        AbstractFollowedLoss.__init__(self, rule, num_particles, vectorize_particles=vectorize_particles)

    @property
    def num_draws(self) -> int:
        """Particles of the bound, and auxiliary ones."""
        return self.num_particles + self.num_auxiliary


class TVO(AbstractHeldLoss):
    """The thermodynamic variational objective: a Riemann sum of bounds on the way from guide to posterior.

    The gradient is the paper's covariance form, with the score function for every latent, reparameterised or not.
    Weights are normalised over the particles: biased at finite K, exact as K grows. Costs K runs of model and guide.

    Args:
        num_particles: K, at least 2.
        num_intervals: Number of intervals of the Riemann sum.
        first: Right end of the first interval, in (0, 1); the others are spaced evenly in the logarithm up to 1.
        vectorize_particles: As in NumPyro: by `jax.vmap`, one after another (False), or by a function of one's own.

    Raises:
        ValueError: If there are fewer than two particles, no interval, or `first` is outside (0, 1).

    Reference:
        Masrani, Le & Wood 2019, *The thermodynamic variational objective*.

    Examples:
        >>> TVO(num_particles=10, num_intervals=3).rule.num_intervals
        3
    """

    def __init__(
        self,
        num_particles: int = 5,
        *,
        num_intervals: int = 5,
        first: float = 0.05,
        vectorize_particles: bool | Mapped = True,
    ):
        rule = rules.Thermodynamic(num_intervals, first)
        AbstractHeldLoss.__init__(self, rule, num_particles, vectorize_particles=vectorize_particles)


class DReG(AbstractWeightedLoss):
    """The doubly reparameterised gradient of the K-particle bound, for latents that are all reparameterised.

        model = w~,    path = w~^2

    with w~ the normalised weights of a datum's particles. Unbiased for the gradient of L_K, of the model as well: only
    what goes through the draws has the squared weights. Costs 2 K runs of model and guide.

    Args:
        num_particles: K.
        vectorize_particles: As in NumPyro: by `jax.vmap`, one after another (False), or by a function of one's own.

    Raises:
        ValueError: If `num_particles` is not positive.

    Reference:
        Tucker, Lawson, Gu & Maddison 2019, *Doubly reparameterized gradient estimators for Monte Carlo objectives*.

    Examples:
        >>> DReG(num_particles=10).num_draws
        10
    """

    def __init__(self, num_particles: int = 5, *, vectorize_particles: bool | Mapped = True):
        AbstractWeightedLoss.__init__(self, rules.DREG, num_particles, vectorize_particles=vectorize_particles)

    def credited(self, batch: Batch, data: Data) -> Credited:
        """Draw particles, and credit them.

        Raises:
            ValueError: If a latent has no derivative.
        """
        program = batch.program
        if program.score_sites:
            raise ArgumentError(
                "expected latents whose draws have a derivative for DReG, got "
                f"{listed(program.score_sites)} without one",
                "VIMCO, which follows the derivative where there is one",
            )
        run, held = batch.draw(held=False), batch.draw(held=True)
        trace, direct = (record(program, of.terms, program.latents, data.cells, unit=data.unit) for of in (run, held))
        credit = self.rule(lax.stop_gradient(trace))
        assert credit.path is not None
        # Of the whole derivative of f, what is left without the direct one is what goes through the draws.
        through = jnp.sum(lax.stop_gradient(credit.path) * (trace.log_weight - direct.log_weight))
        return Credited(run, credit, total(direct, Credit(credit.objective, credit.model)) + through)
