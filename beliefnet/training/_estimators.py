"""Estimators by name, with the options that each takes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.baselines import Baseline, InputBaseline, LayerBaselines, NoBaseline, Order, RunningMoments
from beliefnet.estimators import (
    NVIL,
    VIMCO,
    Estimator,
    Reinforce,
    Signal,
    StandIn,
    reweighted_wake_sleep,
    wake_sleep,
)
from beliefnet.training._checks import OptionError, suggestion


@dataclass(frozen=True, kw_only=True)
class NVILOptions:
    """The five variance reductions of NVIL, each of which can be switched off.

    Attributes:
        input_baseline: Subtract the prediction of a network.
        constant_baseline: Subtract the running mean of the signal.
        variance_normalization: Divide by max(1, running standard deviation).
        local_signals: Pay each layer with the terms that its draw can change, not with the whole signal.
        layer_baselines: Give each layer a baseline and moments of its own.
        baseline_units: Tanh units in the hidden layer of each baseline network.
        smoothing: Weight of the past in the running mean and variance, in [0, 1).
        statistics_first: Normalise with the moments of earlier batches (unbiased) instead of the paper's order.
    """

    input_baseline: bool = True
    constant_baseline: bool = True
    variance_normalization: bool = True
    local_signals: bool = True
    layer_baselines: bool = True
    baseline_units: int = 100
    smoothing: float = 0.8
    statistics_first: bool = False

    def __post_init__(self):
        if self.baseline_units < 1:
            raise OptionError(f"expected nvil.baseline-units of at least 1, got {self.baseline_units}; try 100")
        if not 0 <= self.smoothing < 1:
            raise OptionError(f"expected nvil.smoothing in [0, 1), got {self.smoothing}; try 0.8")


@dataclass(frozen=True, kw_only=True)
class VIMCOOptions:
    """How VIMCO makes up for a particle that is left out.

    Attributes:
        stand_in: Mean of the other weights that replaces a particle's own.
        local_signals: Keep, for each layer, what the particle itself drew below it.
    """

    stand_in: Literal["geometric", "arithmetic"] = "geometric"
    local_signals: bool = False


@dataclass(frozen=True, kw_only=True)
class RWSOptions:
    """In which phases of reweighted wake-sleep the recognition net learns.

    Attributes:
        wake_phi: From weighted draws for the data.
        sleep_phi: From dreams.
    """

    wake_phi: bool = True
    sleep_phi: bool = True

    def __post_init__(self):
        if not (self.wake_phi or self.sleep_phi):
            raise OptionError("expected rws.wake-phi, rws.sleep-phi or both, got neither; try leaving one of them on")


@dataclass(frozen=True, kw_only=True)
class EstimatorOptions:
    """Which estimator, and how.

    Attributes:
        estimator: Gradient estimator: nvil, reinforce, vimco, wake-sleep or rws (reweighted wake-sleep).
        particles: Draws per datum; more of them lower the noise of the recognition gradient.
        nvil: Options of the nvil estimator.
        vimco: Options of the vimco estimator.
        rws: Options of the rws estimator.
    """

    estimator: str = "nvil"
    particles: int = 4
    nvil: NVILOptions = field(default_factory=NVILOptions)
    vimco: VIMCOOptions = field(default_factory=VIMCOOptions)
    rws: RWSOptions = field(default_factory=RWSOptions)

    def check_estimator(self) -> None:
        """Check that there is such an estimator and that it can work with the number of particles.

        Raises:
            OptionError: If not.
        """
        if self.estimator not in ESTIMATORS:
            raise OptionError(
                f"expected estimator to be one of {', '.join(ESTIMATORS)}, got {self.estimator!r}"
                + suggestion(self.estimator, ESTIMATORS)
            )
        least = 2 if self.estimator in ("reinforce", "vimco") else 1
        if self.particles < least:
            raise OptionError(
                f"expected particles of at least {least} for {self.estimator}, got {self.particles}; try {least + 3}"
            )

    def build_estimator(self, net: BeliefNet, *, key: Key) -> Estimator:
        """Make the estimator for a net, with the initial parameters of its own that it may have."""
        return ESTIMATORS[self.estimator](self, net, key)


def _nvil(chosen: EstimatorOptions, net: BeliefNet, key: Key) -> Estimator:
    options = chosen.nvil
    baseline: Baseline = NoBaseline()
    if options.input_baseline:
        kind = LayerBaselines if options.layer_baselines else InputBaseline
        baseline = kind(net, num_units=options.baseline_units, key=key)
    moments = RunningMoments(
        options.smoothing,
        centre=options.constant_baseline,
        normalise=options.variance_normalization,
        per_layer=options.layer_baselines,
        order=Order.STATISTICS_FIRST if options.statistics_first else Order.PAPER,
    )
    signal = _signal(options.local_signals)
    return NVIL(net, key=key, num_particles=chosen.particles, baseline=baseline, moments=moments, signal=signal)


def _vimco(chosen: EstimatorOptions, net: BeliefNet, key: Key) -> Estimator:
    options = chosen.vimco
    return VIMCO(chosen.particles, stand_in=StandIn(options.stand_in), signal=_signal(options.local_signals))


def _reinforce(chosen: EstimatorOptions, net: BeliefNet, key: Key) -> Estimator:
    return Reinforce(chosen.particles)


def _wake_sleep(chosen: EstimatorOptions, net: BeliefNet, key: Key) -> Estimator:
    return wake_sleep(chosen.particles)


def _rws(chosen: EstimatorOptions, net: BeliefNet, key: Key) -> Estimator:
    return reweighted_wake_sleep(chosen.particles, wake_phi=chosen.rws.wake_phi, sleep_phi=chosen.rws.sleep_phi)


def _signal(is_local: bool) -> Signal:
    return Signal.LOCAL if is_local else Signal.WHOLE


ESTIMATORS: dict[str, Callable[[EstimatorOptions, BeliefNet, Key], Estimator]] = {
    "nvil": _nvil,
    "reinforce": _reinforce,
    "vimco": _vimco,
    "wake-sleep": _wake_sleep,
    "rws": _rws,
}
