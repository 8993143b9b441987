"""A trained net, and what it is used for: codes, samples, likelihoods, missing entries, pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from beliefnet._errors import OptionError, whole_number
from beliefnet._net import BeliefNet
from beliefnet._uses import reconstruct, sample_means, to_numpy
from beliefnet.data import (
    DataError,
    Observations,
    Record,
    numbered_columns,
    read_like,
    read_table_like,
    rows_like,
)
from beliefnet.evaluation import Evaluation, Imputed, Search, complete, encode, evaluate, impute, row_scores, surprise
from beliefnet.plots import image_sheet, plot_marginals, plot_training_curve, table_sheet
from beliefnet.proposals import AbstractProposal
from beliefnet.tables import Schema, filled, frame_of, like, with_columns
from beliefnet.training import Stream, stream


class LogLikelihood(NamedTuple):
    """Estimates of log p of rows, in nats.

    Attributes:
        estimate: The K-particle bound of each row, in expectation below log p, `[rows]`.
        standard_error: What another draw of the particles would change, `[rows]`: sqrt(1 / ESS - 1 / K). Above about
            0.5, a few particles decide, and the bound may be far below log p. NaN where K is 1.
    """

    estimate: Any
    standard_error: Any


@dataclass(frozen=True)
class Model:
    """A trained net, and what it is used for: on rows in memory, or on a file, taken as its own data were.

    Where rows come in a data frame, results of rows are data frames with its index.

    Attributes:
        net: The net.
        record: The data that it was trained on.
        columns: Names of the columns, or None.
        proposal: What its bound is measured with: the recognition net, or what refines it in training.
        history: One row per epoch, as in `metrics.jsonl`.
        best_bound: Its validation bound, in nats per example.
        best_epoch: The epoch after which it was found.
        folder: Its run folder, or the file that it was loaded from, or None.
        test: Rows that are left for its evaluation, or None where they cannot be loaded again.
        example: A data frame without rows, of the type that samples come in; None for plain arrays.
    """

    net: BeliefNet
    record: Record
    columns: tuple[str, ...] | None
    proposal: AbstractProposal
    history: list[dict[str, Any]]
    best_bound: float
    best_epoch: int
    folder: Path | None = None
    test: Observations | None = None
    example: Any = None

    def read_as(self, **changes: Any) -> "Model":
        """Return the model with changes of how rows are read: files, and by `unseen="missing"` rows in memory as well.

        Args:
            **changes: Options of `data.Reading`, such as `decimal`, `name_column` and `unseen`.

        Raises:
            DataError: If there is no such option, or it cannot have the value.
            OptionError: If a value is of the wrong type.
        """
        return replace(self, record=self.record.read_as(**changes))

    def encode(self, data: Any, *, layer: int | None = None) -> Any:
        """Return the codes of rows: the means of a latent layer under the recognition net.

        Args:
            data: Rows `[rows, visible]`, or a file.
            layer: Which latent layer, 1 being the one next to the data; the top one by default.

        Returns:
            `[rows, units]`.

        Raises:
            DataError: If the rows are not what the net is a model of.
            OptionError: If there is no such layer.
        """
        depth = len(self.net.layer_sizes)
        chosen = depth if layer is None else whole_number("layer", layer, good=1)
        if not 1 <= chosen <= depth:
            raise OptionError(
                f"expected a layer from 1 to {depth}, got {layer}", f"{depth}" if depth else "another net"
            )
        codes = encode(self.net, self._rows(data))[chosen - 1]
        return _like(data, np.asarray(codes), [f"h{chosen}.{unit}" for unit in range(1, codes.shape[1] + 1)])

    def reconstruct(self, data: Any, *, seed: int = 0) -> Any:
        """Return the means of rows given one draw of the latents for each, `[rows, visible]`."""
        found = reconstruct(self.net, self._rows(data), key=stream(seed, Stream.PLOTS))
        return _like(data, found, self._names)

    def sample(self, num: int = 1, *, seed: int = 0) -> Any:
        """Draw rows, `[num, visible]`; of a table its columns, in a data frame if the net was fitted to one."""
        num = whole_number("num", num, good=10)
        drawn = self._drawn(num, seed)
        return drawn if self.record.schema is None else like(self.example, self.record.schema.decode(drawn))

    def log_likelihood(self, data: Any, *, num_particles: int = 1000, seed: int = 0) -> LogLikelihood:
        """Estimate log p of each row; of a table, of what is known of it, numbers being standardised.

        Args:
            data: Rows `[rows, visible]`, or a file.
            num_particles: Particles per row, K.
            seed: Of the particles.

        Raises:
            DataError: If the rows are not what the net is a model of.
        """
        key = stream(seed, Stream.EVALUATION)
        found = row_scores(self.net, self._rows(data), key=key, num_particles=num_particles, proposal=self.proposal)
        return LogLikelihood(*(_series(data, values) for values in found))

    def surprise(self, data: Any, *, num_particles: int = 100, seed: int = 0) -> Any:
        """Estimate how improbable each column of rows is given the others: -log p(column | rest), in nats.

        Args:
            data: Rows `[rows, visible]`, or a file.
            num_particles: Particles per row, K.
            seed: Of the particles.

        Returns:
            `[rows, columns]`; NaN where a value is missing.

        Raises:
            DataError: If the rows are not what the net is a model of.
        """
        rows, schema, key = self._rows(data), self.record.schema, stream(seed, Stream.EVALUATION)
        groups = None if schema is None else schema.groups
        found = surprise(self.net, rows, key=key, num_particles=num_particles, groups=groups)
        return _like(data, found, self._names if schema is None else tuple(schema.places))

    def impute(self, data: Any, *, search: Search | None = None, num_draws: int | None = None, seed: int = 0) -> Any:
        """Return rows with the expectation of what is missing, NaN, given what was observed, `[rows, visible]`.

        With `num_draws`, for multiple imputation, a list of so many is returned, in each of which what is missing in a
        row is drawn together given what was observed.

        Args:
            data: Rows `[rows, visible]`; bits, grey values or counts, as the net is a model of; or a table, of which
                all columns are returned. Missing categories become the likeliest ones, and whole numbers stay whole.
            search: How posteriors are looked for; see `evaluation.impute`. By default `Search()`; for a table, whose
                net was trained on rows with missing cells, none: see `evaluation.complete`.
            num_draws: How many times what is missing is drawn; by default expectations are filled in.
            seed: Of the particles and the draws.

        Raises:
            DataError: If what was observed is not what the net is a model of.
        """
        if self.record.schema is not None:
            return self._imputed_table(data, self.record.schema, search, num_draws, seed)
        own = self.columns or ()
        rows = data[list(own)] if own and _is_frame(data) and set(own) <= set(data.columns) else data
        found = impute(self.net, rows, key=stream(seed, Stream.EVALUATION), search=search, num_draws=_count(num_draws))
        completed = [_like(data, values, self._names) for values in _completed(found, num_draws)]
        return completed[0] if num_draws is None else completed

    def evaluate(self, data: Any = None, *, num_particles: int = 1000, seed: int = 0) -> Evaluation:
        """Evaluate the net on rows, by default those that were left for it.

        Args:
            data: Rows `[rows, visible]`, or a file.
            num_particles: Particles per row, K.
            seed: Of the particles.

        Raises:
            DataError: If there are no rows, or they are not what the net is a model of.
        """
        rows = self.test if data is None else self._rows(data)
        if rows is None:
            raise DataError(
                f"expected rows to evaluate on, as the data of {self.folder} cannot be loaded again, got none",
                "model.evaluate(rows)",
            )
        key = stream(seed, Stream.EVALUATION)
        return evaluate(self.net, rows, num_particles=num_particles, key=key, proposal=self.proposal)

    def to_numpy(self) -> dict[str, np.ndarray]:
        """Return the net's parameters as arrays of NumPy, by name; see `beliefnet.to_numpy`."""
        return to_numpy(self.net)

    def plot_training(self, path: Path | str) -> Path:
        """Draw training and validation bound against the epoch, to a PNG file."""
        return plot_training_curve(self.history, path, title="bound, nats per example")

    def plot_samples(self, path: Path | str, *, num: int = 100, seed: int = 0) -> Path:
        """Draw means of samples to a PNG file: images, or else a heat map under the names of the columns."""
        num = whole_number("num", num, good=100)
        means = np.asarray(sample_means(self.net, (num,), key=stream(seed, Stream.SAMPLES)))
        if self.record.schema is not None:
            return plot_marginals({"samples": self.record.schema.decode(self._drawn(num, seed))}, path)
        if self.record.image_shape is None:
            return table_sheet({"samples (means)": means}, self._names, path)
        return image_sheet(means, self.record.image_shape, path, title="samples (means)")

    def _drawn(self, num: int, seed: int) -> np.ndarray:
        return np.asarray(self.net.dream((num,), key=stream(seed, Stream.SAMPLES))[0])

    def _imputed_table(self, data: Any, schema: Schema, search: Search | None, num_draws: int | None, seed: int) -> Any:
        if type(data) is Observations:
            raise DataError("expected a table to fill in, got Observations, which hold units", "the data frame or file")
        is_file = issubclass(type(data), str | Path)
        rows, frame = read_table_like(self.record, data) if is_file else (self._rows(data), frame_of(data))
        given: Any = {"key": stream(seed, Stream.EVALUATION), "num_draws": _count(num_draws)}
        found = complete(self.net, rows, **given) if search is None else impute(self.net, rows, search=search, **given)
        frame, tables = schema.renamed(frame), []
        for values in _completed(found, num_draws):
            whole = filled(frame, schema.decode(values)).columns
            changed = {name: cells for name, cells in whole.items() if cells is not frame.columns[name]}
            tables.append(like(self.example, whole) if is_file else with_columns(data, changed, whole))
        return tables[0] if num_draws is None else tables

    @property
    def _names(self) -> Sequence[str]:
        return self.columns or numbered_columns(self.net.num_visible)

    def _rows(self, data: Any) -> Observations:
        """Take rows, or those of a file, as the data of the net were taken."""
        if type(data) is Observations:
            return data
        if issubclass(type(data), str | Path):
            return read_like(self.record, data, columns=self.columns)
        return rows_like(self.record, data, columns=self.columns)


def _count(num_draws: int | None) -> int:
    return 0 if num_draws is None else whole_number("num_draws", num_draws, good=5)


def _completed(found: Imputed, num_draws: int | None) -> list[np.ndarray]:
    """Return rows with expectations in the place of what is missing, or with each of the draws."""
    return [np.asarray(found.means)] if num_draws is None else list(np.moveaxis(np.asarray(found.draws), 1, 0))


def _is_frame(data: Any) -> bool:
    """Whether data are a data frame: observations have the names of their columns as well, and are plain rows."""
    return type(data) is not Observations and getattr(data, "columns", None) is not None


def _like(data: Any, values: np.ndarray, columns: Sequence[str]) -> Any:
    """Return values as a data frame if that is what the data are: of the same type, with the same index."""
    if not _is_frame(data):
        return values
    if (index := getattr(data, "index", None)) is not None:
        return type(data)(values, index=index, columns=list(columns))
    return type(data)(values, schema=list(columns))


def _series(data: Any, values: np.ndarray) -> Any:
    """Return one number per row with the index of a data frame, if that is what the data are."""
    return values if not _is_frame(data) else _like(data, values[:, None], ["nats"])["nats"]
