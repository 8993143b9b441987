"""Neural variational inference and learning."""

import equinox as eqx

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._streams import check_key
from beliefnet._types import Key
from beliefnet.baselines import (
    AbstractBaseline,
    InputBaseline,
    LayerBaselines,
    Moments,
    NoBaseline,
    Order,
    RunningMoments,
)
from beliefnet.estimators._driver_particles import AbstractRecognitionEstimator
from beliefnet.estimators.rules import Centred, Signal


class NVIL(AbstractRecognitionEstimator[Moments]):
    """The score-function estimator of the ELBO with all of NVIL's variance reduction, each part replaceable.

        score of layer l = (signal_l - C_l(h_(l-1)) - c_l) / max(1, sd_l) / K,    model = 1/K

    The score-function weight trains the recognition net (times grad log q) and the baseline (times grad C_l). With
    moments held fixed, or in the order `Order.STATISTICS_FIRST`, it is unbiased for the ELBO up to the scale
    1 / max(1, sd_l) of each layer. The paper's order, the default, normalises with moments that contain the batch, see
    `RunningMoments`. The model's gradient is always unbiased. Costs one pass down and one up per particle, and one
    through each baseline network.

    Args:
        net: The net to be trained; the default baseline networks are shaped after it.
        num_particles: Draws per datum that are averaged.
        baseline: Input-dependent baseline; by default one network of 100 tanh units per layer. `NoBaseline()` for none.
        moments: Constant baseline and variance normalisation.
        signal: Local signals per layer (default) or the whole one for every layer.
        key: Random key for the default baseline's weights.

    Raises:
        ValueError: If `num_particles` is not positive.

    Reference:
        Mnih & Gregor 2014, *Neural variational inference and learning in belief networks*.

    Examples:
        >>> import jax
        >>> from beliefnet.nets import sigmoid_belief_net
        >>> net = sigmoid_belief_net(6, (3, 2), key=jax.random.key(0))
        >>> nvil = NVIL(net, key=jax.random.key(1))
        >>> estimate = nvil.estimate(net, jax.numpy.ones((4, 6)), nvil.init(net), key=jax.random.key(2))
        >>> estimate.net.layer_sizes
        (3, 2)
    """

    baseline: AbstractBaseline
    moments: RunningMoments
    num_particles: int = eqx.field(static=True)
    signal: Signal = eqx.field(static=True)

    def __init__(
        self,
        net: BeliefNet,
        *,
        key: Key,
        num_particles: int = 1,
        baseline: AbstractBaseline | None = None,
        moments: RunningMoments | None = None,
        signal: Signal = Signal.LOCAL,
    ):
        check_key(key)
        self.baseline = LayerBaselines(net, key=key) if baseline is None else baseline
        self.moments = RunningMoments() if moments is None else moments
        self.num_particles = num_particles
        self.signal = signal

    @property
    def is_unbiased(self) -> bool:
        """For the ELBO, if the moments neither divide the signal nor contain the batch."""
        return not self.moments.normalise and self.moments.order is Order.STATISTICS_FIRST

    @property
    def rule(self) -> Centred:
        """Each layer's signal, centred and scaled."""
        return Centred(self.baseline, self.moments, self.signal)


@named("nvil", is_default=True)
def nvil(
    net: BeliefNet,
    num_particles: int = 1,
    *,
    key: Key,
    input_baseline: bool = True,
    constant_baseline: bool = True,
    variance_normalization: bool = True,
    local_signals: bool = True,
    layer_baselines: bool = True,
    baseline_units: int = 100,
    smoothing: float = 0.8,
    statistics_first: bool = False,
) -> NVIL:
    """Return `NVIL` with its five variance reductions, each of which can be switched off.

    Args:
        net: The net to be trained.
        num_particles: Draws per datum that are averaged.
        key: Random key for the baseline's weights.
        input_baseline: Subtract the prediction of a network.
        constant_baseline: Subtract the running mean of the signal.
        variance_normalization: Divide by max(1, running standard deviation).
        local_signals: Weigh each layer's score by the terms that its draw can change, not by the whole signal.
        layer_baselines: Give each layer a baseline and moments of its own.
        baseline_units: Tanh units in the hidden layer of each baseline network.
        smoothing: Weight of the past in the running mean and variance, in [0, 1).
        statistics_first: Normalise with the moments of earlier batches (unbiased) instead of the paper's order.

    Raises:
        ValueError: If a number is outside its range.
    """
    baseline: AbstractBaseline = NoBaseline()
    if input_baseline:
        kind = LayerBaselines if layer_baselines else InputBaseline
        baseline = kind(net, num_units=baseline_units, key=key)
    moments = RunningMoments(
        smoothing,
        centre=constant_baseline,
        normalise=variance_normalization,
        per_layer=layer_baselines,
        order=Order.STATISTICS_FIRST if statistics_first else Order.PAPER,
    )
    signal = Signal.LOCAL if local_signals else Signal.WHOLE
    return NVIL(net, key=key, num_particles=num_particles, baseline=baseline, moments=moments, signal=signal)
