"""Sections of a page about what commands have left in a run folder: curves, evaluations, gradients, the record."""

import shlex
from collections.abc import Mapping
from typing import Any

import tomli_w

from beliefnet.evaluation import GradientReport
from beliefnet.plots import gradient_figure
from beliefnet.report._contents import Contents
from beliefnet.report._html import Html, joined, lines, tag
from beliefnet.report._parts import (
    Cell,
    Chart,
    Series,
    chart,
    code,
    facts,
    note,
    number,
    picture,
    table,
    with_error,
)
from beliefnet.runs import Result

ZOOMING = "Drag over the curves to zoom in; a double click shows all."
_MOST_ROWS = 20
_OWN = {"log_p", "standard_error"}
_FACTS = ("python", "beliefnet", "jax", "jaxlib", "numpy", "optax", "equinox", "numpyro")


def curves(contents: Contents) -> Html | None:
    """Draw the bounds of training and validation."""
    if not contents.rows:
        return None
    bound = contents.overview.bound
    best = "" if bound is None else f" Best validation bound {number(bound).text} nats."
    return joined([chart(bounds_chart(contents.rows)), note(f"Higher is better.{best} {ZOOMING}")])


def bounds_chart(rows: list[dict[str, Any]]) -> Chart:
    """Return the chart of the bounds in rows of metrics."""
    epochs = [row["epoch"] for row in rows]
    series = [
        Series("training", epochs, [row.get("train_bound") for row in rows], is_faint=True),
        Series("validation", epochs, [row.get("valid_bound") for row in rows]),
    ]
    return Chart("Bound after each epoch", "epoch", "nats per example", series, is_cut=True)


def evaluations(contents: Contents) -> Html:
    """Show the evaluations of the net as it is now, and how the estimate of the NLL falls with more particles."""
    found = contents.evaluations
    if not found:
        hint = code(contents.folder.evaluate_command)
        return tag("p", "Not evaluated yet: ", hint, " estimates its ELBO and NLL.", class_="note")
    header = ("split", "particles", "proposal", "rows", "ELBO", "NLL", "effective sample size", "k-hat", "untrusted")
    rows = [_evaluation(result.content) for result in found]
    extra = [_other_scores(result.content) for result in found]
    old = sum(not result.is_current for result in contents.results["evaluation"])
    ladder = {int(rung): value for rung, value in found[-1].content.get("ladder", {}).items()}
    return joined(
        [
            table("Nats per example; means with their standard errors", header, rows),
            *(note(text) for text in extra if text),
            note(
                "k-hat says how heavy the tail of the weights is, the median over the rows; rows are untrusted where "
                "more particles would still lower the NLL."
            ),
            chart(_ladder_chart(ladder)) if len(ladder) > 1 else None,
            note(f"{old} evaluations of earlier nets of this run are left out.") if old else None,
        ]
    )


def _ladder_chart(ladder: Mapping[int, Any]) -> Chart:
    means, errors = ([ladder[rung][what] for rung in ladder] for what in ("mean", "stderr"))
    series = [Series("NLL", list(ladder), means, errors)]
    return Chart("Estimated NLL by the number of particles", "particles", "nats per example", series, is_log=True)


def _evaluation(found: dict[str, Any]) -> tuple[Cell | str, ...]:
    untrusted = found.get("untrusted")
    return (
        found.get("split", ""),
        number(found.get("num_particles"), 0),
        found.get("proposal", "").partition("(")[0],
        number(found.get("num_examples"), 0),
        with_error(found.get("elbo")),
        with_error(found.get("nll")),
        with_error(found.get("ess"), 1),
        number(found.get("pareto_k")),
        number(None) if untrusted is None else Cell(f"{100 * untrusted:.0f} %", untrusted),
    )


def _other_scores(found: dict[str, Any]) -> str:
    """Return perplexities and bits per dimension in a sentence."""
    texts = []
    if found.get("perplexity"):
        scored = found["perplexity"]
        texts += [f"perplexity per document {with_error(scored['per_document']).text}"]
        texts += [f"per token {with_error(scored['per_token']).text}"]
    if found.get("bits_per_dimension"):
        texts += [f"{with_error(found['bits_per_dimension'], 4).text} bits per dimension"]
    where = f"{found.get('split', '')} split, {found.get('num_particles')} particles"
    return f"{where}: {', '.join(texts)}." if texts else ""


def refinement(contents: Contents) -> Html | None:
    """Draw the bounds over the steps of refinement."""
    kept = [result for result in contents.results.get("gaps", ()) if result.is_current]
    if not kept:
        return None
    found = kept[-1].content
    steps = {int(step): one for step, one in found["evaluations"].items()}

    def line(name: str, quantity: str, sign: int = 1) -> Series:
        values = [one[quantity] for one in steps.values()]
        return Series(name, list(steps), [sign * v["mean"] for v in values], [v["stderr"] for v in values])

    bounds = [line("ELBO", "elbo"), line("bound (minus NLL)", "nll", -1)]
    gaps = {f"{name} gap": with_error(found[name], 3).text for name in ("inference", "amortisation", "approximation")}
    return joined(
        [
            chart(Chart("Bounds over the steps of refinement", "steps", "nats per example", bounds)),
            chart(Chart("Effective sample size", "steps", "particles", [line("effective sample size", "ess")])),
            facts({**gaps, "refined by": found.get("refine", ""), "split": found.get("split", "")}),
        ]
    )


