"""What is known of a NumPyro model and guide before anything is drawn: their sites, plates, scales and dependencies."""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array
from numpyro.distributions import Delta
from numpyro.ops.provenance import eval_provenance
from numpyro.primitives import Messenger

from beliefnet.numpyro._call import Call, Recorded, innermost, is_masked, log_prob

_PREFIX = "latent "  # a site may be named like an argument of `eval_provenance`


class Plate(NamedTuple):
    """A plate that a site is in.

    Attributes:
        name: Its name.
        dim: Its axis of the log-probabilities, negative.
        size: Its size in this batch.
    """

    name: str
    dim: int
    size: int


class Site(NamedTuple):
    """A site with a log-probability.

    Attributes:
        plates: The plates that it is in, the innermost first.
        is_latent: Whether it is drawn.
        is_reparameterised: Whether its draws have a derivative.
        is_masked: Whether part of its log-probability may be left out.
        is_enumerated: Whether it asks for enumeration.
        is_auxiliary: Whether it is said to belong to the guide alone.
        is_point: Whether it is a `Delta`, which has a value and no spread.
        shape: Of its batch and its events.
        event_dim: How many of its axes, the last ones, are those of events.
        scale: What its log-probability is multiplied by, subsampling included; None for what is no plain number.
        in_loop: Whether it is inside a `scan` or `cond` of NumPyro.
    """

    plates: tuple[Plate, ...]
    is_latent: bool
    is_reparameterised: bool
    is_masked: bool
    is_enumerated: bool
    is_auxiliary: bool
    is_point: bool
    shape: tuple[int, ...]
    event_dim: int
    scale: float | None
    in_loop: bool


class Program(NamedTuple):
    """The sites of a model and its guide.

    Attributes:
        model: Sites of the model.
        guide: Sites of the guide.
        reach: For each latent of the guide, the sites of the model that its draw can change.
        guide_reach: The same of the guide, itself included.
        fractions: For each plate, its full size over its size in this batch.
    """

    model: dict[str, Site]
    guide: dict[str, Site]
    reach: dict[str, frozenset[str]]
    guide_reach: dict[str, frozenset[str]]
    fractions: dict[str, float]

    @property
    def latents(self) -> tuple[str, ...]:
        """The latents of the guide, in the order of drawing."""
        return tuple(name for name, site in self.guide.items() if site.is_latent)

    @property
    def score_sites(self) -> tuple[str, ...]:
        """Those whose draws have no derivative."""
        return tuple(name for name in self.latents if not self.guide[name].is_reparameterised)

    @property
    def points(self) -> tuple[str, ...]:
        """The latents of the guide that are at a point, which no other draw of the guide decides."""
        decided = [self.guide_reach[name] - {name} for name in self.latents]
        return tuple(n for n in self.latents if self.guide[n].is_point and not any(n in names for names in decided))

    @property
    def reached(self) -> frozenset[str]:
        """The sites of the model that any draw can change."""
        return frozenset[str]().union(*self.reach.values())

    @property
    def guide_reached(self) -> frozenset[str]:
        """The sites of the guide that any draw can change: its latents, and what it observes of them."""
        return frozenset[str]().union(*self.guide_reach.values())

    def is_crossed(self, plate: Plate, site: str, layers: tuple[str, ...]) -> bool:
        """Return whether the draw of a layer can change a site in other cells of a plate: by a latent outside of it."""
        between = frozenset[str]().union(*(self.guide_reach[layer] for layer in layers)) & set(self.latents)
        return any(
            site in self.reach[name] | self.guide_reach[name] and plate not in self.guide[name].plates
            for name in between - set(layers)
        )

    def fraction(self, plates: Iterable[Plate]) -> float:
        """Return the factor of subsampling in some plates together; those inside a loop have none."""
        return math.prod(self.fractions.get(plate.name, 1.0) for plate in plates)


def read_program(call: Call, params: dict[str, Any]) -> Program:
    """Read a model and its guide, by abstract evaluation: nothing is drawn.

    Args:
        call: The model and the guide, and what they are called with.
        params: Values of their parameters.
    """
    key = jax.random.key(0)
    recorded: list[Recorded] = []

    def latents() -> dict[str, Array]:
        guide = call.guide_trace(params, key)
        return {name: site["value"] for name, site in guide.items() if _is_latent(site)}

    def log_probs(**values: Array) -> tuple[dict[str, Array], dict[str, Array]]:
        both = call.record(params, key, handler=_Inputs(values))
        recorded.append(both)
        model, guide = ({n: log_prob(s) for n, s in t.items() if s["type"] == "sample"} for t in both)
        return model, guide

    shapes = jax.eval_shape(latents)
    depends = eval_provenance(log_probs, **{_PREFIX + name: shape for name, shape in shapes.items()})
    model, guide = ({n: _site(s) for n, s in t.items() if s["type"] == "sample"} for t in recorded[0])
    reach, guide_reach = (
        {
            latent: frozenset(
                name
                for name, on in terms.items()
                if _PREFIX + latent in on or guide[latent].in_loop or (terms is depends[1] and name == latent)
            )
            for latent in shapes
        }
        for terms in depends
    )
    fractions = {n: s["args"][0] / len(s["value"]) for t in recorded[0] for n, s in t.items() if s["type"] == "plate"}
    return Program(model, guide, reach, guide_reach, fractions)


class _Inputs(Messenger):
    """Add inputs to the draws of latents, so that what depends on a draw depends on its input."""

    def __init__(self, values: dict[str, Array]):
        super().__init__()
        self.values = values

    def postprocess_message(self, msg: Any) -> None:
        if msg["type"] == "sample" and not msg["is_observed"] and _PREFIX + msg["name"] in self.values:
            msg["value"] = 0 * msg["value"] + self.values[_PREFIX + msg["name"]]


def _is_latent(site: dict[str, Any]) -> bool:
    return site["type"] == "sample" and not site["is_observed"]


def _site(site: dict[str, Any]) -> Site:
    scale = 1.0 if site["scale"] is None else site["scale"]
    is_number = issubclass(type(scale), (int, float, np.number))
    return Site(
        tuple(Plate(*frame) for frame in site["cond_indep_stack"]),
        _is_latent(site),
        bool(site["fn"].has_rsample),
        is_masked(site["fn"]),
        bool(site["infer"].get("enumerate")),
        bool(site["infer"].get("is_auxiliary")),
        type(innermost(site["fn"])) is Delta,
        tuple(site["fn"].shape()),
        site["fn"].event_dim,
        float(scale) if is_number else None,
        bool(site.get("_control_flow_done")),
    )
