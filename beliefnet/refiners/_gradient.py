"""Refinement by gradient steps on the parameters of the posterior, with any sampler that gives draws a derivative."""

from abc import abstractmethod
from typing import ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._types import Key, Values
from beliefnet.refiners._base import AbstractRefiner, Form, Progress, check_kinds, check_settings
from beliefnet.refiners._posterior import AbstractPosterior
from beliefnet.samplers import AbstractSampler, Concrete, MeanPassing, Reparameterize, StraightThrough, UnitByUnit

Velocity = tuple[Float[Array, "batch _"], ...]


class AbstractGradientAscent(AbstractRefiner):
    """Gradient ascent on the parameters z of a posterior: what is added to logits, or to means and unscaled scales.

        v <- momentum v + grad_z (1/N) sum_n ELBO(h_n),  z <- z + rate v

    The draws h_n and their derivative are the sampler's; entropies, and what else has a closed form given the draws,
    are exact (`AbstractPosterior.elbo`). What is climbed is the ELBO with a sampler whose derivative is true; see the
    subclasses for the others. It works on any number of layers; all move together, the lower ones with the slope that
    comes through those above. Autoregressive layers are drawn one unit after the other, each by the sampler.

    Args:
        num_steps: Steps.
        num_samples: Draws per step and datum, N.
        rate: Step size.
        momentum: Share of the last step that is added to the next, in [0, 1).
        patience: Steps without a better score, the estimated objective, after which a datum is left as it is; 0 takes
            all steps.
        num_checks: Fresh draws by which the result, and points on the way to it, are compared with the recognition net,
            each datum on its own: the best is kept by an estimate of the ELBO less its standard error. 0 takes the
            result as it is.
        form: structured, which keeps all dependence that the recognition net knows of, or mean-field.

    Raises:
        ValueError: If a number cannot be used, or the sampler gives no derivative.

    Reference:
        The refinement that Hjelm et al. 2016, *Iterative refinement of the approximate posterior for directed belief
        networks*, call gradient-descent inference refinement.
    """

    takes_gradients: ClassVar[bool] = True

    num_steps: int = eqx.field(static=True, default=20)
    num_samples: int = eqx.field(static=True, default=20)
    rate: float = eqx.field(static=True, default=0.1)
    momentum: float = eqx.field(static=True, default=0.0)
    patience: int = eqx.field(static=True, default=0)
    num_checks: int = eqx.field(static=True, default=20)
    form: Form = eqx.field(static=True, default=Form.STRUCTURED)

    def __check_init__(self):
        check_settings(self, type(self).__name__, rate=self.rate)
        if not 0 <= self.momentum < 1:
            raise ArgumentError(f"expected {{option}} in [0, 1), got {self.momentum}", "0.5", option="momentum")
        if any(eqx.is_array(leaf) for leaf in jax.tree.leaves(self.sampler)):
            raise ArgumentError(
                f"expected plain numbers in the sampler of {type(self).__name__}, got arrays", "Concrete(0.5)"
            )
        if not self.sampler.has_derivative:
            raise ArgumentError(
                f"expected a sampler whose draws have a derivative, got {type(self.sampler).__name__}",
                "Reparameterize() for normal latents, StraightThrough() for discrete ones",
            )

    @property
    @abstractmethod
    def sampler(self) -> AbstractSampler:
        """How draws are made differentiable."""

    @property
    def is_exact(self) -> bool:
        """That of the sampler."""
        return self.sampler.is_exact

    def check(self, net: BeliefNet) -> None:
        """Check that the sampler draws the net's layers, and that they have closed forms.

        Raises:
            ValueError: If not, naming the layer.
        """
        self.sampler.check([kind.factorial for kind in net.latent_kinds])
        check_kinds(net)

    def init(self, posterior: AbstractPosterior) -> Velocity:
        """Return a velocity of zero."""
        return jax.tree.map(jnp.zeros_like, posterior.parameters)

    def draw(self, posterior: AbstractPosterior, num_particles: int, *, key: Key) -> Values:
        """Draw with the derivative of the sampler."""
        return posterior.draw(num_particles, key=key, sampler=UnitByUnit(self.sampler))

    def step(
        self, net: BeliefNet, x: Float[Array, "batch visible"], progress: Progress, *, key: Key
    ) -> tuple[Progress, Float[Array, " batch"]]:
        """Take one step upward; the score is the estimated objective."""

        def objective(parameters: Velocity) -> tuple[Array, Array]:
            posterior = progress.posterior.at(parameters)
            latents = self.draw(posterior, self.num_samples, key=key)
            values = posterior.elbo(net, x, latents).mean(axis=0)
            return values.sum(), values

        before = progress.posterior.parameters
        slope, score = jax.grad(objective, has_aux=True)(before)
        velocity = jax.tree.map(lambda v, g: self.momentum * v + g, progress.memory, slope)
        after = jax.tree.map(lambda z, v: z + self.rate * v, before, velocity)
        return Progress(progress.posterior.at(after), velocity), score

    def gain(
        self,
        net: BeliefNet,
        x: Float[Array, "batch visible"],
        start: AbstractPosterior,
        end: AbstractPosterior,
        *,
        key: Key,
    ) -> tuple[Float[Array, " batch"], Float[Array, " batch"]]:
        """Estimate the difference of the ELBOs, by exact draws with the same random numbers."""
        return elbo_gain(net, x, start, end, self.num_checks, key=key)


