"""Where a bound is lost: in the recognition net, or in the family of the posterior."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from beliefnet._errors import ArgumentError, check_type, whole_number
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._types import Key
from beliefnet.evaluation._evaluate import Evaluation, weigh
from beliefnet.evaluation._mean import Mean
from beliefnet.evaluation._observe import DataLike, observe
from beliefnet.proposals import AbstractProposal, Recognition, Refined
from beliefnet.refiners import AbstractRefiner


@dataclass(frozen=True)
class InferenceGaps:
    """What is between the ELBO and the log-likelihood, and how refinement closes it; nats per example.

    Attributes:
        evaluations: The evaluation after so many steps of refinement, by their number; 0 is the recognition net.
        inference: log p(x) - ELBO of the recognition net: the sum of the other two gaps.
        amortisation: ELBO after the last step - ELBO of the recognition net: what is lost by guessing the posterior of
            every datum in one pass, as far as this refiner finds it. Negative where refinement loses: a refiner
            need not climb the ELBO, and a mean-field posterior gives up what deep or autoregressive recognition nets
            know of dependence.
        approximation: log p(x) - ELBO after the last step: what is left. It is what the form of the posterior
            cannot reach, if the refiner found the best one.
        log_likelihood: Estimated log p(x): the best of the K-particle bounds, as decided for each half of the data by
            the other half. It is too low in expectation, and so are `inference` and `approximation`.
    """

    evaluations: dict[int, Evaluation]
    inference: Mean
    amortisation: Mean
    approximation: Mean
    log_likelihood: Mean

    def to_dict(self) -> dict:
        """Return plain numbers, lists and dictionaries."""
        return asdict(self)


@broadcasting
def inference_gaps(
    net: BeliefNet,
    data: DataLike,
    refiner: AbstractRefiner,
    *,
    num_particles: int,
    key: Key,
    steps: Sequence[int] | None = None,
    progress: Callable[[int], None] | None = None,
) -> InferenceGaps:
    """Tell the amortisation gap from the approximation gap, by refining the posterior of every datum.

    Standard errors of the gaps are those of differences datum by datum.

    Args:
        net: The net.
        data: Rows `[examples, visible]`, such as `dataset.test`: anything that `observe` takes.
        refiner: How the posterior is refined; the largest number of steps is its own.
        num_particles: Particles per datum, K, after each number of steps.
        key: Random key; it makes every evaluation see the same binarised data.
        steps: After which numbers of steps to evaluate, besides 0 and the last: 1, 2, 5, 10, ... by default.
        progress: Called with the number of data done so far, over all evaluations.

    Raises:
        ValueError: If the refiner takes no step or cannot refine the posterior of this net, a number of steps is
            negative or above the refiner's, or the data or the number of particles cannot be evaluated.

    Reference:
        Cremer, Li & Duvenaud 2018, *Inference suboptimality in variational autoencoders*.
    """
    data = observe(net, data)
    check_type("refiner", refiner, AbstractRefiner, good="refiners.AIR()")
    refiner.check(net)
    counts = steps_of_refinement(refiner, steps)
    found = {}
    for index, count in enumerate(counts):

        def report(done: int, before: int = index * len(data)) -> None:
            if progress is not None:
                progress(before + done)

        proposal = _after(refiner, count)
        found[count] = weigh(net, data, num_particles=num_particles, proposal=proposal, progress=report, key=key)
    first, last = found[0][1].elbo, found[counts[-1]][1].elbo
    log_likelihood = _best(np.stack([np.asarray(bounds.bound) for _, bounds in found.values()]))
    return InferenceGaps(
        evaluations={count: evaluation for count, (evaluation, _) in found.items()},
        inference=Mean.of(log_likelihood - first),
        amortisation=Mean.of(last - first),
        approximation=Mean.of(log_likelihood - last),
        log_likelihood=Mean.of(log_likelihood),
    )


def steps_of_refinement(refiner: AbstractRefiner, steps: Sequence[int] | None = None) -> list[int]:
    """Return after which numbers of steps to look at a refinement, in order: those asked for, 0 and the last.

    Args:
        refiner: How the posterior is refined; the largest number of steps is its own.
        steps: Those asked for: 1, 2, 5, 10, ... by default.

    Raises:
        ValueError: If the refiner takes no step, or a number of steps is negative or above the refiner's.
    """
    largest = refiner.num_steps
    if largest < 1:
        raise ArgumentError("expected a refiner with one step or more, got 0 steps", "num_steps=20")
    if steps is None:
        steps = [digit * 10**power for power in range(9) for digit in (1, 2, 5) if digit * 10**power < largest]
    check_type("steps", steps, Iterable, good="(1, 5, 20)")
    steps = [whole_number("steps", count, least=0, good=largest) for count in steps]
    if max(steps, default=0) > largest:
        raise ArgumentError(
            f"expected steps from 0 to the refiner's own {largest}, got {max(steps)}", "a refiner of more steps"
        )
    return sorted({0, *steps, largest})


def _best(bounds: np.ndarray) -> np.ndarray:
    """Choose among bounds `[choices, data]`, each half of the data by the mean of the other half: fair to both."""
    best, is_odd = bounds[-1].copy(), np.arange(bounds.shape[1]) % 2 == 1
    if len(best) > 1:
        for half in (is_odd, ~is_odd):
            best[half] = bounds[bounds[:, ~half].mean(axis=1).argmax(), half]
    return best


def _after(refiner: AbstractRefiner, count: int) -> AbstractProposal:
    """Particles after the first steps of a refinement."""
    if not count:
        return Recognition()
    return Refined(replace(refiner, num_steps=count))
