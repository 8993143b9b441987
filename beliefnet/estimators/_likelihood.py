"""Maximum likelihood, where it is exact."""

import equinox as eqx

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._trace import Trace
from beliefnet.estimators._credit import Credit, RecognitionCreditEstimator


@named("likelihood", kinds=frozenset(), is_default=True)
class MaximumLikelihood(RecognitionCreditEstimator[None]):
    """The gradient of log p(x) of a net without latents: exact, whatever the key.

    Raises:
        ValueError: From `init`, if the net has latents.

    Example:
        >>> import jax
        >>> from beliefnet.nets import fully_visible_net
        >>> net, likelihood = fully_visible_net(6), MaximumLikelihood()
        >>> estimate = likelihood.estimate(net, jax.numpy.ones((4, 6)), likelihood.init(net), key=jax.random.key(0))
        >>> round(float(estimate.objective), 3)
        -4.159
    """

    num_particles: int = eqx.field(static=True, init=False, default=1)

    @property
    def bound_particles(self) -> int:
        """1: one term is the whole likelihood."""
        return 1

    def init(self, net: BeliefNet) -> None:
        """Return nothing: no statistics are kept."""
        if net.layer_sizes:
            raise ValueError(
                f"expected a net without latents for exact likelihood, got latent layers of {list(net.layer_sizes)} "
                "units; try NVIL"
            )

    def credit(self, trace: Trace, state: None) -> tuple[Credit, None]:
        """Pay the model for the data."""
        return Credit(trace.log_weight[0], model=trace.uniform_weights), state
