"""The description of a training run: options, from a TOML file or the command line, and what is built of them."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from beliefnet._net import BeliefNet
from beliefnet.datasets import Dataset, load, names
from beliefnet.estimators import Estimator
from beliefnet.nets import sigmoid_belief_net
from beliefnet.training._checks import OptionError, suggestion
from beliefnet.training._estimators import EstimatorOptions, NVILOptions, RWSOptions, VIMCOOptions
from beliefnet.training._options import FitOptions
from beliefnet.training._streams import Stream, stream


@dataclass(frozen=True, kw_only=True)
class TrainConfig(FitOptions, EstimatorOptions):
    """All that a training run depends on.

    Attributes:
        data: Name of a data set (see `beliefnet datasets`), or a .npy, .npz or .csv file.
        binarization: How grey values become bits: static, dynamic or threshold; each data set has its own default.
        hidden: Widths of the latent layers, from the one next to the data upward.
        center_input: Let the recognition net see the data minus its mean.
        data_bias: Start the visible biases at the logits of the data's mean.
    """

    data: str = "digits"
    binarization: str | None = None
    hidden: tuple[int, ...] = (200,)
    center_input: bool = True
    data_bias: bool = True

    def __post_init__(self):
        super().__post_init__()
        self.check_estimator()
        if not self.hidden or any(size < 1 for size in self.hidden):
            raise OptionError(
                f"expected hidden to be one positive layer size or more, got "
                f"{' '.join(map(str, self.hidden)) or 'none'}; try --hidden 200 200"
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
            OptionError: If an option is unknown or has a value of the wrong type.
        """
        known = [f.name for f in fields(cls)]
        for name in values:
            if name not in known:
                raise OptionError(f"expected the name of an option, got {name!r}" + suggestion(name, known))
        plain = dict(values)
        hidden = values.get("hidden", cls.hidden)
        plain["hidden"] = tuple(hidden) if isinstance(hidden, list | tuple) else (hidden,)
        try:
            for name, kind in (("nvil", NVILOptions), ("vimco", VIMCOOptions), ("rws", RWSOptions)):
                plain[name] = kind(**values.get(name, {}))
            return cls(**plain)
        except TypeError as error:
            raise OptionError(f"expected options as `beliefnet train` writes them: {error}") from error

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
        net_key, estimator_key = jax.random.split(stream(self.seed, Stream.PARAMETERS))
        mean = jnp.asarray(data_mean, jnp.float32)
        net = sigmoid_belief_net(
            len(data_mean),
            self.hidden,
            key=net_key,
            input_mean=mean if self.center_input else None,
            visible_mean=mean if self.data_bias else None,
        )
        return net, self.build_estimator(net, key=estimator_key)
