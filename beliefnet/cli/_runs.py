"""What the commands that use a finished run have in common."""

import dataclasses
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np

from beliefnet._errors import OptionError
from beliefnet.catalogue import NamedRun, load_named_run, refiner_for
from beliefnet.data import DataError, Dataset, check_width, load
from beliefnet.evaluation import observe
from beliefnet.proposals import Annealed, Proposal, Recognition, Refined
from beliefnet.refiners import Refiner
from beliefnet.training import LARGEST_SEED


def open_run(directory: Path) -> NamedRun:
    """Load the best net of a run, and say which checkpoints were passed over."""
    run = load_named_run(directory)
    for sentence in run.skipped:
        print(f"warning: {sentence}", file=sys.stderr)
    return run


def open_latent_run(directory: Path) -> NamedRun:
    """Load the best net of a run that has latents, for what a net without them cannot do."""
    run = open_run(directory)
    if not run.net.layer_sizes:
        raise OptionError(
            f"expected a run of a net with latents, got {run.config.describe(run.record.num_features)} in {directory}; "
            "try beliefnet evaluate or sample"
        )
    return run


def check_counts(*, seed: int = 0, **counts: int | None) -> None:
    """Check that options that count something are positive, and that a seed can be used."""
    for name, value in counts.items():
        if value is not None and value < 1:
            raise OptionError(f"expected --{name} of at least 1, got {value}; try 100")
    if not 0 <= seed <= LARGEST_SEED:
        raise OptionError(f"expected --seed from 0 to {LARGEST_SEED}, got {seed}; try 0")


def chosen_proposal(run: NamedRun, refine: str | None, ais: int | None = None) -> Proposal:
    """Return where the particles come from: by default as in training; refined, and annealed, where asked for."""
    proposal = run.proposal
    if refine is not None:
        proposal = Recognition() if refine == "none" else Refined(refiner_for(run.net, refine))
    if ais is None:
        return proposal
    if not isinstance(proposal, Recognition | Refined):
        raise OptionError(
            f"expected annealing to start from the recognition net or a refined posterior, got a run with "
            f"{type(proposal).__name__} particles; try --refine none"
        )
    return Annealed(ais, proposal)


def described(module: Proposal | Refiner) -> str:
    """Return a proposal or refiner with its settings on one line; what it learnt is left out."""
    settings = {
        field.name: getattr(module, field.name)
        for field in dataclasses.fields(module)
        if not any(eqx.is_array(leaf) for leaf in jax.tree.leaves(getattr(module, field.name)))
    }
    return f"{type(module).__name__}({', '.join(f'{name}={_setting(value)}' for name, value in settings.items())})"


def _setting(value: object) -> str:
    return described(value) if isinstance(value, Proposal | Refiner) else repr(value)


def chosen_refiner(run: NamedRun, refine: str | None) -> Refiner:
    """Return the refiner that was asked for, or that of the run, or one that suits the net."""
    if refine is None and isinstance(run.proposal, Refined):
        return run.proposal.refiner
    if refine == "none":
        raise OptionError("expected --refine to be a refiner, got none, which this command cannot go without; try air")
    return refiner_for(run.net, refine)


def data_of(run: NamedRun, data: str | None) -> Dataset:
    """Load the data that a run was trained on, or others like them."""
    if data is None:
        try:
            dataset = run.config.load_data()
        except DataError as error:
            raise DataError(f"{error}; these are the data of {run.folder.path}: if they moved, try --data") from error
        if dataset.record.checksum != run.record.checksum:
            raise DataError(
                f"expected the data that the net was trained on ({run.record.checksum}), got other contents of "
                f"{run.config.data.values['data']} ({dataset.record.checksum}); try naming it with --data"
            )
        return dataset
    return load_like(run, data)


def load_like(run: NamedRun, data: str) -> Dataset:
    """Load other data with the binarisation that the net was trained with, where there is anything to binarise."""
    wanted = {"values": run.record.values, "seed": run.config.fit.seed}
    if run.record.values == "counts":
        wanted |= {name: run.config.data.values[name] for name in ("vocabulary_size", "text_column")}
    dataset = load(data, **wanted)
    if dataset.record.binarization != "none" and run.config.data.values["binarization"] is not None:
        dataset = load(data, **wanted, binarization=run.config.data.values["binarization"])
    check_width(dataset.train.rows, run.net.num_visible, data)
    observe(run.net, dataset.train)
    return dataset


def spread(rows: Any, limit: int | None) -> Any:
    """Take so many rows, spread evenly: a split may be sorted by class."""
    num_rows = rows.shape[0]
    if limit is None or limit >= num_rows:
        return rows
    return rows[np.arange(limit) * num_rows // limit]


def check_suffix(path: Path, *allowed: str) -> None:
    """Check that a file to be written has a name of the right kind."""
    if path.suffix not in allowed:
        hint = f"{path.stem or 'result'}{allowed[0]}"
        raise OptionError(f"expected --out to end in {' or '.join(allowed)}, got {path}; try --out {hint}")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Blame --out for a file that cannot be written."""
    try:
        yield
    except OSError as error:
        raise OptionError(
            f"expected --out to be a file that can be written, got {path} ({error.strerror or error}); "
            "try another --out"
        ) from error


def save_array(path: Path, array: np.ndarray | None = None, **arrays: np.ndarray) -> None:
    """Write one array to a .npy, or named ones to a .npz; a file that is there is replaced at the end or not at all."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with unfinished.open("wb") as file:
                if array is not None:
                    np.save(file, array)
                else:
                    np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def without_nan(value: Any) -> Any:
    """Replace what JSON cannot say, such as the standard error of a single example, by null."""
    if isinstance(value, dict):
        return {name: without_nan(item) for name, item in value.items()}
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
