"""What a refinement does to the bounds of a net, beside those of its recognition net."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

from beliefnet._errors import check_type
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._types import Key
from beliefnet.evaluation._evaluate import Evaluation, weigh
from beliefnet.evaluation._mean import Mean
from beliefnet.evaluation._observe import DataLike, observe
from beliefnet.proposals import Recognition, Refined
from beliefnet.refiners import AbstractRefiner

_STANDARD_ERRORS = 2


@dataclass(frozen=True)
class RefinementGain:
    """Two evaluations of a net on the same data, and their differences with standard errors of datum by datum; nats.

    Attributes:
        recognition: With the posterior of the recognition net.
        refined: With the refined posterior.
        elbo: How much the refined ELBO is above that of the recognition net.
        bound: The same of the K-particle bound: how much the estimated NLL is below that of the recognition net.
    """

    recognition: Evaluation
    refined: Evaluation
    elbo: Mean
    bound: Mean

    @property
    def verdict(self) -> str:
        """What a refinement that lowered a bound by more than its noise did, in a sentence; nothing for others."""
        lower, higher = (
            [side * gain.mean > _STANDARD_ERRORS * gain.stderr for gain in (self.elbo, self.bound)] for side in (-1, 1)
        )
        match lower, higher:
            case [True, True], _:
                return "Refinement made both worse: take the recognition net's (--refine none)."
            case [True, _], [_, True]:
                return "Refinement gave up ELBO for a lower NLL: the better ELBO is the recognition net's."
            case [True, _], _:
                return "Refinement lowered the ELBO, and the NLL by no more than noise."
            case [_, True], _:
                return "Refinement raised the NLL: the better one is the recognition net's."
        return ""

    def to_dict(self) -> dict:
        """Return plain numbers: the refined evaluation, and beside it that of the recognition net and the gains."""
        gain = {"elbo": asdict(self.elbo), "bound": asdict(self.bound)}
        return self.refined.to_dict() | {"recognition": self.recognition.to_dict(), "gain": gain}


@broadcasting
def refinement_gain(
    net: BeliefNet,
    data: DataLike,
    refiner: AbstractRefiner,
    *,
    num_particles: int,
    key: Key,
    progress: Callable[[int], None] | None = None,
) -> RefinementGain:
    """Evaluate a net with the posterior of its recognition net and with a refined one, on the same data.

    Args:
        net: The net.
        data: Rows `[examples, visible]`, such as `dataset.test`: anything that `observe` takes.
        refiner: How the posterior is refined.
        num_particles: Particles per datum, K.
        key: Random key; both evaluations see the same binarised data.
        progress: Called with the number of data done so far, over both evaluations.

    Raises:
        DataError: As for `evaluate`.
        ValueError: If the refiner cannot refine the posterior of this net, or the number of particles cannot be used.
    """
    data = observe(net, data)
    check_type("refiner", refiner, AbstractRefiner, good="refiners.AIR()")
    refiner.check(net)
    found = []
    for proposal in (Recognition(), Refined(refiner)):

        def report(done: int, before: int = len(found) * len(data)) -> None:
            if progress is not None:
                progress(before + done)

        found.append(weigh(net, data, num_particles=num_particles, proposal=proposal, progress=report, key=key))
    (recognition, before), (refined, after) = found
    return RefinementGain(recognition, refined, Mean.of(after.elbo - before.elbo), Mean.of(after.bound - before.bound))
