"""Missing cells of a table filled in, under the names and categories that it came with."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from beliefnet._errors import OptionError
from beliefnet._types import Key
from beliefnet.cli._files import replaced
from beliefnet.cli._progress import progress
from beliefnet.cli._rows import Chosen
from beliefnet.cli._run import Run, described
from beliefnet.cli._tables import save_columns
from beliefnet.cli._text import report, say, show_table, tell
from beliefnet.data import Observations
from beliefnet.evaluation import Mean, Search, complete, impute
from beliefnet.evaluation._impute import starting_fill
from beliefnet.tables import Frame, Schema, cell_errors, filled, missing


@dataclass(frozen=True)
class Completed:
    """A table with its missing cells filled in.

    Attributes:
        frame: The table.
        report: What was done, and how well hidden cells were filled in.
    """

    frame: Frame
    report: dict[str, Any]


def check_whole_table(hide_half: str | None, split: str | None) -> None:
    """Refuse options that have no meaning for a table."""
    if hide_half or split:
        raise OptionError(f"expected a file with a table to fill in, got {hide_half or split}", "--hide 0.2")


def complete_table(run: Run, chosen: Chosen, search: Search, hide: float | None, *, key: Key) -> Completed:
    """Fill in the missing cells of a table.

    Args:
        run: The run.
        chosen: The rows.
        search: How posteriors are looked for; without a refiner, particles are those of the recognition net.
        hide: Hide each cell with this probability first, and score what is put there.
        key: Random key of what is hidden and drawn.
    """
    rows, frame, schema = chosen.rows, chosen.frame, run.record.schema
    if schema is None or frame is None:
        raise OptionError(f"expected a file with a table to fill in, got {rows.label}", "the path of a file")
    hide_key, draw_key = jax.random.split(key)
    known = ~np.isnan(rows.means())
    hidden = _hidden(schema, known, hide, key=hide_key)
    if not any(where.any() for where in hidden.values()) and known.all():
        raise OptionError(f"expected missing cells in {rows.label}, got none", "--hide 0.2 to see how it would do")
    observed = known.copy()
    for name, place in schema.places.items():
        observed[:, place] &= ~hidden[name][:, None]
    found = _found(run, rows, observed, search, key=draw_key)
    values = schema.decode(np.asarray(found.means))
    fill = starting_fill(run.net)
    usual = schema.decode(np.broadcast_to(np.asarray(fill), rows.shape))
    about = {
        "num_rows": len(rows),
        "num_missing": sum(int(missing(frame.columns[name]).sum()) for name in schema.places),
        "num_hidden": sum(int(where.sum()) for where in hidden.values()),
        "num_particles": found.num_particles,
        "refine": None if search.refiner is None else described(search.refiner),
        "bound": asdict(Mean.of(np.asarray(found.bound, np.float64))),
        "ess": asdict(Mean.of(np.asarray(found.ess, np.float64))),
        "errors": {
            name: {column: asdict(error) for column, error in cell_errors(schema, frame, guess, hidden).items()}
            for name, guess in {"net": values, "mean or mode": usual}.items()
        },
    }
    return Completed(filled(frame, values), about)


def show_completed(completed: Completed, about: Mapping[str, Any], schema: Schema, file: Path) -> None:
    """Show what was done, and write the table.

    Args:
        completed: The table, with the report about it.
        about: What was asked for.
        schema: What the columns were taken for.
        file: What the table is written to.
    """
    found = completed.report
    report({**found, **about})
    tell(
        f"{found['num_missing']} missing and {found['num_hidden']} hidden cells in {found['num_rows']} rows; "
        f"effective sample size {found['ess']['mean']:.1f} of {found['num_particles']}"
    )
    if found["num_hidden"]:
        _show_errors(found["errors"], schema)
    note = replaced(file)
    save_columns(file, _with_names(completed.frame, schema))
    say(f"{found['num_rows']} completed rows written to {file}{note}")


def _with_names(frame: Frame, schema: Schema) -> Mapping[str, Any]:
    """Return the columns of a table, after the names of its rows if these stand beside the columns."""
    if frame.names is None or schema.of_kind("id") in frame.columns:
        return frame.columns
    return {"row": frame.names, **frame.columns}


def _hidden(schema: Schema, known: np.ndarray, hide: float | None, *, key: Key) -> dict[str, np.ndarray]:
    """Return which cells of each column are hidden, `[rows]`: some of those that are known."""
    uniform = np.asarray(jax.random.uniform(key, (len(known), len(schema.places))))
    return {
        name: (uniform[:, index] < (hide or 0)) & known[:, place].all(axis=1)
        for index, (name, place) in enumerate(schema.places.items())
    }


def _found(run: Run, rows: Observations, observed: np.ndarray, search: Search, *, key: Key) -> Any:
    with progress(f"{search.num_particles} particles", len(rows)) as shown:
        given = {"observed": observed, "key": key, "progress": shown.update}
        if search.refiner is None:
            return complete(run.net, rows, num_particles=search.num_particles, **given)
        return impute(run.net, rows, search=search, **given)


def _show_errors(errors: Mapping[str, Mapping[str, Mapping[str, Any]]], schema: Schema) -> None:
    kinds = {column.name: column.kind for column in schema.modelled}
    rows = []
    for name, own in errors["net"].items():
        what = "share wrong" if kinds[name] in ("binary", "category") else "error / sd"
        usual = errors["mean or mode"][name]["error"]
        rows.append([name, what, own["num_cells"], f"{own['error']:.3f}", f"{usual:.3f}"])
    header = ["column", "measure", "hidden cells", "net", "mean or mode"]
    show_table(header, rows, title="hidden cells", words=("column", "measure"))
