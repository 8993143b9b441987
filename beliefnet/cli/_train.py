"""beliefnet train."""

import shlex
import tomllib
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import tomli_w
from cyclopts import Parameter

from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet.catalogue import (
    DataShape,
    TrainConfig,
    check_memory,
    choose_estimator,
    flatten,
    kept_rows,
    net_of_start,
)
from beliefnet.cli._app import command
from beliefnet.cli._cautions import rate_cautions, schedule_cautions
from beliefnet.cli._entry import INTERRUPTED
from beliefnet.cli._flags import TrainFlags, given_flags
from beliefnet.cli._processes import check_alone, first_of_all, join_processes, watching
from beliefnet.cli._progress import progress
from beliefnet.cli._text import report, say, show_table, tell, warn
from beliefnet.cli._tracking import LiveView, Tracking
from beliefnet.cli._training_display import Display
from beliefnet.data import Dataset, Record
from beliefnet.devices import Layout, is_alone, is_first
from beliefnet.runs import RunFolder, check_same_run, check_version, write_atomically
from beliefnet.training import EXTENDABLE, Callbacks, Fitted, Monitor, fit, fixed_settings

_NONE = TrainFlags()
_SMALL = 50
_BOUND = "validation bound"


@command
def train(
    config_file: Annotated[Path | None, Parameter(name="CONFIG.toml")] = None,
    /,
    *,
    out: Path | None = None,
    resume: Path | None = None,
    live: Annotated[bool, Parameter(negative=())] = False,
    live_port: int | None = None,
    tensorboard: Annotated[bool, Parameter(negative=())] = False,
    mlflow: str | None = None,
    distributed: str | None = None,
    flags: Annotated[TrainFlags, Parameter(name="*")] = _NONE,  # pyright: ignore[reportInvalidTypeForm]
) -> int:
    """Train a net and leave a run folder: checkpoint, metrics, curves, samples and reconstructions, or topics.

    Without options, a 64-200 sigmoid belief net is trained on the digits that come with scikit-learn.

    Args:
        config_file: Options from a TOML file, under the names they have here; the command line wins.
        out: Folder for the run; by default a new one under `runs/`.
        resume: Folder of a run that was stopped: it goes on as if it never had been. Only --epochs, --patience,
            --rows-on, --particle-chunk, --mesh, --checkpoint-seconds and, if the data moved, --data can be given with
            it.
        live: Serve a page with the curves as they grow, to browsers of this machine, until the run ends.
        live_port: A fixed port for that page, with or without --live; a free one by default.
        tensorboard: Write event files in the run folder: tensorboard --logdir runs shows them. Takes pip install
            "beliefnet[tensorboard]".
        mlflow: An MLflow server or store to record the run in, such as http://127.0.0.1:5000 or sqlite:///mlflow.db.
            Takes pip install "beliefnet[mlflow]".
        distributed: Train with other processes, each started with the same words, --out or --resume among them: auto
            where Slurm, Open MPI, Kubernetes or Cloud TPU started them, or as in
            coordinator=10.0.0.1:1234,processes=2,process=0.
        flags: What to train, and how.
    """
    join_processes(distributed, out or resume)
    view, tracking = watching(LiveView(live, live_port), Tracking(tensorboard, mlflow))
    view.check()
    tracking.check()
    config = TrainConfig.from_dict(_options_of(config_file, resume), **given_flags(flags))
    Monitor.of(config.fit.monitor).check_without_callback()
    dataset = config.load_data(**({} if resume is None else _as_before(resume)))
    num_train = dataset.record.splits["train"]
    if num_train < _SMALL and config.fit.batch_size is None:
        warn(f"only {num_train} training examples; they make one batch")
    config = config.settled(dataset)
    num_steps = config.fit.epochs * config.fit.steps_per_epoch(num_train)
    check_memory(config, dataset)
    resumed = None if resume is None else _resumed_folder(config, resume, out, dataset)
    for name in config.idle:
        warn(
            f"{name} of {config_file or resume} has no effect with --net {config.net.name} --estimator "
            f"{config.estimator.name}"
        )
    for sentence in schedule_cautions(config.fit):
        warn(sentence)
    net, estimator = config.build(DataShape.of(dataset))
    config = config.replace(learning_rate=config.fit.decided(net, num_train).learning_rate)
    Layout.of(config.fit.mesh, net, config.fit.batch_size or 1)
    for sentence in rate_cautions(config.fit, net, num_steps):
        warn(sentence)
    if not (resumed and resumed.has_checkpoints):
        net, skipped = net_of_start(config, net)
        for sentence in skipped:
            warn(sentence)
    if config.is_auto:
        check_alone(config)
        config = _measured(config, dataset, net)
        _, estimator = config.build(DataShape.of(dataset))
    folder = first_of_all(lambda: _new_folder(config, out), out) if resumed is None else resumed
    # Nothing in a folder changes while another process trains in it.
    with folder.lock.held() if is_first() else nullcontext():
        if resumed is not None and is_first():
            write_atomically(folder.config_file, tomli_w.dumps(config.to_dict()))
        with view.of(folder) as views, tracking.of(folder) as trackers:
            _describe(config, dataset, folder)
            with Display(config.fit.epochs, num_steps, step=_begun(folder)) as display:
                callback = Callbacks(display, *views, *trackers)
                fitted = fit(net, dataset, estimator, options=config.fit, folder=folder, callback=callback)
            if fitted.history and is_alone():
                _draw(folder, fitted, dataset, config)
    return _report(folder, fitted, Monitor.of(config.fit.monitor).column, tracking.words)


