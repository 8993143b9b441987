"""Maximum likelihood, where it is exact."""

import equinox as eqx

from beliefnet._errors import ArgumentError
from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet.estimators import rules
from beliefnet.estimators._driver_particles import AbstractRecognitionEstimator
from beliefnet.estimators.rules import AbstractShares


@named("likelihood", kinds=frozenset(), is_default=True)
class MaximumLikelihood(AbstractRecognitionEstimator[None]):
    """The gradient of log p(x) of a net without latents: exact, whatever the key.

    Raises:
        ValueError: From `init`, if the net has latents.

    Examples:
        >>> import jax
        >>> from beliefnet.nets import fully_visible_net
        >>> net, likelihood = fully_visible_net(6), MaximumLikelihood()
        >>> estimate = likelihood.estimate(net, jax.numpy.ones((4, 6)), likelihood.init(net), key=jax.random.key(0))
        >>> round(float(estimate.objective), 3)
        -4.159
    """

    num_particles: int = eqx.field(static=True, init=False, default=1)

    @property
    def is_unbiased(self) -> bool:
        """It is exact."""
        return True

    @property
    def rule(self) -> AbstractShares:
        """All of the likelihood for the model."""
        return rules.WAKE

    def init(self, net: BeliefNet) -> None:
        """Return nothing: no statistics are kept.

        Raises:
            ValueError: If the net has latents.
        """
        if net.layer_sizes:
            raise ArgumentError(
                f"expected a net without latents for exact likelihood, got latent layers of {list(net.layer_sizes)} "
                "units",
                "NVIL",
            )
