"""What these losses cannot do right is refused before anything is drawn."""

from beliefnet._errors import ArgumentError, listed, shown
from beliefnet.numpyro._sites import Program, Site


def check_program(program: Program) -> None:
    """Check that a guide draws all of its model's latents, and no more, and that nothing is enumerated.

    Raises:
        ValueError: If it does not; if a site is to be enumerated; if a latent is masked in one of both alone.
    """
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
    scales = {
        site_name: None if site.scale is None else site.scale / program.fraction(site.plates)
        for site_name, site in weighed(program)
    }
    values = set(scales.values())
    if len(values) == 1 and None not in values:
        return values.pop() or 1.0
    scaled = [site_name for site_name in program.guide if scales[site_name] != 1]
    if scaled:
        raise ArgumentError(
            f"expected sites of the guide without handlers.scale, or all sites with the same number, as {name} weighs "
            f"particles, got {listed(scaled)} scaled on its own",
            "Reinforce or NVIL, which know no weights",
            "handlers.scale around the observed sites alone",
        )
    return 1.0


def weighed(program: Program) -> list[tuple[str, Site]]:
    """Return the sites whose terms are part of an importance weight: the guide's, and what a draw reaches."""
    model = [(name, site) for name, site in program.model.items() if name in program.reached]
    return [*model, *program.guide.items()]
