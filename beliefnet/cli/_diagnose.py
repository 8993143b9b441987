"""beliefnet diagnose: gradient estimators compared at a trained net."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import jax
from cyclopts import Parameter

from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.catalogue import Choice, build_estimator, parse_estimator
from beliefnet.cli._app import command
from beliefnet.cli._files import check_free, chosen_file, replaced, writing
from beliefnet.cli._flags import AS_IN_TRAINING, HowRead
from beliefnet.cli._options import check_counts, plain
from beliefnet.cli._progress import progress
from beliefnet.cli._rows import Split, chosen_rows
from beliefnet.cli._run import open_latent_run
from beliefnet.cli._text import report, say, show_table, tell, to_json
from beliefnet.estimators import AbstractEstimator
from beliefnet.evaluation import Effort, GradientReport, PartReport, gradient_report
from beliefnet.plots import plot_gradient_report
from beliefnet.runs import write_atomically
from beliefnet.training import Stream, stream

_LEGEND = (
    "bias z: about standard normal for an unbiased estimator, * where it cannot be",
    "bias: |mean - reference| / |reference|, in brackets what noise alone makes it",
)


@command
def diagnose(
    directory: Annotated[Path, Parameter(name="DIR")],
    /,
    *,
    estimators: tuple[str, ...] = ("nvil", "reinforce", "vimco", "rws"),
    draws: int = 1000,
    batch_size: int = 20,
    split: Split | None = None,
    data: str | None = None,
    seed: int = 0,
    parts: Annotated[bool, Parameter(negative=())] = False,
    out: Path | None = None,
    reading: HowRead = AS_IN_TRAINING,
) -> None:
    """Compare gradient estimators at a trained net: bias, variance, direction and cost, for theta and for phi.

    All of them are drawn at the same parameters and on the same batch. The picture goes to plots/gradients.png in the
    run folder and the numbers to gradients.json, or to --out and a .json next to it. What an estimator learns or keeps
    beside the net starts fresh: baseline networks are untrained, running means are warmed up with 100 batches.

    Args:
        directory: Run folder of `beliefnet train`.
        estimators: What to compare, each as name or name:option=value,option=value, for example vimco:particles=5.
        draws: Estimates per estimator, rounded up to a multiple of four; bias z needs a few hundred. A sampled
            reference takes four times as many.
        batch_size: Examples in the batch, spread evenly over the split.
        split: Part of the data, the validation split by default; of a .npz file, the array.
        data: Another data set than the one the net was trained on, or a file, whose rows are all drawn from.
        seed: Seed of the draws.
        parts: Show every part of the net, not only theta and phi.
        out: A .png for the picture.
        reading: How a file is read, where the run's own data were read in another way.
    """
    _check(batch_size, draws, seed, out)
    options = _parse(estimators)
    run = open_latent_run(directory)
    chosen = chosen_rows(run, data, split, reading, default="valid")
    make_key, report_key = jax.random.split(stream(seed, Stream.EVALUATION))
    built = _build(options, run.net, key=make_key)
    with progress("gradients") as shown:
        measured = gradient_report(
            run.net,
            chosen.spread(batch_size),
            built,
            effort=Effort(draws),
            key=report_key,
            progress=lambda what: shown.update(what=f"measuring {what}"),
        )
    about = {"seed": seed, "best_epoch": run.best_epoch}
    result = plain({"data": chosen.data, "split": chosen.split, **measured.to_dict(), **about})
    # Shown first: a folder that cannot be written must not cost a long measurement.
    report(result)
    _show(measured, chosen.place, every_part=parts)
    picture = run.folder.plots / "gradients.png" if out is None else out
    numbers = run.folder.home / "gradients.json" if out is None else out.with_suffix(".json")
    note = "" if out is None else replaced(out)
    with writing(picture):
        plot_gradient_report(measured, picture)
        write_atomically(numbers, to_json(result, indent=2) + "\n")
    say(f"written to {picture} and {numbers}{note}")


def _check(batch_size: int, draws: int, seed: int, out: Path | None) -> None:
    check_counts(batch_size=batch_size, draws=draws, seed=seed)
    if draws < Effort.least:
        raise OptionError(f"expected --draws of at least {Effort.least}, got {draws}", "1000")
    if out is not None:
        chosen_file(out, "gradients.png", ".png")
        check_free(out.with_suffix(".json"))


def _parse(specs: tuple[str, ...]) -> dict[str, Choice]:
    if not specs:
        raise OptionError("expected --estimators to be one estimator or more, got none", "--estimators nvil vimco")
    options: dict[str, Choice] = {}
    for spec in specs:
        chosen = parse_estimator(spec)
        if chosen in options.values():
            raise OptionError(f"expected different --estimators, got {spec} twice", "leaving one out")
        options[spec] = chosen
    return options


def _build(options: dict[str, Choice], net: BeliefNet, *, key: Key) -> dict[str, AbstractEstimator]:
    keys = jax.random.split(key, len(options))
    return {
        spec: build_estimator(chosen, net, key=own) for own, (spec, chosen) in zip(keys, options.items(), strict=True)
    }


def _show(measured: GradientReport, place: str, *, every_part: bool) -> None:
    header = ("estimator", "part", "bias z", "bias", "variance", "SNR", "cosine", "ms", "var x ms")
    title = f"gradients on {measured.batch_size} examples of {place}, {measured.num_draws} draws"
    rows = _rows(measured, every_part=every_part)
    show_table(header, rows, title=title, words=("estimator", "part"), is_plain=True)
    for count, reference in measured.references.items():
        bound = "the ELBO" if count == 1 else f"the bound of {count} particles"
        errors = ", ".join(f"{100 * error:.1f} % for {part}" for part, error in reference.relative_error.items())
        how = "exact" if not reference.num_draws else f"{reference.num_draws} draws of {reference.method} ({errors})"
        tell(f"reference for {bound}: {how}")
    for line in _LEGEND:
        tell(line)


def _rows(measured: GradientReport, *, every_part: bool) -> Iterator[tuple[str, ...]]:
    """Yield a row for each part of each estimator, and an empty one after each estimator."""
    for name, estimator in measured.estimators.items():
        shown = estimator.parts if every_part else {part: estimator.parts[part] for part in ("theta", "phi")}
        for index, (part, values) in enumerate(shown.items()):
            cost = f"{estimator.milliseconds:.2g}" if index == 0 else ""
            yield "" if index else name, part, *_cells(values, cost)
        yield ("",) * 9


def _cells(part: PartReport, cost: str) -> tuple[str, ...]:
    return (
        f"{part.bias_z:.1f}{'*' if part.is_biased else ' '}",
        f"{_number(part.relative_bias)} ({_number(part.relative_noise)})",
        _number(part.variance),
        _number(part.snr),
        f"{part.cosine:.2f}",
        cost,
        _number(part.variance_cost),
    )


def _number(value: float) -> str:
    if not math.isfinite(value) or value == 0:
        return f"{value:.0f}"
    return f"{value:.3g}" if 1e-3 <= abs(value) < 1e5 else f"{value:.1e}"
