"""Losses that weigh particles: one weight for each datum of the outermost plate that everything is in."""

from abc import abstractmethod
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from beliefnet._errors import ArgumentError, listed
from beliefnet._trace import Trace
from beliefnet.estimators.rules import AbstractPureRule, Credit, surrogate
from beliefnet.numpyro._call import Run
from beliefnet.numpyro._cells import densities, record
from beliefnet.numpyro._checks import common_scale, weighed
from beliefnet.numpyro._loss import AbstractLoss, Batch, Estimated
from beliefnet.numpyro._sites import Plate, Program


class Data(NamedTuple):
    """What has a weight of its own.

    Attributes:
        cells: The plate of the data; none for one weight of the whole.
        unit: What a datum counts for: its share of those left out by subsampling, and a scale that all sites have.
    """

    cells: tuple[Plate, ...]
    unit: float


class Credited(NamedTuple):
    """What a rule makes of the particles.

    Attributes:
        run: The particles.
        credit: What the rule says.
        surrogate: The surrogate, summed over the data.
    """

    run: Run
    credit: Credit
    surrogate: Float[Array, ""]


class AbstractWeightedLoss(AbstractLoss):
    """A rule that weighs the particles of a datum against each other.

    A datum is a cell of the outermost plate that all of the guide's sites are in, and all of the model's that a draw
    can change; the objective is summed over the data, subsampling counted. Where there is no such plate, as with a
    latent outside of all, a particle has one weight for the whole.
    """

    rule: AbstractPureRule

    @abstractmethod
    def credited(self, batch: Batch, data: Data) -> Credited:
        """Draw particles, and credit them."""

    def estimate(self, batch: Batch) -> Estimated:
        """Estimate the objective and its derivative; terms that no draw can change are not weighed."""
        program, data = batch.program, self.data(batch.program)
        found = self.credited(batch, data)
        terms = found.run.terms
        free = [term for name, term in terms.model.items() if name not in program.reached]
        free += [-term for name, term in terms.guide.items() if name not in program.guide_reached]
        rest = sum((term.sum() / len(term) for term in free), start=jnp.zeros(()))
        objective = rest + data.unit * found.credit.objective.sum()
        return Estimated(objective, rest + data.unit * found.surrogate, found.run.first_mutable)

    def data(self, program: Program) -> Data:
        """Return what has a weight of its own; the whole where one particle alone is weighed, with all of the weight.

        Raises:
            ValueError: If anything else is subsampled, or the guide is scaled otherwise than the model.
        """
        name = type(self).__name__
        if self.num_particles == 1:
            return Data((), 1.0)
        sites = [site for part in weighed(program) for site in part.values()]
        common = [plate for plate in sites[0].plates if all(plate in site.plates for site in sites)] if sites else []
        cells = tuple(common[-1:])
        inner = {plate for site in sites for plate in site.plates if plate not in cells}
        if subsampled := sorted(plate.name for plate in inner if program.fraction([plate]) != 1):
            raise ArgumentError(
                f"expected {name} to find a subsample only in the outermost plate that all latents are in, as it "
                f"weighs particles, got a subsample of {listed(subsampled)}",
                "Reinforce, NVIL or WakeSleep, which weigh none",
                "the whole plate",
            )
        return Data(cells, common_scale(name, program) * program.fraction(cells))


class AbstractFollowedLoss(AbstractWeightedLoss):
    """A rule of a bound whose derivative goes through reparameterised draws; the other latents have its score."""

    def credited(self, batch: Batch, data: Data) -> Credited:
        """Draw particles, and credit them.

        The surrogate is sum over k of [ model_k f_k + sum over sites s of (score_sk + model_k) log q(h_sk) ], since a
        rule's score has -model_k from f in it.
        """
        program, layers = batch.program, batch.program.score_sites
        run = batch.draw(held=False)
        trace = record(program, run.terms, layers, data.cells, unit=data.unit)
        credit = self.rule(lax.stop_gradient(trace))
        assert credit.model is not None
        assert credit.score is not None
        live = Trace(
            jnp.concatenate([trace.log_p, -trace.log_q], axis=-1),
            densities(program, run.terms, layers, data.cells),
            trace.log_proposal,
            (),
        )
        whole = Credit(credit.objective, credit.model, credit.score + credit.model[..., None])
        return Credited(run, credit, total(live, whole))


class AbstractHeldLoss(AbstractWeightedLoss):
    """A rule that has the score function for every latent: draws are constants, reparameterised or not."""

    def credited(self, batch: Batch, data: Data) -> Credited:
        """Draw particles, and credit them.

        Raises:
            ValueError: If a latent is at a point, which could not be learnt.
        """
        program, layers = batch.program, batch.program.latents
        if program.points:
            raise ArgumentError(
                f"expected latents that are drawn for {type(self).__name__}, which follows no draw, got a Delta for "
                f"{listed(program.points)}",
                "Reinforce or VIMCO, which follow it",
            )
        run = batch.draw(held=True)
        trace = record(program, run.terms, layers, data.cells, unit=data.unit)
        credit = self.rule(lax.stop_gradient(trace))
        live = eqx.tree_at(lambda t: t.log_q, trace, densities(program, run.terms, layers, data.cells))
        return Credited(run, credit, total(live, credit))


def total(live: Trace, credit: Credit) -> Float[Array, ""]:
    """Return the surrogate, summed over the data."""
    return live.log_proposal.shape[1] * surrogate(live, credit)
