"""The description of a training run: options, from a TOML file or the command line, and what is built of them."""

import difflib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.baselines import Baseline, InputBaseline, LayerBaselines, NoBaseline, Order, RunningMoments
from beliefnet.datasets import Dataset, load, names
from beliefnet.estimators import NVIL, Estimator, Signal
from beliefnet.nets import sigmoid_belief_net
from beliefnet.training._options import FitOptions, OptionError

ESTIMATORS = ("nvil",)


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
class TrainConfig(FitOptions):
    """All that a training run depends on.

    Attributes:
        data: Name of a data set (see `beliefnet datasets`), or a .npy, .npz or .csv file.
        binarization: How grey values become bits: static, dynamic or threshold; each data set has its own default.
        hidden: Widths of the latent layers, from the one next to the data upward.
        center_input: Let the recognition net see the data minus its mean.
        data_bias: Start the visible biases at the logits of the data's mean.
        estimator: Gradient estimator.
        particles: Draws per datum; more of them lower the noise of the recognition gradient.
        nvil: Options of the nvil estimator.
    """

    data: str = "digits"
    binarization: str | None = None
    hidden: tuple[int, ...] = (200,)
    center_input: bool = True
    data_bias: bool = True
    estimator: str = "nvil"
    particles: int = 4
    nvil: NVILOptions = field(default_factory=NVILOptions)

    def __post_init__(self):
        super().__post_init__()
        self.at_least(1, "particles")
        if not self.hidden or any(size < 1 for size in self.hidden):
            raise OptionError(
                f"expected hidden to be one positive layer size or more, got "
                f"{' '.join(map(str, self.hidden)) or 'none'}; try --hidden 200 200"
            )
        if self.estimator not in ESTIMATORS:
            raise OptionError(
                f"expected estimator to be one of {', '.join(ESTIMATORS)}, got {self.estimator!r}"
                + suggestion(self.estimator, ESTIMATORS)
            )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for TOML; options that were not given are left out."""
        values = {name: value for name, value in asdict(self).items() if value is not None}
        values["hidden"] = list(self.hidden)
        if self.data not in names() and Path(self.data).exists():
            # The run can then be repeated from another directory.
            values["data"] = str(Path(self.data).resolve())
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TrainConfig":
        """Rebuild a configuration from TOML.

        Raises:
            OptionError: If an option is unknown.
        """
        known = [f.name for f in fields(cls)]
        for name in values:
            if name not in known:
                raise OptionError(f"expected the name of an option, got {name!r}" + suggestion(name, known))
        plain = dict(values)
        plain["hidden"] = tuple(values.get("hidden", cls.hidden))
        plain["nvil"] = NVILOptions(**values.get("nvil", {}))
        return cls(**plain)

    def load_data(self) -> Dataset:
        """Load the data set.

        Raises:
            DataError: If there is no such data set, or its file cannot be used.
        """
        return load(self.data, binarization=self.binarization, seed=self.seed)

    def build(self, data_mean: np.ndarray) -> tuple[BeliefNet, Estimator]:
        """Make the net and the estimator with their initial parameters.

        Args:
            data_mean: Mean of the training data, `[visible]`; its length is the width of the observation.
        """
        net_key, estimator_key = jax.random.split(jax.random.fold_in(jax.random.key(self.seed), 1))
        mean = jnp.asarray(data_mean, jnp.float32)
        net = sigmoid_belief_net(
            len(data_mean),
            self.hidden,
            key=net_key,
            input_mean=mean if self.center_input else None,
            visible_mean=mean if self.data_bias else None,
        )
        return net, _nvil(self, net, key=estimator_key)


def _nvil(config: TrainConfig, net: BeliefNet, *, key: Key) -> NVIL:
    options = config.nvil
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
    signal = Signal.LOCAL if options.local_signals else Signal.WHOLE
    return NVIL(net, key=key, num_particles=config.particles, baseline=baseline, moments=moments, signal=signal)


def suggestion(given: str, known: tuple[str, ...] | list[str]) -> str:
    """Return "; did you mean ...?" where something close is known, else nothing."""
    close = difflib.get_close_matches(given, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
