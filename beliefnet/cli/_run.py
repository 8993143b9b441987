"""A finished run as the commands use it: its net, and where particles come from."""

import dataclasses
import hashlib
import os
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Any, TypeAlias

import equinox as eqx
import jax
import numpy as np

from beliefnet._errors import OptionError
from beliefnet._naming import name_of
from beliefnet.catalogue import PROPOSALS, REFINERS, NamedRun, load_named_run, parse_proposal, refiner_for
from beliefnet.cli._options import plain
from beliefnet.cli._text import warn
from beliefnet.proposals import AbstractProposal, Annealed, Recognition, Refined
from beliefnet.refiners import AbstractRefiner
from beliefnet.training import Stream, stream

_EXAMPLE = "annealed:temperatures=500,refine=air"

Run: TypeAlias = NamedRun


def open_run(directory: Path) -> Run:
    """Load the best net of a run, and say which checkpoints were passed over."""
    run = load_named_run(directory)
    for sentence in run.skipped:
        warn(sentence)
    return run


def check_different(directories: Iterable[Path]) -> None:
    """Refuse a run folder that is given twice."""
    seen: set[Path] = set()
    for directory in directories:
        place = Path(os.path.abspath(directory))
        if place in seen:
            raise OptionError(f"expected different run folders, got {directory} twice", f"{directory} once")
        seen.add(place)


def open_latent_run(directory: Path) -> Run:
    """Load the best net of a run that has latents, for what a net without them cannot do."""
    run = open_run(directory)
    if not run.net.layer_sizes:
        raise OptionError(
            f"expected a run of a net with latents, got {run.description} in {directory}",
            "beliefnet evaluate or sample",
        )
    return run


def chosen_proposal(run: Run, refine: str | None, ais: int | None = None, named: str | None = None) -> AbstractProposal:
    """Return where the particles come from: by default as in training; by name, refined, or annealed, where asked for.

    Args:
        run: The run.
        refine: A refiner, or none for the recognition net alone.
        ais: Temperatures to anneal over.
        named: A proposal with its options, in the place of the other two.
    """
    if named is not None:
        if refine is not None or ais is not None:
            other = "--ais" if refine is None else "--refine"
            raise OptionError(f"expected --proposal or {other}, got both", f"--proposal alone, such as {_EXAMPLE}")
        return parse_proposal(named, run.net, key=stream(run.seed, Stream.PARAMETERS))
    if ais is not None:
        return annealed_proposal(run, refine, ais)
    if refine is None:
        return _own_proposal(run)
    return Recognition() if refine == "none" else Refined(refiner_for(run.net, refine, _own_refiner(run)))


def annealed_proposal(run: Run, refine: str | None, num_temperatures: int) -> Annealed:
    """Return particles that are annealed to the posterior, from where they would come otherwise."""
    match chosen_proposal(run, refine):
        case Recognition() | Refined() as start:
            return Annealed(num_temperatures, start)
        case other:
            raise OptionError(
                f"expected annealing to start from the recognition net or a refined posterior, got a run with "
                f"{type(other).__name__} particles",
                "--refine none",
            )


def chosen_refiner(run: Run, refine: str | None) -> AbstractRefiner:
    """Return the refiner that was asked for, or that of the run, or one that suits the net."""
    if refine == "none":
        raise OptionError("expected --refine to be a refiner, got none, which this command cannot go without", "air")
    own = _own_refiner(run)
    return own if refine is None and own is not None else refiner_for(run.net, refine, own)


def _own_refiner(run: Run) -> AbstractRefiner | None:
    """Return what the run was trained with, if it was with a refiner."""
    if run.estimator is None:
        return None
    match run.proposal:
        case Refined(refiner=refiner):
            return refiner
    return None


def _own_proposal(run: Run) -> AbstractProposal:
    """Return what the run's estimator measures its bound with."""
    if run.estimator is None:
        raise OptionError(
            f"expected an estimator of beliefnet in {run.folder.path}, to know where particles come from, got one of a "
            "class of one's own",
            "--refine none",
        )
    return run.proposal


def keep_result(run: Run, kind: str, key: dict[str, Any], result: dict[str, Any]) -> None:
    """Keep a result in the run folder, for `beliefnet report`; those of a net's file are shown alone."""
    if not run.folder.is_file and os.access(run.folder.path, os.W_OK):
        run.folder.write_result(kind, key, plain(result), run.stamp)


def described(module: AbstractProposal | AbstractRefiner) -> str:
    """Return a proposal or refiner with its settings on one line; what it can learn is told apart by a checksum."""
    values = {field.name: getattr(module, field.name) for field in dataclasses.fields(module)}
    settings = [f"{name}={_setting(value)}" for name, value in values.items() if _is_setting(value)]
    arrays = jax.tree.leaves({name: value for name, value in values.items() if not _is_setting(value)})
    if arrays:
        content = b"".join(np.asarray(array).tobytes() for array in arrays)
        settings.append(f"parameters={hashlib.sha256(content).hexdigest()[:8]}")
    return f"{type(module).__name__}({', '.join(settings)})"


def in_words(module: AbstractProposal | AbstractRefiner) -> str:
    """Return a proposal or refiner in one word, as `--proposal` and `--refine` take it: what differs from the usual.

    What only Python can choose, such as another sampler, follows in brackets.
    """
    name = name_of(type(module))
    own = type(module).__name__ if name is None else name.name
    entry = _KNOWN.get(own)
    options = {} if entry is None else {option.argument: option for option in entry.options.values()}
    given, others = [], []
    # What is refined by comes last, since all that follows is its own.
    for field in sorted(dataclasses.fields(module), key=lambda field: _is_part(getattr(module, field.name))):
        value = getattr(module, field.name)
        if _is_setting(value) and value != _usual(field):
            if field.name in options:
                given.append(f"{options[field.name].name.replace('_', '-')}={_in_words(value)}")
            else:
                others.append(f"{field.name}={_in_words(value)}")
    spec = f"{own}:{','.join(given)}" if given else own
    return f"{spec} ({', '.join(others)})" if others else spec


_KNOWN = {**PROPOSALS, **REFINERS}


def _is_part(value: object) -> bool:
    match value:
        case AbstractProposal() | AbstractRefiner():
            return True
    return False


def _is_setting(value: object) -> bool:
    """Whether a field is a part with settings of its own, or a setting, and nothing learnt."""
    return _is_part(value) or not any(map(eqx.is_array, jax.tree.leaves(value)))


def _usual(field: dataclasses.Field) -> object:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _in_words(value: object) -> str:
    match value:
        # A refined posterior is chosen by its refiner.
        case Refined(refiner=refiner):
            return in_words(refiner)
        case AbstractProposal() | AbstractRefiner():
            return in_words(value)
        case str() | int() | float():
            return str(value)
    return _setting(value)


def _setting(value: object) -> str:
    match value:
        case Enum():
            return value.value
        case AbstractProposal() | AbstractRefiner():
            return described(value)
    return repr(value)
