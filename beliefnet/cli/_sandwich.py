"""beliefnet sandwich: log p(x) between two bounds, on data that the net itself draws."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from beliefnet.cli._app import command
from beliefnet.cli._options import check_counts, with_error
from beliefnet.cli._progress import progress
from beliefnet.cli._run import annealed_proposal, described, in_words, open_latent_run
from beliefnet.cli._text import report, show_table, tell
from beliefnet.evaluation import Sandwich
from beliefnet.evaluation import sandwich as sandwiched
from beliefnet.training import Stream, stream


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
    """
    check_counts(ais=ais, particles=particles, num=num, seed=seed)
    run = open_latent_run(directory)
    annealed = annealed_proposal(run, refine, ais)
    with progress(f"annealing {num} examples", num) as shown:
        result = sandwiched(
            run.net,
            annealed,
            num_examples=num,
            num_particles=particles,
            key=stream(seed, Stream.EVALUATION),
            progress=shown.update,
        )
    start = {"proposal": described(annealed.start), "seed": seed, "best_epoch": run.best_epoch}
    report({**result.to_dict(), **start})
    _show(result)
    tell(f"annealed from {in_words(annealed.start)}")


def _show(result: Sandwich) -> None:
    title = (
        f"log p(x) of {result.num_examples} examples drawn from the net, {result.num_temperatures} temperatures, "
        f"{result.num_particles} particles (nats per example)"
    )
    bounds = (("lower bound", result.lower), ("upper bound", result.upper), ("gap", result.gap))
    rows = [(name, *with_error(value)) for name, value in bounds]
    show_table(("", "mean", "stderr"), rows, title=title, words=("",))
    if result.is_crossed:
        tell(
            "The upper estimate is below the lower one: that is noise, the bounds hold in expectation; try more --num, "
            "--particles or --ais."
        )
