"""What a proposal is: it draws the configurations that an estimator or an evaluation weighs."""

from abc import abstractmethod
from typing import ClassVar

import equinox as eqx
from jax import Array
from jaxtyping import Bool, Float

from beliefnet._errors import ArgumentError
from beliefnet._net import BeliefNet
from beliefnet._types import Key, Values
from beliefnet.refiners import MeanField


class Particles(eqx.Module):
    """Drawn configurations of a net.

    Attributes:
        x: The observation, `[batch, visible]` (one for all particles) or `[particles, batch, visible]` (dreamt).
        latents: One array `[particles, batch, units]` per latent layer, bottom first.
        log_proposal: Log-probability of the latents under what they were actually drawn from, `[particles, batch]`.
        log_layers: Its terms, layer by layer, bottom first, `[particles, batch, layers]`; None where it has none.
        is_own: Which particles `log_layers` is the density of, those of a mixture's main component: the ELBO and the KL
            are about them. None stands for all.
    """

    x: Float[Array, "*#lead visible"]
    latents: Values
    log_proposal: Float[Array, "particles batch"]
    log_layers: Float[Array, "particles batch layers"] | None = None
    is_own: Bool[Array, " particles"] | None = None


class AbstractProposal(eqx.Module):
    """Draws particles for a batch of observations."""

    is_by_datum: ClassVar[bool] = False
    """Whether each datum has its particles for itself, whatever the others of its batch are; a subclass has to say so
    anew."""

    @property
    def explains_data(self) -> bool:
        """Whether the latents are drawn for the given observations, so that their weights say something about them."""
        return True

    @property
    def is_exact(self) -> bool:
        """Whether the latents are drawn from what `log_proposal` scores, so that weights are importance weights."""
        return True

    @property
    def is_joint(self) -> bool:
        """Whether all particles of a datum are drawn at once: drawing them by parts would repeat what they share."""
        return False

    @property
    def has_derivative(self) -> bool:
        """Whether the drawn latents are differentiable functions of the recognition net's parameters."""
        return False

    @property
    def defensive_share(self) -> float | None:
        """Share of the particles that the recognition net draws in its defence; None where there is no defence."""
        return None

    def check(self, net: BeliefNet) -> None:
        """Check that it can draw for a net; what can be drawn for any net passes.

        Raises:
            ValueError: If it cannot, naming the layer.
        """
        return

    def prepare(self, net: BeliefNet, x: Float[Array, "batch visible"], *, key: Key) -> "AbstractProposal":
        """Do what is done once for a batch, however many particles are drawn, and return what draws them."""
        return self

    def defended(self) -> "AbstractProposal":
        """Return what an evaluation draws from in its place: itself, unless it may lose sight of where p(h | x) is."""
        return self

    def mean_field(self, net: BeliefNet, x: Float[Array, "batch visible"]) -> MeanField:
        """Return a distribution of each latent layer given the data alone; means, not draws, are fed upward."""
        return MeanField.recognised(net, x)

    def log_probs(
        self, net: BeliefNet, x: Float[Array, "batch visible"], latents: Values
    ) -> Float[Array, "particles batch layers"]:
        """Return the log-probability of any latents, layer by layer, in nats.

        Raises:
            ValueError: If it can only score what it drew itself.
        """
        raise ArgumentError(
            f"expected a proposal whose density is known for any latents, got {type(self).__name__}",
            "Recognition(), or Refined with any refiner",
        )

    @abstractmethod
    def draw(self, net: BeliefNet, x: Float[Array, "batch visible"], num_particles: int, *, key: Key) -> Particles:
        """Draw `num_particles` configurations for every datum."""
