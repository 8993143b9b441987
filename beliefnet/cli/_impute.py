"""beliefnet impute: missing entries filled in by a trained net."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import jax
import numpy as np
from cyclopts import Parameter
from jax.typing import ArrayLike

from beliefnet._errors import OptionError
from beliefnet._types import Key
from beliefnet.cli._app import command
from beliefnet.cli._files import chosen_file, replaced, save_array, save_table, writing
from beliefnet.cli._flags import AS_IN_TRAINING, HowRead
from beliefnet.cli._hidden import IncompleteRows, Side, hide_entries, read_incomplete
from beliefnet.cli._impute_table import (
    check_whole_table,
    complete_table,
    draw_column,
    draw_numbers,
    of_draws,
    show_completed,
)
from beliefnet.cli._options import check_counts, with_error
from beliefnet.cli._progress import progress
from beliefnet.cli._rows import Split, chosen_rows, is_file, own_data, spread
from beliefnet.cli._run import Run, chosen_refiner, described, keep_result, open_latent_run
from beliefnet.cli._tables import NUMBERED, SUFFIXES
from beliefnet.cli._text import report, say, show_table, tell
from beliefnet.data import numbered_columns
from beliefnet.evaluation import (
    GreyImputationScore,
    ImputationScore,
    Imputed,
    Mean,
    Search,
    grey_imputation_score,
    imputation_score,
    impute,
    one_pass,
)
from beliefnet.evaluation._complete import USUAL_PARTICLES
from beliefnet.evaluation._impute import starting_fill
from beliefnet.plots import stacked_sheet, table_sheet
from beliefnet.training import Stream, stream

_SHEET_ROWS = 60
_SHOWN = {"log_likelihood": "log-likelihood", "accuracy": "accuracy", "rmse": "root-mean-square error"}

_USUAL_PARTICLES = 800
Score: TypeAlias = ImputationScore | GreyImputationScore


@command(name="impute")
def impute_rows(
    directory: Annotated[Path, Parameter(name="DIR")],
    data: Annotated[str, Parameter(name="DATA")],
    /,
    *,
    out: Path | None = None,
    hide: float | None = None,
    hide_half: Side | None = None,
    particles: int | None = None,
    starts: int = 8,
    rounds: int = 3,
    draws: int = 0,
    refine: str | None = None,
    split: Split | None = None,
    limit: int | None = None,
    seed: int = 0,
    reading: HowRead = AS_IN_TRAINING,
) -> None:
    """Fill in missing entries of data: their means given the observed ones, by refined posteriors.

    With --hide or --hide-half, entries are hidden first, and what is filled in is scored, beside filling with the
    training mean and one pass of the recognition net: mean log-likelihood (nats per hidden entry) and accuracy of bits,
    the root-mean-square error of grey values.

    Args:
        directory: Run folder of `beliefnet train`.
        data: A .npy, .npz or .csv file of rows, NaN for what is missing; a folder of PNG images, whose transparent
            pixels are; or the name of a data set.
        out: A .npy for the completed rows, [examples, visible]; a .csv for them with the names of rows and columns; or
            a .png for a sheet of some of them. By default completed.npy, or completed-2.npy where that is there.
            Of a table of mixed columns, a .csv or .parquet, by default completed.csv. With --draws, the .npy is [draws,
            examples, visible], and a table has the rows of all draws, under `draw` the number of each.
        hide: Hide each entry with this probability, such as 0.5.
        hide_half: Hide half of every image.
        particles: Particles per row, shared out among the starts; by default 800, and for a table 2,000 of the
            recognition net.
        starts: Starts per row: more of them find more explanations of what is observed.
        rounds: Rounds per start, each from what the last one filled in.
        draws: For multiple imputation, write so many drawn rows in the place of the means: what is missing in a row is
            drawn together, given what was observed, so that draws differ as much as the net leaves open.
        refine: How posteriors are refined, as in air:steps=20,samples=20; by default as in training, or else by air, or
            gdir where all latents are normal; for a table, whose net was trained on missing cells, not at all.
        split: Which part of a named data set (the test split by default), or which array of a .npz.
        limit: Use only so many rows, spread evenly.
        seed: Seed of the draws.
        reading: How a file is read, where the run's own data were read in another way.
    """
    check_counts(particles=particles, starts=starts, rounds=rounds, limit=limit, draws=draws or None, seed=seed)
    run = _open(directory)
    _check(data, hide, hide_half, out)
    if run.record.schema is None:
        file = chosen_file(out, "completed.npy", ".npy", ".csv", *([] if draws else [".png"]))
    else:
        file = chosen_file(out, "completed.csv", *SUFFIXES)
        check_whole_table(hide_half, split)
    data_key, hide_key, draw_key = jax.random.split(stream(seed, Stream.EVALUATION), 3)
    if run.record.schema is not None:
        refiner = None if refine is None else chosen_refiner(run, refine)
        usual = USUAL_PARTICLES if refiner is None else _USUAL_PARTICLES
        search = Search(particles or usual, starts, rounds, refiner)
        chosen = chosen_rows(run, data, None, reading)
        completed = complete_table(run, chosen.limited(limit), search, hide, num_draws=draws, key=draw_key)
        about = {"data": data, "hide": hide, "seed": seed, "best_epoch": run.best_epoch}
        show_completed(completed, about, run.record.schema, file)
        keep_result(run, "imputation", {"data": data, "hide": hide}, completed.report | about)
        return
    refiner = chosen_refiner(run, refine)
    rows = read_incomplete(run, data, split, reading, limit, key=data_key)
    if hide is not None or hide_half is not None:
        rows = hide_entries(run, rows, hide, hide_half, key=hide_key)
    elif rows.observed.all():
        raise OptionError(f"expected missing entries (NaN) in {data}, got none", "--hide 0.5 to see how it would do")
    name, fill = _fill(run)
    search = Search(particles or _USUAL_PARTICLES, starts, rounds, refiner, fill)
    result = _completed(run, rows, search, num_draws=draws, key=draw_key)
    scores = _scores(run, rows, result, {name: fill}) if rows.hidden.any() else {}
    about = {"num_starts": starts, "rounds": rounds, "num_draws": draws, "refine": described(refiner), "seed": seed}
    place = {"data": data, "split": "all" if is_file(data) else split or "test", "best_epoch": run.best_epoch}
    found = _report(rows, result, scores) | about | place | {"hide": hide if hide_half is None else hide_half}
    # Shown first: a file that cannot be written must not cost a long computation.
    report(found)
    _show(found, scores)
    note = replaced(file)
    _write(run, rows, result, file)
    keep_result(run, "imputation", {name: found[name] for name in ("data", "split", "hide")}, found)
    say(f"{len(rows.seen)} completed rows{of_draws(draws)} written to {file}{note}")


def _open(directory: Path) -> Run:
    run = open_latent_run(directory)
    if run.record.values == "counts":
        of_documents = run.net.visible.report == "perplexity"
        hint = "beliefnet encode, with 0 for missing words" if of_documents else "evaluation.impute in Python"
        raise OptionError(
            f"expected a run over bits or grey values to fill in missing ones, got counts in {directory}", hint
        )
    return run


def _check(data: str, hide: float | None, hide_half: Side | None, out: Path | None) -> None:
    if hide is not None and not 0 < hide < 1:
        raise OptionError(f"expected --hide between 0 and 1, got {hide}", "0.5")
    if hide is not None and hide_half is not None:
        raise OptionError(f"expected --hide or --hide-half, got both ({hide} and {hide_half})", "one of them")
    if out is not None and is_file(data) and out.exists() and out.samefile(Path(data).expanduser()):
        raise OptionError(f"expected --out to be another file than the data, got {out}", "--out completed.npy")


def _fill(run: Run) -> tuple[str, ArrayLike]:
    """Return the mean of the training data, the net's own where it has one, or else one half; and what it is."""
    if run.net.recognition.conditionals[0].centre is not None:
        return "training mean", starting_fill(run.net)
    if run.can_load_data:
        return "training mean", own_data(run).train.average()
    return "one half", starting_fill(run.net)


