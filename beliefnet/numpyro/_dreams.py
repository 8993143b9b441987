"""The sleep phase: a guide learns from latents and observations that the model drew together."""

from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float
from numpyro.ops.provenance import eval_provenance

from beliefnet._errors import ArgumentError, listed, shown
from beliefnet._trace import Trace
from beliefnet._types import Key
from beliefnet.estimators.rules import SLEEP, surrogate
from beliefnet.numpyro._call import Call, Sites, log_prob, scaled
from beliefnet.numpyro._loss import Batch
from beliefnet.numpyro._places import Observed, Place, places


def sleep_surrogate(batch: Batch, observed: Observed) -> Float[Array, ""]:
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
    where = places(call, batch.params, observed)
    _check_readers(batch, {name: place for name, place in where.items() if place.axis is not None})

    def one(key: Key) -> Array:
        dream_key, guide_key = jax.random.split(key)
        dream = call.dream(batch.params, dream_key)
        guide = _told(call, dream, where).guide_trace(batch.params, guide_key, dream)
        return sum((scaled(guide[name]).sum() for name in program.latents), start=jnp.zeros(()))

    log_q = batch.mapped(one, batch.keys)[:, None, None]
    trace = Trace(jnp.zeros_like(log_q), log_q, log_q[..., 0], ())
    return surrogate(trace, SLEEP(trace))


def _check_readers(batch: Batch, where: dict[str, Place]) -> None:
    """Check that nothing outside of a subsampled plate reads the rows, as only some of them are dreamt."""
    call, program = batch.call, batch.program
    leaves, tree = jax.tree.flatten((call.args, call.kwargs))

    def log_probs(**rows: Array) -> dict[str, Array]:
        told = [rows.get(f"leaf {index}", leaf) for index, leaf in enumerate(leaves)]
        args, kwargs = jax.tree.unflatten(tree, told)
        dream = call.dream(batch.params, jax.random.key(0))
        guide = replace(call, args=args, kwargs=kwargs).guide_trace(batch.params, jax.random.key(0), dream)
        return {name: log_prob(guide[name]) for name in program.latents}

    if not where:
        return
    depends = eval_provenance(log_probs, **{f"leaf {place.leaf}": leaves[place.leaf] for place in where.values()})
    for name, place in where.items():
        inside = [latent for latent, site in program.guide.items() if place.plate in [p.name for p in site.plates]]
        if readers := [n for n in program.latents if n not in inside and f"leaf {place.leaf}" in depends[n]]:
            raise ArgumentError(
                f"expected latents outside of the plate {shown(place.plate)} whose guide does not read the argument of "
                f"{shown(name)}, as only a subsample of its rows is dreamt, got {listed(readers)}",
                f"a batch of rows as the argument, with numpyro.plate({place.plate!r}, size, subsample_size=len(x))",
                "Reinforce or NVIL",
            )


def _told(call: Call, dream: Sites, where: dict[str, Place]) -> Call:
    """Return the call with what was dreamt in the place of what was observed."""
    leaves, tree = jax.tree.flatten((call.args, call.kwargs))
    for name, place in where.items():
        old = jnp.asarray(leaves[place.leaf], place.dtype)
        rows = ... if place.axis is None else (*[slice(None)] * place.axis, dream[place.plate]["value"])
        leaves[place.leaf] = old.at[rows].set(dream[name]["value"].astype(place.dtype))
    args, kwargs = jax.tree.unflatten(tree, leaves)
    return replace(call, args=args, kwargs=kwargs)
