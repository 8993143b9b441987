"""The rows that runs are trained and validated on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from jax import Array

from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet._types import Key
from beliefnet.data import Dataset, DeviceRows, Observations, Record
from beliefnet.devices import ONE_DEVICE, Layout, MeshLike
from beliefnet.evaluation import observe_scored
from beliefnet.optimizers import Learnable
from beliefnet.training._feed import Source, in_order, stay_on_host, streamed_in
from beliefnet.training._options import FitOptions, default_batch_size
from beliefnet.training._validation import make_validator


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows that runs are trained and validated on.

    Attributes:
        train: Training rows, on the host.
        are_on_host: Whether they stay there.
        streamed: Gives training rows that are streamed, of which `train` is a sample, by a batch size and a seed; None
            where they are not.
        batch_size: Rows of every batch, where they are not for the run to choose.
        validate: Gives the validation bound of a net, by a key.
        record: Where they came from.
        columns: Names of the columns, where there are any.
        layout: Where they are on a mesh of devices.
        versions: Of what gives the order of rows that are streamed.
    """

    train: Observations
    are_on_host: bool
    streamed: Callable[[int, int], Source] | None
    batch_size: int | None
    validate: Callable[[Learnable, Key], Array]
    record: Record
    columns: tuple[str, ...] | None
    layout: Layout = ONE_DEVICE
    versions: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, net: BeliefNet, dataset: Dataset, options: FitOptions, mesh: MeshLike | None = None) -> "Rows":
        """Return the rows of a data set, once they are checked.

        Args:
            net: The net that is to see them.
            dataset: The data set.
            options: How the net is trained.
            mesh: The devices; one by default.

        Raises:
            DataError: If the visible units of the net are no model of them.
            OptionError: If batches are made of another size than was asked for, or the mesh cannot be used.
        """
        train, valid = observe_scored(net, dataset.train), observe_scored(net, dataset.valid)
        batches, is_on_host = dataset.batches, stay_on_host(train, options)
        fixed = None if batches is None else batches.fixed_size
        size = options.batch_size or fixed or default_batch_size(dataset.record.splits["train"])
        layout = Layout.of(mesh, net, size)
        validate = make_validator(valid, on_host=stay_on_host(valid, options), layout=layout)
        if batches is None:
            return cls(train, is_on_host, None, None, validate, dataset.record, dataset.columns, layout)
        if fixed is not None and options.batch_size not in (None, fixed):
            raise OptionError(
                f"expected batch-size {fixed}, that of the batches, got {options.batch_size}", "leaving it out"
            )

        def streamed(batch_size: int, seed: int) -> Source:
            return streamed_in(dataset, net, batch_size, seed=seed, part=layout.part(batch_size))

        return cls(train, True, streamed, fixed, validate, dataset.record, dataset.columns, layout, batches.versions)

    def source(self, batch_size: int, *, seed: int, key: Key) -> Source:
        """Return the training rows as steps take them from the host.

        Args:
            batch_size: Rows of a step.
            seed: Of the order in which rows are streamed.
            key: Random key of the run's steps, which gives the order of others.
        """
        if self.streamed is not None:
            return self.streamed(batch_size, seed)
        row_bytes = self.train.num_features * self.train.stored.itemsize
        return Source(in_order(self.train, batch_size, key=key, part=self.layout.part(batch_size)), row_bytes)

    @property
    def num_train(self) -> int:
        """Number of training rows."""
        return self.record.splits["train"]

    @cached_property
    def on_device(self) -> DeviceRows:
        """The training rows on the device."""
        return self.layout.everywhere(self.train.on_device())
