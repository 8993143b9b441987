"""Runs that were described by names, read back with their description."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet.catalogue._config import TrainConfig
from beliefnet.catalogue._nets import DataShape, used_values
from beliefnet.data import DataError, Dataset, Record, load, names
from beliefnet.runs import LoadedRun, RunFolderError, describe, differences, load_run


@dataclass(frozen=True)
class NamedRun(LoadedRun):
    """A run, with its description if `beliefnet train` made it.

    Attributes:
        config: How it was described; None of a run that `fit` made.
    """

    config: TrainConfig | None

    @property
    def description(self) -> str:
        """The net in a few words."""
        if self.config is not None:
            return self.config.describe(self.record.num_features)
        sizes = "-".join(map(str, (self.net.num_visible, *self.net.layer_sizes)))
        return f"{type(self.net).__name__} {sizes}"

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return int(self.settings["seed"])

    @property
    def data(self) -> str:
        """The data it was trained on, by what `load` takes: a name, or a path. Rows in memory have neither."""
        if self.config is not None:
            return self.config.data.values["data"]
        return self.record.source if self.record.variant in ("user file", "in memory") else self.record.name

    @property
    def can_load_data(self) -> bool:
        """Whether the data it was trained on have a name, or are in a file that is there."""
        if self.config is None and self.record.schema is not None:
            # What a file said of its columns was not kept.
            return False
        if self.record.variant == "user file":
            return Path(self.data).expanduser().exists()
        return self.record.variant != "in memory" and self.data in names()

    def load_data(self) -> Dataset:
        """Load the data it was trained on.

        Raises:
            DataError: If they cannot be loaded, or have other contents now.
        """
        if self.config is None and not self.can_load_data:
            raise DataError(
                f"expected data that can be loaded again, got {self.record.name} ({self.record.variant}, from "
                f"{self.record.source}), which `fit` was given for {self.folder.path}",
                "--data FILE",
                option="data",
            )
        dataset = load(self.data, **self.load_options)
        if dataset.record.checksum != self.record.checksum:
            raise DataError(
                f"expected the data that the net was trained on ({self.record.checksum}), got other contents of "
                f"{self.data} ({dataset.record.checksum})",
                "naming it with --data",
                option="data",
            )
        return dataset

    @property
    def load_options(self) -> dict[str, Any]:
        """How its data were loaded, as `load` takes it."""
        record = self.record
        if self.config is not None:
            given = self.config.data.values | self.config.of_net_and_run | kept_rows(record)
            return {name: value for name, value in given.items() if name != "data" and value is not None}
        how = {"values": record.values, "seed": self.seed, **record.reading.given}
        if record.binarization != "none":
            how["binarization"] = record.binarization
        if record.values == "counts":
            how |= {"vocabulary_size": record.num_features, **kept_rows(record)}
        return how


def kept_rows(record: Record) -> dict[str, Any]:
    """Return which rows of counts a run was trained on, as `load` takes it."""
    return {"keep_empty": record.keep_empty} if record.values == "counts" else {}


def load_named_run(path: Path | str) -> NamedRun:
    """Load the best net of a run, and its description if `beliefnet train` made it.

    Raises:
        RunFolderError: If it is not a run, no epoch was finished, the net cannot be rebuilt, or the `config.toml` was
            edited and describes another net, estimator or training.
        OptionError: If its `config.toml` has options that do not exist.
        CheckpointError: If no checkpoint is intact.
    """
    run = load_run(path)
    values = run.folder.read_config()
    config = TrainConfig.from_dict(values) if values else None
    if config is not None:
        _check_unedited(run, config)
    return NamedRun(**{field.name: getattr(run, field.name) for field in fields(LoadedRun)}, config=config)


def _check_unedited(run: LoadedRun, config: TrainConfig) -> None:
    """Check that a description, which anybody can edit, is that of the net that was trained."""
    structure = run.folder.read_record()["structure"]
    shape = DataShape.like(run.record)
    built = jax.eval_shape(lambda: jax.tree.map(jnp.asarray, config.build(shape)))  # no array is made
    described = {what: describe(tree) for what, tree in zip(structure, built, strict=True)}
    for what in described:
        # A field that the record does not know has come since: no edit.
        edits = [found for found in differences(structure[what], described[what], what) if not found.is_added]
        for place, saved, edited in edits:
            raise RunFolderError(
                f"expected {run.folder.config_file} as it was when the run was trained, got {place} {edited} instead "
                f"of {saved}",
                f"undoing the edit, or a new run: beliefnet train {run.folder.config_file} --out NEW",
            )


def net_of_start(config: TrainConfig, net: BeliefNet) -> tuple[BeliefNet, tuple[str, ...]]:
    """Return the net that training starts from: that of the run named by `config.start`, or the one given.

    One sentence for each damaged checkpoint of that run that was passed over comes with it.

    Args:
        config: The description of the run to be started.
        net: A net with its initial parameters, as the description asks for.

    Raises:
        RunFolderError: If there is no such run, or it has not finished an epoch.
        OptionError: If its net is another one.
    """
    if config.start is None:
        return net, ()
    try:
        started = load_run(config.start)
    except RunFolderError as error:
        raise RunFolderError.of(error, about="--start") from error
    found = differences(describe(started.net), describe(net), "net")
    if found:
        place, other, wanted = found[0]
        raise OptionError(
            f"expected --start to be a run with the same net, got {config.start} with {_described(config, started)}, "
            f"{place} {other} instead of {wanted}",
            "the options of its config.toml",
        )
    return started.net, started.skipped


def _described(config: TrainConfig, run: LoadedRun) -> str:
    """Describe the net of a run, and name the options in which it differs."""
    values = run.folder.read_config()
    if not values:
        return "another net"
    other = TrainConfig.from_dict(values)
    before, now = ({"net": each.net.name, **used_values(each.net)} for each in (other, config))
    named = [
        f"{name.replace('_', '-')}={before.get(name)}" for name in before | now if before.get(name) != now.get(name)
    ]
    return f"{other.describe(run.record.num_features)} ({', '.join(named) or 'other data'})"
