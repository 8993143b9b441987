"""A finished run as the commands use it: its net, and where particles come from."""

import dataclasses
from enum import Enum
from pathlib import Path
from typing import TypeAlias

import equinox as eqx
import jax

from beliefnet._errors import OptionError
from beliefnet.catalogue import NamedRun, load_named_run, refiner_for
from beliefnet.cli._text import warn
from beliefnet.proposals import Annealed, Proposal, Recognition, Refined
from beliefnet.refiners import Refiner

Run: TypeAlias = NamedRun


def open_run(directory: Path) -> Run:
    """Load the best net of a run, and say which checkpoints were passed over."""
    run = load_named_run(directory)
    for sentence in run.skipped:
        warn(sentence)
    return run


def open_latent_run(directory: Path) -> Run:
    """Load the best net of a run that has latents, for what a net without them cannot do."""
    run = open_run(directory)
    if not run.net.layer_sizes:
        raise OptionError(
            f"expected a run of a net with latents, got {run.config.describe(run.record.num_features)} in {directory}; "
            "try beliefnet evaluate or sample"
        )
    return run


def chosen_proposal(run: Run, refine: str | None, ais: int | None = None) -> Proposal:
    """Return where the particles come from: by default as in training; refined, and annealed, where asked for."""
    if ais is not None:
        return annealed_proposal(run, refine, ais)
    if refine is None:
        return run.proposal
    return Recognition() if refine == "none" else Refined(refiner_for(run.net, refine))


def annealed_proposal(run: Run, refine: str | None, num_temperatures: int) -> Annealed:
    """Return particles that are annealed to the posterior, from where they would come otherwise."""
    match chosen_proposal(run, refine):
        case Recognition() | Refined() as start:
            return Annealed(num_temperatures, start)
        case other:
            raise OptionError(
                f"expected annealing to start from the recognition net or a refined posterior, got a run with "
                f"{type(other).__name__} particles; try --refine none"
            )


def chosen_refiner(run: Run, refine: str | None) -> Refiner:
    """Return the refiner that was asked for, or that of the run, or one that suits the net."""
    if refine == "none":
        raise OptionError("expected --refine to be a refiner, got none, which this command cannot go without; try air")
    match run.proposal:
        case Refined(refiner=refiner) if refine is None:
            return refiner
    return refiner_for(run.net, refine)


def described(module: Proposal | Refiner) -> str:
    """Return a proposal or refiner with its settings on one line; what it learnt is left out."""
    values = {field.name: getattr(module, field.name) for field in dataclasses.fields(module)}
    settings = {name: value for name, value in values.items() if not any(map(eqx.is_array, jax.tree.leaves(value)))}
    return f"{type(module).__name__}({', '.join(f'{name}={_setting(value)}' for name, value in settings.items())})"


def _setting(value: object) -> str:
    match value:
        case Enum():
            return value.value
        case Proposal() | Refiner():
            return described(value)
    return repr(value)
