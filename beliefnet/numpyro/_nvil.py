"""The loss of neural variational inference and learning."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.tree_util import all_leaves
from jaxtyping import Float
from numpyro.handlers import replay, trace
from numpyro.primitives import deterministic, mutable

from beliefnet._errors import ArgumentError, ArgumentTypeError, listed, shown
from beliefnet._numerics import leave_one_out_sum
from beliefnet._trace import Trace
from beliefnet.baselines import AbstractBaseline, Moments, NoBaseline, RunningMoments
from beliefnet.estimators import Signal
from beliefnet.estimators.rules import Centred
from beliefnet.numpyro._call import BASELINE, Run
from beliefnet.numpyro._local import AbstractLocalLoss
from beliefnet.numpyro._loss import Mapped
from beliefnet.numpyro._sites import Plate, Program

_MOMENTS = "nvil_moments_"
_UNUSED = RunningMoments(centre=False, normalise=False)


class Predicted(AbstractBaseline):
    """A baseline whose predictions were made elsewhere."""

    value: Float[Array, "particles cells layers"]

    def predict(self, trace: Trace) -> Float[Array, "#particles batch #layers"]:
        """Return the predictions."""
        return self.value


class Others(AbstractBaseline):
    """Predicts the mean signal of the other draws in the batch, and zero where there is no other.

    Attributes:
        signal: Which signal.
        of_cells: Whether draws of other cells are among them, or those of other particles alone.
    """

    signal: Signal
    of_cells: bool

    def predict(self, trace: Trace) -> Float[Array, "#particles batch #layers"]:
        """Return the means."""
        signal = self.signal.read(trace)
        draws = signal.reshape(-1, signal.shape[-1]) if self.of_cells else signal
        return (leave_one_out_sum(draws) / max(1, len(draws) - 1)).reshape(signal.shape)


class NVIL(AbstractLocalLoss):
    """The ELBO: the score function, each site's signal centred by a baseline and running mean, and scaled.

        score of a site = (signal - C(x) - c) / max(1, sd) / K

    with c and sd the running mean and standard deviation of the site's signal, in nats, over particles and cells. They
    are kept in the mutable state of SVI, which gets a place for them from the guide, as in
    `SVI(model, nvil.guide(guide), optimiser, loss=nvil)`. With moments held fixed, or in the order
    `Order.STATISTICS_FIRST`, it is unbiased for the ELBO up to the scale 1 / max(1, sd) of each site. Derivatives of
    the model and through reparameterised draws are always unbiased.

    With a plain guide nothing can be kept from step to step: c is then the mean signal of the site's other draws in the
    batch, and there is no scale,

        score of a site = (signal - mean signal of the others) / K

    which is unbiased for the ELBO. The others are those of all particles and cells; where a cell's draw can change
    terms outside of its plates, which all cells have in common, those of other particles. One draw alone has c = 0.

    Args:
        num_particles: Draws, K.
        baseline: C, a function of what model and guide are called with, with parameters by `numpyro.param` and plates
            as in the guide, that returns the predicted signal of each cell, of a shape that broadcasts to the plates of
            every site; or a dictionary of such by site. SVI trains it with all else. None, the default, is zero.
        moments: Running mean and variance normalisation; None, the default, for those of the paper.
        signal: Only the terms that a site's draw can still change (default), or all of the cell.
        vectorize_particles: As in NumPyro: by `jax.vmap`, one after another (False), or by a function of one's own.

    Raises:
        ValueError: If `num_particles` is not positive.
        TypeError: If `baseline` is no function, `moments` no `RunningMoments`, or `signal` no `Signal`.

    Reference:
        Mnih & Gregor 2014, *Neural variational inference and learning in belief networks*.

    Examples:
        >>> import jax, numpyro
        >>> import numpyro.distributions as dist
        >>> from numpyro.infer import SVI
        >>> def model(x):
        ...     h = numpyro.sample("h", dist.Bernoulli(0.5))
        ...     numpyro.sample("x", dist.Normal(4.0 * h, 1.0), obs=x)
        >>> def guide(x):
        ...     numpyro.sample("h", dist.Bernoulli(logits=numpyro.param("logit", 0.0)))
        >>> nvil = NVIL(num_particles=4)
        >>> svi = SVI(model, nvil.guide(guide), numpyro.optim.Adam(0.1), loss=nvil)
        >>> result = svi.run(jax.random.key(0), 100, 4.0, progress_bar=False)
        >>> result.state.mutable_state["nvil_moments_h"].shape  # mean and variance
        (2, 1)
    """

    rule: Centred

    def __init__(
        self,
        num_particles: int = 1,
        *,
        baseline: Callable[..., Any] | None = None,
        moments: RunningMoments | None = None,
        signal: Signal = Signal.LOCAL,
        vectorize_particles: bool | Mapped = True,
    ):
        if not (baseline is None or callable(baseline)):
            raise ArgumentTypeError(
                f"expected {{option}} to be a function, got {shown(baseline)}",
                "a function of what the guide is called with",
                option="baseline",
            )
        self.baseline, self.moments = baseline, moments
        rule = Centred(NoBaseline(), RunningMoments() if moments is None else moments, signal)
        AbstractLocalLoss.__init__(self, rule, num_particles, vectorize_particles=vectorize_particles)

    def guide(self, guide: Callable[..., Any]) -> Callable[..., Any]:
        """Return a guide with a place for the moments, and with the baseline.

        Args:
            guide: The guide.

        Raises:
            ValueError: By the guide that is returned, if the baseline predicts nothing for a site.
        """

        @wraps(guide, updated=())
        def keeping(*args: Any, **kwargs: Any) -> Any:
            with trace() as sites:
                result = guide(*args, **kwargs)
            latents = [n for n, s in sites.items() if s["type"] == "sample" and not s["is_observed"]]
            scored = [name for name in latents if not sites[name]["fn"].has_rsample]
            start = self.rule.init(1)
            for name in scored:
                mutable(_MOMENTS + name, jnp.stack([start.mean, start.variance]))
            if self.baseline is not None:
                with replay(trace=sites):
                    found = _predictions(self.baseline(*args, **kwargs), scored)
                for name in scored:
                    deterministic(BASELINE + name, found[name])
            return result

        return keeping

    def rule_of(self, program: Program, run: Run, site: str) -> Centred:
        """Return the rule with the predictions for a site."""
        if _MOMENTS + site not in run.mutable:
            return Centred(Others(self.rule.signal, _are_apart(program, site)), _UNUSED, self.rule.signal)
        if site not in run.baseline:
            return self.rule
        baseline = Predicted(_at_cells(site, run.baseline[site], program.guide[site].plates)[..., None])
        return Centred(baseline, self.rule.moments, self.rule.signal)

    def states(self, program: Program, run: Run) -> dict[str, Moments]:
        """Return the moments before this batch, by site.

        Raises:
            ValueError: If there is no place in the guide for what was asked for.
        """
        kept = run.first_mutable
        states = {site: Moments(*kept[_MOMENTS + site]) for site in program.score_sites if _MOMENTS + site in kept}
        asked = ["baseline"] if self.baseline is not None and not run.baseline else []
        asked += ["moments"] if self.moments is not None and not states else []
        if asked and program.score_sites:
            raise ArgumentError(
                f"expected a guide with a place for the {' and the '.join(asked)} of NVIL, got one without",
                "nvil.guide(guide)",
                f"NVIL without {' and '.join(asked)}",
            )
        return states or AbstractLocalLoss.states(self, program, run)

    def mutable(self, run: Run, state: dict[str, Moments]) -> dict[str, Any]:
        """Return what mutable sites hold after this batch, the moments among them."""
        new = {_MOMENTS + site: jnp.stack([moments.mean, moments.variance]) for site, moments in state.items()}
        return run.first_mutable | {name: value for name, value in new.items() if name in run.mutable}


def _are_apart(program: Program, site: str) -> bool:
    """Return whether a draw of a site changes nothing outside of its own cell."""
    reached = [program.model[name] for name in program.reach[site]]
    reached += [program.guide[name] for name in program.guide_reach[site]]
    return all(plate in other.plates for plate in program.guide[site].plates for other in reached)


def _predictions(value: Any, sites: list[str]) -> dict[str, Any]:
    """Return what a baseline predicts, checked: an array for each site that has a score."""
    by_site = value if issubclass(type(value), dict) else dict.fromkeys(sites, value)
    if missing := [site for site in sites if site not in by_site]:
        raise ArgumentError(
            f"expected the baseline to predict the signal of every site without a derivative, got none for "
            f"{listed(missing)}",
            f"{{{missing[0]!r}: 0.0, ...}} for a site that needs none",
        )
    if wrong := [type(by_site[site]).__name__ for site in sites if not all_leaves([by_site[site]])]:
        raise ArgumentError(
            f"expected the baseline to return an array of predictions, or a dictionary of such by site, got {wrong[0]}",
            "jnp.zeros(()) for no prediction",
        )
    return by_site


def _at_cells(site: str, value: Array, plates: tuple[Plate, ...]) -> Float[Array, "particles cells"]:
    """Lay the predictions of a site out over the cells of its plates."""
    by_dim = {plate.dim: plate.size for plate in plates}
    shape = tuple(by_dim.get(dim, 1) for dim in range(min(by_dim, default=0), 0))
    ones = (1,) * (len(shape) + 1 - value.ndim)
    try:
        spread = jnp.broadcast_to(value.reshape(len(value), *ones, *value.shape[1:]), (len(value), *shape))
    except ValueError:
        raise ArgumentError(
            f"expected the baseline to broadcast to the plates {shape} of {shown(site)}, got {value.shape[1:]}",
            "a dictionary of predictions by site",
        ) from None
    return spread.reshape(len(value), -1)
