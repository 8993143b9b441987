"""Learning with a posterior that is refined for every datum: variational EM, and gradients through the refinement."""

import equinox as eqx
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import split_key
from beliefnet._types import Key
from beliefnet.distributions import UnitKind
from beliefnet.estimators._base import AbstractEstimator, Estimate, check_particles
from beliefnet.estimators._bound import Bound
from beliefnet.proposals import Refined
from beliefnet.refiners import AIR, GDIR, AbstractPosterior, AbstractRefiner, StraightThroughAscent, default_refiner


class AbstractRefinedEstimator(AbstractEstimator[None]):
    """An estimator whose bound is that of the refined posterior."""

    refiner: eqx.AbstractVar[AbstractRefiner]

    @property
    def bound(self) -> Bound:
        """The ELBO of the refined posterior."""
        return Bound(1, Refined(self.refiner))

    def init(self, net: BeliefNet) -> None:
        """Return nothing: no statistics are kept.

        Raises:
            ValueError: If the refiner cannot refine the posterior of this net.
        """
        self.refiner.check(net)


class VariationalEM(AbstractRefinedEstimator):
    """The E-step refines the posterior q~ of every datum; in the M-step both nets learn from it, held fixed.

        theta climbs E_q~[log p(x, h)],  phi climbs E_q~[log q(h | x)], that is, descends KL(q~ || q)

    Expectations within a layer of independent units are exact given the draws of the others: with one such latent
    layer, the recognition net's gradient has no noise of its own. Unbiased for the theta-gradient of the ELBO at q~;
    the recognition net is fitted to q~, which is not the gradient of a bound.

    Args:
        refiner: The E-step.
        num_particles: Draws from q~ per datum in the M-step.

    Raises:
        ValueError: If `num_particles` is not positive.

    Reference:
        Hjelm et al. 2016, *Iterative refinement of the approximate posterior for directed belief networks*.
    """

    refiner: AbstractRefiner = eqx.field(default_factory=AIR)
    num_particles: int = eqx.field(static=True, default=20)

    def __check_init__(self):
        check_particles("VariationalEM", self.num_particles, least=1)

    @broadcasting
    def estimate(self, net: BeliefNet, x: Float[Array, "batch visible"], state: None, *, key: Key) -> Estimate[None]:
        """Refine, draw, and differentiate."""
        refine_key, draw_key = split_key(key)
        posterior = self.refiner.refine(net, x, key=refine_key)
        latents = posterior.draw(self.num_particles, key=draw_key)

        def surrogate(parts: tuple[BeliefNet, VariationalEM]) -> tuple[Array, Array]:
            net, _ = parts
            elbo = posterior.elbo(net, x, latents).mean()
            return elbo - posterior.divergence(net, x, latents).mean(), elbo

        (net_grads, own_grads), objective = eqx.filter_grad(surrogate, has_aux=True)((net, self))
        return Estimate(net_grads, own_grads, state, objective)


class SemiAmortised(AbstractRefinedEstimator):
    """The ELBO of the refined posterior, differentiated through the steps of the refinement.

    Model and recognition net both climb the bound that is reached after the refinement, not the one before it. The
    gradient is as true as that of the refiner's sampler: unbiased for normal latents with `GDIR`, biased for discrete
    ones. Memory grows with the number of steps.

    Args:
        refiner: Gradient steps.
        num_particles: Draws from the refined posterior per datum.

    Raises:
        ValueError: If `num_particles` is not positive, or the refiner takes no gradient steps or may stop early.

    Reference:
        Kim, Wiseman, Miller, Sontag & Rush 2018, *Semi-amortized variational autoencoders*.
    """

    refiner: AbstractRefiner
    num_particles: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        check_particles("SemiAmortised", self.num_particles, least=1)
        if not self.refiner.takes_gradients:
            raise ArgumentError(
                f"expected a refiner with gradient steps for SemiAmortised, got {type(self.refiner).__name__}",
                "GDIR(5) for normal latents, StraightThroughAscent(5) for discrete ones, or variational EM",
            )
        if self.refiner.patience:
            raise ArgumentError(
                f"expected a refiner that always takes all steps for SemiAmortised, got patience "
                f"{self.refiner.patience}",
                "patience=0",
            )

    @broadcasting
    def estimate(self, net: BeliefNet, x: Float[Array, "batch visible"], state: None, *, key: Key) -> Estimate[None]:
        """Refine, draw, and differentiate through both."""
        refine_key, draw_key = split_key(key)

        def surrogate(parts: tuple[BeliefNet, SemiAmortised]) -> tuple[Array, Array]:
            net, own = parts
            posterior: AbstractPosterior = own.refiner.refine(net, x, key=refine_key)
            latents = own.refiner.draw(posterior, own.num_particles, key=draw_key)
            elbo = posterior.elbo(net, x, latents).mean()
            return elbo, elbo

        (net_grads, own_grads), objective = eqx.filter_grad(surrogate, has_aux=True)((net, self))
        return Estimate(net_grads, own_grads, state, objective)


@named("em", title="variational EM")
def variational_em(net: BeliefNet, num_particles: int = 20, *, refiner: AbstractRefiner | None = None) -> VariationalEM:
    """Return `VariationalEM` with a refiner that suits the net.

    Args:
        net: The net to be trained.
        num_particles: Draws from the refined posterior per datum in the M-step.
        refiner: The E-step; by default adaptive importance sampling, or gradient steps for continuous latents.

    Raises:
        ValueError: If `num_particles` is not positive.
    """
    return VariationalEM(default_refiner(net) if refiner is None else refiner, num_particles)


@named("semi-amortised")
def semi_amortised(net: BeliefNet, num_particles: int = 1, *, refiner: AbstractRefiner | None = None) -> SemiAmortised:
    """Return `SemiAmortised` with gradient steps that suit the net.

    Args:
        net: The net to be trained.
        num_particles: Draws from the refined posterior per datum.
        refiner: Gradient steps; by default five with one sample each, reparameterised for continuous latents and
            straight-through for others, all of them taken: the net is trained for what they give.

    Raises:
        ValueError: If `num_particles` is not positive, or the refiner takes no gradient steps or may stop early.
    """
    if refiner is None:
        make = GDIR if UnitKind.CONTINUOUS in net.latent_kinds else StraightThroughAscent
        refiner = make(5, 1, num_checks=0)
    return SemiAmortised(refiner, num_particles)