def _draw(folder: RunFolder, fitted: Fitted, dataset: Dataset, config: TrainConfig) -> None:
    # Imported here because what draws takes a while to import, and the first step need not wait for it.
    try:
        from beliefnet.cli._pictures import draw_run
    except ImportError as error:
        return warn(f"no pictures could be drawn ({type(error).__name__}: {error}); the run itself is complete")
    draw_run(folder, fitted, dataset, config)


def _measured(config: TrainConfig, dataset: Dataset, net: BeliefNet) -> TrainConfig:
    """Choose the estimator, and say why."""
    with progress("measuring estimators") as shown:
        chosen, costs = choose_estimator(
            config, dataset, net, progress=lambda what: shown.update(what=f"measuring: {what}")
        )
    if not costs:
        say(f"chosen: {chosen.estimator.name}, the only estimator that climbs the bound of this net without bias")
        return chosen
    rows = [(n, f"{c.variance:.4g}", f"{c.milliseconds:.3g}", f"{c.cost:.4g}") for n, c in costs.items()]
    title = f"gradient of the ELBO on a batch, after a few epochs of {config.estimator.name}"
    show_table(("estimator", "variance", "ms", "variance x ms"), rows, title=title, words=("estimator",), is_plain=True)
    say("what is not shown cost more than four times as much as the best at first sight")
    say(f"chosen: {chosen.estimator.name}; training starts anew with it, as --estimator {chosen.estimator.name} would")
    return chosen


def _options_of(config_file: Path | None, resume: Path | None) -> dict[str, Any]:
    """Return the options in the TOML file that was named, or else in that of the run to be resumed."""
    if config_file is None and resume is not None and (resume / "config.toml").exists():
        check_version(resume)
        config_file = resume / "config.toml"
    return {} if config_file is None else _read_toml(config_file)


def _as_before(path: Path) -> dict[str, Any]:
    """Return what a run that goes on says of how its data are loaded."""
    folder = RunFolder(path)
    return kept_rows(Record.from_dict(folder.read_record()["data"])) if folder.has_checkpoints else {}


def _read_toml(path: Path) -> dict[str, Any]:
    if path.is_dir():
        raise OptionError(f"expected a TOML file with options, got the folder {path}", f"--resume {path}")
    if not path.exists():
        hint = "checking the path" if path.suffix == ".toml" else f"--data {path} if these are data"
        raise OptionError(f"expected a TOML file with options, got {path}, which does not exist", hint)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(
            f"expected TOML in {path}, got a file that does not parse: {error}", f"--data {path} if these are data"
        ) from error


def _begun(folder: RunFolder) -> int:
    """The step from which training goes on."""
    return folder.read_record()["step"] if folder.has_checkpoints else 0


