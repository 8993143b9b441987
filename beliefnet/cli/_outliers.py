"""beliefnet outliers: rows that a trained net finds improbable, and what about them."""

from pathlib import Path
from typing import Annotated, Any

import jax
import numpy as np
from cyclopts import Parameter

from beliefnet._errors import OptionError
from beliefnet.cli._app import command
from beliefnet.cli._files import chosen_file, replaced
from beliefnet.cli._flags import AS_IN_TRAINING, HowRead
from beliefnet.cli._options import check_counts, check_suffix
from beliefnet.cli._progress import progress
from beliefnet.cli._rows import Chosen, Split, chosen_rows, words_or_numbers
from beliefnet.cli._run import Run, open_run
from beliefnet.cli._tables import SUFFIXES, beside, save_columns
from beliefnet.cli._text import report, say, show_table
from beliefnet.distributions import UnitKind
from beliefnet.evaluation import row_scores, surprise
from beliefnet.training import Stream, stream

_SHOWN = 10
_REASONS = 3


@command
def outliers(
    directory: Annotated[Path, Parameter(name="DIR")],
    data: Annotated[str, Parameter(name="DATA")],
    /,
    *,
    out: Path | None = None,
    share: float = 0.05,
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
            outlier, and for outliers the most surprising columns. By default outliers.csv, or outliers-2.csv where that
            is there already.
        share: Share of the rows that are taken for outliers, in (0, 0.5].
        particles: Particles per row.
        split: Which part of a named data set (the test split by default), or which array of a .npz.
        seed: Seed of the particles.
        reading: How a file is read, where the run's own data were read in another way.
    """
    check_counts(particles=particles, seed=seed)
    if not 0 < share <= 0.5:
        raise OptionError(f"expected --share in (0, 0.5], got {share}", "0.05")
    file = chosen_file(out, "outliers.csv")
    check_suffix(file, *SUFFIXES)
    run = open_run(directory)
    chosen = chosen_rows(run, data, split, reading)
    score_key, reason_key = jax.random.split(stream(seed, Stream.EVALUATION))
    with progress(f"{particles} particles", len(chosen.rows)) as shown:
        scores, errors = row_scores(
            run.net,
            chosen.rows,
            num_particles=particles,
            proposal=run.proposal,
            key=score_key,
            progress=shown.update,
        )
    count = max(1, round(share * len(scores)))
    least = np.argsort(scores, kind="stable")[:count]
    reasons = _reasons(run, chosen, least, particles, key=reason_key)
    columns = _columns(run, chosen, scores, errors, least, reasons)
    note = replaced(file)
    rows = [{name: _plain(values[row]) for name, values in columns.items()} for row in least]
    report({"num_rows": len(scores), "threshold": float(scores[least[-1]]), "outliers": rows, "file": str(file)})
    _show(columns, least)
    save_columns(file, columns)
    say(f"scores of {len(scores)} rows, {count} of them outliers, written to {file}{note}")


def _reasons(run: Run, chosen: Chosen, rows: np.ndarray, particles: int, *, key: Any) -> list[list[tuple[str, float]]]:
    """Return the columns that are most surprising in some rows, with their surprise; none where they have no term."""
    bottom = run.net.generative.conditionals[-1]
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
    texts = np.full(len(scores), None, object)
    for row, found in zip(least, reasons, strict=True):
        texts[row] = "; ".join(f"{name} ({nats:.1f})" for name, nats in found) or None
    is_outlier = np.zeros(len(scores), int)
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
    return "" if value is None else f"{value:.2f}" if issubclass(type(value), float) else str(value)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
