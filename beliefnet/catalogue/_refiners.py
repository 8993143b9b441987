"""Refiners by name, written in one word such as `air:steps=20,samples=20`."""

from collections.abc import Callable

from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet.catalogue._specs import read_spec
from beliefnet.refiners import AIR, Refiner, concrete, default_refiner, gdir, mean_passing, straight_through

REFINERS: dict[str, Callable[..., Refiner]] = {
    "air": AIR,
    "gdir": gdir,
    "mean-passing": mean_passing,
    "straight-through": straight_through,
    "concrete": concrete,
}


def parse_refiner(spec: str) -> Refiner:
    """Read `name` or `name:option=value,option=value`.

    The options are the arguments of the refiner; `num_steps` and `num_samples` are called steps and samples.

    Raises:
        OptionError: If there is no such refiner or option, or a value cannot be used.

    Example:
        >>> parse_refiner("air:steps=5").num_steps
        5
    """
    return read_spec(spec, "a refiner", REFINERS)


def refiner_for(net: BeliefNet, spec: str | None, *, advice: str | None = None) -> Refiner:
    """Make the refiner that was asked for, or by default one that suits the latents, and check that it fits the net.

    Args:
        net: The net.
        spec: As for `parse_refiner`.
        advice: What to try in the place of one that does not fit; by default what fits the net.

    Raises:
        OptionError: If it cannot be made, or does not refine the posterior of this net.
    """
    refiner = default_refiner(net) if spec is None else parse_refiner(spec)
    try:
        refiner.check(net)
    except ValueError as error:
        reason = f"{str(error).partition('; try ')[0]}; try {advice or _advice(net)}"
        raise OptionError(f"refiner {spec or type(refiner).__name__} does not fit this net: {reason}") from error
    return refiner


def _advice(net: BeliefNet) -> str:
    try:
        AIR().check(net)
    except ValueError:
        return "the recognition net alone"
    return "air"
