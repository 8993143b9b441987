"""Names: how what a folder exports is called on the command line, in one-word specifications and in `config.toml`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True)
class Name:
    """What a thing is called, and what its signature and docstring do not say.

    Attributes:
        name: One word, as on the command line.
        title: In a few words, where there is more to say than the name.
        kinds: Kinds of latents that it works with, or that it has; None for any kind, or where its class says it.
        is_default: Whether it is chosen, for its kinds of latents, where nothing else is said.
    """

    name: str
    title: str | None = None
    kinds: frozenset[Any] | None = None
    is_default: bool = False


def named(
    name: str, *, title: str | None = None, kinds: frozenset[Any] | None = None, is_default: bool = False
) -> Callable[[T], T]:
    """Name a class, or a function that makes something; what its folder exports is then found by that name.

    Its options are read from its signature and docstring. The name is its own: subclasses have none, or another.

    Args:
        name: One word, as on the command line.
        title: In a few words, where there is more to say than the name.
        kinds: Kinds of latents that it works with, or that it has; by default any, or what its class says.
        is_default: Whether it is chosen, for its kinds of latents, where nothing else is said.

    Examples:
        >>> @named("noisy")
        ... def noisy(scale: float = 1.0): ...
        >>> name_of(noisy).name
        'noisy'
    """

    def attach(thing: T) -> T:
        setattr(thing, _ATTRIBUTE, Name(name, title, kinds, is_default))
        return thing

    return attach


def name_of(thing: Any) -> Name | None:
    """Return the name that a class or function was given itself, None if it has none of its own."""
    return getattr(thing, "__dict__", {}).get(_ATTRIBUTE)


_ATTRIBUTE = "_beliefnet_name"
