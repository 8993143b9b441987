"""beliefnet compare: simpler models of the same data, in one table with trained nets."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from beliefnet._errors import OptionError
from beliefnet.catalogue import COMPARISONS, parse_comparison
from beliefnet.cli._app import command
from beliefnet.cli._compared_run import row_of_run
from beliefnet.cli._files import replaced, writing
from beliefnet.cli._options import check_counts, plain, to_json
from beliefnet.cli._rows import Split
from beliefnet.cli._text import say, show_table, waiting
from beliefnet.comparisons import Comparison, score
from beliefnet.data import Dataset, load, names
from beliefnet.runs import RunFolder, write_atomically

_PERPLEXITIES = {"perplexity": "", "elbo_perplexity": ", by the ELBO"}


@command
def compare(
    *,
    data: str,
    models: tuple[str, ...],
    runs: tuple[Path, ...] = (),
    split: Split = "test",
    binarization: str | None = None,
    seed: int = 0,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    out: Path | None = None,
) -> None:
    """Fit simpler models to data, and score them as nets are scored, in one table with trained nets.

    Args:
        data: Name of a data set (see `beliefnet datasets`), or a .npy, .npz or .csv file.
        models: What to fit: mixture (of Bernoullis) or rbm to binary rows, lda to documents, with options as in
            mixture:components=500 rbm:hidden=500,epochs=20 lda:topics=50.
        runs: Run folders whose evaluation joins the table: the one with most particles, of the net as it is now and on
            the same data.
        split: Part of the data that is scored; models are fitted to the training split.
        binarization: How grey values become bits, static or threshold.
        seed: Of the models, and of the data as in `beliefnet train`.
        as_json: Print one JSON object and nothing else.
        out: A folder for comparisons.json, with all settings and scores.
    """
    check_counts(seed=seed)
    chosen = _chosen(models)
    dataset = _data_for(chosen, data, binarization, seed)
    run_rows = [row_of_run(RunFolder.open(path), dataset.record, split) for path in runs]
    if out is not None:
        with writing(out):
            out.mkdir(parents=True, exist_ok=True)
    rows = [_row_of_model(spec, model, dataset, split, seed) for spec, model in chosen.items()]
    report = plain({"data": dataset.record.to_dict(), "split": split, "seed": seed, "models": [*rows, *run_rows]})
    if as_json:
        print(to_json(report))
    else:
        _show(report)
    if out is not None:
        file = out / "comparisons.json"
        note = replaced(file)
        with writing(out):
            write_atomically(file, to_json(report, indent=2) + "\n")
        if not as_json:
            say(f"written to {file}{note}")


def _chosen(specs: tuple[str, ...]) -> dict[str, Comparison]:
    """Make the models, for rows of one kind."""
    if not specs or len(set(specs)) < len(specs):
        raise OptionError(f"expected different --models, got {', '.join(specs) or 'none'}; try mixture:components=100")
    chosen = {spec: parse_comparison(spec) for spec in specs}
    kinds = {model.values: spec for spec, model in chosen.items()}
    if len(kinds) > 1:
        given = " and ".join(f"{spec} ({values})" for values, spec in kinds.items())
        raise OptionError(f"expected --models for data of one kind, got {given}; try one command for each")
    return chosen


def _data_for(chosen: dict[str, Comparison], data: str, binarization: str | None, seed: int) -> Dataset:
    """Load data of the kind that the models are for."""
    spec, model = next(iter(chosen.items()))
    # A file may hold either; a named data set holds what it holds.
    values = "counts" if model.values == "counts" and data not in names() else None
    dataset = load(data, values=values, binarization=binarization, seed=seed)
    found = dataset.record.values
    if found != model.values:
        fitting = " or ".join(
            name for name, other in COMPARISONS.items() if getattr(other.make, "values", None) == found
        )
        raise OptionError(f"expected {model.values} data for {spec}, got {found} values of {data}; try {fitting}")
    if dataset.record.binarization == "dynamic":
        raise OptionError(
            f"expected rows of zeros and ones for {spec}, got {data} with dynamic binarization, drawn anew at every "
            "use; try --binarization static or threshold"
        )
    return dataset


def _row_of_model(spec: str, model: Comparison, dataset: Dataset, split: str, seed: int) -> dict[str, Any]:
    with waiting(f"fitting {spec}"):
        model.fit(dataset.train.rows, dataset.valid.rows, seed=seed)
        scores = score(model, dataset.split(split).rows)
    name = spec.partition(":")[0]
    return {"model": name, "settings": model.settings, "findings": model.findings, **scores.to_dict()}


def _show(report: dict[str, Any]) -> None:
    rows, name = report["models"], report["data"]["name"]
    columns = {"model": [row["model"] for row in rows], "NLL": [_number(row["nll"]) for row in rows]}
    if any("elbo" in row for row in rows):
        columns["ELBO"] = [_number(row.get("elbo")) for row in rows]
    for quantity, by in _PERPLEXITIES.items():
        if any(row.get(quantity) for row in rows):
            for kind in ("per_document", "per_token"):
                values = [(row.get(quantity) or {}).get(kind) for row in rows]
                columns[f"perplexity {kind.replace('_', ' ')}{by}"] = [_number(value) for value in values]
    columns["method"] = [row["method"] for row in rows]
    columns["settings"] = [_settings(row["settings"]) for row in rows]
    title = f"{name}, {report['split']} split, {rows[0]['num_examples']} examples (nats per example)"
    show_table(tuple(columns), zip(*columns.values(), strict=True), title=title, words=columns)


def _number(value: dict[str, float | None] | None) -> str:
    if value is None or value["mean"] is None:
        return "" if value is None else "not finite"
    error = "" if value["stderr"] is None else f" +- {value['stderr']:.2f}"
    return f"{value['mean']:.2f}{error}"


def _settings(settings: dict[str, Any]) -> str:
    given = {name.removeprefix("num_").replace("_", "-"): value for name, value in settings.items()}
    return ", ".join(f"{name}={value}" for name, value in given.items() if value is not None)
