"""beliefnet impute: missing entries filled in by a trained net."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import jax
import numpy as np
from cyclopts import Parameter
from jax.typing import ArrayLike
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from beliefnet._errors import OptionError
from beliefnet._types import Key
from beliefnet.catalogue import NamedRun
from beliefnet.cli._app import command
from beliefnet.cli._runs import (
    check_counts,
    check_suffix,
    chosen_refiner,
    data_of,
    described,
    load_like,
    open_latent_run,
    save_array,
    spread,
    without_nan,
    writing,
)
from beliefnet.data import Observations, names, read_incomplete_rows
from beliefnet.evaluation import (
    GreyImputationScore,
    ImputationScore,
    Imputed,
    Mean,
    grey_imputation_score,
    imputation_score,
    impute,
    one_pass,
    starting_fill,
)
from beliefnet.plots import stacked_sheet
from beliefnet.training import Stream, stream

_SHEET_ROWS = 60

Score = ImputationScore | GreyImputationScore
Side = Literal["left", "right", "top", "bottom"]


@command(name="impute")
def impute_rows(
    directory: Annotated[Path, Parameter(name="DIR")],
    data: Annotated[str, Parameter(name="DATA")],
    /,
    *,
    out: Path = Path("completed.npy"),
    hide: float | None = None,
    hide_half: Side | None = None,
    particles: int = 800,
    starts: int = 8,
    rounds: int = 3,
    refine: str | None = None,
    split: Literal["train", "valid", "test"] | None = None,
    limit: int | None = None,
    seed: int = 0,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Fill in missing entries of data: their means given the observed ones, by refined posteriors.

    With --hide or --hide-half, entries are hidden first, and what is filled in is scored, beside filling with the
    training mean and one pass of the recognition net: mean log-likelihood (nats per hidden entry) and accuracy of bits,
    the root-mean-square error of grey values.

    Args:
        directory: Run folder of `beliefnet train`.
        data: A .npy, .npz or .csv file of rows, NaN for what is missing, or the name of a data set.
        out: A .npy for the completed rows, [examples, visible], or a .png for a sheet of some of them.
        hide: Hide each entry with this probability.
        hide_half: Hide half of every image.
        particles: Particles per row, shared out among the starts.
        starts: Starts per row: more of them find more explanations of what is observed.
        rounds: Rounds per start, each from what the last one filled in.
        refine: How posteriors are refined, as in air:steps=20,samples=20; by default as in training, or else by air, or
            gdir where all latents are normal.
        split: Which part of a named data set (the test split by default), or which array of a .npz.
        limit: Use only so many rows, spread evenly.
        seed: Seed of the draws.
        as_json: Print one JSON object and nothing else.
    """
    check_counts(particles=particles, starts=starts, rounds=rounds, limit=limit, seed=seed)
    _check(data, hide, hide_half, out)
    run = open_latent_run(directory)
    if run.record.values == "counts":
        raise OptionError(
            f"expected a run over bits or grey values to fill in missing ones, got counts in {directory}; try "
            "evaluation.impute in Python for poisson visible units"
        )
    refiner = chosen_refiner(run, refine)
    data_key, hide_key, draw_key = jax.random.split(stream(seed, Stream.EVALUATION), 3)
    rows = _known(run, spread(_read(run, data, split), limit), key=data_key)
    if hide is not None or hide_half is not None:
        rows = _with_hidden(run, rows, hide, hide_half, key=hide_key)
    elif rows.observed.all():
        raise OptionError(f"expected missing entries (NaN) in {data}, got none; try --hide 0.5 to see how it would do")
    fill = starting_fill(run.net) if run.config.net.values.get("center_input") else data_of(run, None).train.average()
    with Progress(console=Console(stderr=True), transient=True, disable=as_json) as progress:
        task = progress.add_task(f"{particles} particles", total=len(rows.seen))
        result = impute(
            run.net,
            rows.seen,
            rows.observed,
            num_particles=particles,
            num_starts=starts,
            rounds=rounds,
            refiner=refiner,
            fill=fill,
            key=draw_key,
            progress=lambda done: progress.update(task, completed=done),
        )
    scores = _scores(run, rows, result, fill) if rows.hidden.any() else {}
    report = {
        "data": data,
        "split": split if _is_file(data) else split or "test",
        "num_examples": len(rows.seen),
        "num_missing": int((~rows.observed & ~rows.hidden).sum()),
        "num_hidden": int(rows.hidden.sum()),
        "hide": hide if hide_half is None else hide_half,
        "num_particles": result.num_particles,
        "num_starts": starts,
        "rounds": rounds,
        "refine": described(refiner),
        "bound": asdict(Mean.of(np.asarray(result.bound, np.float64))),
        "ess": asdict(Mean.of(np.asarray(result.ess, np.float64))),
        "scores": {name: asdict(score) for name, score in scores.items()},
        "seed": seed,
        "best_epoch": run.best_epoch,
    }
    # Shown first: a file that cannot be written must not cost a long computation.
    if as_json:
        print(json.dumps(without_nan(report)))
    else:
        _show(report, scores)
    _write(run, rows, result, out)
    if not as_json:
        print(f"{len(rows.seen)} completed rows written to {out}")


