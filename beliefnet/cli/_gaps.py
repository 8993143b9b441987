"""beliefnet gaps: what refinement gains, step by step."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from beliefnet._errors import ArgumentError, OptionError
from beliefnet.cli._app import command
from beliefnet.cli._files import chosen_file, replaced, writing
from beliefnet.cli._flags import AS_IN_TRAINING, HowRead
from beliefnet.cli._options import check_counts, with_error
from beliefnet.cli._progress import progress
from beliefnet.cli._rows import Split, chosen_rows
from beliefnet.cli._run import check_different, chosen_refiner, described, in_words, keep_result, open_latent_run
from beliefnet.cli._text import report, say, show_table, tell
from beliefnet.evaluation import InferenceGaps, inference_gaps
from beliefnet.evaluation._gaps import steps_of_refinement
from beliefnet.plots import plot_refinement
from beliefnet.refiners import AbstractRefiner
from beliefnet.runs import check_writable
from beliefnet.training import Stream, stream


@command
def gaps(
    directories: Annotated[tuple[Path, ...], Parameter(name="DIR")],
    /,
    *,
    refine: str | None = None,
    steps: tuple[int, ...] | None = None,
    particles: int = 100,
    split: Split | None = None,
    data: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    out: Path | None = None,
    reading: HowRead = AS_IN_TRAINING,
) -> None:
    """Refine the posteriors of trained nets step by step: bound, likelihood and effective sample size, and the gaps.

    The amortisation gap is what refinement gains on the recognition net's ELBO, the approximation gap what is left
    between the refined ELBO and the estimated log-likelihood.

    Args:
        directories: Run folders of `beliefnet train`.
        refine: The refiner: air, gdir, mean-passing, straight-through, concrete, or learned, with options as in
            air:steps=20,samples=20. By default that of the run, or else air, or gdir where all latents are normal.
        steps: After which numbers of steps to evaluate, besides 0 and the last: 1, 2, 5, 10, ... by default.
        particles: Particles per datum, K, for each of them.
        split: Part of the data, the test split by default; of a .npz file, the array.
        data: Another data set than the one each net was trained on, or a file, all rows of which are used.
        limit: Use only so many examples, spread evenly over the split.
        seed: Seed of the draws.
        out: A .png for the picture; by default plots/gaps.png in the first of the run folders.
        reading: How a file is read, where the run's own data were read in another way.
    """
    check_counts(particles=particles, limit=limit, seed=seed)
    if out is not None:
        chosen_file(out, "gaps.png", ".png")
    check_different(directories)
    names = [path.name or str(path) for path in directories]
    if not names or len(set(names)) < len(names):
        raise OptionError(f"expected run folders of different names, got {names or 'none'}", "renaming one")
    # All of them are looked at before the first long computation.
    runs = [open_latent_run(directory) for directory in directories]
    picture = runs[0].folder.plots / "gaps.png" if out is None else out
    with writing(picture):
        picture.parent.mkdir(parents=True, exist_ok=True)
        check_writable(picture)
    refiners = [chosen_refiner(run, refine) for run in runs]
    counts = [_steps(refiner, steps) for refiner in refiners]
    results: dict[str, InferenceGaps] = {}
    records: dict[str, Any] = {}
    for name, run, refiner, wanted in zip(names, runs, refiners, counts, strict=True):
        chosen = chosen_rows(run, data, split, reading)
        rows = chosen.spread(limit)
        with progress(name, len(rows) * len(wanted)) as shown:
            results[name] = inference_gaps(
                run.net,
                rows,
                refiner,
                num_particles=particles,
                steps=wanted,
                key=stream(seed, Stream.EVALUATION),
                progress=shown.update,
            )
        about = {"refine": described(refiner), "seed": seed, "best_epoch": run.best_epoch}
        records[name] = {"data": chosen.data, "split": chosen.split, **results[name].to_dict(), **about}
        if data is None:
            key = {"split": chosen.split, "num_particles": particles, "limit": limit, **about}
            keep_result(run, "gaps", key, records[name])
        _show(results[name], f"{name}: {chosen.place}")
        tell(f"refined by {in_words(refiner)}")
    report(records)
    note = "" if out is None else replaced(out)
    with writing(picture):
        plot_refinement(results, picture)
    say(f"written to {picture}{note}")


def _steps(refiner: AbstractRefiner, steps: tuple[int, ...] | None) -> list[int]:
    try:
        return steps_of_refinement(refiner, steps)
    except ArgumentError as error:
        raise OptionError(error.reason, f"--refine with steps={max(20, *(steps or (20,)))}") from error


def _show(result: InferenceGaps, place: str) -> None:
    first = next(iter(result.evaluations.values()))
    count = first.num_particles
    rows = []
    for steps, evaluation in result.evaluations.items():
        k_hat = "" if evaluation.pareto_k is None else f"{evaluation.pareto_k:.2f}"
        bounds = (*with_error(evaluation.elbo), *with_error(evaluation.nll))
        rows.append((steps, *bounds, f"{evaluation.ess.mean:.1f}", k_hat))
    header = ("steps", "ELBO", "stderr", f"NLL ({count})", "stderr", f"ESS of {count}", "k-hat")
    show_table(header, rows, title=f"{place}, {first.num_examples} examples (nats per example)")
    if first.pareto_k is None:
        tell("k-hat: needs 100 particles or more, and weights that differ")
    else:
        tell(
            "k-hat: how heavy the tail of the weights is, the median over the data; above "
            f"{first.trusted_k:.2f} (for {count} particles), more particles would still lower the NLL"
        )
    for what, gap in (("amortisation", result.amortisation), ("approximation", result.approximation)):
        tell(f"{what} gap {' +- '.join(with_error(gap))}")
