"""PyTorch: the workloads, eager and compiled, and the matrix products of a step."""

# pyright: reportMissingImports=false

import math
import os
from importlib import import_module

import numpy as np
import torch

from beliefnet.bench._contestant import AbstractContestant, Product, Task
from beliefnet.bench._definitions import LEARNING_RATE
from beliefnet.bench.peers._torch_models import MODELS

_IMAGES_IN_A_PASS = 10
"""Of an evaluation: with more the particles leave the cache."""


class Batches:
    """Batches of rows in one tensor on the device, in a new order every epoch."""

    def __init__(self, rows: np.ndarray, batch_size: int):
        self._rows, self._batch_size, self._at = torch.from_numpy(rows.astype(np.float32)), batch_size, len(rows)

    def next(self) -> torch.Tensor:
        """Return the next batch."""
        if self._at + self._batch_size > len(self._rows):
            self._order, self._at = torch.randperm(len(self._rows)), 0
        found = self._rows[self._order[self._at : self._at + self._batch_size]]
        self._at += self._batch_size
        return found


class Training(AbstractContestant):
    """Training steps with the fused Adam."""

    def __init__(self, task: Task, *, is_compiled: bool):
        model = MODELS[task.definition.name](task.weights, task.definition.particles)
        self._buffers = list(model.buffers())
        self._loss = model.compiled() if is_compiled else model
        self._optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
        self._batches = Batches(task.rows, task.definition.batch_size)
        self._first = torch.from_numpy(task.rows[: task.definition.batch_size].astype(np.float32))

    def run(self, count: int) -> None:
        """Take so many steps."""
        for _ in range(count):
            loss, _ = self._loss(self._batches.next())
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()

    def bound(self) -> float:
        """Return the mean bound, by the function whose loss is climbed; running moments are put back."""
        kept = [buffer.clone() for buffer in self._buffers]
        found = float(self._loss(self._first)[1].mean())
        for buffer, value in zip(self._buffers, kept, strict=True):
            buffer.copy_(value)
        return found


class Evaluating(AbstractContestant):
    """Evaluations of batches of images."""

    def __init__(self, task: Task, *, is_compiled: bool):
        model = MODELS[task.definition.name](task.weights, task.definition.particles)
        self._bound = model.compiled() if is_compiled else model
        self._batches = Batches(task.rows, task.definition.batch_size)
        self._first = torch.from_numpy(task.rows[: task.definition.batch_size].astype(np.float32))

    def run(self, count: int) -> None:
        """Evaluate so many batches."""
        for _ in range(count):
            self._evaluate(self._batches.next())

    def bound(self) -> float:
        """Return the K-particle bound."""
        return self._evaluate(self._first)

    @torch.inference_mode()
    def _evaluate(self, x: torch.Tensor) -> float:
        return float(torch.cat([self._bound(part)[1] for part in x.split(_IMAGES_IN_A_PASS)]).mean())


class Floor(AbstractContestant):
    """The products of a step, into memory that is there."""

    def __init__(self, task: Task):
        self._trained = [self._layer(product) for product in task.work.trained]
        self._forward = [self._layer(Product(*shape)) for shape in task.work.forward]
        self._times = task.work.times

    @staticmethod
    def _layer(product: Product) -> tuple[torch.Tensor, ...]:
        values, weight = torch.randn(product.rows, product.inputs), torch.randn(product.inputs, product.outputs)
        given = torch.empty_like(values) if product.has_input_gradient else torch.empty(0)
        return values, weight, torch.empty(product.rows, product.outputs), torch.empty_like(weight), given

    @torch.inference_mode()
    def run(self, count: int) -> None:
        """Do the products of so many steps."""
        for _ in range(count):
            for values, weight, outputs, gradient, given in self._trained:
                torch.mm(values, weight, out=outputs)
                torch.mm(values.T, outputs, out=gradient)
                if len(given):
                    torch.mm(outputs, weight.T, out=given)
            for _ in range(self._times):
                for values, weight, outputs, *_ in self._forward:
                    torch.mm(values, weight, out=outputs)

    def bound(self) -> float:
        """Return not a number: there is none."""
        return math.nan


def use_cores() -> None:
    """Compute on the cores that this process may use; tiny numbers count as zero, as in XLA."""
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    torch.set_flush_denormal(True)


def contestant(task: Task, variant: str) -> AbstractContestant:
    """Return a contestant: eager, compiled or the floor."""
    use_cores()
    if variant == "floor":
        return Floor(task)
    if variant == "compiled":
        # Compiled code draws by PyTorch's own functions: what the compiler makes of them takes several times as long.
        import_module("torch._inductor").config.fallback_random = True
    make = Training if task.definition.is_training else Evaluating
    return make(task, is_compiled=variant == "compiled")
