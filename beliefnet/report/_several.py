"""Several runs on one page: a table of them, their curves in one chart, and differences row by row."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from beliefnet.evaluation import Mean
from beliefnet.report._contents import Contents, some_rows
from beliefnet.report._drawn import PARTICLES, quick_bounds
from beliefnet.report._html import Html, joined, tag
from beliefnet.report._parts import Cell, CellLike, Chart, Series, chart, note, number, table, with_error

_ROWS = 300
_CERTAIN = 2


def overview(runs: Sequence[Contents]) -> Html:
    """Return a table of runs that is sorted by a click, with the evaluation of most particles of each."""
    rows: list[dict[str, CellLike]] = []
    for place, one in enumerate(runs):
        about, found = one.overview, one.overview.evaluation
        epochs = str(about.epoch) if about.epochs is None else f"{about.epoch}/{about.epochs}"
        rows.append(
            {
                "run": Cell(tag("a", one.name, href=f"#run-{place + 1}"), one.name),
                "net": about.net or (one.run.description if one.run else ""),
                "data": about.data,
                "estimator": about.estimator,
                "epochs": Cell(epochs, about.epoch),
                "bound": number(about.bound),
                "NLL": with_error(found.get("nll")),
                "particles": number(found.get("num_particles"), 0),
                "ELBO": with_error(found.get("elbo")),
                "ESS": with_error(found.get("ess"), 1),
                "state": "" if about.state == "saved" else about.state,
                "tags": " ".join(about.tags),
            }
        )
    # A column in which nothing stands says nothing.
    header = [name for name in rows[0] if any(row[name] not in ("", number(None)) for row in rows)]
    text = "Bound: of the validation rows, as each estimator climbs it. NLL, ELBO and ESS: of the test rows. Nats."
    return joined(
        [
            table(
                "The runs; a click on a name sorts",
                header,
                [[row[name] for name in header] for row in rows],
                is_sortable=True,
            ),
            note(text),
        ]
    )


def curves(runs: Sequence[Contents]) -> Html | None:
    """Draw the validation bounds of all runs in one chart."""
    series = [
        Series(one.name, [row["epoch"] for row in one.rows], [row.get("valid_bound") for row in one.rows])
        for one in runs
        if one.rows
    ]
    bounds = {one.overview.estimator for one in runs}
    remark = "Estimators climb different bounds: compare the NLL as well." if len(bounds) > 1 else ""
    whole = Chart("Validation bound after each epoch", "epoch", "nats per example", series, is_cut=True)
    return joined([chart(whole), note(remark) if remark else None]) if series else None


def differences(runs: Sequence[Contents]) -> Html | None:
    """Show how far runs of the same data are from the best, row by row: errors of rows that are hard for all cancel."""
    groups: dict[str, list[Contents]] = {}
    for one in runs:
        if one.run is not None and one.data is not None:
            groups.setdefault(one.run.record.checksum, []).append(one)
    shown = [_group(group) for group in groups.values() if len(group) > 1]
    return joined(shown) if shown else None


def _group(runs: Sequence[Contents]) -> Html:
    assert runs[0].data is not None
    rows = some_rows(runs[0].data.test or runs[0].data.valid, _ROWS)
    bounds: dict[int, Any] = {}
    for place, one in enumerate(runs):
        assert one.run is not None
        found = quick_bounds(one.run, rows)
        bounds[place] = {name: np.asarray(getattr(found, name), np.float64) for name in ("bound", "elbo")}
    best = max(bounds, key=lambda place: bounds[place]["bound"].mean())
    body = [
        (
            runs[place].name,
            *(
                cell
                for name in ("bound", "elbo")
                for cell in (_mean(values[name]), _difference(values[name] - bounds[best][name], place == best))
            ),
        )
        for place, values in bounds.items()
    ]
    header = ("run", f"bound, {PARTICLES} particles", "difference of it", "ELBO", "difference of the ELBO")
    caption = f"Differences to {runs[best].name} on the same {len(rows)} test rows of {runs[0].overview.data} (nats)"
    text = (
        "Mean and standard error of differences row by row, from a quick look with few particles. Larger is better; a "
        f"star marks what is more than {_CERTAIN} standard errors from zero."
    )
    return joined([table(caption, header, body, is_sortable=True), note(text)])


def _mean(values: np.ndarray) -> Cell:
    found = Mean.of(values)
    return with_error({"mean": found.mean, "stderr": found.stderr})


def _difference(values: np.ndarray, is_best: bool) -> Cell:
    if is_best:
        return Cell("the best by the bound", 0.0)
    found = Mean.of(values)
    shown = with_error({"mean": found.mean, "stderr": found.stderr}, 3)
    star = " *" if abs(found.mean) > _CERTAIN * found.stderr else ""
    return Cell(f"{shown.text}{star}", found.mean)
