"""The options of each estimator that has any."""

import math
from dataclasses import dataclass
from typing import Literal

from beliefnet._errors import OptionError


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
        _check_units("nvil.baseline-units", self.baseline_units)
        if not 0 <= self.smoothing < 1:
            raise OptionError(f"expected nvil.smoothing in [0, 1), got {self.smoothing}; try 0.8")


@dataclass(frozen=True, kw_only=True)
class VIMCOOptions:
    """How VIMCO makes up for a particle that is left out.

    Attributes:
        replacement: Mean of the other weights that replaces a particle's own.
        local_signals: Keep, for each layer, what the particle itself drew below it.
    """

    replacement: Literal["geometric", "arithmetic"] = "geometric"
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
class TVOOptions:
    """The path of the thermodynamic objective.

    Attributes:
        intervals: Number of intervals between q and the posterior.
        first: Right end of the first interval, in (0, 1).
    """

    intervals: int = 5
    first: float = 0.05

    def __post_init__(self):
        if self.intervals < 1:
            raise OptionError(f"expected tvo.intervals of at least 1, got {self.intervals}; try 5")
        if not 0 < self.first < 1:
            raise OptionError(f"expected tvo.first in (0, 1), got {self.first}; try 0.05")


@dataclass(frozen=True, kw_only=True)
class ConcreteOptions:
    """How far discrete units are relaxed.

    Attributes:
        temperature: The lower, the less bias and the more variance.
        multi_sample: Climb the K-particle bound of the relaxed draws, not their ELBO.
    """

    temperature: float = 0.5
    multi_sample: bool = False

    def __post_init__(self):
        if not 0 < self.temperature < math.inf:
            raise OptionError(f"expected concrete.temperature to be positive, got {self.temperature}; try 0.5")


@dataclass(frozen=True, kw_only=True)
class REBAROptions:
    """Where the control variate of REBAR starts; it is learnt.

    Attributes:
        temperature: Of the relaxation.
        scale: Factor of the control variate.
    """

    temperature: float = 0.5
    scale: float = 1.0

    def __post_init__(self):
        _check_start("rebar", self.temperature, self.scale)


@dataclass(frozen=True, kw_only=True)
class RELAXOptions:
    """Where the control variate of RELAX starts; it is learnt.

    Attributes:
        temperature: Of the relaxation.
        scale: Factor of the control variate.
        units: Tanh units in the hidden layer of each layer's network.
    """

    temperature: float = 0.5
    scale: float = 1.0
    units: int = 100

    def __post_init__(self):
        _check_start("relax", self.temperature, self.scale)
        _check_units("relax.units", self.units)


@dataclass(frozen=True, kw_only=True)
class HVIOptions:
    """The Hamiltonian dynamics of HVI, and where they start; they are learnt.

    Attributes:
        iterations: Draws of the momentum.
        steps: Leapfrog steps after each.
        step_size: Of the leapfrog steps.
        units: Tanh units in the reverse model of each iteration.
    """

    iterations: int = 1
    steps: int = 5
    step_size: float = 0.05
    units: int = 100

    def __post_init__(self):
        for name in ("iterations", "steps", "units"):
            _check_units(f"hvi.{name}", getattr(self, name))
        if not 0 < self.step_size < math.inf:
            raise OptionError(f"expected hvi.step-size to be positive, got {self.step_size}; try 0.05")


def _check_start(group: str, temperature: float, scale: float) -> None:
    if not 1e-2 <= temperature <= 1e2:
        raise OptionError(f"expected {group}.temperature from 0.01 to 100, got {temperature}; try 0.5")
    if not math.isfinite(scale):
        raise OptionError(f"expected {group}.scale to be finite, got {scale}; try 1.0")


def _check_units(name: str, value: int) -> None:
    if value < 1:
        raise OptionError(f"expected {name} of at least 1, got {value}; try 100")
