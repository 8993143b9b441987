"""Pyro: the workloads that its models, guides and losses can express."""

# pyright: reportMissingImports=false

import math

import numpy as np
import pyro
import torch
from pyro import distributions as dist
from pyro import poutine
from pyro.infer import Trace_ELBO, TraceGraph_ELBO
from torch import Tensor, nn

from beliefnet.bench._contestant import AbstractContestant, Task
from beliefnet.bench._definitions import LEARNING_RATE
from beliefnet.bench.peers._torch import Batches, use_cores
from beliefnet.bench.peers._torch_models import SMALLEST_SCALE, depth, linear, parameter, softplus

_IMAGES_IN_A_PASS = 10


class Nets(nn.Module):
    """The maps of a model with one latent layer, its guide, and a baseline."""

    def __init__(self, task: Task):
        super().__init__()
        weights = task.weights
        self.up = nn.ModuleList(linear(weights, f"up{i}") for i in range(depth(weights, "up")))
        self.down = nn.ModuleList(linear(weights, f"down{i}") for i in range(depth(weights, "down")))
        self.prior = parameter(weights, "prior")
        if depth(weights, "baseline"):
            self.baseline = nn.Sequential(linear(weights, "baseline0"), nn.Tanh(), linear(weights, "baseline1"))


class Bits(Nets):
    """A sigmoid belief net."""

    def model(self, x: Tensor) -> None:
        """Draw latents and bits."""
        with pyro.plate("data", len(x)):
            latents = pyro.sample("latents", dist.Bernoulli(logits=self.prior).to_event(1))
            pyro.sample("x", dist.Bernoulli(logits=self.down[0](2 * latents - 1)).to_event(1), obs=x)

    def guide(self, x: Tensor) -> None:
        """Draw latents given bits; the learning signal has a network and a running mean as its baseline."""
        infer = {}
        if hasattr(self, "baseline"):
            of = {"nn_baseline": lambda x: self.baseline(x).squeeze(-1), "nn_baseline_input": x}
            infer = {"baseline": {**of, "use_decaying_avg_baseline": True, "baseline_beta": 0.8}}
        with pyro.plate("data", len(x)):
            pyro.sample("latents", dist.Bernoulli(logits=self.up[0](x)).to_event(1), infer=infer)


class Normals(Nets):
    """A net of normal latents."""

    def guide(self, x: Tensor) -> None:
        """Draw latents given the data."""
        seen = x.log1p() if len(self.down) == 1 else x
        mean, scale = self.up[1](softplus(self.up[0](seen))).chunk(2, -1)
        with pyro.plate("data", len(x)):
            pyro.sample("latents", dist.Normal(mean, SMALLEST_SCALE + softplus(scale)).to_event(1))

    def model(self, x: Tensor) -> None:
        """Draw latents, and bits or words."""
        mean, scale = self.prior.chunk(2, -1)
        with pyro.plate("data", len(x)):
            latents = pyro.sample("latents", dist.Normal(mean, SMALLEST_SCALE + softplus(scale)).to_event(1))
            if len(self.down) == 1:
                pyro.factor("x", (self.down[0](latents).log_softmax(-1) * x).sum(-1))
            else:
                logits = self.down[1](softplus(self.down[0](latents)))
                pyro.sample("x", dist.Bernoulli(logits=logits).to_event(1), obs=x)


def log_weights(nets: Nets, x: Tensor, particles: int) -> Tensor:
    """Return log p(x, h) - log q(h | x) of each particle and datum; Pyro's RenyiELBO weighs whole batches instead."""

    def many(function):
        def wrapped(x: Tensor):
            with pyro.plate("particles", particles, dim=-2):
                return function(x)

        return wrapped

    drawn = poutine.trace(many(nets.guide)).get_trace(x)
    scored = poutine.trace(poutine.replay(many(nets.model), trace=drawn)).get_trace(x)
    drawn.compute_log_prob()
    scored.compute_log_prob()
    log_p = scored.nodes["latents"]["log_prob"] + scored.nodes["x"]["log_prob"]
    return log_p - drawn.nodes["latents"]["log_prob"]


class Contestant(AbstractContestant):
    """Steps by the gradients of a loss of Pyro and PyTorch's fused Adam, or evaluations."""

    def __init__(self, task: Task):
        definition, size = task.definition, task.definition.batch_size
        self._nets = (Normals if definition.deterministic else Bits)(task)
        self._elbo = TraceGraph_ELBO() if definition.name == "nvil" else Trace_ELBO()
        self._definition, self._batches = definition, Batches(task.rows, size)
        self._optimizer = torch.optim.Adam(self._nets.parameters(), lr=LEARNING_RATE, fused=True)
        self._first = torch.from_numpy(task.rows[:size].astype(np.float32))

    def run(self, count: int) -> None:
        """Take so many steps, or evaluate so many batches."""
        for _ in range(count):
            x = self._batches.next()
            if not self._definition.is_training:
                self._evaluate(x)
                continue
            self._optimizer.zero_grad()
            if self._definition.name == "iwae":
                (-self._bound(x)).backward()
            elif self._definition.name == "nvil":
                self._elbo.loss_and_grads(self._nets.model, self._nets.guide, x)
            else:
                self._elbo.differentiable_loss(self._nets.model, self._nets.guide, x).backward()
            self._optimizer.step()

    def bound(self) -> float:
        """Return the mean bound of the first rows."""
        if self._definition.name in ("nvil", "documents"):
            with torch.no_grad():
                return -self._elbo.loss(self._nets.model, self._nets.guide, self._first) / len(self._first)
        return self._evaluate(self._first)

    def _bound(self, x: Tensor) -> Tensor:
        count = self._definition.particles
        return (log_weights(self._nets, x, count).logsumexp(0) - math.log(count)).mean()

    @torch.no_grad()
    def _evaluate(self, x: Tensor) -> float:
        parts = x.split(len(x) if self._definition.is_training else _IMAGES_IN_A_PASS)
        return float(torch.stack([self._bound(part) for part in parts]).mean())


def contestant(task: Task, variant: str) -> AbstractContestant:
    """Return the contestant."""
    use_cores()
    pyro.enable_validation(False)
    return Contestant(task)
