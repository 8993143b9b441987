"""beliefnet compare: simpler models of the same data, in one table with trained nets."""

import math
import shutil
import textwrap
from pathlib import Path
from typing import Any

from beliefnet._errors import OptionError
from beliefnet.catalogue import COMPARISONS, parse_comparison
from beliefnet.cli._app import command
from beliefnet.cli._compared_run import rows_of_runs
from beliefnet.cli._files import check_free, replaced, writing
from beliefnet.cli._flags import AS_LOADED, HowLoaded, given_flags
from beliefnet.cli._options import check_counts, plain
from beliefnet.cli._progress import progress
from beliefnet.cli._rows import Split, own_data, warn_of_sample
from beliefnet.cli._run import Run, check_different, open_run
from beliefnet.cli._text import aligned, report, say, tell, to_json
from beliefnet.comparisons import AbstractComparison, score
from beliefnet.data import Dataset, load, names
from beliefnet.runs import write_atomically

_PERPLEXITIES = {"perplexity": "", "elbo_perplexity": ", by the ELBO"}

_WIDTH, _LEAST, _INDENT = 80, 40, "    "
_FILE = "comparisons.json"
_OF_TABLES = "beliefnet runs, which shows the bounds of nets of one table beside each other"


@command
def compare(
    *,
    data: str | None = None,
    models: tuple[str, ...] = (),
    runs: tuple[Path, ...] = (),
    split: Split = "test",
    seed: int = 0,
    out: Path | None = None,
    loading: HowLoaded = AS_LOADED,
) -> None:
    """Fit simpler models to data, and score them as nets are scored, in one table with trained nets, the best first.

    Args:
        data: Name of a data set (see `beliefnet datasets`), or a file of rows; by default the data of the first of
            --runs. They are loaded as for that run where they are its own.
        models: What to fit: mixture (of Bernoullis) or rbm to binary rows, lda to documents, with options as in
            mixture:components=500 rbm:hidden=500,epochs=20 lda:topics=50. Without any, only --runs are compared.
        runs: Run folders, of `beliefnet train` or `fit`, whose evaluation joins the table: the one with most particles,
            of the net as it is now and on the same data.
        split: Part of the data that is scored; models are fitted to the training split.
        seed: Of the models; and of the data as in `beliefnet train`, unless they are those of a run.
        out: A folder for comparisons.json, with all settings and scores.
        loading: How data are loaded, as in `beliefnet train`.
    """
    check_counts(seed=seed)
    if not models and not runs:
        raise OptionError("expected --models or --runs, got neither", "--models mixture", "--runs runs/mine")
    chosen = _chosen(models)
    check_different(runs)
    nets = [open_run(path) for path in runs]
    dataset = _data_for(chosen, data, {"seed": seed}, given_flags(loading), nets)
    if chosen or split == "train":
        warn_of_sample(dataset)
    run_rows = rows_of_runs(nets, dataset.record, split)
    if out is not None:
        _check_out(out)
    rows = [_row_of_model(spec, model, dataset, split, seed) for spec, model in chosen.items()]
    ranked = sorted([*rows, *run_rows], key=lambda row: _rank(row["nll"]))
    found = plain({"data": dataset.record.to_dict(), "split": split, "seed": seed, "models": ranked})
    report(found)
    _show(found)
    if out is not None:
        file = out / _FILE
        note = replaced(file)
        with writing(out):
            out.mkdir(exist_ok=True)
            write_atomically(file, to_json(found, indent=2) + "\n")
        say(f"written to {file}{note}")


def _check_out(out: Path) -> None:
    """Check, before any work, that the folder is there or can be made, and has no comparisons yet."""
    if not out.exists():
        check_free(out)
        return
    with writing(out):
        # A file is no folder.
        next(out.iterdir(), None)
    check_free(out / _FILE)


def _chosen(specs: tuple[str, ...]) -> dict[str, AbstractComparison]:
    """Make the models, for rows of one kind."""
    if len(set(specs)) < len(specs):
        raise OptionError(f"expected different --models, got {', '.join(specs)}", "mixture:components=100")
    chosen = {spec: parse_comparison(spec) for spec in specs}
    kinds = {model.values: spec for spec, model in chosen.items()}
    if len(kinds) > 1:
        given = " and ".join(f"{spec} ({values})" for values, spec in kinds.items())
        raise OptionError(f"expected --models for data of one kind, got {given}", "one command for each")
    return chosen


