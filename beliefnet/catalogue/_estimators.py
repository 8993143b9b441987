"""Estimators by name, with the options that each takes."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass

from beliefnet._errors import OptionError, suggestion
from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.baselines import Baseline, InputBaseline, LayerBaselines, NoBaseline, Order, RunningMoments
from beliefnet.catalogue._estimator_options import (
    ConcreteOptions,
    HVIOptions,
    NVILOptions,
    REBAROptions,
    RELAXOptions,
    RWSOptions,
    TVOOptions,
    VIMCOOptions,
)
from beliefnet.catalogue._refiners import parse_refiner, refiner_for
from beliefnet.distributions import UnitKind
from beliefnet.estimators import (
    ARM,
    HVI,
    IWAE,
    NVIL,
    REBAR,
    RELAX,
    SGVB,
    STL,
    TVO,
    VIMCO,
    DisARM,
    DReG,
    Estimator,
    LocalExpectation,
    MaximumLikelihood,
    MultiSampleDisARM,
    MuProp,
    Reinforce,
    Replacement,
    SemiAmortised,
    Signal,
    VariationalEM,
    reweighted_wake_sleep,
    wake_sleep,
)
from beliefnet.proposals import Hamiltonian, Refined
from beliefnet.samplers import Concrete, Half, StraightThrough


@dataclass(frozen=True, kw_only=True)
class EstimatorOptions:
    """Which estimator, and how.

    Attributes:
        estimator: Gradient estimator; nvil by default, sgvb for a vae, and likelihood, which is exact, for a net
            without latents. For any latents: nvil, reinforce, vimco, wake-sleep, rws (reweighted wake-sleep), tvo,
            muprop. For normal ones: sgvb, stl, iwae, dreg, hvi
            (Hamiltonian). For binary ones: arm, disarm, multi-sample-disarm, rebar, relax. For discrete ones:
            local-expectation, and, biased, concrete, straight-through, half (the 1/2 estimator; binary). With a
            refined posterior: em (variational EM), semi-amortised (gradients through the refinement).
        particles: Draws per datum; more of them lower the noise of the recognition gradient.
        refine: For em, rws and semi-amortised: how the posterior is refined, as air, gdir (normal latents),
            mean-passing, straight-through or concrete, with options as in air:steps=20,samples=20,rate=0.1,patience=0;
            by default air for em (gdir for normal latents), straight-through:steps=5,samples=1 for semi-amortised
            (gdir:steps=5,samples=1 for normal latents), which takes no air, and nothing for rws.
        nvil: Options of the nvil estimator.
        vimco: Options of the vimco estimator.
        rws: Options of the rws estimator.
        tvo: Options of the tvo estimator.
        concrete: Options of the concrete estimator.
        rebar: Options of the rebar estimator.
        relax: Options of the relax estimator.
        hvi: Options of the hvi estimator.
    """

    estimator: str | None = None
    particles: int = 4
    refine: str | None = None
    nvil: NVILOptions = field(default_factory=NVILOptions)
    vimco: VIMCOOptions = field(default_factory=VIMCOOptions)
    rws: RWSOptions = field(default_factory=RWSOptions)
    tvo: TVOOptions = field(default_factory=TVOOptions)
    concrete: ConcreteOptions = field(default_factory=ConcreteOptions)
    rebar: REBAROptions = field(default_factory=REBAROptions)
    relax: RELAXOptions = field(default_factory=RELAXOptions)
    hvi: HVIOptions = field(default_factory=HVIOptions)

    def check_estimator(self) -> None:
        """Check that there is such an estimator and that it can work with the number of particles.

        Raises:
            OptionError: If not.
        """
        if self.estimator not in ESTIMATORS:
            raise OptionError(
                f"expected estimator to be one of {', '.join(ESTIMATORS)}, got {self.estimator!r}"
                + suggestion(str(self.estimator), ESTIMATORS)
            )
        if self.refine is not None:
            parse_refiner(self.refine)
        least = 2 if self.estimator in _NEED_TWO else 1
        if self.particles < least:
            raise OptionError(
                f"expected particles of at least {least} for {self.estimator}, got {self.particles}; try {least + 3}"
            )

    def build_estimator(self, net: BeliefNet, *, key: Key) -> Estimator:
        """Make the estimator for a net, with the initial parameters of its own that it may have.

        Raises:
            OptionError: If it does not handle the latent layers of the net.
        """
        self.check_estimator()
        if not net.layer_sizes and self.estimator != "likelihood":
            raise OptionError(
                f"expected estimator likelihood for a net without latents, got {self.estimator}; try leaving it out"
            )
        if self.estimator in _RELAXATIONS and set(net.latent_kinds) == {UnitKind.CONTINUOUS}:
            raise OptionError(
                f"expected an estimator for continuous latents, got {self.estimator}, which relaxes discrete ones; "
                "try sgvb, stl, iwae or dreg"
            )
        try:
            estimator = ESTIMATORS[str(self.estimator)](self, net, key)
            estimator.init(net)
            return estimator
        except ValueError as error:
            raise OptionError(f"estimator {self.estimator} does not fit this net: {error}") from error

    def unused_by_estimator(self) -> list[str]:
        """Return the names of options that were set for another estimator than the chosen one."""
        groups = [f.name for f in fields(EstimatorOptions) if is_dataclass(getattr(self, f.name))]
        own = str(self.estimator).replace("-", "_")
        common = ["refine"] if self.refine is not None and self.estimator not in _REFINED else []
        if self.estimator == "likelihood" and self.particles != EstimatorOptions.particles:
            common.append("particles")
        return common + [
            f"{group}.{f.name}".replace("_", "-")
            for group in groups
            if group != own
            for f in fields(getattr(self, group))
            if getattr(getattr(self, group), f.name) != f.default
        ]


Builder = Callable[[EstimatorOptions, BeliefNet, Key], Estimator]


def _nvil(chosen: EstimatorOptions, net: BeliefNet, key: Key) -> Estimator:
    options = chosen.nvil
    baseline: Baseline = NoBaseline()
    if options.input_baseline:
        kind = LayerBaselines if options.layer_baselines else InputBaseline
        baseline = kind(net, num_units=options.baseline_units, key=key)
    moments = RunningMoments(
        options.smoothing,
        centre=options.constant_baseline,
        normalise=options.variance_normalization,
        per_layer=options.layer_baselines,
        order=Order.STATISTICS_FIRST if options.statistics_first else Order.PAPER,
    )
    signal = _signal(options.local_signals)
    return NVIL(net, key=key, num_particles=chosen.particles, baseline=baseline, moments=moments, signal=signal)


def _vimco(chosen: EstimatorOptions, net: BeliefNet, key: Key) -> Estimator:
    options = chosen.vimco
    return VIMCO(chosen.particles, replacement=Replacement(options.replacement), signal=_signal(options.local_signals))


def _rws(chosen: EstimatorOptions, net: BeliefNet, key: Key) -> Estimator:
    phases, proposal = chosen.rws, None if chosen.refine is None else Refined(refiner_for(net, chosen.refine))
    return reweighted_wake_sleep(
        chosen.particles, wake_phi=phases.wake_phi, sleep_phi=phases.sleep_phi, proposal=proposal
    )


def _em(chosen: EstimatorOptions, net: BeliefNet, key: Key) -> Estimator:
    return VariationalEM(refiner_for(net, chosen.refine), chosen.particles)


def _semi_amortised(chosen: EstimatorOptions, net: BeliefNet, key: Key) -> Estimator:
    is_normal = UnitKind.CONTINUOUS in net.latent_kinds
    spec = chosen.refine or ("gdir:steps=5,samples=1" if is_normal else "straight-through:steps=5,samples=1")
    refiner = refiner_for(net, spec, advice="gdir" if is_normal else "straight-through")
    return SemiAmortised(refiner, chosen.particles)  # pyright: ignore[reportArgumentType]


def _tvo(chosen: EstimatorOptions, net: BeliefNet, key: Key) -> Estimator:
    return TVO(chosen.particles, num_intervals=chosen.tvo.intervals, first=chosen.tvo.first)


def _concrete(chosen: EstimatorOptions, net: BeliefNet, key: Key) -> Estimator:
    kind = IWAE if chosen.concrete.multi_sample else SGVB
    return kind(net, chosen.particles, sampler=Concrete(chosen.concrete.temperature))


def _rebar(chosen: EstimatorOptions, net: BeliefNet, key: Key) -> Estimator:
    return REBAR(net, chosen.particles, temperature=chosen.rebar.temperature, scale=chosen.rebar.scale)


def _relax(chosen: EstimatorOptions, net: BeliefNet, key: Key) -> Estimator:
    o = chosen.relax
    return RELAX(net, chosen.particles, key=key, temperature=o.temperature, scale=o.scale, num_units=o.units)


def _hvi(chosen: EstimatorOptions, net: BeliefNet, key: Key) -> Estimator:
    o = chosen.hvi
    dynamics = Hamiltonian(net, o.iterations, o.steps, key=key, step_size=o.step_size, num_units=o.units)
    return HVI(dynamics, chosen.particles)


def _of_particles(make: Callable[[int], Estimator]) -> Builder:
    return lambda chosen, net, key: make(chosen.particles)


def _of_net(make: Callable[[BeliefNet, int], Estimator]) -> Builder:
    return lambda chosen, net, key: make(net, chosen.particles)


def _signal(is_local: bool) -> Signal:
    return Signal.LOCAL if is_local else Signal.WHOLE


ESTIMATORS: dict[str, Builder] = {
    "likelihood": lambda chosen, net, key: MaximumLikelihood(),
    "nvil": _nvil,
    "reinforce": _of_particles(Reinforce),
    "vimco": _vimco,
    "wake-sleep": _of_particles(wake_sleep),
    "rws": _rws,
    "em": _em,
    "semi-amortised": _semi_amortised,
    "tvo": _tvo,
    "sgvb": _of_net(SGVB),
    "stl": _of_net(STL),
    "iwae": _of_net(IWAE),
    "dreg": _of_net(DReG),
    "hvi": _hvi,
    "muprop": _of_net(MuProp),
    "arm": _of_net(ARM),
    "disarm": _of_net(DisARM),
    "multi-sample-disarm": _of_net(MultiSampleDisARM),
    "rebar": _rebar,
    "relax": _relax,
    "local-expectation": _of_net(LocalExpectation),
    "concrete": _concrete,
    "straight-through": _of_net(lambda net, particles: SGVB(net, particles, sampler=StraightThrough())),
    "half": _of_net(lambda net, particles: SGVB(net, particles, sampler=Half())),
}

_RELAXATIONS = frozenset({"concrete", "straight-through", "half"})
_REFINED = frozenset({"em", "rws", "semi-amortised"})
_NEED_TWO = frozenset({"reinforce", "vimco", "tvo"})
