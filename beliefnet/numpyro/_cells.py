"""Log-probabilities of sites, summed to the cells of some plates, and the record of a draw that a credit rule reads."""

import math

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from beliefnet._trace import Trace
from beliefnet.numpyro._call import Terms
from beliefnet.numpyro._sites import Plate, Program, Site


def num_cells(plates: tuple[Plate, ...]) -> int:
    """Return the number of cells of some plates, in this batch."""
    return math.prod(plate.size for plate in plates)


def over_cells(
    term: Float[Array, "particles *axes"], own: tuple[Plate, ...], cells: tuple[Plate, ...]
) -> Float[Array, "particles cells"]:
    """Sum a term to the cells of some plates; a cell outside of which the term is, too, has all of it.

    Args:
        term: Log-probabilities, their last axes being those of plates and of batches without a plate.
        own: The plates of the term.
        cells: The plates of the cells, in any order.
    """
    by_dim = {plate.dim: plate for plate in cells}
    kept = {plate.dim for plate in own if by_dim.get(plate.dim) == plate}
    others = tuple(dim for dim in range(1 - term.ndim, 0) if dim not in kept)
    total = jnp.sum(term, axis=others, keepdims=True)
    dims = sorted(by_dim)
    shape = (len(term), *(by_dim[dim].size for dim in dims))
    total = total.reshape(len(term), *(by_dim[dim].size if dim in kept else 1 for dim in dims))
    return jnp.broadcast_to(total, shape).reshape(len(term), -1)


def record(
    program: Program, terms: Terms, layers: tuple[str, ...], cells: tuple[Plate, ...], *, unit: float = 1.0
) -> Trace:
    """Return the record of a draw over the cells of some plates.

    The terms of log p are those of the model that a draw reaches, and, negative, those of the guide that are no layer.
    What a layer's draw can change is known by dependency, and in which cells: in its own, but for terms that depend on
    it through a latent outside of the plate, which all cells depend on.

    Args:
        program: The sites.
        terms: Their log-probabilities, of all particles.
        layers: Latents of the guide that are credited.
        cells: The plates whose cells take the place of a batch.
        unit: What all terms are divided by.
    """

    def own(name: str, site: Site) -> tuple[Plate, ...]:
        """The plates of a term in whose cells it stays apart."""
        return tuple(plate for plate in site.plates if not program.is_crossed(plate, name, layers))

    model = [name for name in program.model if name in program.reached]
    others = [name for name in program.guide if name in program.guide_reached and name not in layers]
    log_p = [over_cells(terms.model[name], own(name, program.model[name]), cells) for name in model]
    log_p += [-over_cells(terms.guide[name], own(name, program.guide[name]), cells) for name in others]
    log_q = [over_cells(terms.guide[name], program.guide[name].plates, cells) for name in layers]
    reach = [
        [name in program.reach[layer] for name in model]
        + [name in program.guide_reach[layer] for name in (*others, *layers)]
        for layer in layers
    ]
    shape = (_num_particles(terms), num_cells(cells))
    stacked = stack(log_q, shape) / unit
    return Trace(
        stack(log_p, shape) / unit,
        stacked,
        stacked.sum(axis=-1),
        (),
        reach=jnp.array(reach, float).reshape(len(layers), len(log_p) + len(layers)),
    )


def densities(
    program: Program, terms: Terms, layers: tuple[str, ...], cells: tuple[Plate, ...]
) -> Float[Array, "particles cells layers"]:
    """Return the log-densities that some latents were drawn with."""
    found = [over_cells(terms.density[name], program.guide[name].plates, cells) for name in layers]
    return stack(found, (_num_particles(terms), num_cells(cells)))


def stack(columns: list[Array], shape: tuple[int, int]) -> Float[Array, "particles cells columns"]:
    """Stack columns along a last axis; there may be none."""
    return jnp.stack(columns, axis=-1) if columns else jnp.zeros((*shape, 0))


def _num_particles(terms: Terms) -> int:
    return len(next(iter({**terms.model, **terms.guide}.values())))