@named("gdir")
class GDIR(AbstractGradientAscent):
    """Gradient refinement of normal posteriors through reparameterised draws: it climbs the ELBO.

    Arguments and errors are those of `AbstractGradientAscent`.

    Reference:
        Hjelm et al. 2016 (GDIR); an earlier draft of it names it gradient backprop variational inference (GBVI).
    """

    @property
    def sampler(self) -> Reparameterize:
        """The true derivative."""
        return Reparameterize()


@named("mean-passing")
class MeanPassingAscent(AbstractGradientAscent):
    """Refinement with means in the place of draws, for any units (MPVI).

    What is climbed is a mean-field surrogate, log p(x | mu) + E[log p(h)] + H(q~), exact in entropy and in a
    prior of independent units. It is deterministic and cheap, and no bound of log p(x): a decoder that is not linear
    sees a mean that is never drawn. Arguments and errors are those of `AbstractGradientAscent`.
    """

    num_samples: int = eqx.field(static=True, default=1, init=False)

    @property
    def sampler(self) -> MeanPassing:
        """The means."""
        return MeanPassing()


@named("straight-through")
class StraightThroughAscent(AbstractGradientAscent):
    """Refinement of discrete posteriors through exact draws with the derivative of their mean: biased.

    The slope of the logits leaves the derivative of the sigmoid out. Other arguments and errors are those of
    `AbstractGradientAscent`.

    Args:
        slope: Derivative of a draw: that of the mean, or that of the logits.
    """

    slope: Literal["mean", "logits"] = eqx.field(static=True, default="mean")

    @property
    def sampler(self) -> StraightThrough:
        """Draws with that slope."""
        return StraightThrough(self.slope)


@named("concrete")
class ConcreteAscent(AbstractGradientAscent):
    """Refinement of discrete posteriors through relaxed draws: it climbs the ELBO as the temperature falls.

    Other arguments and errors are those of `AbstractGradientAscent`.

    Args:
        temperature: Of the relaxation: the lower, the less bias and the more variance.
    """

    temperature: float = eqx.field(static=True, default=0.5)

    @property
    def sampler(self) -> Concrete:
        """Draws of that temperature."""
        return Concrete(self.temperature)


@broadcasting
def elbo_gain(
    net: BeliefNet,
    x: Float[Array, "batch visible"],
    start: AbstractPosterior,
    end: AbstractPosterior,
    num_draws: int,
    *,
    key: Key,
) -> tuple[Float[Array, " batch"], Float[Array, " batch"]]:
    """Estimate how much higher the ELBO of one posterior is than that of another, by the same random numbers.

    Returns:
        The estimate and its standard error, `[batch]`, in nats.
    """
    old, new = (posterior.elbo(net, x, posterior.draw(num_draws, key=key)) for posterior in (start, end))
    gain = new - old
    return gain.mean(axis=0), gain.std(axis=0, ddof=1) / num_draws**0.5
