"""What these losses cannot do right is refused before anything is drawn."""

import itertools
import warnings

import numpy as np

from beliefnet._errors import Advice, ArgumentError, listed, shown
from beliefnet.numpyro._sites import Program, Site


def check_program(program: Program) -> None:
    """Check that a guide draws all of its model's latents, and no more, and that nothing is enumerated.

    Raises:
        ValueError: If it does not; if both have no site at all; if a site is to be enumerated; if a latent is masked in
            one of both alone.
    """
    if not (program.model or program.guide):
        raise ArgumentError(
            "expected a model with sites that have a log-probability, got a model and a guide without any",
            "numpyro.sample(..., obs=data) in the model",
        )
    for name, site in (*program.model.items(), *program.guide.items()):
        if site.is_enumerated:
            raise ArgumentError(
                f"expected sites that are drawn, got {shown(name)} with infer={{'enumerate': ...}}",
                "TraceEnum_ELBO of NumPyro",
                "leaving 'enumerate' out",
            )
    latents = {name for name, site in program.model.items() if site.is_latent}
    if missing := sorted(latents - set(program.latents)):
        raise ArgumentError(
            f"expected a guide that draws every latent of the model, got none of {listed(missing)}",
            f"numpyro.sample({missing[0]!r}, ...) in the guide",
        )
    if more := [n for n in program.latents if n not in latents and not program.guide[n].is_auxiliary]:
        raise ArgumentError(
            f"expected a guide that draws the latents of the model alone, got {listed(more)} too",
            "infer={'is_auxiliary': True} at a site that belongs to the guide",
        )
    for name in sorted(latents):
        _check_masks(name, program.model[name], program.guide[name])
        _check_shapes(name, program.model[name], program.guide[name])
        _compare_plates(name, program.model[name], program.guide[name])
    for sites in weighed(program):
        for name, site in sites.items():
            _look_for_plates(name, site)


def _check_shapes(name: str, model: Site, guide: Site) -> None:
    is_same = model.event_dim == guide.event_dim and _without_ones(model.shape) == _without_ones(guide.shape)
    if not (is_same or model.in_loop):
        raise ArgumentError(
            f"expected {shown(name)} to have one shape, got {model.shape} with {model.event_dim} axes of events in the "
            f"model and {guide.shape} with {guide.event_dim} in the guide",
            f"the same plates and .to_event({model.event_dim}) in both",
        )


def _compare_plates(name: str, model: Site, guide: Site) -> None:
    here, there = (sorted(plate.name for plate in site.plates) for site in (model, guide))
    if here != there:
        warnings.warn(
            Advice(
                f"expected {shown(name)} to be in the same plates in model and guide, got {listed(here) or 'none'} and "
                f"{listed(there) or 'none'}, of which only those in both can divide the data",
                "plates of the same names",
            ),
            stacklevel=2,
        )


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(itertools.dropwhile(lambda size: size == 1, shape))


def _look_for_plates(name: str, site: Site) -> None:
    batch = site.shape[: len(site.shape) - site.event_dim]
    with_plate = {plate.dim for plate in site.plates}
    bare = [dim for dim in range(-len(batch), 0) if batch[dim] > 1 and dim not in with_plate]
    if bare and not site.in_loop:
        warnings.warn(
            Advice(
                f"expected a plate for every batch axis of {shown(name)}, got none for axis {bare[-1]} of {batch}, "
                "which is taken as part of one datum",
                f"numpyro.plate('data', {batch[bare[-1]]})",
                f".to_event({len(bare)})",
            ),
            stacklevel=2,
        )


def _check_masks(name: str, model: Site, guide: Site) -> None:
    if model.is_masked != guide.is_masked:
        where, other = ("model", "guide") if model.is_masked else ("guide", "model")
        raise ArgumentError(
            f"expected {shown(name)} to be masked in the model and in the guide alike, got a mask in the {where} alone",
            f"numpyro.handlers.mask(mask=mask) around it in the {other}",
        )


def common_scale(name: str, program: Program) -> float:
    """Return the factor of `handlers.scale` that all terms of a weight have, beyond subsampling; 1 for none.

    Args:
        name: Of the loss, for messages.
        program: The sites.

    Raises:
        ValueError: If the guide is scaled otherwise than the model is.
    """
    model, guide = (
        {n: site.scale and float(np.float32(site.scale / program.fraction(site.plates))) for n, site in sites.items()}
        for sites in weighed(program)
    )
    values = {*model.values(), *guide.values()}
    if len(values) == 1 and None not in values:
        return values.pop() or 1.0
    if scaled := [site for site, scale in guide.items() if scale != 1]:
        raise ArgumentError(
            f"expected sites of the guide without handlers.scale, or all sites with the same number, as {name} weighs "
            f"particles, got {listed(scaled)} scaled on its own",
            "Reinforce or NVIL, which know no weights",
            "handlers.scale around the observed sites alone",
        )
    return 1.0


def weighed(program: Program) -> tuple[dict[str, Site], dict[str, Site]]:
    """Return the sites whose terms are part of an importance weight: those that a draw can change."""
    model = {name: site for name, site in program.model.items() if name in program.reached}
    return model, {name: site for name, site in program.guide.items() if name in program.guide_reached}
