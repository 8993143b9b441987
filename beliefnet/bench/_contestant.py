"""What takes part in a comparison, as the process that it runs in sees it."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np

from beliefnet.bench._definitions import Definition, rows_of


@dataclass(frozen=True)
class Product:
    """The products of one dense layer in a step: forward, weight gradient and, for path gradients, input gradient."""

    rows: int
    inputs: int
    outputs: int
    has_input_gradient: bool = False


@dataclass(frozen=True)
class Work:
    """The matrix products of one step, and nothing else of it.

    Attributes:
        trained: Those of layers that are differentiated.
        forward: Those that only go forward, as rows, inputs and outputs.
        times: How often the forward ones are done in a step.
    """

    trained: tuple[Product, ...] = ()
    forward: tuple[tuple[int, int, int], ...] = ()
    times: int = 1

    @property
    def flops(self) -> int:
        """Floating-point operations of a step."""
        trained = sum((6 if p.has_input_gradient else 4) * p.rows * p.inputs * p.outputs for p in self.trained)
        return trained + 2 * self.times * sum(rows * inputs * outputs for rows, inputs, outputs in self.forward)


@dataclass(frozen=True)
class Task:
    """What every contestant of a workload is given.

    Attributes:
        definition: The workload.
        rows: Its data, `[examples, visible]`.
        weights: The weights that the library starts from: `up0.weight`, `up0.bias` and so on of the recognition net and
            `down0`, ... of the model, numbered in the order of the maps that data meet going up and from the bottom
            layer, `[inputs, outputs]`; `prior`; and `baseline0`, `baseline1`.
        work: The matrix products of a step.
    """

    definition: Definition
    rows: np.ndarray
    weights: Mapping[str, np.ndarray]
    work: Work

    def save(self, folder: Path) -> None:
        """Write it to a folder, the rows apart, which every process makes anew."""
        np.savez(folder / "weights.npz", **self.weights)  # pyright: ignore[reportArgumentType]
        about = {"definition": asdict(self.definition), "num_rows": len(self.rows), "work": asdict(self.work)}
        (folder / "task.json").write_text(json.dumps(about))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what was saved in a folder."""
        about = json.loads((folder / "task.json").read_text())
        sizes = {name: tuple(about["definition"][name]) for name in ("hidden", "deterministic")}
        definition = Definition(**{**about["definition"], **sizes})
        work = about["work"]
        trained = tuple(Product(**product) for product in work["trained"])
        forward = tuple(tuple(shape) for shape in work["forward"])
        with np.load(folder / "weights.npz") as weights:
            return cls(
                definition,
                rows_of(definition, about["num_rows"]),
                dict(weights),
                Work(trained, forward, work["times"]),  # pyright: ignore[reportArgumentType]
            )


class AbstractContestant(ABC):
    """A workload in one library, ready to run."""

    @abstractmethod
    def run(self, count: int) -> None:
        """Take so many steps, or evaluate so many batches, and wait for the result."""

    @abstractmethod
    def bound(self) -> float:
        """Estimate the mean bound of the first batch of rows at the weights of now, by fresh draws, in nats."""
