"""The description of a training run by names: what is built of it, and how it is written down."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax

from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet._options import options_of
from beliefnet._types import ValueKind
from beliefnet.catalogue._effect import OF_PLATEAU, idle, refuse_idle
from beliefnet.catalogue._entries import Choice, Entry, tried
from beliefnet.catalogue._families import MIXED
from beliefnet.catalogue._flat import AUTO, DATA, all_options, flatten, key, nest
from beliefnet.catalogue._former import renamed
from beliefnet.catalogue._methods import (
    ESTIMATORS,
    build_estimator,
    default_estimator,
    estimators_for,
)
from beliefnet.catalogue._nets import NETS, DataShape, build_net, describe_net, used_values
from beliefnet.catalogue._trials import candidates, trial_estimator, trial_net
from beliefnet.data import Dataset, check_levels, names
from beliefnet.estimators import AbstractEstimator
from beliefnet.training import FitOptions, Stream, default_batch_size, stream


class TrainConfig:
    """All that a training run depends on, as `beliefnet train` takes it.

    It has what it is made of as objects: the data, the net and the estimator with their options, and how to fit.

    Args:
        **options: The options of `beliefnet train` with underscores; those of one estimator in a dictionary under its
            name, as in `TrainConfig(hidden=(20,), estimator="nvil", nvil={"smoothing": 0.9})`. With the estimator
            "auto", each candidate may have options.

    Attributes:
        data: What to load, and how.
        net: Which net.
        estimator: Which estimator; while `is_auto`, the one that is trained with before others are measured.
        is_auto: Whether the estimator is still to be chosen.
        candidates: What it is chosen from, by name: what climbs the ELBO of the net without bias.
        fit: How long and in what portions to train.
        start: Folder of a run from whose net training starts, or None.
        values: What data it is a model of: binary, grey, or counts.
        takes_empty_rows: Whether rows of zeros are data for its visible units.
        idle: Names of options, as on the command line, that a file holds and that have no effect with the others.

    Raises:
        OptionError: If an option is unknown, has a value of the wrong type or one that cannot be used, does not fit
            the others, or has no effect with them.

    Examples:
        >>> TrainConfig(data="bars", hidden=(16,), epochs=3).net.values["hidden"]
        (16,)
    """

    data: Choice
    net: Choice
    estimator: Choice
    is_auto: bool
    candidates: Mapping[str, Choice]
    fit: FitOptions
    start: str | None
    values: ValueKind | None
    takes_empty_rows: bool
    idle: tuple[str, ...]

    def __init__(self, **options: Any):
        flat = flatten(options)
        self._set(flat)
        self._refuse_idle(self.idle, flat)

    def _set(self, flat: Mapping[str, Any]) -> None:
        self._given = dict(flat)
        if flat.get("visible") == MIXED and flat.keys().isdisjoint(("net", "latents", "estimator")):
            flat = {**_OF_TABLE, **flat}
        self.data = Choice(DATA, _own(flat, DATA))
        self.fit = FitOptions(**{name: flat[name] for name in options_of(FitOptions) if name in flat})
        self.start = _checked(flat, "start", None)
        net = NETS[_checked(flat, "net", "sbn")]
        _check_families(net, flat)
        self.net = Choice(net, _own(flat, net))
        trial, kinds = tried(self.net, trial_net)
        visible = trial.generative.conditionals[-1].units
        self.values, self.takes_empty_rows = visible.values, visible.takes_empty_rows
        usual = default_estimator(kinds).name
        name = _checked(flat, "estimator", usual)
        self.is_auto = name == AUTO
        names = estimators_for(kinds) if self.is_auto else [name]
        choices = {name: Choice(ESTIMATORS[name], _own(flat, ESTIMATORS[name])) for name in names}
        self.estimator = choices[usual if self.is_auto else name]
        made = tried(self.estimator, lambda choice: trial_estimator(choice, trial))
        self.candidates = candidates(choices, trial) if self.is_auto else choices
        useless = {"estimator_learning_rate": made, "recognition_learning_rate": trial.recognition}
        self.idle = self._idle(flat, {name for name, of in useless.items() if not jax.tree.leaves(of)})

    def __eq__(self, other: object) -> bool:
        return type(other) is TrainConfig and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.net, self.estimator))

    def __repr__(self) -> str:
        return f"TrainConfig({', '.join(f'{name}={value!r}' for name, value in self.to_dict().items())})"

    def _idle(self, flat: Mapping[str, Any], useless: set[str]) -> tuple[str, ...]:
        """Return what was given without effect; useless are options of training that are about nothing in the net."""
        of_run = (options_of(FitOptions).keys() | {"net", "estimator", "start"}) - useless
        of_run = of_run if self.fit.schedule == "plateau" else of_run - OF_PLATEAU
        return idle(flat, (self.data, self.net, *self.candidates.values()), self.net, of_run)

    def _refuse_idle(self, names: Iterable[str], flat: Mapping[str, Any]) -> None:
        chosen = AUTO if self.is_auto else self.estimator.name
        refuse_idle(names, flat, self.net.name, chosen, is_auto=self.is_auto)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for TOML, defaults included; what has no value is left out."""
        estimator = {
            key(choice.entry.options[name]): value
            for choice in (*self.candidates.values(), self.estimator)
            for name, value in (choice.values if choice is self.estimator else choice.given).items()
        }
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
        for name in ("start", "schema"):
            if flat.get(name) is not None:
                flat[name] = str(Path(flat[name]).resolve())
        return nest({name: value for name, value in flat.items() if value is not None})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], /, **changes: Any) -> "TrainConfig":
        """Rebuild a configuration from TOML, also from that of version 0.1.0.

        What the file has for another net or estimator is passed over, and named by `idle`.

        Args:
            values: The options of the file.
            **changes: Options that take their place.

        Raises:
            OptionError: If an option is unknown or has a value of the wrong type, or a change has no effect.
        """
        config, changed = cls.__new__(cls), flatten(changes)
        config._set({**flatten(renamed(values)), **changed})
        config._refuse_idle([name for name in config.idle if name.replace("-", "_") in changed], changed)
        return config

    def replace(self, **changes: Any) -> "TrainConfig":
        """Return the configuration with other options.

        Raises:
            OptionError: If they cannot be used.
        """
        return self._changed(flatten(self.to_dict()), changes)

    def choose(self, name: str) -> "TrainConfig":
        """Return the configuration with one of the candidates as its estimator, and without the options of others."""
        others = {key(option) for other in ESTIMATORS.values() for option in other.options.values() if option.group}
        own = {key(option) for option in ESTIMATORS[name].options.values()}
        flat = {option: value for option, value in flatten(self.to_dict()).items() if option not in others - own}
        return self._changed(flat, {"estimator": name})

    def _changed(self, flat: Mapping[str, Any], changes: Mapping[str, Any]) -> "TrainConfig":
        config = TrainConfig.from_dict(flat, **changes)
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
        values = "auto" if self._may_be_mixed else self.values
        return {"values": values, "seed": self.fit.seed, "levels": levels, "keep_empty": keep_empty}

    @property
    def _may_be_mixed(self) -> bool:
        """Whether the data may decide that the visible units are those of a table: nothing was said of them."""
        return "visible" in self.net.entry.options.keys() - self.net.given.keys()

    def settled(self, dataset: Dataset) -> "TrainConfig":
        """Return the configuration with what it takes from the data written down.

        Raises:
            DataError: If logistic visible units cannot model the data, whose values do not lie on their grey levels.
        """
        if dataset.record.values == MIXED and self.values != MIXED:
            return TrainConfig.from_dict(self._given, visible=MIXED).settled(dataset)
        open_options = [name for name in used_values(self.net) if name in _FROM_DATA and name not in self.net.given]
        found = {name: _FROM_DATA[name](dataset) for name in open_options}
        if self.fit.batch_size is None:
            fixed = None if dataset.batches is None else dataset.batches.fixed_size
            found["batch_size"] = fixed or default_batch_size(dataset.record.splits["train"])
        config = self.replace(**found)
        levels = used_values(config.net).get("levels")
        if levels is not None:
            check_levels(dataset.record, levels, self.data.values["data"])
        return config

    def build(self, data: DataShape) -> tuple[BeliefNet, AbstractEstimator]:
        """Make the net and the estimator with their initial parameters.

        Args:
            data: What a net takes from the data, such as the mean of the training rows.

        Raises:
            OptionError: If the net cannot be one of such data.
        """
        net_key, estimator_key = jax.random.split(stream(self.fit.seed, Stream.PARAMETERS))
        net = build_net(self.net, data, key=net_key)
        return net, build_estimator(self.estimator, net, key=estimator_key)

    def describe(self, num_visible: int) -> str:
        """Return the net in a few words, such as `784-200 sigmoid belief net`."""
        return describe_net(self.net, num_visible)


_OF_TABLE: Mapping[str, Any] = {
    "net": "vae",
    "hidden": (10,),
    "deterministic": (100,),
    "mark_missing": True,
    "estimator": "iwae",
    "particles": 5,
    "learning_rate": 0.002,
    "average": 0.99,
}
"""What a table of mixed columns is trained with where neither net nor estimator is named: chosen by its imputations."""
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
