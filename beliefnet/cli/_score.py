"""beliefnet score: log p(x) of every row."""

from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter

from beliefnet._types import Key
from beliefnet.cli._app import command
from beliefnet.cli._files import chosen_file, replaced, save_array
from beliefnet.cli._flags import AS_IN_TRAINING, HowRead
from beliefnet.cli._options import check_counts
from beliefnet.cli._progress import progress
from beliefnet.cli._rows import Split, chosen_rows
from beliefnet.cli._run import Run, open_run
from beliefnet.cli._tables import SUFFIXES, beside, save_columns
from beliefnet.cli._text import report, say, tell
from beliefnet.data import Observations
from beliefnet.evaluation import Mean, row_scores
from beliefnet.training import Stream, stream


@command
def score(
    directory: Annotated[Path, Parameter(name="DIR")],
    data: Annotated[str, Parameter(name="DATA")],
    /,
    *,
    out: Path | None = None,
    particles: int = 200,
    split: Split | None = None,
    seed: int = 0,
    reading: HowRead = AS_IN_TRAINING,
) -> None:
    """Write log p(x) of every row of data, with its standard error, in the order of the rows.

    A score is a lower bound in expectation, in nats; more particles raise it. The standard error is that of the
    particles. `beliefnet outliers` writes the same scores, and says which rows are the least probable, and why.

    Args:
        directory: Run folder of `beliefnet train`.
        data: A file of rows, read as the run's own data were, or the name of a data set.
        out: A .csv or .parquet with the name and label of each row, its score and standard error; or a .npy of these
            two, [rows, 2]. By default scores.csv, or scores-2.csv where that is there already.
        particles: Particles per row.
        split: Which part of a named data set (the test split by default), or which array of a .npz.
        seed: Seed of the particles.
        reading: How a file is read, where the run's own data were read in another way.
    """
    check_counts(particles=particles, seed=seed)
    file = chosen_file(out, "scores.csv", *SUFFIXES, ".npy")
    run = open_run(directory)
    chosen = chosen_rows(run, data, split, reading)
    scores, errors = scores_of(run, chosen.rows, particles, key=stream(seed, Stream.EVALUATION))
    note, mean = replaced(file), Mean.of(scores.astype(np.float64))
    if file.suffix == ".npy":
        save_array(file, np.stack([scores, errors], axis=1))
    else:
        own = beside(chosen, run.record.schema)
        save_columns(file, {**own, "log_p": scores, "standard_error": errors})
    report(
        {
            "file": str(file),
            "num_rows": len(scores),
            "log_p": {"mean": mean.mean, "stderr": mean.stderr},
            "num_particles": particles,
            "seed": seed,
        }
    )
    tell(f"log p(x) of {len(scores)} rows: {mean.mean:.3f} nats on average")
    say(f"written to {file}{note}")


def scores_of(run: Run, rows: Observations, particles: int, *, key: Key) -> tuple[np.ndarray, np.ndarray]:
    """Return log p of each row and its standard error, particles being drawn as in training; as float32."""
    with progress(f"{particles} particles", len(rows)) as shown:
        how = {"num_particles": particles, "proposal": run.proposal, "key": key}
        scores, errors = row_scores(run.net, rows, **how, progress=shown.update)
    return scores.astype(np.float32), errors.astype(np.float32)
