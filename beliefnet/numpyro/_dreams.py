"""The sleep phase: a guide learns from latents and observations that the model drew together."""

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError, listed, shown
from beliefnet._trace import Trace
from beliefnet._types import Key
from beliefnet.estimators.rules import SLEEP, surrogate
from beliefnet.numpyro._call import Call, Sites, scaled
from beliefnet.numpyro._loss import Batch

Observed = Mapping[str, str]
"""Names of observed sites, and of the arguments that hold their values."""


class Place(NamedTuple):
    """Where the value of an observed site comes from.

    Attributes:
        leaf: Which array of all arguments, in the order of their leaves.
        axis: Axis of rows that are subsampled; None for none.
        plate: The plate that they are subsampled by.
    """

    leaf: int
    axis: int | None = None
    plate: str = ""


def sleep_surrogate(batch: Batch, observed: Observed | None) -> Float[Array, ""]:
    """Return the surrogate of the sleep phase, one dream for each particle, summed over the data.

    Its gradient is that of the mean of log q(h | x) over (x, h) drawn from the model: guide parameters alone.

    Args:
        batch: The model, the guide, and their parameters.
        observed: Arguments that hold the values of observed sites, where these are not the arguments themselves.

    Raises:
        ValueError: If the model cannot be dreamt from, or it is not known which argument a dream takes the place of.
    """
    call, program = batch.call, batch.program
    if own := [name for name in program.latents if name not in program.model]:
        raise ArgumentError(
            f"expected a guide that draws latents of the model alone, as they are dreamt, got {listed(own)}",
            "ReweightedWakeSleep() with sleep_phi=False",
        )
    places = _places(call, batch.params, {} if observed is None else observed)

    def one(key: Key) -> Array:
        dream_key, guide_key = jax.random.split(key)
        dream = call.dream(batch.params, dream_key)
        guide = _told(call, dream, places).guide_trace(batch.params, guide_key, dream)
        return sum((scaled(guide[name]).sum() for name in program.latents), start=jnp.zeros(()))

    log_q = batch.mapped(one, batch.keys)[:, None, None]
    trace = Trace(jnp.zeros_like(log_q), log_q, log_q[..., 0], ())
    return surrogate(trace, SLEEP(trace))


def _places(call: Call, params: dict[str, Any], observed: Observed) -> dict[str, Place]:
    """Find the argument that each observed site has its value from."""
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
    return found


def _place(call: Call, name: str, site: dict[str, Any], sites: Sites, argument: str | None) -> Place:
    """Find the array of the arguments that an observed site has its value from."""
    leaves = jax.tree.leaves((call.args, call.kwargs))
    wanted = site["observed"] if argument is None else _argument(call, argument)
    index = next((index for index, leaf in enumerate(leaves) if leaf is wanted), None)
    if index is None:
        raise ArgumentError(
            f"expected the observed site {shown(name)} to have its value straight from an argument, which a dream can "
            "take the place of, got another value",
            f"observed={{{name!r}: 'NAME'}} with the name of the argument that holds it",
        )
    shape, full = jnp.shape(site["value"]), jnp.shape(leaves[index])
    if shape == full:
        return Place(index)
    for plate in site["cond_indep_stack"]:
        axis = len(shape) + plate.dim - site["fn"].event_dim
        if full == (*shape[:axis], sites[plate.name]["args"][0], *shape[axis + 1 :]):
            return Place(index, axis, plate.name)
    raise ArgumentError(
        f"expected the argument of {shown(name)} to have the shape {shape} of the site, or that of its whole plate, "
        f"got {full}",
        "an argument that holds the values as they are observed",
    )


def _argument(call: Call, name: str) -> Any:
    """Return an argument of the model by its name."""
    arguments = inspect.signature(call.model).bind(*call.args, **call.kwargs).arguments
    if name not in arguments:
        raise ArgumentError(
            f"expected {{option}} to name arguments of the model, got {shown(name)}",
            listed(arguments),
            option="observed",
        )
    return arguments[name]


def _told(call: Call, dream: Sites, places: dict[str, Place]) -> Call:
    """Return the call with what was dreamt in the place of what was observed."""
    leaves, tree = jax.tree.flatten((call.args, call.kwargs))
    for name, place in places.items():
        old = jnp.asarray(leaves[place.leaf])
        rows = ... if place.axis is None else (*[slice(None)] * place.axis, dream[place.plate]["value"])
        leaves[place.leaf] = old.at[rows].set(dream[name]["value"].astype(old.dtype))
    args, kwargs = jax.tree.unflatten(tree, leaves)
    return replace(call, args=args, kwargs=kwargs)