@dataclass(frozen=True)
class _Rows:
    """Rows `[rows, visible]`.

    Attributes:
        means: As they came; NaN where missing.
        seen: What the net sees, bits or grey values; 0 where missing.
        observed: What is neither missing nor hidden.
        hidden: What was hidden to be scored.
    """

    means: np.ndarray
    seen: np.ndarray
    observed: np.ndarray
    hidden: np.ndarray


def _check(data: str, hide: float | None, hide_half: Side | None, out: Path) -> None:
    if hide is not None and not 0 < hide < 1:
        raise OptionError(f"expected --hide between 0 and 1, got {hide}; try 0.5")
    if hide is not None and hide_half is not None:
        raise OptionError(f"expected --hide or --hide-half, got both ({hide} and {hide_half}); try one of them")
    check_suffix(out, ".npy", ".png")
    if _is_file(data) and out.exists() and out.samefile(Path(data).expanduser()):
        raise OptionError(f"expected --out to be another file than the data, got {out}; try --out completed.npy")
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)


def _read(run: NamedRun, data: str, split: str | None) -> np.ndarray:
    """Return means or grey values, NaN where missing."""
    if _is_file(data):
        return read_incomplete_rows(data, num_features=run.net.num_visible, values=run.record.values, array=split)
    return load_like(run, data).split(split or "test").means()


def _is_file(data: str) -> bool:
    return data not in names() and Path(data).expanduser().exists()


def _known(run: NamedRun, means: np.ndarray, *, key: Key) -> _Rows:
    """Make bits of grey values as for training, each drawn once, unless they are to stay grey."""
    known = ~np.isnan(means)
    if run.record.values == "grey":
        return _Rows(means, np.where(known, means, np.float32(0)), known, np.zeros_like(known))
    if run.record.binarization == "threshold":
        bits = means >= 0.5
    else:
        # NaN is below nothing, and gives 0.
        bits = np.asarray(Observations(means, is_dynamic=True).take(np.arange(len(means)), key=key))
    return _Rows(means, bits.astype(np.float32), known, np.zeros_like(known))


def _with_hidden(run: NamedRun, rows: _Rows, hide: float | None, side: Side | None, *, key: Key) -> _Rows:
    """Hide entries at random, or half of every image."""
    if side is not None:
        chosen = _half(run.record.image_shape, side)
    else:
        chosen = np.asarray(jax.random.uniform(key, rows.seen.shape)) < (hide or 0)
    hidden = rows.observed & chosen
    if not hidden.any():
        raise OptionError(f"expected --hide to hide an entry or more, got {hide or side}, which hides none; try 0.5")
    return replace(rows, observed=rows.observed & ~hidden, hidden=hidden)


def _half(image_shape: tuple[int, int] | None, side: Side) -> np.ndarray:
    if image_shape is None:
        raise OptionError(
            f"expected images for --hide-half {side}, got a net over rows without a shape; try --hide 0.5"
        )
    height, width = image_shape
    down, across = np.mgrid[:height, :width]
    halves = {
        "left": across < width // 2,
        "right": across >= width - width // 2,
        "top": down < height // 2,
        "bottom": down >= height - height // 2,
    }
    return halves[side].ravel()


def _scores(run: NamedRun, rows: _Rows, result: Imputed, fill: ArrayLike) -> dict[str, Score]:
    filled = {
        "refined": result.means,
        "one pass": one_pass(run.net, rows.seen, rows.observed, fill=fill),
        "training mean": np.broadcast_to(np.asarray(fill), rows.seen.shape),
    }
    score = grey_imputation_score if run.record.values == "grey" else imputation_score
    return {name: score(rows.seen, means, rows.hidden) for name, means in filled.items()}


def _show(report: dict, scores: dict[str, Score]) -> None:
    console = Console()
    ess, count = report["ess"]["mean"], report["num_particles"]
    console.print(
        f"{report['num_missing']} missing and {report['num_hidden']} hidden entries in {report['num_examples']} rows; "
        f"effective sample size {ess:.1f} of {count}",
        soft_wrap=True,
        highlight=False,
    )
    if not scores:
        return
    columns = {name: _columns(score) for name, score in scores.items()}
    unit = " (log-likelihood in nats per entry)" if "log-likelihood" in columns["refined"] else ""
    table = Table(title=f"hidden entries{unit}", title_justify="left")
    table.add_column("filled in by")
    for column in columns["refined"]:
        table.add_column(column, justify="right")
        table.add_column("stderr", justify="right")
    for name, values in columns.items():
        table.add_row(name, *(f"{number:.4f}" for value in values.values() for number in (value.mean, value.stderr)))
    console.print(table)


def _columns(score: Score) -> dict[str, Mean]:
    if isinstance(score, GreyImputationScore):
        return {"root-mean-square error": score.rmse}
    return {"log-likelihood": score.log_likelihood, "accuracy": score.accuracy}


def _write(run: NamedRun, rows: _Rows, result: Imputed, out: Path) -> None:
    if out.suffix == ".npy":
        # Grey values that were observed stay grey.
        save_array(out, np.where(rows.observed, rows.means, result.means))
        return
    versions = {
        "original": np.where(rows.observed | rows.hidden, rows.seen, 0.5),
        "observed": np.where(rows.observed, rows.seen, 0.5),
        "completed": result.means,
    }
    if not rows.hidden.any():
        del versions["original"]
    with writing(out):
        shown = {name: spread(np.asarray(images), _SHEET_ROWS) for name, images in versions.items()}
        stacked_sheet(shown, run.record.image_shape, out)
