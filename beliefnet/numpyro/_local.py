"""Losses whose objective is the ELBO: each site is credited with what its own draw can still change, cell by cell."""

from typing import Any

import jax
from jax import lax

from beliefnet._trace import Trace
from beliefnet.estimators.rules import AbstractCreditRule, Credit, surrogate
from beliefnet.numpyro._call import Run
from beliefnet.numpyro._cells import densities, num_cells, record
from beliefnet.numpyro._loss import AbstractLoss, Batch, Estimated
from beliefnet.numpyro._sites import Program


class AbstractLocalLoss(AbstractLoss):
    """A rule of the ELBO, applied to every site that has no derivative, at every cell of the site's plates.

    The derivative goes through reparameterised draws; the others are credited by the rule,

        gradient = mean over k of grad f_k + sum over sites s, cells c and k of score_sck * grad log q(h_sck)

    with f = log p(x, h) - log q(h | x), scaled as NumPyro scales it, without log q of the sites that have a score: its
    gradient is zero on average. A cell's signal holds the terms that depend on the site's draw, those inside the site's
    plates only where they are in the same cell.
    """

    def rule_of(self, program: Program, run: Run, site: str) -> AbstractCreditRule[Any]:
        """Return the rule that credits a site."""
        return self.rule

    def estimate(self, batch: Batch) -> Estimated:
        """Estimate the ELBO and its derivative."""
        program, run = batch.program, batch.draw(held=False)
        state = self.states(program, run)
        total = run.log_weight_without(program.score_sites).mean()
        for site in program.score_sites:
            term, state[site] = self._credited(program, run, site, state[site])
            total += term
        return Estimated(run.log_weight.mean(), total, self.mutable(run, state))

    def states(self, program: Program, run: Run) -> dict[str, Any]:
        """Return the statistics of the rule before this batch, by site."""
        return {site: self.rule.init(1) for site in program.score_sites}

    def mutable(self, run: Run, state: dict[str, Any]) -> dict[str, Any]:
        """Return what mutable sites hold after this batch."""
        return run.first_mutable

    def _credited(self, program: Program, run: Run, site: str, state: Any) -> tuple[jax.Array, Any]:
        """The score-function term of a site, and its statistics."""
        cells = program.guide[site].plates
        unit = program.fraction(cells)
        trace = record(program, run.terms, (site,), cells, unit=unit)
        credit, state = self.rule_of(program, run, site).step(lax.stop_gradient(trace), state)
        assert credit.score is not None
        credit = Credit(credit.objective, score=credit.score, own=credit.own)
        live = Trace(trace.log_p, densities(program, run.terms, (site,), cells), trace.log_proposal, ())
        return unit * num_cells(cells) * surrogate(live, credit), state
