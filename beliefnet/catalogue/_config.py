"""The description of a training run: options, from a TOML file or the command line, and what is built of them."""

from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

import jax
import numpy as np

from beliefnet._errors import OptionError, suggestion
from beliefnet._net import BeliefNet
from beliefnet.catalogue._estimators import EstimatorOptions
from beliefnet.catalogue._nets import NETS, NetOptions
from beliefnet.data import Dataset, check_levels, load, names
from beliefnet.estimators import Estimator
from beliefnet.training._options import FitOptions
from beliefnet.training._streams import Stream, stream


@dataclass(frozen=True, kw_only=True)
class TrainConfig(FitOptions, EstimatorOptions, NetOptions):
    """All that a training run depends on.

    Attributes:
        data: Name of a data set (see `beliefnet datasets`), or a .npy, .npz or .csv file; of documents also a sparse
            .npz, .mtx, .svmlight or .txt file, or a folder of texts.
        binarization: How grey values become bits, for bernoulli visible units: static, dynamic or threshold; each data
            set has its own default.
        vocabulary_size: Number of words of documents to keep, the most frequent ones; by default 2000 of texts, and as
            many as there are of a matrix of counts.
        text_column: Column of a .csv file that holds texts.
        start: Folder of a finished run with the same net: training starts from its best net, not from random weights.
    """

    data: str = "digits"
    binarization: str | None = None
    vocabulary_size: int | None = None
    text_column: str | None = None
    start: str | None = None

    def __post_init__(self):
        super().__post_init__()
        self.check_net()
        if self.estimator is None:
            is_normal = self.net == "document" and self.latents == "normal"
            object.__setattr__(self, "estimator", "sgvb" if is_normal else NETS[self.net].estimator)
        self.check_estimator()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for TOML; options that were not given are left out."""
        values = {name: value for name, value in asdict(self).items() if value is not None}
        values |= {name: list(value) for name, value in values.items() if isinstance(value, tuple)}
        if self.data not in names() and Path(self.data).exists():
            # The run can then be repeated from another directory.
            values["data"] = str(Path(self.data).resolve())
        if self.start is not None:
            values["start"] = str(Path(self.start).resolve())
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
        for name in _SIZES & values.keys():
            plain[name] = tuple(values[name]) if isinstance(values[name], list | tuple) else (values[name],)
        try:
            for name, kind in get_type_hints(cls).items():
                if is_dataclass(kind) and isinstance(kind, type):
                    plain[name] = kind(**values.get(name, {}))
            return cls(**plain)
        except TypeError as error:
            raise OptionError(f"expected options as `beliefnet train` writes them: {error}") from error

    def load_data(self) -> Dataset:
        """Load the data set.

        Raises:
            DataError: If there is no such data set, or its file cannot be used.
        """
        return load(
            self.data,
            values=self.values,
            binarization=self.binarization,
            seed=self.seed,
            vocabulary_size=self.vocabulary_size,
            text_column=self.text_column,
        )

    def settled(self, dataset: Dataset) -> "TrainConfig":
        """Return the configuration with what it takes from the data written down.

        Raises:
            DataError: If logistic visible units cannot model the data, whose values do not lie on their grey levels.
        """
        if self.visible == "logistic":
            levels = self.levels or dataset.record.levels or 256
            check_levels(dataset.record, levels, self.data)
            return replace(self, levels=levels)
        if self.net != "document" or self.document_length is not None:
            return self
        return replace(self, document_length=round(float(dataset.train.average().sum()), 3))

    def build(self, data_mean: np.ndarray, image_shape: tuple[int, int] | None = None) -> tuple[BeliefNet, Estimator]:
        """Make the net and the estimator with their initial parameters.

        Args:
            data_mean: Mean of the training data, `[visible]`; its length is the width of the observation.
            image_shape: Height and width, if the data are images.

        Raises:
            OptionError: If the net cannot be one of such data.
        """
        net_key, estimator_key = jax.random.split(stream(self.seed, Stream.PARAMETERS))
        net = self.build_net(data_mean, image_shape, key=net_key)
        return net, self.build_estimator(net, key=estimator_key)


_SIZES = {"hidden", "deterministic", "deterministic_recognition", "convolution"}
