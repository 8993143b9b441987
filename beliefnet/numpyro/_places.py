"""Where observed values come from: the arguments that dreams take the place of."""

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from numpyro.distributions import constraints

from beliefnet._errors import ArgumentError, check_type, listed, shown
from beliefnet.numpyro._call import Call, Sites

Observed = Mapping[str, str]
"""Names of observed sites, and of the arguments that hold their values."""


class Place(NamedTuple):
    """Where the value of an observed site comes from.

    Attributes:
        leaf: Which array of all arguments, in the order of their leaves.
        dtype: Of the array that a dream is written into.
        axis: Axis of rows that are subsampled; None for none.
        plate: The plate that they are subsampled by.
    """

    leaf: int
    dtype: Any
    axis: int | None = None
    plate: str = ""


def checked(observed: Observed | None) -> Observed:
    """Return the names of sites and of their arguments, checked; none for None.

    Raises:
        TypeError: If they are no dictionary of names.
    """
    if observed is None:
        return {}
    check_type("observed", observed, Mapping, good="observed={'x': 'images'}, with the name of the argument of a site")
    for site, argument in observed.items():
        check_type(f"observed[{shown(site)}]", argument, str, good="'images', the name of the argument")
    return observed


def places(call: Call, params: dict[str, Any], observed: Observed) -> dict[str, Place]:
    """Find the argument that each observed site has its value from, so that a dream can take its place.

    Args:
        call: The model and the guide, and what they are called with.
        params: Values of their parameters.
        observed: Names of sites, and of the arguments that hold their values.

    Raises:
        ValueError: If it is not known which argument that is, or the argument cannot hold a dream.
    """
    found: dict[str, Place] = {}

    def look() -> None:
        sites = call.dream(params, jax.random.key(0))
        for name, site in sites.items():
            if "observed" in site:
                if site["value"].size == 0:
                    raise ArgumentError(
                        f"expected a model to dream from that is normalised, got the factor {shown(name)}",
                        "VIMCO or Reinforce",
                    )
                found[name] = _place(call, name, site, sites, observed.get(name))

    jax.eval_shape(look)
    if unknown := [name for name in observed if name not in found]:
        raise ArgumentError(
            f"expected {{option}} to name observed sites, got {listed(unknown)}",
            listed(found) or "a model with observed sites",
            option="observed",
        )
    leaves = [place.leaf for place in found.values()]
    if shared := [name for name, place in found.items() if leaves.count(place.leaf) > 1]:
        raise ArgumentError(
            f"expected an argument for each observed site to dream of, got one for {listed(shared)}",
            "an argument for each of them",
        )
    return found


def _place(call: Call, name: str, site: dict[str, Any], sites: Sites, argument: str | None) -> Place:
    """Find the array of the arguments that an observed site has its value from."""
    index = _leaf_of(call, name, site["observed"]) if argument is None else _leaf_named(call, argument)
    leaf = jax.tree.leaves((call.args, call.kwargs))[index]
    shape, full = jnp.shape(site["value"]), jnp.shape(leaf)
    if shape == full:
        return Place(index, _dtype(name, site, leaf))
    for plate in site["cond_indep_stack"]:
        axis = len(shape) + plate.dim - site["fn"].event_dim
        if plate.name in sites and full == (*shape[:axis], sites[plate.name]["args"][0], *shape[axis + 1 :]):
            return Place(index, _dtype(name, site, leaf), axis, plate.name)
    raise ArgumentError(
        f"expected the argument of {shown(name)} to have the shape {shape} of the site, or that of its whole plate, "
        f"got {full}",
        "an argument that holds the values as they are observed",
    )


def _arguments(call: Call) -> dict[str, list[int]]:
    """Return which leaves of all arguments each argument of the model has, by its name."""
    leaves, tree = jax.tree.flatten((call.args, call.kwargs))
    args, kwargs = jax.tree.unflatten(tree, range(len(leaves)))
    bound = inspect.signature(call.model).bind(*args, **kwargs).arguments
    return {name: jax.tree.leaves(argument) for name, argument in (bound | kwargs).items()}


def _leaf_named(call: Call, argument: str) -> int:
    """Return which leaf of all arguments the argument of a name is."""
    arguments = _arguments(call)
    if argument not in arguments:
        raise ArgumentError(
            f"expected {{option}} to name arguments of the model, got {shown(argument)}",
            listed(arguments) or "a model with arguments",
            option="observed",
        )
    if len(arguments[argument]) != 1:
        raise ArgumentError(
            f"expected {{option}} to name an argument that is one array, got {shown(argument)} of "
            f"{len(arguments[argument])} arrays",
            "an argument for each observed array",
            option="observed",
        )
    return arguments[argument][0]


def _leaf_of(call: Call, name: str, value: Any) -> int:
    """Return which leaf of all arguments is the value of an observed site itself."""
    found = [index for index, leaf in enumerate(jax.tree.leaves((call.args, call.kwargs))) if leaf is value]
    if not found:
        raise ArgumentError(
            f"expected the observed site {shown(name)} to have its value straight from an argument, which a dream can "
            "take the place of, got another value",
            f"observed={{{name!r}: 'NAME'}} with the name of the argument that holds it",
            "an argument of its own, where it is a part of one",
        )
    if len(found) > 1:
        same = [argument for argument, own in _arguments(call).items() if len(own) == 1 and own[0] in found]
        hints = [f"observed={{{name!r}: {argument!r}}}" for argument in same]
        raise ArgumentError(
            f"expected the value of the observed site {shown(name)} in one argument, got the same array "
            f"{len(found)} times among the arguments",
            *hints or ["an array for each argument"],
        )
    return found[0]


def _dtype(name: str, site: dict[str, Any], leaf: Any) -> Any:
    """Return the dtype that an argument has where a dream takes its place; no draw is rounded or wrapped."""
    own, drawn = jnp.asarray(leaf).dtype, site["value"].dtype
    if jnp.issubdtype(own, jnp.inexact):
        return own
    is_bool = jnp.issubdtype(own, jnp.bool_)
    is_whole = site["fn"].is_discrete or not jnp.issubdtype(drawn, jnp.inexact)
    if is_bool and is_whole and _is_boolean(site["fn"].support):
        return own
    if is_bool or not is_whole:
        kind = "int" if is_whole else "float"
        raise ArgumentError(
            f"expected the argument of {shown(name)} to have a dtype that holds draws of {drawn}, got {own}",
            f"jnp.asarray(values, {kind}) in its place",
        )
    return jnp.result_type(own, jnp.int32)


def _is_boolean(support: Any) -> bool:
    while type(support) is constraints.independent:
        support = support.base_constraint
    return support == constraints.boolean
