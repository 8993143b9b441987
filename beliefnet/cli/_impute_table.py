"""Missing cells of a table filled in, under the names and categories that it came with."""

import itertools
from collections.abc import Collection, Mapping
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
        frame: The table, with expectations in missing cells.
        draws: The table with draws in them, for each draw.
        report: What was done, and how well hidden cells were filled in.
    """

    frame: Frame
    draws: tuple[Frame, ...]
    report: dict[str, Any]

    @property
    def columns(self) -> Mapping[str, Any]:
        """Return the columns to write: of draws, where there are any, one after the other, after their numbers."""
        if not self.draws:
            return self.frame.columns
        columns = {
            name: np.concatenate([draw.columns[name].astype(kept.dtype) for draw in self.draws])
            for name, kept in self.draws[0].columns.items()
        }
        return {draw_column(columns): draw_numbers(len(self.draws), len(self.frame)), **columns}


def draw_column(columns: Collection[str]) -> str:
    """Return a name for the column of the numbers of draws, which no other column has."""
    names = itertools.chain(["draw", "imputation"], (f"draw {number}" for number in itertools.count()))
    return next(name for name in names if name not in columns)


def draw_numbers(num_draws: int, num_rows: int) -> np.ndarray:
    """Return the number of the draw of each row, from 1, of all rows of the first draw, then of the second."""
    return np.repeat(np.arange(1, num_draws + 1), num_rows)


def check_whole_table(hide_half: str | None, split: str | None) -> None:
    """Refuse options that have no meaning for a table."""
    if hide_half or split:
        given = "--hide-half" if hide_half else "--split"
        raise OptionError(
            f"expected no {given} for a table of mixed columns, got {hide_half or split}",
            "--hide 0.2" if hide_half else "leaving it out",
        )


def complete_table(
    run: Run, chosen: Chosen, search: Search, hide: float | None, *, num_draws: int, key: Key
) -> Completed:
    """Fill in the missing cells of a table.

    Args:
        run: The run.
        chosen: The rows.
        search: How posteriors are looked for; without a refiner, particles are those of the recognition net.
        hide: Hide each cell with this probability first, and score what is put there.
        num_draws: How many tables are drawn beside the one of expectations.
        key: Random key of what is hidden and drawn.
    """
    rows, frame, schema = chosen.rows, chosen.frame, run.record.schema
    if schema is None or frame is None:
        raise OptionError(f"expected a file with a table to fill in, got {rows.label}", "the path of a file")
    hide_key, draw_key = jax.random.split(key)
    known = ~np.isnan(rows.means())
    hidden = _hidden(schema, known, hide, key=hide_key)
    num_missing = sum(int(missing(frame.columns[name]).sum()) for name in schema.places)
    if not num_missing and not any(where.any() for where in hidden.values()):
        raise OptionError(f"expected missing cells in {rows.label}, got none", "--hide 0.2 to see how it would do")
    observed = known.copy()
    for name, place in schema.places.items():
        observed[:, place] &= ~hidden[name][:, None]
    found = _found(run, rows, observed, search, num_draws=num_draws, key=draw_key)
    values = schema.decode(np.asarray(found.means))
    fill = starting_fill(run.net)
    usual = schema.decode(np.broadcast_to(np.asarray(fill), rows.shape))
    about = {
        "num_rows": len(rows),
        "num_missing": num_missing,
        "num_hidden": sum(int(where.sum()) for where in hidden.values()),
        "num_particles": found.num_particles,
        "num_draws": num_draws,
        "refine": None if search.refiner is None else described(search.refiner),
        "bound": asdict(Mean.of(np.asarray(found.bound, np.float64))),
        "ess": asdict(Mean.of(np.asarray(found.ess, np.float64))),
        "errors": {
            name: {column: asdict(error) for column, error in cell_errors(schema, frame, guess, hidden).items()}
            for name, guess in {"net": values, "mean or mode": usual}.items()
        },
    }
    draws = tuple(filled(frame, schema.decode(np.asarray(found.draws)[:, draw])) for draw in range(num_draws))
    return Completed(filled(frame, values), draws, about)


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
    save_columns(file, completed.columns, schema.dates)
    say(f"{found['num_rows']} completed rows{of_draws(found['num_draws'])} written to {file}{note}")


def of_draws(num_draws: int) -> str:
    """Return what to say of draws beside the number of rows."""
    return f", {num_draws} draws of each," if num_draws else ""


def _hidden(schema: Schema, known: np.ndarray, hide: float | None, *, key: Key) -> dict[str, np.ndarray]:
    """Return which cells of each column are hidden, `[rows]`: some of those that are known."""
    uniform = np.asarray(jax.random.uniform(key, (len(known), len(schema.places))))
    return {
        name: (uniform[:, index] < (hide or 0)) & known[:, place].all(axis=1)
        for index, (name, place) in enumerate(schema.places.items())
    }


def _found(run: Run, rows: Observations, observed: np.ndarray, search: Search, *, num_draws: int, key: Key) -> Any:
    with progress(f"{search.num_particles} particles", len(rows)) as shown:
        given = {"observed": observed, "num_draws": num_draws, "key": key, "progress": shown.update}
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
