"""beliefnet gaps and sandwich: how far bounds are from the log-likelihood, and why."""

import json
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from beliefnet._errors import OptionError
from beliefnet.cli._app import command
from beliefnet.cli._runs import (
    check_counts,
    check_suffix,
    chosen_proposal,
    chosen_refiner,
    data_of,
    described,
    open_latent_run,
    spread,
    without_nan,
    writing,
)
from beliefnet.evaluation import InferenceGaps, Mean, Sandwich, inference_gaps, steps_of_refinement
from beliefnet.evaluation import sandwich as sandwiched
from beliefnet.plots import plot_refinement
from beliefnet.proposals import Annealed
from beliefnet.refiners import Refiner
from beliefnet.training import Stream, stream


@command
def gaps(
    directories: Annotated[tuple[Path, ...], Parameter(name="DIR")],
    /,
    *,
    refine: str | None = None,
    steps: tuple[int, ...] | None = None,
    particles: int = 100,
    split: Literal["train", "valid", "test"] = "test",
    data: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    out: Path = Path("gaps.png"),
) -> None:
    """Refine the posteriors of trained nets step by step: bound, likelihood and effective sample size, and the gaps.

    The amortisation gap is what refinement gains on the recognition net's ELBO, the approximation gap what is left
    between the refined ELBO and the estimated log-likelihood.

    Args:
        directories: Run folders of `beliefnet train`.
        refine: The refiner: air, gdir, mean-passing, straight-through or concrete, with options as in
            air:steps=20,samples=20. By default that of the run, or else air, or gdir where all latents are normal.
        steps: After which numbers of steps to evaluate, besides 0 and the last: 1, 2, 5, 10, ... by default.
        particles: Particles per datum, K, for each of them.
        split: Part of the data.
        data: Another data set or file than the one each net was trained on.
        limit: Use only so many examples, spread evenly over the split.
        seed: Seed of the draws.
        as_json: Print one JSON object and nothing else.
        out: A .png for the picture.
    """
    check_counts(particles=particles, limit=limit, seed=seed)
    check_suffix(out, ".png")
    names = [path.name or str(path) for path in directories]
    if not names or len(set(names)) < len(names):
        raise OptionError(f"expected run folders of different names, got {names or 'none'}; try renaming one")
    # All of them are looked at before the first long computation.
    runs = [open_latent_run(directory) for directory in directories]
    refiners = [chosen_refiner(run, refine) for run in runs]
    counts = [_steps(refiner, steps) for refiner in refiners]
    results, records = {}, {}
    for name, run, refiner, chosen in zip(names, runs, refiners, counts, strict=True):
        dataset = data_of(run, data)
        rows = spread(dataset.split(split), limit)
        with Progress(console=Console(stderr=True), transient=True, disable=as_json) as progress:
            task = progress.add_task(name, total=rows.shape[0] * len(chosen))
            results[name] = inference_gaps(
                run.net,
                rows,
                refiner,
                num_particles=particles,
                steps=chosen,
                key=stream(seed, Stream.EVALUATION),
                progress=lambda done, task=task: progress.update(task, completed=done),
            )
        records[name] = {
            "data": dataset.record.to_dict(),
            "split": split,
            **results[name].to_dict(),
            "refine": described(refiner),
            "seed": seed,
            "best_epoch": run.best_epoch,
        }
        if not as_json:
            _show(results[name], name, split)
            print(f"refined by {described(refiner)}")
    if as_json:
        print(json.dumps(without_nan(records)))
    with writing(out):
        plot_refinement(results, out)
    if not as_json:
        print(f"written to {out}")


def _steps(refiner: Refiner, steps: tuple[int, ...] | None) -> list[int]:
    try:
        return steps_of_refinement(refiner, steps)
    except ValueError as error:
        reason = str(error).partition("; try ")[0]
        raise OptionError(f"{reason}; try --refine with steps={max(20, *(steps or (20,)))}") from error


def _show(result: InferenceGaps, name: str, split: str) -> None:
    first = next(iter(result.evaluations.values()))
    count = first.num_particles
    title = f"{name}, {split} split, {first.num_examples} examples (nats per example)"
    table = Table(title=title, title_justify="left")
    for column in ("steps", "ELBO", "stderr", f"NLL ({count})", "stderr", f"ESS of {count}", "k-hat"):
        table.add_column(column, justify="right")
    for steps, evaluation in result.evaluations.items():
        values = [number for value in (evaluation.elbo, evaluation.nll) for number in (value.mean, value.stderr)]
        k_hat = "" if evaluation.pareto_k is None else f"{evaluation.pareto_k:.2f}"
        table.add_row(str(steps), *(f"{value:.3f}" for value in values), f"{evaluation.ess.mean:.1f}", k_hat)
    console = Console()
    console.print(table)
    for what, gap in (("amortisation", result.amortisation), ("approximation", result.approximation)):
        console.print(f"{what} gap {_number(gap)}", highlight=False)


def _number(value: Mean) -> str:
    return f"{value.mean:.3f} +- {value.stderr:.3f}"


@command
def sandwich(
    directory: Annotated[Path, Parameter(name="DIR")],
    /,
    *,
    ais: int = 500,
    particles: int = 10,
    num: int = 100,
    refine: str | None = None,
    seed: int = 0,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Bound log p(x) from both sides on data that the net itself draws: how far `evaluate --ais` can be trusted.

    Annealing forwards bounds it from below; annealing backwards, from the latents that made a datum, from above.

    Args:
        directory: Run folder of `beliefnet train`.
        ais: Temperatures of the annealing.
        particles: Particles per datum, in each direction.
        num: Number of data.
        refine: What the annealing starts from, as for `evaluate`.
        seed: Seed of the draws.
        as_json: Print one JSON object and nothing else.
    """
    check_counts(ais=ais, particles=particles, num=num, seed=seed)
    run = open_latent_run(directory)
    annealed = chosen_proposal(run, refine, ais)
    assert isinstance(annealed, Annealed)
    with Console(stderr=True).status(f"annealing {num} examples"):
        result = sandwiched(run.net, num, particles, annealed, key=stream(seed, Stream.EVALUATION))
    if as_json:
        start = {"proposal": described(annealed.start), "seed": seed, "best_epoch": run.best_epoch}
        print(json.dumps(without_nan({**result.to_dict(), **start})))
    else:
        _show_sandwich(result)
        print(f"annealed from {described(annealed.start)}")


def _show_sandwich(result: Sandwich) -> None:
    title = (
        f"log p(x) of {result.num_examples} examples drawn from the net, {result.num_temperatures} temperatures, "
        f"{result.num_particles} particles (nats per example)"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for column in ("mean", "stderr"):
        table.add_column(column, justify="right")
    for name, value in (("lower bound", result.lower), ("upper bound", result.upper), ("gap", result.gap)):
        table.add_row(name, f"{value.mean:.3f}", f"{value.stderr:.3f}")
    Console().print(table)
