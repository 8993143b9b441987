"""A finished or interrupted run, read back for use."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from beliefnet._net import BeliefNet
from beliefnet.datasets import Record
from beliefnet.training._checkpoint import Restored, read_record
from beliefnet.training._config import TrainConfig
from beliefnet.training._folder import RunFolder, RunFolderError
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
        best_epoch: The epoch after which it was found.
        skipped: One sentence for each damaged checkpoint that was passed over.
    """

    folder: RunFolder
    config: TrainConfig
    record: Record
    net: BeliefNet
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
    net, estimator = config.build(np.full(record.num_features, 0.5))
    like = TrainState.start(net, estimator, make_optimizer(config, num_steps=1))
    restored: Restored = folder.checkpoints.restore(like)
    state: TrainState = restored.state
    if int(state.best_epoch) == 0:
        raise RunFolderError(
            f"expected a run that has finished an epoch, got {path}, stopped at step {restored.step}; "
            f"try beliefnet train --resume {path}"
        )
    return LoadedRun(folder, config, record, state.best_net, int(state.best_epoch), restored.skipped)
