"""The description of a training run by names: what is built of it, and how it is written down."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np

from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet._options import options_of
from beliefnet._types import ValueKind
from beliefnet.catalogue._entries import Choice, Entry, tried
from beliefnet.catalogue._flat import AUTO, DATA, all_options, flatten, key, nest
from beliefnet.catalogue._former import renamed
from beliefnet.catalogue._methods import ESTIMATORS, build_estimator, default_estimator
from beliefnet.catalogue._nets import NETS, DataShape, build_net, describe_net, idle_options, used_values
from beliefnet.data import Dataset, check_levels, names
from beliefnet.distributions import UnitKind
from beliefnet.estimators import Estimator
from beliefnet.training import FitOptions, Stream, default_batch_size, stream

_TRIAL = DataShape(512 * 512, image_shape=(512, 512))
"""Data that any net can be of: nothing of this size is ever made."""


class TrainConfig:
    """All that a training run depends on, as `beliefnet train` takes it.

    It has what it is made of as objects: the data, the net and the estimator with their options, and how to fit.

    Args:
        **options: The options of `beliefnet train` with underscores; those of one estimator in a dictionary under its
            name, as in `TrainConfig(hidden=(20,), estimator="nvil", nvil={"smoothing": 0.9})`.

    Attributes:
        data: What to load, and how.
        net: Which net.
        estimator: Which estimator; while `is_auto`, the one that is trained with before others are measured.
        is_auto: Whether the estimator is still to be chosen.
        fit: How long and in what portions to train.
        start: Folder of a run from whose net training starts, or None.
        values: What data it is a model of: binary, grey, or counts.
        takes_empty_rows: Whether rows of zeros are data for its visible units.
        idle: Names of options that were given and have no effect, as on the command line.

    Raises:
        OptionError: If an option is unknown, has a value of the wrong type or one that cannot be used, or does not fit
            the others.

    Example:
        >>> TrainConfig(data="bars", hidden=(16,), epochs=3).net.values["hidden"]
        (16,)
    """

    data: Choice
    net: Choice
    estimator: Choice
    is_auto: bool
    fit: FitOptions
    start: str | None
    values: ValueKind | None
    takes_empty_rows: bool
    idle: tuple[str, ...]

    def __init__(self, **options: Any):
        flat = flatten(options)
        self.data = Choice(DATA, _own(flat, DATA))
        self.fit = FitOptions(**{name: flat[name] for name in options_of(FitOptions) if name in flat})
        self.start = _checked(flat, "start", None)
        net = NETS[_checked(flat, "net", "sbn")]
        _check_families(net, flat)
        self.net = Choice(net, _own(flat, net))
        trial, kinds = tried(self.net, _trial_net)
        visible = trial.generative.conditionals[-1].units
        self.values, self.takes_empty_rows = visible.values, visible.takes_empty_rows
        usual = default_estimator(kinds).name
        name = _checked(flat, "estimator", usual)
        self.is_auto = name == AUTO
        estimator = ESTIMATORS[usual if self.is_auto else name]
        self.estimator = Choice(estimator, _own(flat, estimator))
        tried(self.estimator, lambda choice: _trial_estimator(choice, trial))
        self.idle = self._idle(flat)

    def __eq__(self, other: object) -> bool:
        return type(other) is TrainConfig and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.net, self.estimator))

    def __repr__(self) -> str:
        return f"TrainConfig({', '.join(f'{name}={value!r}' for name, value in self.to_dict().items())})"

    def _idle(self, flat: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what was given for another net or estimator, and differs from what it is anyway."""
        entries = [choice.entry for choice in (self.data, self.net, self.estimator)]
        used = {key(option) for entry in entries for option in entry.options.values()}
        others = flat.keys() - used - options_of(FitOptions).keys() - {"net", "estimator", "start"}
        known = all_options()
        changed = [name for name in sorted(others) if known[name].check(flat[name]) != known[name].default]
        return tuple(name.replace("_", "-") for name in [*changed, *idle_options(self.net)])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for TOML, defaults included; what has no value is left out."""
        estimator = {key(self.estimator.entry.options[name]): value for name, value in self.estimator.values.items()}
        flat = {
            "net": self.net.name,
            **used_values(self.net),
            "estimator": AUTO if self.is_auto else self.estimator.name,
            **estimator,
            **asdict(self.fit),
            **self.data.values,
            "start": self.start,
        }
        if flat["data"] not in names() and Path(flat["data"]).exists():
            # The run can then be repeated from another directory.
            flat["data"] = str(Path(flat["data"]).resolve())
        if self.start is not None:
            flat["start"] = str(Path(self.start).resolve())
        return nest({name: value for name, value in flat.items() if value is not None})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainConfig":
        """Rebuild a configuration from TOML, also from that of version 0.1.0.

        Raises:
            OptionError: If an option is unknown or has a value of the wrong type.
        """
        return cls(**renamed(values))

    def replace(self, **changes: Any) -> "TrainConfig":
        """Return the configuration with other options.

        Raises:
            OptionError: If they cannot be used.
        """
        config = TrainConfig(**{**flatten(self.to_dict()), **flatten(changes)})
        config.idle = tuple(dict.fromkeys((*self.idle, *config.idle)))
        return config

    def load_data(self, **changes: Any) -> Dataset:
        """Load the data set.

        Args:
            **changes: Options of `load` that are not as net and run have them.

        Raises:
            DataError: If there is no such data set, or its file cannot be used.
        """
        return self.data.make(**self.of_net_and_run | changes)

    @property
    def of_net_and_run(self) -> dict[str, Any]:
        """Options of `load` that follow from the net and the run."""
        # Whole numbers of a file are levels where a net says how many there are.
        levels = self.net.values.get("levels") if self.values == "grey" and "levels" in self.net.given else None
        keep_empty = self.takes_empty_rows if self.values == "counts" else None
        return {"values": self.values, "seed": self.fit.seed, "levels": levels, "keep_empty": keep_empty}

    def settled(self, dataset: Dataset) -> "TrainConfig":
        """Return the configuration with what it takes from the data written down.

        Raises:
            DataError: If logistic visible units cannot model the data, whose values do not lie on their grey levels.
        """
        open_options = [name for name in used_values(self.net) if name in _FROM_DATA and name not in self.net.given]
        found = {name: _FROM_DATA[name](dataset) for name in open_options}
        if self.fit.batch_size is None:
            found["batch_size"] = default_batch_size(dataset.record.splits["train"])
        config = self.replace(**found)
        levels = used_values(config.net).get("levels")
        if levels is not None:
            check_levels(dataset.record, levels, self.data.values["data"])
        return config

    def build(self, data_mean: np.ndarray, image_shape: tuple[int, int] | None = None) -> tuple[BeliefNet, Estimator]:
        """Make the net and the estimator with their initial parameters.

        Args:
            data_mean: Mean of the training data, `[visible]`; its length is the width of the observation.
            image_shape: Height and width, if the data are images.

        Raises:
            OptionError: If the net cannot be one of such data.
        """
        net_key, estimator_key = jax.random.split(stream(self.fit.seed, Stream.PARAMETERS))
        net = build_net(self.net, DataShape(len(data_mean), np.asarray(data_mean), image_shape), key=net_key)
        return net, build_estimator(self.estimator, net, key=estimator_key)

    def describe(self, num_visible: int) -> str:
        """Return the net in a few words, such as `784-200 sigmoid belief net`."""
        return describe_net(self.net, num_visible)


_FROM_DATA: dict[str, Callable[[Dataset], Any]] = {
    "levels": lambda dataset: dataset.record.levels,
    "document_length": lambda dataset: round(float(dataset.train.average().sum()), 3),
}
"""Options that are taken from the data where nothing is said."""


def _own(flat: Mapping[str, Any], entry: Entry) -> dict[str, Any]:
    """Return the options of one thing under the names that it knows."""
    return {name: flat[key(option)] for name, option in entry.options.items() if key(option) in flat}


def _checked(flat: Mapping[str, Any], name: str, default: Any) -> Any:
    return all_options()[name].check(flat[name]) if name in flat else default


def _check_families(net: Entry, flat: Mapping[str, Any]) -> None:
    """Refuse a family that a net cannot be given: its data would be read as something else."""
    for name in _FAMILIES & flat.keys() - net.options.keys():
        value = _checked(flat, name, None)
        taking = [entry.name for entry in NETS.values() if name in entry.options]
        if value != all_options()[name].default:
            raise OptionError(
                f"expected a net that takes {name} {value} ({', '.join(taking)}), got {net.name}",
                f"another net, or leaving {name} out",
            )


_FAMILIES = {"visible", "latents"}


def _trial_net(choice: Choice) -> tuple[BeliefNet, tuple[UnitKind, ...]]:
    """Make a net without its arrays, to see whether it can be made, and of what kinds its latents are."""

    def make() -> tuple[BeliefNet, tuple[UnitKind, ...]]:
        net = build_net(choice, _TRIAL, key=jax.random.key(0))
        return net, net.latent_kinds

    return eqx.filter_eval_shape(make)


def _trial_estimator(choice: Choice, net: BeliefNet) -> Estimator:
    """Make an estimator without its arrays, to see whether it can be made for a net."""
    return eqx.filter_eval_shape(lambda net: build_estimator(choice, net, key=jax.random.key(0)), net)
