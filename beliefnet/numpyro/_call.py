"""A model and a guide with what they are called with: how they are run, and what comes of it."""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float
from numpyro.distributions import ExpandedDistribution, MaskedDistribution
from numpyro.handlers import replay, seed, substitute, trace
from numpyro.primitives import Messenger

from beliefnet._types import Key

BASELINE = "nvil_baseline_"
"""What the names of deterministic sites of a guide begin with that hold predictions of the signal of a latent."""

Sites = OrderedDict[str, Any]
"""A trace of NumPyro: what happened at each site."""


class Recorded(NamedTuple):
    """What happened in one run of both."""

    model: Sites
    guide: Sites


class Terms(NamedTuple):
    """Log-probabilities of one run, by site, in nats; of several, with an axis of particles in front.

    Attributes:
        model: Those of the model, scaled and masked as NumPyro has it.
        guide: Those of the guide.
        density: Of the guide's latents, what they were drawn with: neither scaled nor masked.
    """

    model: dict[str, Array]
    guide: dict[str, Array]
    density: dict[str, Array]


class Run(NamedTuple):
    """What comes of a run, as arrays; of all particles, with an axis of them in front.

    Attributes:
        terms: The log-probabilities.
        mutable: What mutable sites hold afterwards.
        baseline: Predictions of the signals, by latent, where the guide makes any.
    """

    terms: Terms
    mutable: dict[str, Any]
    baseline: dict[str, Array]

    @property
    def first_mutable(self) -> dict[str, Any]:
        """What the first particle left in mutable sites."""
        return jax.tree.map(lambda leaf: leaf[0], self.mutable)

    @property
    def log_weight(self) -> Float[Array, " particles"]:
        """The log-weight, log p(x, h) - log q(h | x), of each particle: everything summed."""
        return self.log_weight_without(())

    def log_weight_without(self, sites: tuple[str, ...]) -> Float[Array, " particles"]:
        """Return it without the terms of some sites of the guide."""
        guide = {name: term for name, term in self.terms.guide.items() if name not in sites}
        return _summed(self.terms.model) - _summed(guide)


def _summed(terms: dict[str, Array]) -> Array:
    return sum((term.sum(axis=tuple(range(1, term.ndim))) for term in terms.values()), start=jnp.zeros(()))


class Held(Messenger):
    """Hold draws constant under differentiation: all of them, or those that have no derivative.

    Args:
        all_of_them: Whether reparameterised ones are held as well.
    """

    def __init__(self, *, all_of_them: bool):
        super().__init__()
        self.all_of_them = all_of_them

    def postprocess_message(self, msg: Any) -> None:
        """Hold the value of a latent."""
        if msg["type"] == "sample" and not msg["is_observed"] and (self.all_of_them or not msg["fn"].has_rsample):
            msg["value"] = lax.stop_gradient(msg["value"])
            msg["intermediates"] = []


class Unobserved(Messenger):
    """Draw observed sites as well; what was observed is kept at the site, as `observed`."""

    def process_message(self, msg: Any) -> None:
        """Forget the value of an observed site."""
        if msg["type"] == "sample" and msg["is_observed"]:
            msg.update(is_observed=False, observed=msg["value"], value=None)


@dataclass(frozen=True)
class Call:
    """A model and a guide, and what they are called with.

    Attributes:
        model: The model.
        guide: The guide.
        args: Arguments of both.
        kwargs: Arguments of both, by name.
        plate_key: Random key of what is subsampled; all particles see the same.
    """

    model: Callable[..., Any]
    guide: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    plate_key: Key

    def guide_trace(self, params: dict[str, Any], key: Key, values: Sites | None = None) -> Sites:
        """Run the guide.

        Args:
            params: Values of parameters and of mutable sites.
            key: Random key of the draws.
            values: A trace whose draws and subsamples are taken instead; none, if nothing else is said.
        """
        return self._trace(self.guide, params, key, values)

    def model_trace(self, params: dict[str, Any], key: Key, guide: Sites) -> Sites:
        """Run the model on what a guide drew; what the guide observes, it has not drawn."""
        return self._trace(self.model, params | _values(guide, "mutable"), key, _drawn(guide))

    def record(
        self,
        params: dict[str, Any],
        key: Key,
        *,
        handler: AbstractContextManager[Any],
    ) -> Recorded:
        """Run the guide under a handler, and then the model on what it drew."""
        guide_key, model_key = jax.random.split(key)
        with handler:
            guide = self.guide_trace(params, guide_key)
        return Recorded(self.model_trace(params, model_key, guide), guide)

    def run(self, params: dict[str, Any], key: Key, *, handler: AbstractContextManager[Any]) -> Run:
        """Run both, as `record` does, and keep the arrays."""
        recorded = self.record(params, key, handler=handler)
        both = {**recorded.guide, **recorded.model}
        fixed = _values(recorded.guide, "deterministic")
        baseline = {name.removeprefix(BASELINE): fixed[name] for name in fixed if name.startswith(BASELINE)}
        return Run(_terms(recorded), _values(both, "mutable"), baseline)

    def dream(self, params: dict[str, Any], key: Key) -> Sites:
        """Draw everything from the model, observations too; all of it is constant under differentiation."""
        with Held(all_of_them=True):
            return self._trace(Unobserved(self.model), params, key, None)

    def _trace(self, program: Callable[..., Any], params: dict[str, Any], key: Key, values: Sites | None) -> Sites:
        drawn = ["sample", "prng_key", "control_flow"]
        program = seed(seed(program, self.plate_key, hide_types=drawn), key)
        program = program if values is None else replay(program, values)
        return trace(substitute(program, data=params)).get_trace(*self.args, **self.kwargs)


def _drawn(sites: Sites) -> Sites:
    """Return what was drawn and subsampled; NumPyro's loops replay arrays alone."""
    kinds = ("sample", "plate")
    return OrderedDict((n, site) for n, site in sites.items() if site["type"] in kinds and not site.get("is_observed"))


def _values(sites: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: site["value"] for name, site in sites.items() if site["type"] == kind}


def _terms(recorded: Recorded) -> Terms:
    model, guide = (
        {name: scaled(site) for name, site in sites.items() if site["type"] == "sample"} for sites in recorded
    )
    latents = {name: site for name, site in recorded.guide.items() if name in guide and not site["is_observed"]}
    return Terms(model, guide, {name: _density(site) for name, site in latents.items()})


def log_prob(site: dict[str, Any]) -> Array:
    """Return the log-probability of a site, masked and not scaled, over its batch axes."""
    if site["intermediates"]:
        return site["fn"].log_prob(site["value"], site["intermediates"])
    return site["fn"].log_prob(site["value"])


def scaled(site: dict[str, Any]) -> Array:
    """Return the log-probability of a site as NumPyro adds it up: masked and scaled."""
    return log_prob(site) if site["scale"] is None else jnp.asarray(site["scale"]) * log_prob(site)


def is_masked(distribution: Any) -> bool:
    """Return whether part of a distribution's log-probability may be left out."""
    while type(distribution) is ExpandedDistribution:
        distribution = distribution.base_dist
    return type(distribution) is MaskedDistribution


def innermost(distribution: Any) -> Any:
    """Return a distribution without its masks, and without what plates have expanded it to."""
    while type(distribution) in (MaskedDistribution, ExpandedDistribution):
        distribution = distribution.base_dist
    return distribution


def _density(site: dict[str, Any]) -> Array:
    if not is_masked(site["fn"]):
        return log_prob(site)
    return log_prob({**site, "fn": innermost(site["fn"]).expand(site["fn"].batch_shape)})