def gradients(contents: Contents) -> Html | None:
    """Draw what `beliefnet diagnose` has found."""
    if contents.gradients is None:
        return None
    report = GradientReport.from_dict(contents.gradients)
    header = ("estimator", "net", "bias z", "relative bias", "variance", "signal-to-noise", "cosine", "milliseconds")
    rows = [
        (
            name,
            part,
            Cell(f"{values.bias_z:.1f}{' (biased)' if values.is_biased else ''}", values.bias_z),
            number(values.relative_bias, 3),
            number(values.variance, 4),
            number(values.snr),
            number(values.cosine),
            number(one.milliseconds),
        )
        for name, one in report.estimators.items()
        for part, values in ((part, one.parts[part]) for part in ("theta", "phi"))
    ]
    now = contents.record.get("stamp", {}).get("best_epoch")
    then = contents.gradients.get("best_epoch")
    alt = f"Signal-to-noise ratio and variance times cost of {len(report.estimators)} estimators, as in the table below"
    return joined(
        [
            None if then == now else note(f"Of an earlier net, that of epoch {then}.", is_warning=True),
            picture(gradient_figure(report), alt, kind="lines"),
            table("Gradient estimators", header, rows, is_sortable=True),
        ]
    )


def outliers(contents: Contents) -> Html | None:
    """Show the rows that were found least probable."""
    shown = [_outliers(result) for result in contents.results.get("outliers", ()) if result.is_current]
    return joined(shown) if shown else None


def _outliers(result: Result) -> Html:
    found = result.content
    shown = [{name: row[name] for name in row if name != "is_outlier"} for row in found["outliers"][:_MOST_ROWS]]
    rows = [[_any(value) for value in row.values()] for row in shown]
    header = [name.replace("_", " ") if name in _OWN else name for name in shown[0]] if shown else []
    caption = f"The least probable of {found['num_rows']} rows of {found['data']} (log p in nats)"
    return table(caption, header, rows, is_sortable=True)


def imputation(contents: Contents) -> Html | None:
    """Show how well hidden entries were filled in."""
    kept = [result.content for result in contents.results.get("imputation", ()) if result.is_current]
    return joined([_imputation(found) for found in kept]) if kept else None


def _imputation(found: dict[str, Any]) -> Html:
    """Show the scores of hidden entries, of a table column by column."""
    if "errors" in found:
        scores = {
            column: {name: own[column]["error"] for name, own in found["errors"].items()}
            for column in next(iter(found["errors"].values()))
        }
        first = "share wrong, or error / sd"
    else:
        scores, first = found.get("scores", {}), "filled in by"
    text = f"{found.get('num_missing')} missing and {found.get('num_hidden')} hidden entries of {found.get('data')}"
    if not scores or not found.get("num_hidden"):
        return tag("p", f"{text} were filled in.")
    columns = list(dict.fromkeys(key for score in scores.values() for key in score))
    rows = [[name, *(_score(score.get(key)) for key in columns)] for name, score in scores.items()]
    return table(text, (first, *(key.replace("_", " ") for key in columns)), rows)


def _score(value: Any) -> Cell:
    return with_error(value, 4) if type(value) is dict else number(value, 4)


def _any(value: Any) -> Cell | str:
    digits = 0 if type(value) is int else 2
    return number(value, digits) if type(value) in (int, float) else str(value or "")


def record(contents: Contents) -> Html:
    """Show all that is recorded: data, seed, versions, device, options, and how to repeat the run."""
    data, environment = contents.record.get("data", {}), contents.record.get("environment", {})
    stamp, splits = contents.record.get("stamp", {}), data.get("splits", {})
    about = {
        "data": data.get("name") or str(contents.config.get("data", "")),
        "version of the data": data.get("variant", ""),
        "source": data.get("source", ""),
        "rows": ", ".join(f"{name} {count}" for name, count in splits.items()),
        "columns": str(data.get("num_features", "")),
        "values": f"{data.get('values', 'binary')}, binarization {data.get('binarization', 'none')}" if data else "",
        "checksum": data.get("checksum", ""),
        "seed": str(contents.record.get("settings", contents.config).get("seed", "")),
        "best net": f"after epoch {stamp['best_epoch']}, of {stamp['step']} steps in all" if stamp else "",
        "fingerprint": stamp.get("fingerprint", ""),
        "training time": f"{contents.record['seconds']:.1f} s" if "seconds" in contents.record else "",
        "versions": ", ".join(f"{name} {environment[name]}" for name in _FACTS if name in environment),
        **{name: str(value) for name, value in environment.items() if name not in _FACTS},
        "folder": str(contents.folder.path.resolve()),
        "tags": " ".join(contents.overview.tags),
    }
    return joined([facts(about), _command(contents), _options(contents)])


def _command(contents: Contents) -> Html | None:
    if not contents.config:
        return note("This run was started from Python: its options are below, and `fit` with them repeats it.")
    words = f"beliefnet train {shlex.quote(str(contents.folder.config_file))} --out NEW"
    return tag("p", "To repeat it: ", code(words))


def _options(contents: Contents) -> Html | None:
    options = contents.config or contents.record.get("settings", {})
    if not options:
        return None
    known = {name: value for name, value in options.items() if value is not None}
    return tag("details", tag("summary", "All options"), tag("pre", lines(tomli_w.dumps(known)), tabindex=0))
