"""A comparison of gradient estimators at the same parameters and on the same batch."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import jax
import numpy as np

from beliefnet._errors import ArgumentError, check_type, whole_number
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import check_key
from beliefnet._types import Key
from beliefnet.estimators import AbstractEstimator
from beliefnet.evaluation._gradient_draws import TOTALS, Draw, Moments, with_totals
from beliefnet.evaluation._gradient_reference import Reference, ReferenceGradient, reference_gradient
from beliefnet.evaluation._observe import DataLike, observe
from beliefnet.proposals import Recognition

_ROUNDING = 2e-6
_BIASED = 4.5


@dataclass(frozen=True)
class PartReport:
    """What an estimator does to one part of a net: one conditional, or all of theta or phi.

    With m the mean of n estimates, r the reference and V the covariance of m - r (of both, where the reference was
    sampled), the question whether the estimator is biased has two answers. `largest_z` looks at one coordinate at a
    time: it finds a bias of few coordinates, but it is a maximum over all of them, and it exaggerates where an estimate
    is hardly ever other than zero. `bias_z` is one test of the whole part: |m - r|^2 / tr V is compared with a
    chi-squared variable over its degrees of freedom (tr V)^2 / tr V^2 (Box 1954), and brought to a standard normal
    scale (Wilson & Hilferty 1931). It allows for coordinates that vary together, is about standard normal for an
    unbiased estimator whatever the size of the part, and grows with n for a biased one.

    Attributes:
        num_coordinates: Number of parameters.
        bias_z: Standardised squared distance of m from r, see above; above 4.5 is a bias.
        largest_z: Largest |m - r| of a coordinate in standard errors; `num_coordinates` says how many it is out of.
        relative_bias: |m - r| / |r|. Noise alone makes it `relative_noise`.
        relative_noise: sqrt(tr V) / |r|: what an unbiased estimator would show as its relative bias.
        variance: Variance of one estimate, summed over coordinates.
        snr: |r| / sqrt(variance), the noise of a sampled r being taken off its square.
        cosine: Mean cosine between one estimate and r.
        mean_cosine: Cosine between m and r: near 1 for an unbiased estimator, and for one that only rescales the part.
        variance_cost: variance times milliseconds per estimate: the variance left after a second of averaging, times
            a thousand; lower is better.
    """

    num_coordinates: int
    bias_z: float
    largest_z: float
    relative_bias: float
    relative_noise: float
    variance: float
    snr: float
    cosine: float
    mean_cosine: float
    variance_cost: float

    @property
    def is_biased(self) -> bool:
        """Whether the mean of the estimates is certainly elsewhere than the reference."""
        return self.bias_z > _BIASED


@dataclass(frozen=True)
class EstimatorReport:
    """What an estimator does.

    Attributes:
        bound_particles: K of the bound that it is judged by; 1 for the ELBO.
        milliseconds: Compiled time per estimate, the median of several blocks.
        parts: By name, bottom first: `theta x|h1`, ..., `phi h1|x`, ..., and the totals `theta` and `phi`.
    """

    bound_particles: int
    milliseconds: float
    parts: dict[str, PartReport]


@dataclass(frozen=True)
class GradientReport:
    """Estimators at the same parameters and on the same batch; gradients are ascent, in nats per example.

    Attributes:
        num_draws: Estimates per estimator.
        batch_size: Number of data in the batch.
        references: What each bound's estimators were compared with, by K.
        estimators: What each estimator does, by name.
    """

    num_draws: int
    batch_size: int
    references: dict[int, Reference]
    estimators: dict[str, EstimatorReport]

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, strings and dictionaries, every key a string."""
        values = asdict(self)
        values["references"] = {str(count): value for count, value in values["references"].items()}
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "GradientReport":
        """Rebuild a report from the result of `to_dict`, which JSON may have held: None stands for what is not finite.

        Raises:
            KeyError: If something is missing.
            TypeError: If a part has other fields.
        """

        def part(saved: Mapping[str, Any]) -> PartReport:
            known: dict[str, Any] = {name: math.nan if value is None else value for name, value in saved.items()}
            return PartReport(**known)

        estimators = {
            name: EstimatorReport(
                one["bound_particles"], one["milliseconds"], {key: part(saved) for key, saved in one["parts"].items()}
            )
            for name, one in values["estimators"].items()
        }
        references = {int(count): Reference(**one) for count, one in values["references"].items()}
        return cls(values["num_draws"], values["batch_size"], references, estimators)


