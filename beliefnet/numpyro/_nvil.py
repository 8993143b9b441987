"""The loss of neural variational inference and learning."""

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.tree_util import all_leaves
from jaxtyping import Float
from numpyro.handlers import replay, trace
from numpyro.primitives import deterministic, mutable

from beliefnet._errors import Advice, ArgumentError, ArgumentTypeError, listed, shown
from beliefnet._trace import Trace
from beliefnet.baselines import AbstractBaseline, Moments, NoBaseline, RunningMoments
from beliefnet.estimators import Signal
from beliefnet.estimators.rules import Centred
from beliefnet.numpyro._call import BASELINE, Run
from beliefnet.numpyro._local import AbstractLocalLoss
from beliefnet.numpyro._loss import Mapped
from beliefnet.numpyro._sites import Plate, Program

_MOMENTS = "nvil_moments"


class Predicted(AbstractBaseline):
    """A baseline whose predictions were made elsewhere."""

    value: Float[Array, "particles cells layers"]

    def predict(self, trace: Trace) -> Float[Array, "#particles batch #layers"]:
        """Return the predictions."""
        return self.value


class NVIL(AbstractLocalLoss):
    """The ELBO: the score function, each site's signal centred by a baseline and running mean, and scaled.

        score of a site = (signal - C(x) - c) / max(1, sd) / K

    with c and sd the running mean and standard deviation of the site's signal, in nats, over particles and cells. They
    are kept in the mutable state of SVI, which needs a place for them in the guide: wrap it, as in
    `SVI(model, nvil.guide(guide), optimiser, loss=nvil)`. A guide that is not wrapped works, with a warning: nothing is
    then kept from step to step.

    With moments held fixed, or in the order `Order.STATISTICS_FIRST`, it is unbiased for the ELBO up to the scale
    1 / max(1, sd) of each site. Derivatives of the model and through reparameterised draws are always unbiased.

    Args:
        num_particles: Draws, K.
        baseline: C, a function of what model and guide are called with, with parameters by `numpyro.param` and plates
            as in the guide, that returns the predicted signal of each cell, of a shape that broadcasts to the plates of
            every site; or a dictionary of such by site. SVI trains it with all else. None, the default, is zero.
        moments: Running mean and variance normalisation.
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
        >>> result.state.mutable_state["nvil_moments"]["h"].mean.shape
        (1,)
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
        self.baseline = baseline
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
            if scored:
                mutable(_MOMENTS, {name: self.rule.init(1) for name in scored})  # pyright: ignore[reportArgumentType]
            if self.baseline is not None:
                with replay(trace=sites):
                    deterministic(BASELINE, _predictions(self.baseline(*args, **kwargs), scored))
            return result

        return keeping

    def rule_of(self, program: Program, run: Run, site: str) -> Centred:
        """Return the rule with the predictions for a site."""
        if run.baseline is None:
            return self.rule
        value = run.baseline[site] if issubclass(type(run.baseline), dict) else run.baseline
        baseline = Predicted(_at_cells(site, value, program.guide[site].plates)[..., None])
        return Centred(baseline, self.rule.moments, self.rule.signal)

    def states(self, program: Program, run: Run) -> dict[str, Moments]:
        """Return the moments before this batch, by site."""
        kept = run.first_mutable.get(_MOMENTS, {})
        if not program.score_sites:
            return kept
        unused = [] if kept else ["moments are not kept"]
        unused += ["the baseline is not used"] if self.baseline is not None and run.baseline is None else []
        if unused:
            warnings.warn(
                Advice(
                    f"expected a guide that NVIL has wrapped, got another one: {', '.join(unused)}", "nvil.guide(guide)"
                ),
                stacklevel=2,
            )
        return kept or AbstractLocalLoss.states(self, program, run)

    def mutable(self, run: Run, state: dict[str, Moments]) -> dict[str, Any]:
        """Return what mutable sites hold after this batch, the moments among them."""
        kept = {_MOMENTS: state} if _MOMENTS in run.mutable else {}
        return run.first_mutable | kept


def _predictions(value: Any, sites: list[str]) -> Any:
    """Return what a baseline predicts, checked: an array, or one for each site that has a score."""
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
    return value


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
