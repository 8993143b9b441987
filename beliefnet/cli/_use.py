"""beliefnet evaluate, sample and encode: what a trained net is used for."""

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import jax.numpy as jnp
import numpy as np
from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from beliefnet.cli._app import app
from beliefnet.datasets import DataError, Dataset, Record, check_width, load, names, read_rows
from beliefnet.evaluation import Evaluation, evaluate, observations
from beliefnet.report import image_sheet
from beliefnet.training import LARGEST_SEED, LoadedRun, OptionError, Stream, load_run, stream

_ENCODE_ROWS = 5000


def _open(directory: Path) -> LoadedRun:
    run = load_run(directory)
    for sentence in run.skipped:
        print(f"warning: {sentence}", file=sys.stderr)
    return run


def _check(*, seed: int = 0, **counts: int | None) -> None:
    for name, value in counts.items():
        if value is not None and value < 1:
            raise OptionError(f"expected --{name} of at least 1, got {value}; try 100")
    if not 0 <= seed <= LARGEST_SEED:
        raise OptionError(f"expected --seed from 0 to {LARGEST_SEED}, got {seed}; try 0")


@app.command(name="evaluate")
def evaluate_run(
    directory: Annotated[Path, Parameter(name="DIR")],
    /,
    *,
    split: Literal["train", "valid", "test"] = "test",
    particles: int = 1000,
    data: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Estimate ELBO, K-particle bound and negative log-likelihood of a trained net, with standard errors.

    The result for a whole split of the run's own data is also written to evaluation.json in the run folder.

    Args:
        directory: Run folder of `beliefnet train`.
        split: Part of the data.
        particles: Particles per datum, K; memory does not grow with it.
        data: Another data set or file than the one the net was trained on.
        limit: Use only so many examples, spread evenly over the split (it may be sorted by class).
        seed: Seed of the draws.
        as_json: Print one JSON object and nothing else.
    """
    _check(particles=particles, limit=limit, seed=seed)
    run = _open(directory)
    dataset = _data(run, data)
    rows = _some(dataset.split(split), limit)
    with Progress(console=Console(stderr=True), transient=True, disable=as_json) as progress:
        task = progress.add_task(f"{split}, {particles} particles", total=len(rows))
        result = evaluate(
            run.net,
            rows,
            num_particles=particles,
            key=stream(seed, Stream.EVALUATION),
            prepare=observations(dataset.record),
            progress=lambda done: progress.update(task, completed=done),
        )
    report = _without_nan(
        {
            "data": dataset.record.to_dict(),
            "split": split,
            **result.to_dict(),
            "seed": seed,
            "best_epoch": run.best_epoch,
        }
    )
    # Shown first: a folder that cannot be written must not cost a long evaluation.
    if as_json:
        print(json.dumps(report))
    else:
        _show(result, dataset.record, split, run)
    if limit is not None or data is not None:
        return
    run.folder.write_evaluation(report)
    if not as_json:
        print(f"written to {run.folder.evaluation_file}")


def _some(rows: np.ndarray, limit: int | None) -> np.ndarray:
    if limit is None or limit >= len(rows):
        return rows
    return rows[np.arange(limit) * len(rows) // limit]


def _data(run: LoadedRun, data: str | None) -> Dataset:
    if data is None:
        try:
            dataset = run.config.load_data()
        except DataError as error:
            raise DataError(f"{error}; these are the data of {run.folder.path}: if they moved, try --data") from error
        if dataset.record.checksum != run.record.checksum:
            raise DataError(
                f"expected the data that the net was trained on ({run.record.checksum}), got other contents of "
                f"{run.config.data} ({dataset.record.checksum}); try naming it with --data"
            )
        return dataset
    return _load_like(run, data)


def _load_like(run: LoadedRun, data: str) -> Dataset:
    """Load other data with the binarisation that the net was trained with, where there is anything to binarise."""
    dataset = load(data, seed=run.config.seed)
    if dataset.record.binarization != "none" and run.config.binarization is not None:
        dataset = load(data, seed=run.config.seed, binarization=run.config.binarization)
    check_width(dataset.train, run.net.num_visible, data)
    return dataset


def _show(result: Evaluation, record: Record, split: str, run: LoadedRun) -> None:
    console = Console()
    table = Table(title=f"{record.name}, {split} split, {result.num_examples} examples (nats per example)")
    table.add_column("quantity")
    table.add_column("mean", justify="right")
    table.add_column("stderr", justify="right")
    count = result.num_particles
    for name, value in (
        ("ELBO", result.elbo),
        (f"bound, {count} particles", result.bound),
        (f"NLL, {count} particles", result.nll),
        (f"effective sample size of {count}", result.ess),
    ):
        table.add_row(name, f"{value.mean:.3f}", f"{value.stderr:.3f}")
    sizes = run.net.layer_sizes
    for index, (kl, active) in enumerate(zip(result.kl_per_layer, result.active_units, strict=True)):
        table.add_row(f"KL of layer {index + 1} ({active} of {sizes[index]} units active)", f"{kl:.3f}", "")
    console.print(table)


@app.command
def sample(
    directory: Annotated[Path, Parameter(name="DIR")],
    /,
    *,
    num: int = 100,
    out: Path = Path("samples.png"),
    values: Literal["draws", "means"] | None = None,
    seed: int = 0,
) -> None:
    """Draw observations from a trained net.

    Args:
        directory: Run folder of `beliefnet train`.
        num: How many.
        out: A .png for a sheet of images, or a .npy for an array [num, visible].
        values: Binary draws, or the means that they are drawn with; by default means in a .png, draws in a .npy.
        seed: Seed of the draws.
    """
    _check(num=num, seed=seed)
    _check_suffix(out, ".png", ".npy")
    run = _open(directory)
    key = stream(seed, Stream.SAMPLES)
    wants_means = values == "means" or (values is None and out.suffix == ".png")
    drawn = np.asarray(run.net.sample_means((num,), key=key) if wants_means else run.net.dream((num,), key=key)[0])
    if out.suffix == ".png":
        with _writing(out):
            image_sheet(drawn, run.record.image_shape, out)
    else:
        _save_array(out, drawn if wants_means else drawn.astype(np.uint8))
    print(f"{num} samples written to {out}")


@app.command
def encode(
    directory: Annotated[Path, Parameter(name="DIR")],
    data: Annotated[str, Parameter(name="DATA")],
    /,
    *,
    out: Path = Path("codes.npy"),
    layer: int | None = None,
    split: Literal["train", "valid", "test"] | None = None,
) -> None:
    """Write the codes of data: the mean of each latent unit under the recognition net, layer means fed upward.

    Args:
        directory: Run folder of `beliefnet train`.
        data: A .npy, .npz or .csv file of rows, or the name of a data set.
        out: A .npy for one layer, [examples, units], or a .npz for all (`h1` is the one next to the data).
        layer: Which layer goes into a .npy, 1 being the one next to the data; the top one by default.
        split: Which part of a named data set (the test split by default), or which array of a .npz.
    """
    _check_suffix(out, ".npy", ".npz")
    run = _open(directory)
    depth = len(run.net.layer_sizes)
    if layer is not None and not 1 <= layer <= depth:
        raise OptionError(f"expected --layer from 1 to {depth}, got {layer}; try {depth}, the top one")
    if data in names() or not Path(data).expanduser().exists():
        rows = _load_like(run, data).means(split or "test")
    else:
        binarization = run.config.binarization
        rows = read_rows(data, num_features=run.net.num_visible, array=split, binarization=binarization)
    parts = [
        run.net.encode(jnp.asarray(rows[start : start + _ENCODE_ROWS], jnp.float32))
        for start in range(0, len(rows), _ENCODE_ROWS)
    ]
    codes = [np.concatenate([np.asarray(part[index]) for part in parts]) for index in range(depth)]
    if out.suffix == ".npz":
        _save_array(out, **{f"h{index + 1}": code for index, code in enumerate(codes)})
        print(f"codes of {len(rows)} examples, {depth} layers, written to {out}")
    else:
        chosen = depth if layer is None else layer
        _save_array(out, codes[chosen - 1])
        print(f"codes of {len(rows)} examples, layer {chosen}, {codes[chosen - 1].shape[1]} units, written to {out}")


def _check_suffix(path: Path, *allowed: str) -> None:
    if path.suffix not in allowed:
        hint = f"{path.stem or 'result'}{allowed[0]}"
        raise OptionError(f"expected --out to end in {' or '.join(allowed)}, got {path}; try --out {hint}")


def _save_array(path: Path, array: np.ndarray | None = None, **arrays: np.ndarray) -> None:
    unfinished = path.with_name(f".{path.name}.unfinished")
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with unfinished.open("wb") as file:
                if array is not None:
                    np.save(file, array)
                else:
                    np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OptionError(
            f"expected --out to be a file that can be written, got {path} ({error.strerror or error}); "
            "try another --out"
        ) from error


def _without_nan(value: Any) -> Any:
    """Replace what JSON cannot say, such as the standard error of a single example, by null."""
    if isinstance(value, dict):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
