"""What proposals that move continuous latents share."""

import math

from beliefnet._errors import ArgumentError
from beliefnet._net import BeliefNet
from beliefnet.distributions import UnitKind, check_kind


def check_continuous(name: str, net: BeliefNet) -> None:
    """Check that every latent layer is continuous under both chains, and may take any real value.

    Args:
        name: Of what moves the latents.
        net: The net.

    Raises:
        ValueError: If a layer is discrete or bounded.
    """
    advice = "Recognition(), or Refined(AIR()) for discrete units"
    for layer, conditionals in enumerate(net.latent_layers, 1):
        for conditional in conditionals:
            place = f" in latent layer {layer}"
            check_kind(name, conditional.kind, frozenset({UnitKind.CONTINUOUS}), advice, place=place)
            if any(map(math.isfinite, conditional.units.bounds)):
                found = f"{conditional.units.name} units{place}"
                raise ArgumentError(
                    f"expected units that may take any real value for {name}, got {found}",
                    "normal units, or Recognition()",
                )


def check_setting(name: str, option: str, value: float, *, least: int) -> None:
    """Check that a setting is a whole number that is large enough.

    Raises:
        ValueError: If it is not.
    """
    if value < least or value != int(value):
        raise ArgumentError(f"expected {name} to have {{option}} of at least {least}, got {value}", "5", option=option)


def check_step_size(name: str, value: float) -> None:
    """Check that a step size can be used.

    Raises:
        ValueError: If it is not positive and finite.
    """
    if not 0 < value < math.inf:
        raise ArgumentError(f"expected {name} to have a positive {{option}}, got {value}", "0.05", option="step_size")


def check_made_for(name: str, made_for: tuple[int, int], net: BeliefNet, *, hint: str) -> None:
    """Check that a net has the numbers of visible and latent units that something was made for.

    Raises:
        ValueError: If it does not.
    """
    found = (net.num_visible, sum(net.layer_sizes))
    if made_for != found:
        raise ArgumentError(
            f"expected the net that {name} was made for, of {made_for[0]} visible and {made_for[1]} latent units, got "
            f"one of {found[0]} and {found[1]}",
            hint,
        )