def _new_folder(config: TrainConfig, out: Path | None) -> RunFolder:
    if out is None:
        values = config.net.values
        kind = [] if config.net.name == "sbn" else [config.net.name]
        kind += [] if values.get("visible", "bernoulli") == "bernoulli" else [values["visible"]]
        stem = Path(config.data.values["data"]).stem
        stem = "-".join([stem, *kind, *map(str, values.get("hidden", ())), config.estimator.name])
        candidates = [Path("runs") / stem, *(Path("runs") / f"{stem}-{index}" for index in range(2, 10_000))]
        out = next(path for path in candidates if not path.exists())
    return RunFolder.create(out, config.to_dict())


def _resumed_folder(config: TrainConfig, path: Path, out: Path | None, dataset: Dataset) -> RunFolder:
    """Open the folder, and make sure that the run in it can go on as if it had never stopped."""
    if out is not None:
        raise OptionError(f"expected --resume without --out, got --out {out}", "leaving it out")
    folder = RunFolder.open(path)
    folder.check_unused()
    before, now = flatten(TrainConfig.from_dict(folder.read_config()).to_dict()), flatten(config.to_dict())
    changed = {name for name in now | before if now.get(name) != before.get(name)} - EXTENDABLE
    if changed:
        name = min(changed)
        raise OptionError(
            f"expected the options of the run to stay as they were, got {name.replace('_', '-')}={now.get(name)} "
            f"instead of {before.get(name)}",
            f"a new run with `beliefnet train {folder.config_file}` and that option",
        )
    if folder.has_checkpoints:
        saved = folder.read_record()
        check_same_run(saved, dataset.record, fixed_settings(config.fit))
        _check_continues(saved, config, dataset)
    return folder


def _check_continues(saved: dict[str, Any], config: TrainConfig, dataset: Dataset) -> None:
    begun = -(-saved["step"] // config.fit.steps_per_epoch(dataset.record.splits["train"]))
    if config.fit.epochs < begun:
        raise OptionError(
            f"expected epochs of at least the {begun} that the run has begun, got {config.fit.epochs}",
            f"--epochs {begun}, or --patience",
        )


def _describe(config: TrainConfig, dataset: Dataset, folder: RunFolder) -> None:
    record = dataset.record
    read = f"binarization {record.binarization}" if record.values == "binary" else record.values
    levels = "" if record.levels is None else f", {record.levels} levels"
    sizes, length = record.splits, f"{config.fit.epochs} epoch{'s' * (config.fit.epochs > 1)}"
    for line in (
        f"{record.name} ({record.variant}, {read}{levels}): {sizes['train']} training, {sizes['valid']} validation, "
        f"{sizes['test']} test examples",
        f"{config.describe(record.num_features)}, {config.estimator.name}, {length} -> {folder.path}",
    ):
        say(line)
    if record.schema is not None:
        for line in str(record.schema).splitlines():
            say(f"  {line}")


def _report(folder: RunFolder, fitted: Fitted, monitor: str, tracked: str) -> int:
    what = _BOUND if monitor == "valid_bound" else monitor
    report(
        {
            "run": str(folder.path),
            "reason": fitted.reason,
            "best_epoch": fitted.best_epoch,
            "valid_bound": fitted.best_bound,
            "best": {monitor: float(fitted.state.best_score)} if fitted.history else {},
            "epochs": len(fitted.history),
        }
    )
    if fitted.reason == "interrupted":
        say(f"interrupted; go on with: beliefnet train --resume {shlex.quote(str(folder.path))}{tracked}")
        return INTERRUPTED
    if fitted.reason == "no improvement":
        say(f"stopped early: no better {what} since epoch {fitted.best_epoch}")
    score = "" if what == _BOUND else f"best {what} {float(fitted.state.best_score):.2f}, "
    tell(f"{score or 'best '}{_BOUND} {fitted.best_bound:.2f} nats (epoch {fitted.best_epoch})")
    say(f"run folder  {folder.path}")
    if is_alone():
        say(f"plots       {folder.plots}")
    say(f"next        {folder.evaluate_command}{tracked}")
    return 0
