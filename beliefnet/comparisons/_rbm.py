"""Restricted Boltzmann machines, trained by scikit-learn and scored by annealed importance sampling."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._naming import named
from beliefnet._streams import Stream, stream
from beliefnet.comparisons._ais import BoltzmannMachine, LogPartition, log_partition, num_parts
from beliefnet.comparisons._base import (
    AbstractComparison,
    ProgressCallback,
    Rows,
    binary_rows,
    counted_from,
    fitted,
    in_blocks,
)

_BLOCK_ROWS = 5000


@named("rbm")
@dataclass(eq=False)
class RBM(AbstractComparison):
    """A restricted Boltzmann machine: `sklearn.neural_network.BernoulliRBM`, with an estimate of its log-likelihood.

    Training is persistent contrastive divergence, one Gibbs sweep per step, in a new order of the rows each epoch;
    rows that do not fill a batch wait for another epoch. Visible biases start at the logits of the data's means, and
    the learning rate falls linearly to zero. log p(x) = -F(x) - log Z, with log Z by annealed importance sampling. Its
    estimate is too low in expectation, and log p(x) as much too high: the NLL flatters the machine, unless `findings`
    says that log Z is certain to what matters.

    Attributes:
        num_hidden: Hidden units.
        num_epochs: Passes over the training rows.
        learning_rate: Of the first epoch.
        batch_size: Rows per step, and persistent chains.
        num_temperatures: Of the annealing (see `log_partition`).
        num_chains: Chains of the annealing.

    Raises:
        ValueError: If a setting cannot work.

    Reference:
        Tieleman 2008, *Training restricted Boltzmann machines using approximations to the likelihood gradient*;
        Salakhutdinov & Murray 2008, *On the quantitative analysis of deep belief networks*.
    """

    method: ClassVar[str] = "AIS estimate of log Z: NLL too low in expectation"
    values: ClassVar[str] = "binary"

    num_hidden: int = 500
    num_epochs: int = 20
    learning_rate: float = 0.05
    batch_size: int = 100
    num_temperatures: int = 14500
    num_chains: int = 100
    machine_: BoltzmannMachine | None = field(init=False, repr=False, default=None)
    partition_: LogPartition | None = field(init=False, repr=False, default=None)
    valid_: float | None = field(init=False, repr=False, default=None)

    def __post_init__(self):
        self._at_least(1, "num_hidden", "num_epochs", "batch_size")
        self._at_least(29, "num_temperatures")
        self._at_least(2, "num_chains")
        self._above_zero("learning_rate")

    @property
    def num_steps(self) -> int:
        """Epochs, and the parts that the annealing is done in."""
        return self.num_epochs + num_parts(self.num_temperatures)

    def fit(self, train: Rows, valid: Rows, *, seed: int, progress: ProgressCallback = None) -> Self:
        """Train the machine, and estimate log Z.

        Args:
            train: Zeros and ones, `[examples, visible]`.
            valid: More of them, to be scored in the end: the likelihood is not known during training.
            seed: Of parameters, order, chains and annealing.
            progress: Called with the number of epochs and parts of the annealing done so far.

        Raises:
            ValueError: If the rows are not binary, or fewer than one batch.
        """
        train = binary_rows(train)
        valid = binary_rows(valid, train.shape[1])
        if len(train) < self.batch_size:
            raise ArgumentError(
                f"expected {{option}} of at most the {len(train)} training rows, got {self.batch_size}",
                f"{len(train)}",
                option="batch_size",
            )
        # Half an example of either kind keeps the logits of constant columns finite.
        average = (train.sum(axis=0, dtype=np.float64) + 0.5) / (len(train) + 1)
        base_bias = np.log(average) - np.log1p(-average)
        self.machine_ = self._train(train, base_bias, seed, progress)
        self.partition_ = log_partition(
            self.machine_,
            jnp.asarray(base_bias, jnp.float32),
            num_temperatures=self.num_temperatures,
            num_chains=self.num_chains,
            key=stream(seed, Stream.EVALUATION),
            progress=counted_from(self.num_epochs, progress),
        )
        self.valid_ = float(self.log_likelihood(valid).mean())
        return self

    def log_likelihood(self, rows: Rows, *, progress: ProgressCallback = None) -> Float[np.ndarray, " examples"]:
        """Return -F(x) - log Z of each row, in nats, with the estimate of log Z.

        Raises:
            ValueError: If the machine was not fitted, or the rows are not binary or of another width.
        """
        machine, partition = fitted(self.machine_, self), fitted(self.partition_, self)
        rows = binary_rows(rows, len(machine.visible_bias))
        energies = in_blocks(
            lambda block: machine.free_energy(jnp.asarray(block, jnp.float32)), rows, _BLOCK_ROWS, progress
        )
        return -energies - partition.log_z

    @property
    def findings(self) -> dict[str, Any]:
        """The validation log-likelihood (nats per example), and the estimate of log Z with its error."""
        return {"valid_log_likelihood": fitted(self.valid_, self), **fitted(self.partition_, self).to_dict()}

    def _train(
        self, train: np.ndarray, visible_bias: np.ndarray, seed: int, progress: ProgressCallback
    ) -> BoltzmannMachine:
        # It takes seconds to import, which other commands need not wait for.
        from sklearn.neural_network import BernoulliRBM

        random = np.random.RandomState(seed)
        learner = BernoulliRBM(self.num_hidden, batch_size=self.batch_size, random_state=random)
        learner.intercept_visible_ = visible_bias.copy()
        num_batches = len(train) // self.batch_size
        for epoch in range(self.num_epochs):
            learner.set_params(learning_rate=self.learning_rate * (1 - epoch / self.num_epochs))
            order = random.permutation(len(train))
            for batch in range(num_batches):
                rows = train[order[batch * self.batch_size : (batch + 1) * self.batch_size]]
                learner.partial_fit(rows.astype(np.float64))
            if progress is not None:
                progress(epoch + 1)
        parts = (learner.components_, learner.intercept_visible_, learner.intercept_hidden_)
        return BoltzmannMachine(*(jnp.asarray(part, jnp.float32) for part in parts))
