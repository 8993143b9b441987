"""beliefnet compare: simpler models of the same data, in one table with trained nets."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from beliefnet._errors import OptionError
from beliefnet.catalogue import COMPARISONS, TrainConfig, parse_comparison
from beliefnet.cli._app import command
from beliefnet.cli._runs import check_counts, without_nan, writing
from beliefnet.comparisons import Comparison, score
from beliefnet.data import DataError, Dataset, Record, load, names
from beliefnet.runs import RunFolder, RunFolderError, write_atomically

_SCORES = ("num_examples", "elbo", "nll")
_PERPLEXITIES = {"perplexity": "", "elbo_perplexity": ", by the ELBO"}


@command
def compare(
    *,
    data: str,
    models: tuple[str, ...],
    runs: tuple[Path, ...] = (),
    split: Literal["train", "valid", "test"] = "test",
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
        runs: Run folders whose evaluation.json joins the table; they must have been evaluated on the same data.
        split: Part of the data that is scored; models are fitted to the training split.
        binarization: How grey values become bits, static or threshold.
        seed: Of the models, and of the data as in `beliefnet train`.
        as_json: Print one JSON object and nothing else.
        out: A folder for comparisons.json, with all settings and scores.
    """
    check_counts(seed=seed)
    chosen = _chosen(models)
    dataset = _data_for(chosen, data, binarization, seed)
    run_rows = [_row_of_run(RunFolder.open(path), dataset.record, split) for path in runs]
    if out is not None:
        with writing(out):
            out.mkdir(parents=True, exist_ok=True)
    rows = [_row_of_model(spec, model, dataset, split, seed) for spec, model in chosen.items()]
    report = without_nan({"data": dataset.record.to_dict(), "split": split, "seed": seed, "models": [*rows, *run_rows]})
    if as_json:
        print(json.dumps(report))
    else:
        _show(report)
    if out is not None:
        with writing(out):
            write_atomically(out / "comparisons.json", json.dumps(report, indent=2) + "\n")
        if not as_json:
            print(f"written to {out / 'comparisons.json'}")


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
    with Console(stderr=True).status(f"fitting {spec}"):
        model.fit(dataset.train.rows, dataset.valid.rows, seed=seed)
        scores = score(model, dataset.split(split).rows)
    name = spec.partition(":")[0]
    return {"model": name, "settings": model.settings, "findings": model.findings, **scores.to_dict()}


def _row_of_run(folder: RunFolder, record: Record, split: str) -> dict[str, Any]:
    """Read what was found for a net, which must be for the same data."""
    evaluation, config = folder.read_evaluation(), TrainConfig.from_dict(folder.read_config())
    wanted = ("data", "split", "num_particles", *_SCORES)
    missing = [name for name in wanted if name not in evaluation]
    if missing:
        raise RunFolderError(
            f"expected {', '.join(wanted)} in {folder.evaluation_file}, got none of {', '.join(missing)}; "
            f"try beliefnet evaluate {folder.path}"
        )
    if evaluation["data"]["checksum"] != record.checksum:
        raise DataError(
            f"expected runs evaluated on the data of this table ({record.checksum}), got {folder.path} with "
            f"{evaluation['data']['name']} ({evaluation['data']['checksum']}); try the same --data, --binarization "
            "and --seed as in training"
        )
    if evaluation["split"] != split:
        raise OptionError(
            f"expected runs evaluated on the {split} split, got {folder.path} with {evaluation['split']}; "
            f"try beliefnet evaluate {folder.path} --split {split}"
        )
    if record.values == "counts" and config.net.values.get("visible") == "poisson":
        raise OptionError(
            f"expected runs that score the words of a document given its length, got {folder.path} with poisson "
            "visible units, whose likelihood is that of counts; try runs of --net document"
        )
    return {
        "model": folder.path.resolve().name,
        "settings": {"net": config.describe(record.num_features), "estimator": config.estimator.name},
        **{name: evaluation[name] for name in (*_SCORES, *_PERPLEXITIES) if name in evaluation},
        "method": f"bound of {evaluation['num_particles']} particles",
    }


def _show(report: dict[str, Any]) -> None:
    rows, name = report["models"], report["data"]["name"]
    title = f"{name}, {report['split']} split, {rows[0]['num_examples']} examples (nats per example)"
    table = Table(title=title, title_justify="left")
    columns = {"model": [row["model"] for row in rows], "NLL": [_number(row["nll"]) for row in rows]}
    if any("elbo" in row for row in rows):
        columns["ELBO"] = [_number(row.get("elbo")) for row in rows]
    for name, by in _PERPLEXITIES.items():
        if any(row.get(name) for row in rows):
            for kind in ("per_document", "per_token"):
                values = [(row.get(name) or {}).get(kind) for row in rows]
                columns[f"perplexity {kind.replace('_', ' ')}{by}"] = [_number(value) for value in values]
    columns["method"] = [row["method"] for row in rows]
    columns["settings"] = [_settings(row["settings"]) for row in rows]
    for column in columns:
        table.add_column(column, overflow="fold")
    for cells in zip(*columns.values(), strict=True):
        table.add_row(*cells)
    Console().print(table)


def _number(value: dict[str, float | None] | None) -> str:
    if value is None or value["mean"] is None:
        return "" if value is None else "not finite"
    error = "" if value["stderr"] is None else f" +- {value['stderr']:.2f}"
    return f"{value['mean']:.2f}{error}"


def _settings(settings: dict[str, Any]) -> str:
    given = {name.removeprefix("num_").replace("_", "-"): value for name, value in settings.items()}
    return ", ".join(f"{name}={value}" for name, value in given.items() if value is not None)