def _data_for(
    chosen: dict[str, AbstractComparison],
    data: str | None,
    usual: dict[str, Any],
    given: dict[str, Any],
    runs: list[Run],
) -> Dataset:
    """Load data of the kind that the models are for, as the first run loaded them where they are its own."""
    if not chosen and data is None and not given:
        return own_data(runs[0])
    if not chosen:
        return load(data or runs[0].data, **runs[0].load_options | given)
    spec, model = next(iter(chosen.items()))
    place = data or (runs[0].data if runs else None)
    if place is None:
        raise OptionError("expected --data or --runs, got neither", "--data digits")
    if runs and _is_same(place, runs[0].data):
        dataset = load(place, **runs[0].load_options | given) if given else own_data(runs[0])
    else:
        # A file may hold either; a named data set holds what it holds.
        are_documents = model.values == "counts" and place not in names()
        how = {"values": "counts", "keep_empty": False} if are_documents else {}
        dataset = load(place, **how, **usual | given)
    found = dataset.record.values
    if found != model.values:
        fitting = " or ".join(
            name for name, other in COMPARISONS.items() if getattr(other.make, "values", None) == found
        )
        raise OptionError(
            f"expected {model.values} data for {spec}, got {found} values of {place}", fitting or _OF_TABLES
        )
    if dataset.record.binarization == "dynamic":
        raise OptionError(
            f"expected rows of zeros and ones for {spec}, got {place} with dynamic binarization, drawn anew at every "
            "use",
            "--binarization static or threshold",
        )
    return dataset


def _is_same(one: str, other: str) -> bool:
    return one == other or Path(one).expanduser().resolve() == Path(other).expanduser().resolve()


def _row_of_model(spec: str, model: AbstractComparison, dataset: Dataset, split: str, seed: int) -> dict[str, Any]:
    rows = dataset.split(split).rows
    with progress(f"fitting {spec}", model.num_steps, waits_for="starting") as shown:
        model.fit(dataset.train.rows, dataset.valid.rows, seed=seed, progress=shown.update)
    with progress(f"scoring {spec}", rows.shape[0], waits_for="starting") as shown:
        scores = score(model, rows, progress=shown.update)
    name, _, asked_for = spec.partition(":")
    return {
        "model": name,
        "options": asked_for.replace(",", ", "),
        "settings": model.settings,
        "findings": model.findings,
        **scores.to_dict(),
    }


def _show(found: dict[str, Any]) -> None:
    rows, name = found["models"], found["data"]["name"]
    columns = {"model": [row["model"] for row in rows], "NLL": [_number(row["nll"]) for row in rows]}
    if any("elbo" in row for row in rows):
        columns["ELBO"] = [_number(row.get("elbo")) for row in rows]
    for quantity, by in _PERPLEXITIES.items():
        if any(row.get(quantity) for row in rows):
            for kind in ("per_document", "per_token"):
                values = [(row.get(quantity) or {}).get(kind) for row in rows]
                columns[f"perplexity {kind.replace('_', ' ')}{by}"] = [_number(value) for value in values]
    tell(f"{name}, {found['split']} split, {rows[0]['num_examples']} examples (nats per example)")
    lines = aligned([tuple(columns), *zip(*columns.values(), strict=True)])
    notes = ["", *(", ".join(filter(None, [row["method"], row["options"]])) for row in rows)]
    # What there is to say of a model is below its numbers, where it can be as long as it is.
    width = shutil.get_terminal_size((_WIDTH, 24)).columns
    for line, note in zip(lines, notes, strict=True):
        tell(line)
        for own in textwrap.wrap(note, max(width, _LEAST), initial_indent=_INDENT, subsequent_indent=_INDENT):
            tell(own)


def _number(value: dict[str, float | None] | None) -> str:
    if value is None or value["mean"] is None:
        return "" if value is None else "not finite"
    error = "" if value["stderr"] is None else f" +- {value['stderr']:.2f}"
    return f"{value['mean']:.2f}{error}"


def _rank(nll: dict[str, float]) -> float:
    """Return what rows are sorted by: what is no number comes last."""
    mean = plain(nll)["mean"]
    return math.inf if mean is None else mean
