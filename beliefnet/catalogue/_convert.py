"""Run folders of version 0.1.0, written anew as runs of today."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from beliefnet.catalogue._config import TrainConfig
from beliefnet.data import Record
from beliefnet.runs import CheckpointError, RunFolder, RunFolderError
from beliefnet.training import Plan, RunWriter, TrainState

_ALIASES = {"hidden": "bias"}
"""Leaves that had another name."""
_DROPPED = "offset"
"""The hidden units of a NADE had an offset of their own, equal to that of its base."""

_NEW = frozenset({"step_scale", "kl_share", "reduced_epoch", "best_score"})
"""Leaves that version 0.1.0 did not have."""


def convert_run(old: Path | str, new: Path | str) -> RunFolder:
    """Write a run of version 0.1.0 as a new run folder; the old one is left as it is.

    The net, its estimator and the optimiser's state keep their values: the converted run evaluates to the same
    numbers within the noise of other random keys, and training goes on from where it stopped.

    Args:
        old: Folder of a run that `beliefnet train` of version 0.1.0 made.
        new: A folder that does not exist yet, or is empty.

    Returns:
        The new folder.

    Raises:
        RunFolderError: If the old one is no such run, or the new one is in use.
        OptionError: If the old configuration has options that do not exist.
        CheckpointError: If no checkpoint is intact, or its arrays are not those of its net.
    """
    source = RunFolder.open(old)
    values = source.read_config()
    saved = source.checkpoints.read()
    if "structure" in saved.record or not values:
        raise RunFolderError(f"expected a run of version 0.1.0, got {old}, which needs no conversion", "it as it is")
    config = TrainConfig.from_dict(values)
    record = Record.from_dict(saved.record["data"])
    built = config.build(np.full(record.num_features, 0.5), record.image_shape)
    state = _filled(TrainState.start(*built, Plan.of(config.fit, 1)), saved.state, saved.path)
    # The validation bound was all that was monitored.
    state = eqx.tree_at(lambda s: s.best_score, state, jnp.copy(state.best_bound))
    target = RunFolder.create(new, config.to_dict())
    with target.lock.held():
        writer = RunWriter(target, record, config.fit, state.learner.params, made_with={"beliefnet": "0.1.0"})
        writer.save(state, saved.record["epoch"], saved.record["seconds"])
        _copy_rest(source, target, int(state.best_epoch))
    return target


def _copy_rest(source: RunFolder, target: RunFolder, best_epoch: int) -> None:
    for row in source.read_metrics():
        target.append_metrics(row)
    if source.vocabulary_file.exists():
        target.write_words(source.read_words())
    if source.evaluation_file.exists():
        evaluation = source.read_evaluation()
        if evaluation.get("best_epoch") == best_epoch:
            target.write_evaluation(evaluation)


def _filled(state: TrainState, saved: dict[str, Any], place: Path) -> TrainState:
    """Return a state with the saved values, found by what they are part of, name and shape.

    Within one layer, networks are nested in another way than they were; the order of leaves of the same name and shape
    is the same.
    """
    found: dict[Any, list[Any]] = defaultdict(list)
    for path, value in saved.items():
        found[_key(path, value.shape, saved)].append(value)
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_flatten_with_path(state)[0]]
    leaves, structure = jax.tree.flatten(state)
    filled = []
    for path, leaf in zip(paths, leaves, strict=True):
        if path.rpartition(".")[2] in _NEW:
            filled.append(leaf)
            continue
        values = found[_key(path, leaf.shape, paths)]
        if not values or values[0].dtype != leaf.dtype:
            raise CheckpointError(
                f"expected a value for {path}, {leaf.dtype}{list(leaf.shape)}, got none in {place}",
                "using this run with the version that made it",
            )
        filled.append(values.pop(0))
    left = [key for key, values in found.items() if values and key[1] != _DROPPED]
    if left:
        raise CheckpointError(
            f"expected a place for all of {place}, got {left[0]} left over", "the version that made it"
        )
    return structure.unflatten(filled)


def _key(path: str, shape: tuple[int, ...], paths: Any) -> tuple[str, str, tuple[int, ...]]:
    """What a leaf is part of, its name and its shape."""
    # Parts of the optimiser that were left out have no number now, or had none.
    ordinals = {number: str(i) for i, number in enumerate(_optimizer_parts(paths))}
    path = re.sub(r"opt_state\[(\d+)\]", lambda match: f"opt_state[{ordinals[int(match[1])]}]", path)
    whole = re.match(r"(.*?(?:conditionals\[\d+\]|\.estimator\b))(.*)", path)
    if whole is None:
        return path, "", shape
    names = re.findall(r"[A-Za-z_]\w*", whole[2])
    name = names[-2] if names[-1:] == ["array"] else names[-1]
    return str(whole[1]), _ALIASES.get(name) or name, shape


def _optimizer_parts(paths: Any) -> Iterator[int]:
    yield from sorted({int(n) for path in paths for n in re.findall(r"opt_state\[(\d+)\]", path)})
