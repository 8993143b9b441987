"""Runs that were described by names, read back with their description."""

from dataclasses import dataclass, fields
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet.catalogue._config import TrainConfig
from beliefnet.catalogue._entries import blaming
from beliefnet.catalogue._nets import used_values
from beliefnet.runs import LoadedRun, RunFolderError, describe, differences, load_run, read_record


@dataclass(frozen=True)
class NamedRun(LoadedRun):
    """A run that `beliefnet train` made.

    Attributes:
        config: How it was described.
    """

    config: TrainConfig


def load_named_run(path: Path | str) -> NamedRun:
    """Load the best net of a run that `beliefnet train` made, and its description.

    Raises:
        RunFolderError: If it is not such a run, no epoch was finished, or its `config.toml` was edited and describes
            another net, estimator or training.
        OptionError: If its `config.toml` has options that do not exist.
        CheckpointError: If no checkpoint is intact.
    """
    run = load_run(path)
    values = run.folder.read_config()
    if not values:
        raise RunFolderError(
            f"expected a run that `beliefnet train` made, got {path}, which `fit` made and no {run.folder.config_file} "
            "describes; try beliefnet.runs.load_run in Python"
        )
    config = TrainConfig.from_dict(values)
    _check_unedited(run, config)
    return NamedRun(**{field.name: getattr(run, field.name) for field in fields(LoadedRun)}, config=config)


def _check_unedited(run: LoadedRun, config: TrainConfig) -> None:
    """Check that a description, which anybody can edit, is that of the net that was trained."""
    structure = read_record(run.folder.checkpoints.directory)["structure"]
    built = config.build(np.full(run.record.num_features, 0.5), run.record.image_shape)
    described = {what: describe(jax.tree.map(jnp.asarray, tree)) for what, tree in zip(structure, built, strict=True)}
    for what in described:
        for place, saved, edited in differences(structure[what], described[what], what):
            raise RunFolderError(
                f"expected {run.folder.config_file} as it was when the run was trained, got {place} {edited} instead "
                f"of {saved}; try undoing the edit, or a new run: beliefnet train {run.folder.config_file} --out NEW"
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
        raise RunFolderError(blaming("--start", str(error))) from error
    found = differences(describe(started.net), describe(net), "net")
    if found:
        place, other, wanted = found[0]
        raise OptionError(
            f"expected --start to be a run with the same net, got {config.start} with {_described(config, started)}, "
            f"{place} {other} instead of {wanted}; try the options of its config.toml"
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
