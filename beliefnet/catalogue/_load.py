"""A finished or interrupted run, read back for use."""

from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet.catalogue._config import TrainConfig
from beliefnet.catalogue._nets import used_values
from beliefnet.data import Record
from beliefnet.proposals import Proposal
from beliefnet.runs._checkpoint import Restored, read_record
from beliefnet.runs._folder import RunFolder, RunFolderError
from beliefnet.training._optimizers import make_optimizer
from beliefnet.training._state import TrainState


@dataclass(frozen=True)
class LoadedRun:
    """A run folder with the best net in it.

    Attributes:
        folder: The run folder.
        config: How the run was described.
        record: The data it was trained on.
        net: The net with the best validation bound so far.
        proposal: What its bound is measured with: the recognition net, or what refines it in training.
        best_epoch: The epoch after which it was found.
        skipped: One sentence for each damaged checkpoint that was passed over.
    """

    folder: RunFolder
    config: TrainConfig
    record: Record
    net: BeliefNet
    proposal: Proposal
    best_epoch: int
    skipped: tuple[str, ...]


def load_run(path: Path | str) -> LoadedRun:
    """Load the best net of a run.

    Args:
        path: A folder that `beliefnet train` or `fit` wrote.

    Raises:
        RunFolderError: If it is not a run folder, or no epoch was finished.
        OptionError: If its `config.toml` has options that do not exist.
        CheckpointError: If no checkpoint is intact, or it does not fit the architecture in `config.toml`.
    """
    folder = RunFolder.open(Path(path))
    config = TrainConfig.from_dict(folder.read_config())
    record = Record.from_dict(read_record(folder.checkpoints.directory)["data"])
    net, estimator = config.build(np.full(record.num_features, 0.5), record.image_shape)
    like = TrainState.start(net, estimator, make_optimizer(config.fit, num_steps=1))
    restored: Restored = folder.checkpoints.restore(like)
    state: TrainState = restored.state
    if int(state.best_epoch) == 0:
        raise RunFolderError(
            f"expected a run that has finished an epoch, got {path}, stopped at step {restored.step}; "
            f"try beliefnet train --resume {path}"
        )
    best = state.best
    proposal = best.estimator.bound.proposal
    return LoadedRun(folder, config, record, best.net, proposal, int(state.best_epoch), restored.skipped)


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
        raise RunFolderError(f"--start cannot be used: {error}") from error
    shapes = [jax.tree.map(jnp.shape, tree) for tree in (net, started.net)]
    if jax.tree.structure(net) != jax.tree.structure(started.net) or shapes[0] != shapes[1]:
        before, now = ({"net": c.net.name, **used_values(c.net)} for c in (started.config, config))
        differing = [
            f"{name.replace('_', '-')}={before.get(name)}" for name in before | now if before.get(name) != now.get(name)
        ]
        raise OptionError(
            f"expected --start to be a run with the same net, got {config.start} with "
            f"{started.config.describe(started.record.num_features)} ({', '.join(differing) or 'other data'}); try the "
            "options of its config.toml"
        )
    return started.net, started.skipped
