"""Particles of a proposal that may be too narrow, and some of the recognition net among them."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import split_key
from beliefnet._types import Key, Values
from beliefnet.proposals._base import AbstractProposal, Particles
from beliefnet.proposals._recognition import Recognition
from beliefnet.refiners import MeanField


@named("defensive")
class Defensive(AbstractProposal):
    """Draws one of every few particles from the recognition net, the others from another proposal r.

    All are weighed by the mixture, p(x, h) / (q(h | x) / m + (1 - 1 / m) r(h)), m being `every`: a weight is at most m
    times what it is under the recognition net, whatever r has lost sight of, and the weights' second moment at most m
    times as large. The place of the recognition net's particle among the m is drawn at random: m particles in a row are
    an exact share, and the mean of exp(log-weight) is p(x) for any number of particles.

    Terms of `log_proposal` layer by layer are those of r, and `is_own` says which particles it drew.

    Args:
        proposal: What draws the others: one that can score any latents, such as `Refined` or `FixedPosterior`.
        every: How many particles have one of the recognition net among them, m.

    Raises:
        ValueError: If `every` is below 2.

    Reference:
        Hesterberg 1995, *Weighted average importance sampling and defensive mixture distributions*; Owen & Zhou 2000,
        *Safe and effective importance sampling*.
    """

    proposal: AbstractProposal
    every: int = eqx.field(static=True, default=5)

    def __check_init__(self):
        if self.every < 2:
            raise ArgumentError(
                f"expected Defensive to have {{option}} of at least 2, got {self.every}", "5", option="every"
            )

    @property
    def defensive_share(self) -> float:
        """One over `every`."""
        return 1 / self.every

    def check(self, net: BeliefNet) -> None:
        """Check that the proposal can draw for a net.

        Raises:
            ValueError: If it cannot, naming the layer.
        """
        self.proposal.check(net)

    def prepare(self, net: BeliefNet, x: Float[Array, "batch visible"], *, key: Key) -> "Defensive":
        """Prepare the proposal."""
        return Defensive(self.proposal.prepare(net, x, key=key), self.every)

    def mean_field(self, net: BeliefNet, x: Float[Array, "batch visible"]) -> MeanField:
        """Return that of the proposal."""
        return self.proposal.mean_field(net, x)

    def log_probs(
        self, net: BeliefNet, x: Float[Array, "batch visible"], latents: Values
    ) -> Float[Array, "particles batch 1"]:
        """Return the mixture's log-probability of any latents, in nats, as one term for all layers.

        Raises:
            ValueError: If the proposal can only score what it drew itself.
        """
        own = self.proposal.log_probs(net, x, latents).sum(axis=-1)
        return self._mixed(own, net.log_recognition(x, latents))[..., None]

    @broadcasting
    def draw(self, net: BeliefNet, x: Float[Array, "batch visible"], num_particles: int, *, key: Key) -> Particles:
        """Draw `num_particles` configurations for every datum.

        Raises:
            ValueError: If the proposal cannot score latents that another one drew.
        """
        prepare_key, draw_key, safe_key, place_key = split_key(key, 4)
        proposal = self.proposal.prepare(net, x, key=prepare_key)
        groups = -(-num_particles // self.every)
        drawn = proposal.draw(net, x, num_particles, key=draw_key)
        safe = Recognition().draw(net, x, groups, key=safe_key)
        group, place = jnp.divmod(jnp.arange(num_particles), self.every)
        is_own = jax.random.randint(place_key, (groups,), 0, self.every)[group] != place
        latents = tuple(
            jnp.where(is_own[:, None, None], own, other[group])
            for own, other in zip(drawn.latents, safe.latents, strict=True)
        )
        log_layers = proposal.log_probs(net, x, latents)
        log_proposal = self._mixed(log_layers.sum(axis=-1), net.log_recognition(x, latents))
        return Particles(x, latents, log_proposal, log_layers, is_own)

    def _mixed(
        self, own: Float[Array, "particles batch"], recognition: Float[Array, "particles batch"]
    ) -> Float[Array, "particles batch"]:
        share = 1 / self.every
        return jnp.logaddexp(own + jnp.log1p(-share), recognition + jnp.log(share))