def _completed(run: Run, rows: IncompleteRows, search: Search, *, num_draws: int, key: Key) -> Imputed:
    with progress(f"{search.num_particles} particles", len(rows.seen)) as shown:
        given = {"observed": rows.observed, "search": search, "num_draws": num_draws}
        return impute(run.net, rows.seen, **given, key=key, progress=shown.update)


def _scores(run: Run, rows: IncompleteRows, result: Imputed, start: dict[str, ArrayLike]) -> dict[str, Score]:
    [(name, fill)] = start.items()
    filled = {
        "refined": result.means,
        "one pass": one_pass(run.net, rows.seen, observed=rows.observed, fill=fill),
        name: np.broadcast_to(np.asarray(fill), rows.seen.shape),
    }
    score = grey_imputation_score if run.record.values == "grey" else imputation_score
    return {name: score(rows.seen, means, where=rows.hidden) for name, means in filled.items()}


def _report(rows: IncompleteRows, result: Imputed, scores: dict[str, Score]) -> dict[str, Any]:
    return {
        "num_examples": len(rows.seen),
        "num_missing": int((~rows.observed & ~rows.hidden).sum()),
        "num_hidden": int(rows.hidden.sum()),
        "num_particles": result.num_particles,
        "bound": asdict(Mean.of(np.asarray(result.bound, np.float64))),
        "ess": asdict(Mean.of(np.asarray(result.ess, np.float64))),
        "scores": {name: asdict(score) for name, score in scores.items()},
    }


