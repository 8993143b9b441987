"""beliefnet outliers: rows that a trained net finds improbable, and what about them."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import jax
import numpy as np
from cyclopts import Parameter

from beliefnet._errors import OptionError
from beliefnet.cli._app import command
from beliefnet.cli._files import chosen_file, replaced
from beliefnet.cli._flags import AS_IN_TRAINING, HowRead
from beliefnet.cli._options import check_counts
from beliefnet.cli._rows import Chosen, Split, chosen_rows, own_data, spread, words_or_numbers
from beliefnet.cli._run import Run, keep_result, open_run
from beliefnet.cli._score import scores_of
from beliefnet.cli._tables import SUFFIXES, beside, save_columns
from beliefnet.cli._text import report, say, show_table
from beliefnet.data import DataError, Observations
from beliefnet.distributions import UnitKind
from beliefnet.evaluation import surprise
from beliefnet.training import Stream, stream

_SHOWN = 10
_KEPT = 50
_REASONS = 3
_USUAL_SHARE = 0.05
_MOST_TRAINING_ROWS = 2000


@dataclass(frozen=True)
class Cut:
    """What tells outliers from other rows.

    Attributes:
        threshold: Outliers have a log p below it, in nats.
        reason: Where it comes from.
    """

    threshold: float
    reason: str


@command
def outliers(
    directory: Annotated[Path, Parameter(name="DIR")],
    data: Annotated[str, Parameter(name="DATA")],
    /,
    *,
    out: Path | None = None,
    share: float | None = None,
    contamination: float | None = None,
    below: float | None = None,
    particles: int = 200,
    split: Split | None = None,
    seed: int = 0,
    reading: HowRead = AS_IN_TRAINING,
) -> None:
    """Score every row of data by log p(x), and say which rows are the least probable, and which columns make them so.

    A score is a lower bound in expectation, in nats, with the standard error of its particles. A column is surprising
    by -log p of its value given the rest of the row. What is missing in a row is summed out.

    Args:
        directory: Run folder of `beliefnet train`.
        data: A file of rows, read as the run's own data were, or the name of a data set.
        out: A .csv or .parquet with the name and label of each row, its score and standard error, whether it is an
            outlier, and for outliers the most surprising columns, with --unseen missing also columns whose value the
            net does not know, of any row. By default outliers.csv, or outliers-2.csv where that
            is there already.
        share: Share of these rows that are taken for outliers, in (0, 0.5]: the least probable ones. By default 0.05.
        contamination: In its place, take the rows for outliers that are less probable than this share of the rows that
            the net was trained on, in (0, 0.5], as IsolationForest of scikit-learn does: of clean rows about so many.
        below: In its place, take the rows for outliers of which log p is below so many nats.
        particles: Particles per row.
        split: Which part of a named data set (the test split by default), or which array of a .npz.
        seed: Seed of the particles.
        reading: How a file is read, where the run's own data were read in another way.
    """
    check_counts(particles=particles, seed=seed)
    _check_cut({"share": share, "contamination": contamination, "below": below})
    file = chosen_file(out, "outliers.csv", *SUFFIXES)
    run = open_run(directory)
    chosen = chosen_rows(run, data, split, reading)
    # Asked for first: without them, nothing is to be computed.
    seen = None if contamination is None else _training_rows(run)
    score_key, reason_key = jax.random.split(stream(seed, Stream.EVALUATION))
    scores, errors = scores_of(run, chosen.rows, particles, key=score_key)
    order = np.argsort(scores, kind="stable")
    if contamination is not None and seen is not None:
        cut = _cut_of_training(scores_of(run, seen, particles, key=score_key)[0], contamination)
    elif below is not None:
        cut = Cut(below, "as asked for")
    else:
        cut = _cut_of_share(scores[order], _USUAL_SHARE if share is None else share)
    least = order[scores[order] < cut.threshold]
    reasons = _reasons(run, chosen, least, particles, key=reason_key)
    columns = _columns(run, chosen, scores, errors, least, reasons)
    note = replaced(file)
    rows = [{name: _plain(values[row]) for name, values in columns.items()} for row in least]
    found = {"num_rows": len(scores), **asdict(cut)}
    report({**found, "outliers": rows, "file": str(file)})
    if rows:
        _show(columns, least)
    save_columns(file, columns)
    about = {"data": data, "split": chosen.split}
    keep_result(run, "outliers", about, {**found, **about, "outliers": rows[:_KEPT]})
    say(f"outliers have a log p below {cut.threshold:.2f} nats, {cut.reason}")
    say(f"scores of {len(scores)} rows, {len(rows)} of them outliers, written to {file}{note}")


def _cut_of_training(scores: np.ndarray, share: float) -> Cut:
    """Return the cut that a share of the training rows is below, by their scores."""
    reason = f"which is so for {100 * share:.3g}% of {len(scores)} training rows"
    return Cut(float(np.quantile(scores, share)), reason)


def _cut_of_share(ascending: np.ndarray, share: float) -> Cut:
    """Return the cut that a share of the rows is below, one at the least, by their scores in ascending order."""
    last = ascending[max(1, round(share * len(ascending))) - 1]
    return Cut(float(np.nextafter(last, np.float32(np.inf))), f"which is so for {100 * share:.3g}% of these rows")


def _check_cut(given: dict[str, float | None]) -> None:
    """Check that outliers are told from other rows in one way."""
    chosen = {name: value for name, value in given.items() if value is not None}
    if len(chosen) > 1:
        flags = ", ".join(f"--{name}" for name in given)
        raise OptionError(f"expected one of {flags}, got {len(chosen)} of them", f"--{min(chosen)} alone")
    for name, value in chosen.items():
        if name != "below" and not 0 < value <= 0.5:
            raise OptionError(f"expected --{name} in (0, 0.5], got {value}", f"{_USUAL_SHARE}")
        if not np.isfinite(value):
            raise OptionError(f"expected --{name} to be a number, got {value}", "-20")


def _training_rows(run: Run) -> Observations:
    """Return rows that the net was trained on, not more than are needed for a quantile."""
    try:
        return spread(own_data(run).train, _MOST_TRAINING_ROWS)
    except DataError as error:
        raise DataError(error.reason, "--share or --below, which take no training rows") from error


def _reasons(run: Run, chosen: Chosen, rows: np.ndarray, particles: int, *, key: Any) -> list[list[tuple[str, float]]]:
    """Return the columns that are most surprising in some rows, with their surprise; none where they have no term."""
    bottom = run.net.generative.conditionals[-1]
    if not len(rows):
        return []
    if bottom.kind is UnitKind.AUTOREGRESSIVE or run.net.visible.report == "perplexity" or not run.net.layer_sizes:
        return [[] for _ in rows]
    schema, width = run.record.schema, run.net.num_visible
    names, groups = words_or_numbers(run), np.eye(width, dtype=bool)
    if schema is not None:
        names, groups = tuple(schema.places), schema.groups
    data: Any = chosen.rows[np.sort(rows)]
    bits_key, draw_key = jax.random.split(key)
    if data.is_dynamic:
        data = np.asarray(data.take(np.arange(len(data)), key=bits_key))
    found = surprise(run.net, data, groups=groups, num_particles=particles, key=draw_key)
    found = found[np.argsort(np.argsort(rows))]
    found = np.where(np.isnan(found), -np.inf, found)
    order = np.argsort(-found, axis=1)[:, :_REASONS]
    return [[(names[i], float(row[i])) for i in places if row[i] > 0] for row, places in zip(found, order, strict=True)]


def _columns(
    run: Run,
    chosen: Chosen,
    scores: np.ndarray,
    errors: np.ndarray,
    least: np.ndarray,
    reasons: list[list[tuple[str, float]]],
) -> dict[str, Any]:
    said: list[list[str]] = [[] for _ in scores]
    unseen = {} if chosen.frame is None or run.record.schema is None else run.record.schema.unseen(chosen.frame)
    for name, cells in unseen.items():
        for row in np.flatnonzero(cells):
            said[row].append(f"{name} (unseen)")
    for row, found in zip(least, reasons, strict=True):
        said[row] += [f"{name} ({nats:.1f})" for name, nats in found]
    texts = np.array(["; ".join(parts) or None for parts in said], object)
    is_outlier = np.zeros(len(scores), np.int64)
    is_outlier[least] = 1
    own = beside(chosen, run.record.schema)
    return {
        **own,
        "log_p": scores,
        "standard_error": errors,
        "is_outlier": is_outlier,
        "surprising": texts,
    }


def _show(columns: dict[str, Any], least: np.ndarray) -> None:
    names = [name for name in columns if name != "is_outlier"]
    rows = [[_text(columns[name][row]) for name in names] for row in least[:_SHOWN]]
    show_table(names, rows, title="least probable rows (nats)", words=("surprising",), names=(names[0],))


def _text(value: Any) -> str:
    return "" if value is None else f"{value:.2f}" if issubclass(type(value), np.floating) else str(value)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