@dataclass(frozen=True)
class Effort:
    """How often gradients are drawn for a report.

    Args:
        num_draws: Estimates per estimator, at least 8; rounded up to a multiple of four.
        reference_draws: Draws of a sampled reference; four times `num_draws` by default.
        warm_up: Estimates that only update a state that was not given, before it is held; 0 measures at the start.

    Raises:
        ValueError: If a number is not whole, or too small.

    Examples:
        >>> Effort(500).of_reference
        2000
    """

    least: ClassVar[int] = 8
    """Fewer estimates than that say nothing about a variance."""

    num_draws: int = 1000
    reference_draws: int | None = None
    warm_up: int = 100

    def __post_init__(self):
        whole_number("num_draws", self.num_draws, least=self.least, good=1000)
        whole_number("reference_draws", self.of_reference, least=self.least, good=1000)
        whole_number("warm_up", self.warm_up, least=0, good=100)

    @property
    def of_reference(self) -> int:
        """Draws of a sampled reference."""
        return 4 * self.num_draws if self.reference_draws is None else self.reference_draws


@broadcasting
def gradient_report(
    net: BeliefNet,
    data: DataLike,
    estimators: Mapping[str, AbstractEstimator],
    *,
    key: Key,
    effort: Effort | None = None,
    states: Mapping[str, Any] | None = None,
    progress: Callable[[str], None] | None = None,
) -> GradientReport:
    """Measure bias, variance, direction and cost of gradient estimators, part by part.

    An estimator is judged by the gradient of the K-particle bound with K its `bound_particles`: enumerated where the
    net and the batch are small enough, else the mean of many draws of an unbiased estimator (for the ELBO and L_K,
    `SGVB(8)` and `DReG(K)` where all latents are continuous, `Reinforce(8)` and `VIMCO(K)` otherwise), whose own noise
    is allowed for. Estimators that do not follow a bound with their
    recognition net (wake-sleep, reweighted wake-sleep), or that rescale it (NVIL's variance normalisation), show that
    as a bias. Memory is that of a few nets, whatever the number of draws.

    Args:
        net: Where the gradients are taken.
        data: The batch, `[batch, visible]`: anything that `observe` takes.
        estimators: By name.
        key: Random key; every estimator gets its own.
        effort: How many estimates, of the reference and to warm up a state too; `Effort()` by default.
        states: By name, states at which to measure; the others are warmed up. A state is the same for all draws.
        progress: Called with what is about to be measured.

    Raises:
        ValueError: If there is no estimator, one that climbs the bound of another proposal than the recognition net
            (such as a refined posterior), or `states` names an estimator that is not there.
        DataError: If the batch is empty, of another width than the net, or not what the net is a model of.
    """
    check_key(key)
    effort = Effort() if effort is None else effort
    check_type("effort", effort, Effort, good="Effort(num_draws=1000)")
    states = {} if states is None else states
    data = observe(net, data)
    _check(estimators, states)
    tell = progress or (lambda what: None)
    reference_key, draw_key, warm_key, cost_key, data_key = jax.random.split(key, 5)
    x = data.take(np.arange(len(data)), key=data_key)
    references: dict[int, ReferenceGradient] = {}
    reports: dict[str, EstimatorReport] = {}
    for index, (name, estimator) in enumerate(estimators.items()):
        count = estimator.bound.num_particles
        if count not in references:
            tell("reference for " + ("the ELBO" if count == 1 else f"the bound of {count} particles"))
            turn = jax.random.fold_in(reference_key, count)
            references[count] = reference_gradient(net, x, count, num_draws=effort.of_reference, key=turn)
        tell(name)
        draw = Draw(estimator, net, x, states[name] if name in states else estimator.init(net))
        if name not in states and jax.tree.leaves(draw.state):
            draw.warm_up(effort.warm_up, key=jax.random.fold_in(warm_key, index))
        reference = references[count]
        moments = draw.moments(reference.mean, num=effort.num_draws, key=jax.random.fold_in(draw_key, index))
        cost = draw.milliseconds(key=cost_key)
        reports[name] = EstimatorReport(count, cost, _summarise(moments, reference, cost))
    about = {count: reference.about for count, reference in references.items()}
    return GradientReport(4 * -(-effort.num_draws // 4), len(x), about, reports)


def _check(estimators: Mapping[str, AbstractEstimator], states: Mapping[str, Any]) -> None:
    for name, given in (("estimators", estimators), ("states", states)):
        check_type(name, given, Mapping, good=f"{name}={{'vimco': ...}}")
    if not estimators:
        raise ArgumentError("expected at least one estimator, got none", "{'reinforce': Reinforce(4)}")
    for name, estimator in estimators.items():
        check_type(f"estimator {name!r}", estimator, AbstractEstimator, good="estimators.VIMCO(5)")
        if not isinstance(estimator.bound.proposal, Recognition):
            raise ArgumentError(
                f"expected estimators that climb a bound of the recognition net, got {name}, which climbs that of "
                f"{type(estimator.bound.proposal).__name__} particles",
                "leaving it out",
            )
    for name in states:
        if name not in estimators:
            raise ArgumentError(f"expected states of {', '.join(estimators)}, got one of {name!r}", "the same names")


def _summarise(moments: Moments, reference: ReferenceGradient, cost: float) -> dict[str, PartReport]:
    """Compare the draws with the reference, for every part and in total."""
    count = moments.num_draws
    terms = {
        name: _terms(mean, moments.variance[name], count, reference.mean[name], reference.variance[name])
        for name, mean in moments.mean.items()
    }
    sums = with_totals({name: values for name, (values, _) in terms.items()})
    largest = {name: z for name, (_, z) in terms.items()}
    for total in TOTALS:
        largest[total] = max(z for name, z in largest.items() if name.split()[0] == total)
    parts = {}
    for name, (size, bias, noise, floor, floor_square, variance, power, error, inner, own) in sums.items():
        # The covariance of a difference is at most this, by Cauchy and Schwarz.
        spread = math.sqrt(moments.covariance_square[name]) / count + math.sqrt(reference.covariance_square[name])
        norm, scale = math.sqrt(power), math.sqrt(max(power - error, 0.0))
        parts[name] = PartReport(
            num_coordinates=int(size),
            bias_z=_normal_score(bias, noise + floor, spread**2 + floor_square),
            largest_z=largest[name],
            relative_bias=_ratio(math.sqrt(bias), norm),
            relative_noise=_ratio(math.sqrt(noise), norm),
            variance=float(variance),
            snr=_ratio(scale, math.sqrt(variance)),
            cosine=moments.cosine[name],
            mean_cosine=inner / math.sqrt(own * power) if own * power > 0 else 0.0,
            variance_cost=float(variance * cost),
        )
    return parts


def _terms(
    mean: np.ndarray, variance: np.ndarray, count: int, target: np.ndarray, error: np.ndarray
) -> tuple[np.ndarray, float]:
    """Return the sums over a part's coordinates that `_summarise` reads, and the largest |z| of a coordinate."""
    bias, noise = mean - target, variance / count + error
    # Single-precision estimates are off by rounding even where they do not vary.
    size = max(np.abs([target, mean]).max(initial=0.0), np.sqrt(variance.max(initial=0.0)))
    floor = np.full_like(bias, (_ROUNDING * size) ** 2)
    stderr = np.sqrt(noise + floor)
    z = np.abs(bias) / np.where(stderr > 0, stderr, 1.0)
    sums = [len(bias), bias @ bias, noise.sum(), floor.sum(), floor @ floor]
    return np.array([*sums, variance.sum(), target @ target, error.sum(), mean @ target, mean @ mean]), float(
        z.max(initial=0.0)
    )


def _normal_score(squares: float, trace: float, trace_square: float) -> float:
    """Bring a sum of squares with a given expected value to the scale of a standard normal variable."""
    if trace <= 0:
        return 0.0
    # One degree of freedom is the least there can be; the estimated trace of the square may say less.
    freedom = max(trace**2 / trace_square, 1.0)
    width = 2 / (9 * freedom)
    return float((np.cbrt(squares / trace) - (1 - width)) / math.sqrt(width))


def _ratio(one: float, other: float) -> float:
    if other > 0:
        return float(one / other)
    return math.inf if one > 0 else math.nan
