"""Two lines for what most people need: a net fitted to data, or loaded from a folder."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from beliefnet._errors import OptionError, check_type, whole_number
from beliefnet._model import Model
from beliefnet.catalogue import DataShape, TrainConfig, check_memory, choose_estimator, load_named_run, net_of_start
from beliefnet.data import Dataset
from beliefnet.devices import MeshLike, mesh_text
from beliefnet.runs import RunFolder
from beliefnet.tables import Column
from beliefnet.training import Callback, Fitted, Start, fit_side_by_side
from beliefnet.training import fit as train


def fit(
    data: Any = "digits",
    *,
    kinds: Mapping[str, str | Column] | None = None,
    folder: Path | str | None = None,
    callback: Callback | None = None,
    mesh: MeshLike | None = None,
    **options: Any,
) -> Model:
    """Train a net on data.

    Args:
        data: Rows in memory, as for `data.Dataset.from_arrays`; a `data.Dataset`; a file; or the name of a data set.
        kinds: What some columns of a data frame are, by their names, where they are not what their values look like:
            `{"visits": "count"}`; `docs/tables.md` lists the kinds. Of a file, the option `schema` says it.
        folder: A run folder to write, which `load` reads. A call that was interrupted goes on when it is repeated; with
            the estimator "auto", which is chosen by the clock, only if the choice is the same.
        callback: Is told of progress, and may ask to stop, add columns to the history, or change the learning rate; see
            `training.Callback`.
        mesh: Devices to train on: "data=4,model=2", `{"data": 4}`, or a `jax.sharding.Mesh`; see `training.fit`.
        **options: The options of `beliefnet train` with underscores: `hidden`, `net`, `estimator`, `epochs`, `seed`...
            An estimator may have its options in one word, as in `"vimco:particles=5"`.

    Returns:
        The trained net, with what it takes to use it.

    Raises:
        OptionError: If an option is unknown, cannot be used, or has no effect.
        DataError: If the data cannot be used, or a column is not of the kind that it is said to be.
        TrainingDiverged: If the objective is not finite any more.

    Examples:
        >>> model = fit("bars", hidden=(8,), epochs=1)
        >>> model.encode(model.sample(3)).shape
        (3, 8)
    """
    options |= {} if mesh is None else {"mesh": mesh_text(mesh)}
    config, dataset = _prepared(data, kinds, options)
    return _in_frames(data, _fitted(config, folder, dataset, callback, mesh))


@dataclass(frozen=True)
class Seeds:
    """The same training from several seeds, on the same rows.

    Attributes:
        models: The trained nets, in the order of the seeds.
    """

    models: tuple[Model, ...]

    @property
    def best(self) -> Model:
        """The one with the best validation bound."""
        return max(self.models, key=lambda model: model.best_bound)

    @property
    def mean(self) -> float:
        """Mean of the best validation bounds, in nats per example."""
        return float(np.mean([model.best_bound for model in self.models]))

    @property
    def spread(self) -> float:
        """Their standard deviation, with one less than their number in its denominator; NaN for one."""
        bounds = [model.best_bound for model in self.models]
        return float(np.std(bounds, ddof=1)) if len(bounds) > 1 else float("nan")


def fit_seeds(
    data: Any = "digits",
    *,
    num_seeds: int = 3,
    side_by_side: bool = False,
    kinds: Mapping[str, str | Column] | None = None,
    folder: Path | str | None = None,
    callback: Callback | None = None,
    **options: Any,
) -> Seeds:
    """Train from several seeds: data are divided once, and programs are compiled once.

    One after another, each ends with the bits of its own `fit`. Side by side, the steps of all are one program, which
    takes less time where nets are small or there is an accelerator; the results are those of its own `fit` but for
    rounding, which comes to decide a draw now and then, so that long runs agree as two machines do
    (`docs/python.md` has figures).

    Args:
        data: As for `fit`.
        num_seeds: How many; the first is `seed`, the others follow it.
        side_by_side: Whether they are trained at the same time.
        kinds: As for `fit`.
        folder: A folder for the run folders, `seed-0` and so on by their seeds.
        callback: As for `fit`.
        **options: As for `fit`.

    Raises:
        OptionError: As for `fit`, or if each seed would choose its own estimator (`"auto"`) side by side.
        DataError: As for `fit`.
        TrainingDiverged: As for `fit`.

    Examples:
        >>> found = fit_seeds("bars", num_seeds=2, hidden=(8,), epochs=1)
        >>> found.best.best_bound >= found.mean
        True
    """
    num_seeds = whole_number("num_seeds", num_seeds, good=3)
    config, dataset = _prepared(data, kinds, options)
    seeds = range(config.fit.seed, config.fit.seed + num_seeds)
    places = [None if folder is None else Path(folder) / f"seed-{seed}" for seed in seeds]
    configs = [config.replace(seed=seed) for seed in seeds]
    if not side_by_side:
        models = [_fitted(*one, dataset, callback) for one in zip(configs, places, strict=True)]
        return Seeds(tuple(_in_frames(data, model) for model in models))
    if config.is_auto:
        raise OptionError(
            "expected one estimator for seeds side by side, got estimator 'auto', which each seed chooses",
            f"estimator={config.estimator.name!r}",
        )
    starts = [_start(*one, dataset) for one in zip(configs, places, strict=True)]
    found = fit_side_by_side(starts, dataset, callback=callback)
    models = [_model(*one, dataset) for one in zip(found, places, strict=True)]
    return Seeds(tuple(_in_frames(data, model) for model in models))


def _prepared(data: Any, kinds: Mapping[str, Any] | None, options: dict[str, Any]) -> tuple[TrainConfig, Dataset]:
    """Return what is to be trained, and the data, loaded and divided."""
    is_named = issubclass(type(data), str | Path)
    if kinds is not None:
        check_type("kinds", kinds, Mapping, good="{'visits': 'count'}")
    if kinds and is_named:
        raise OptionError("expected kinds of columns with a data frame, got a file or name", "schema='schema.toml'")
    config = TrainConfig(**options, data=str(data)) if is_named else TrainConfig(**options)
    dataset = config.load_data() if is_named else _dataset(data, kinds, config)
    config = config.settled(dataset)
    check_memory(config, dataset)
    return config, dataset


def _in_frames(data: Any, model: Model) -> Model:
    """Return a model that says what it says of rows in data frames, if it was fitted to one: of the same type."""
    return replace(model, example=data[:0]) if hasattr(data, "columns") and type(data) is not Dataset else model


def _fitted(
    config: TrainConfig,
    folder: Path | str | None,
    dataset: Dataset,
    callback: Callback | None,
    mesh: MeshLike | None = None,
) -> Model:
    start = _start(config, folder, dataset)
    given = {"options": start.options, "folder": start.folder, "callback": callback, "mesh": mesh}
    found = train(start.net, dataset, start.estimator, **given)
    return _model(found, folder, dataset)


def _start(config: TrainConfig, folder: Path | str | None, dataset: Dataset) -> Start:
    """Return what a run starts from, with an estimator that is measured, if none is named."""
    shape = DataShape.of(dataset)
    net, estimator = config.build(shape)
    net, _ = net_of_start(config, net)
    if config.is_auto:
        config, _ = choose_estimator(config, dataset, net)
        _, estimator = config.build(shape)
    return Start(net, estimator, config.fit, None if folder is None else RunFolder.at(folder))


def _model(found: Fitted, folder: Path | str | None, dataset: Dataset) -> Model:
    return Model(
        found.net,
        dataset.record,
        dataset.columns,
        found.state.best.estimator.bound.proposal,
        found.history,
        found.best_bound,
        found.best_epoch,
        None if folder is None else Path(folder),
        dataset.test if len(dataset.test) else None,
    )


def load(folder: Path | str) -> Model:
    """Load the best net of a run folder, of `fit`, `training.fit` or `beliefnet train`, or of a file of it.

    Reading it runs no code: names of classes and functions are looked up in this package, JAX and Equinox alone.

    Args:
        folder: The folder, or a `.safetensors` file that `beliefnet export` wrote, which takes no folder.

    Raises:
        RunFolderError: If it is not a run, or no epoch was finished.
        CheckpointError: If no checkpoint is intact.
    """
    check_type("folder", folder, str, Path, good="'runs/mine'")
    run = load_named_run(folder)
    place = RunFolder(folder)
    test = run.load_data().test if run.can_load_data else None
    bound = run.stamp.best_bound
    assert bound is not None
    return Model(
        run.net, run.record, place.words, run.proposal, place.read_metrics(), bound, run.best_epoch, Path(folder), test
    )


def _dataset(data: Any, kinds: Mapping[str, Any] | None, config: TrainConfig) -> Dataset:
    """Return a data set of rows in memory, divided and read as the options say."""
    given = {name: value for name, value in config.data.given.items() if name != "data"}
    if type(data) is not Dataset:
        return Dataset.from_arrays(data, kinds=kinds, **config.of_net_and_run | given)
    given |= {"kinds": dict(kinds)} if kinds else {}
    if given:
        name, value = next(iter(given.items()))
        raise OptionError(f"expected no {name} for a Dataset, which is divided and read, got {value}", "leaving it out")
    return data
