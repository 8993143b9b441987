"""Estimators, refiners, proposals and models to compare with, by name."""

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from beliefnet import comparisons, estimators, proposals, refiners
from beliefnet._errors import ArgumentError, OptionError
from beliefnet._net import BeliefNet
from beliefnet._options import Nested
from beliefnet._types import Key
from beliefnet.catalogue._entries import NESTED, Choice, Entry, Misfit, entries
from beliefnet.catalogue._specs import Specified, parse
from beliefnet.comparisons import AbstractComparison
from beliefnet.estimators import AbstractEstimator
from beliefnet.proposals import AbstractProposal, Refined
from beliefnet.refiners import AbstractRefiner, default_refiner

PARTICLES = 4
"""Draws per datum where nothing is said: the same for all estimators, so that they are compared at the same cost."""


class _RefinedBy(Specified):
    """Proposals that refine the posterior, written as the refiner."""

    def make(self, value: str) -> AbstractProposal:
        """Return the proposal."""
        return Refined(super().make(value))


REFINERS: dict[str, Entry] = entries(refiners)
_REFINER = Specified("a refiner", REFINERS, "air")
_NESTED = (
    Nested(AbstractRefiner, NESTED, _REFINER),
    Nested(AbstractProposal, NESTED, _RefinedBy("a refiner", REFINERS, "air")),
)
PROPOSALS: dict[str, Entry] = entries(proposals, _NESTED)
COMPARISONS: dict[str, Entry] = entries(comparisons)


def _with_particles(entry: Entry) -> Entry:
    """Let an estimator draw as many particles by default as the others do; its other options are its own group."""
    options = {name: dataclasses.replace(option, group=entry.name) for name, option in entry.options.items()}
    for name, (default, text) in _COMMON.items():
        if name in options:
            options[name] = dataclasses.replace(options[name], default=default, text=text, group=None)
    return dataclasses.replace(entry, options=options)


_COMMON = {
    "particles": (PARTICLES, "Draws per datum; more of them lower the noise of the recognition gradient."),
    NESTED: (
        None,
        f"How the posterior is refined: {', '.join(REFINERS)}, with options as in air:steps=20,samples=20,rate=0.1; by "
        "default what suits estimator and latents.",
    ),
}


ESTIMATORS: dict[str, Entry] = {name: _with_particles(entry) for name, entry in entries(estimators, _NESTED).items()}


def parse_estimator(spec: str) -> Choice:
    """Read an estimator with its options, such as `vimco:particles=5,local-signals=true`.

    Raises:
        OptionError: If there is no such estimator or option, or a value cannot be used.

    Examples:
        >>> parse_estimator("vimco:particles=5").values["particles"]
        5
    """
    choice = parse(spec, "an estimator", ESTIMATORS)
    if "net" not in inspect.signature(choice.entry.make).parameters:
        # What needs no net to be made can be refused now.
        choice.make()
    return choice


def parse_refiner(spec: str, own: AbstractRefiner | None = None) -> AbstractRefiner:
    """Read a refiner with its options, such as `air:steps=20,samples=20`.

    Args:
        spec: The word.
        own: The refiner of the run, which may have learnt something.

    Raises:
        OptionError: If there is no such refiner or option, or a value cannot be used.

    Examples:
        >>> parse_refiner("air:steps=5").num_steps
        5
    """
    return parse(spec, "a refiner", REFINERS).make(own=own)


def parse_comparison(spec: str) -> AbstractComparison:
    """Read a model to compare with and its options, such as `mixture:components=500`.

    Raises:
        OptionError: If there is no such model or option, or a value cannot be used.

    Examples:
        >>> parse_comparison("lda:topics=20").values
        'counts'
    """
    return parse(spec, "a model", COMPARISONS).make()


def parse_proposal(spec: str, net: BeliefNet, *, key: Key) -> AbstractProposal:
    """Read a proposal with its options, such as `annealed:temperatures=500,refine=air`, and check that it fits a net.

    Raises:
        OptionError: If there is no such proposal or option, a value cannot be used, or it cannot draw for the net.
    """
    choice = parse(spec, "a proposal", PROPOSALS)
    proposal = choice.make(net=net, key=key)
    with _advising(f"proposal {spec}", PROPOSALS, lambda name: parse_proposal(name, net, key=key)):
        proposal.check(net)
    return proposal


def default_estimator(kinds: Iterable[Any]) -> Entry:
    """Return the estimator for latents of these kinds where nothing else is said: that of the fewest kinds."""
    suitable = [entry for entry in ESTIMATORS.values() if entry.is_default and entry.suits(kinds)]
    return min(suitable, key=lambda entry: len(entry.kinds or ()))


def build_estimator(choice: Choice, net: BeliefNet, *, key: Key) -> AbstractEstimator:
    """Make an estimator for a net, with the initial parameters of its own that it may have.

    Args:
        choice: Which, and how.
        net: The net that is trained.
        key: Random key for the estimator's parameters.

    Raises:
        OptionError: If it does not work with the latents of the net, or an option has a value that cannot be used.
    """
    if not choice.entry.suits(net.latent_kinds):
        raise OptionError(
            f"expected an estimator for {_described(net.latent_kinds)}, got {choice.name}, which is for "
            f"{_described(choice.entry.kinds or ())}",
            f"{', '.join(estimators_for(net.latent_kinds))}",
        )
    if NESTED not in choice.entry.options:
        return choice.make(net=net, key=key)
    with _advising(f"estimator {choice}", REFINERS, lambda name: _refined_by(choice, name, net, key)):
        estimator = choice.make(net=net, key=key)
        estimator.init(net)
    return estimator


def _refined_by(choice: Choice, refiner: str, net: BeliefNet, key: Key) -> None:
    choice.replace(refine=refiner).make(net=net, key=key).init(net)


def estimators_for(kinds: Iterable[Any]) -> list[str]:
    """Return the names of the estimators for latents of these kinds, the default first."""
    kinds = tuple(kinds)
    names = [entry.name for entry in ESTIMATORS.values() if entry.suits(kinds)]
    return sorted(names, key=lambda name: name != default_estimator(kinds).name)


def refiner_for(net: BeliefNet, spec: str | None, own: AbstractRefiner | None = None) -> AbstractRefiner:
    """Make the refiner that was asked for, or by default one that suits the latents, and check that it fits the net.

    Args:
        net: The net.
        spec: The refiner, with its options.
        own: That of the run, which may have learnt something.

    Raises:
        OptionError: If it cannot be made, or does not refine the posterior of this net.
    """
    refiner = default_refiner(net) if spec is None else parse_refiner(spec, own)
    with _advising(f"refiner {spec or 'by default'}", REFINERS, lambda name: parse_refiner(name).check(net)):
        refiner.check(net)
    return refiner


@contextmanager
def _advising(what: str, known: Iterable[str], use: Callable[[str], Any]) -> Iterator[None]:
    """Say of an error that a thing does not fit the net, and advise those of the known that do."""
    try:
        yield
    except (Misfit, ArgumentError) as error:
        cause = getattr(error, "cause", error)
        fitting = ", ".join(name for name in known if _works(use, name))
        hints = [fitting] if fitting else cause.hints
        raise OptionError(f"{what} does not fit this net: {cause.reason}", *hints) from error


def _works(use: Callable[[str], Any], name: str) -> bool:
    try:
        use(name)
    except ValueError:
        return False
    return True


def _described(kinds: Iterable[Any]) -> str:
    names = sorted({kind.value for kind in kinds})
    return f"{' and '.join(names)} latents" if names else "a net without latents"