def _show(found: dict[str, Any], scores: dict[str, Score]) -> None:
    tell(
        f"{found['num_missing']} missing and {found['num_hidden']} hidden entries in {found['num_examples']} rows; "
        f"effective sample size {found['ess']['mean']:.1f} of {found['num_particles']}"
    )
    if not scores:
        return
    shown = [field.name for field in fields(scores["refined"]) if field.name in _SHOWN]
    unit = " (log-likelihood in nats per entry)" if "log_likelihood" in shown else ""
    header = ["filled in by"]
    for name in shown:
        header += [_SHOWN[name], "stderr"]
    rows = []
    for name, score in scores.items():
        rows.append([name, *(cell for column in shown for cell in with_error(getattr(score, column), 4))])
    show_table(header, rows, title=f"hidden entries{unit}", words=("filled in by",))


def _write(run: Run, rows: IncompleteRows, result: Imputed, out: Path) -> None:
    # Grey values that were observed stay grey.
    num_draws = result.draws.shape[1]
    filled = np.moveaxis(np.asarray(result.draws), 1, 0) if num_draws else np.asarray(result.means)
    completed = np.where(rows.observed, rows.means, filled)
    if out.suffix == ".npy":
        save_array(out, completed)
        return
    columns = rows.columns or numbered_columns(completed.shape[-1])
    if out.suffix == ".csv":
        head, names = rows.named_in or NUMBERED, list(rows.names or range(1, len(rows.seen) + 1))
        numbers = {draw_column((head, *columns)): draw_numbers(num_draws, len(names))} if num_draws else {}
        beside = numbers | {head: names * max(1, num_draws)}
        save_table(out, completed.reshape(-1, completed.shape[-1]), columns, beside)
        return
    # Grey in an image, a gap in a table.
    blank = np.nan if run.record.image_shape is None else 0.5
    versions = {
        "original": np.where(rows.observed | rows.hidden, rows.seen, blank),
        "observed": np.where(rows.observed, rows.seen, blank),
        "completed": result.means,
    }
    if not rows.hidden.any():
        del versions["original"]
    with writing(out):
        shown = {name: spread(np.asarray(images), _SHEET_ROWS) for name, images in versions.items()}
        if run.record.image_shape is None:
            table_sheet(shown, columns, out)
        else:
            stacked_sheet(shown, run.record.image_shape, out)
