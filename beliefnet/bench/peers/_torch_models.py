"""The workloads in plain PyTorch, as one who knows it well writes them: one module each, with its loss."""

# pyright: reportMissingImports=false

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from beliefnet.bench._definitions import REFINEMENT_STEPS

SMALLEST_SCALE, SMALLEST_PROBABILITY, SMOOTHING, AIR_RATE = 1e-3, 1e-6, 0.8, 0.1
"""The settings of the library's normal units, refined posteriors, running moments and refiner."""

Weights = Mapping[str, np.ndarray]


class Softplus(torch.autograd.Function):
    """log(1 + exp(x)): PyTorch's own takes a `log1p`, and two to three times as long on a CPU."""

    @staticmethod
    def forward(ctx, values: Tensor) -> Tensor:
        ctx.save_for_backward(values)
        return values.clamp(min=0) + (1 + (-values.abs()).exp()).log()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        (values,) = ctx.saved_tensors
        return gradient * values.sigmoid()


class LogBernoulli(torch.autograd.Function):
    """Sum over units of value * logit - softplus(logit), for the same reason; the values get no gradient."""

    @staticmethod
    def forward(ctx, logits: Tensor, values: Tensor) -> Tensor:
        ctx.save_for_backward(logits, values)
        return (logits * values - logits.clamp(min=0) - (1 + (-logits.abs()).exp()).log()).sum(-1)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        logits, values = ctx.saved_tensors
        return gradient.unsqueeze(-1) * (values - logits.sigmoid()), None


softplus, log_bernoulli = Softplus.apply, LogBernoulli.apply


def draw_bits(probabilities: Tensor, *lead: int) -> Tensor:
    """Return zeros and ones; a comparison is faster than `torch.bernoulli` on a CPU."""
    return (torch.rand(*lead, *probabilities.shape) < probabilities).float()


def linear(weights: Weights, name: str) -> nn.Linear:
    """Return the affine map that the library has under a name, `weight` being `[inputs, outputs]` there."""
    weight = torch.tensor(weights[f"{name}.weight"].T)
    made = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0])
    with torch.no_grad():
        made.weight.copy_(weight)
        made.bias.copy_(torch.tensor(weights[f"{name}.bias"]))
    return made


def parameter(weights: Weights, name: str) -> nn.Parameter:
    """Return an array as something to learn."""
    return nn.Parameter(torch.tensor(weights[name]))


def depth(weights: Weights, name: str) -> int:
    """Return how many maps there are under `name0`, `name1` and so on."""
    return sum(key.startswith(name) and key.endswith(".weight") for key in weights)


class Model(nn.Module):
    """What all have in common."""

    def compiled(self) -> nn.Module:
        """Return it as `torch.compile` makes it."""
        return torch.compile(self)


class BeliefNet(Model):
    """A sigmoid belief net and its recognition net; maps are numbered from the observation up."""

    def __init__(self, weights: Weights, particles: int):
        super().__init__()
        self.particles = particles
        self.up = nn.ModuleList(linear(weights, f"up{i}") for i in range(depth(weights, "up")))
        self.down = nn.ModuleList(linear(weights, f"down{i}") for i in range(depth(weights, "down")))
        self.prior = parameter(weights, "prior")

    def log_probs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Draw particles; return log p(x, h) and log q(h | x), `[particles, batch]`. What is drawn has no gradient."""
        logits = self.up[0](x)  # once per datum, not per particle
        log_p, log_q, below = 0, 0, x
        for index, down in enumerate(self.down):
            with torch.no_grad():
                lead = () if index else (self.particles,)
                latents = draw_bits(logits.sigmoid(), *lead)
                signs = 2 * latents - 1
            log_q = log_q + log_bernoulli(logits, latents)
            log_p = log_p + log_bernoulli(down(signs), below)
            below = latents
            if index + 1 < len(self.up):
                logits = self.up[index + 1](signs)
        return log_p + log_bernoulli(self.prior, below), log_q


class NVIL(BeliefNet):
    """One draw, a baseline network, running moments."""

    def __init__(self, weights: Weights, particles: int):
        super().__init__(weights, particles)
        self.baseline = nn.Sequential(linear(weights, "baseline0"), nn.Tanh(), linear(weights, "baseline1"))
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("variance", torch.zeros(()))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss, and the bound of each datum."""
        log_p, log_q = self.log_probs(x)
        predicted = self.baseline(x).squeeze(-1)
        with torch.no_grad():
            signal = log_p - log_q
            centred = signal - predicted
            variance, mean = torch.var_mean(centred, correction=0)
            self.mean.lerp_(mean, 1 - SMOOTHING)
            self.variance.lerp_(variance, 1 - SMOOTHING)
            score = (centred - self.mean) / self.variance.sqrt().clamp(min=1)
        return -(log_p + score * (log_q + predicted)).mean(), signal.mean(0)


class VIMCO(BeliefNet):
    """K draws, each with the others as its baseline."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss, and the bound of each datum."""
        log_p, log_q = self.log_probs(x)
        with torch.no_grad():
            weight, count = log_p - log_q, self.particles
            bound, shares = weight.logsumexp(0) - math.log(count), weight.softmax(0)
            others = (weight.sum(0) - weight) / (count - 1)
            # log of the sum of the weights without each, plus the geometric mean of the others in its place
            swapped = torch.where(torch.eye(count, dtype=torch.bool).unsqueeze(-1), others, weight)
            without = swapped.logsumexp(1) - math.log(count)
            score = bound - without - shares
        return -(shares * log_p + score * log_q).sum(0).mean(), bound


class EM(BeliefNet):
    """The posterior of each datum refined by adaptive importance sampling, then both nets fitted to it."""

    def refine_step(self, x: Tensor, means: Tensor) -> Tensor:
        """Return the probabilities of the posterior, `[batch, units]`, after one step of refinement."""
        latents = draw_bits(means, self.particles)
        log_q = log_bernoulli(means.logit(), latents)
        log_p = log_bernoulli(self.down[0](2 * latents - 1), x) + log_bernoulli(self.prior, latents)
        drawn = torch.einsum("kb,kbh->bh", (log_p - log_q).softmax(0), latents)
        return means.lerp(drawn, AIR_RATE).clamp(SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)

    def fitted(self, x: Tensor, means: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss given the refined posterior, and the bound of each datum there."""
        with torch.no_grad():
            latents = draw_bits(means, self.particles)
            entropy = -log_bernoulli(means.logit(), means)
        log_x = log_bernoulli(self.down[0](2 * latents - 1), x).mean(0)
        log_p = log_x + log_bernoulli(self.prior, means)
        return -(log_p + log_bernoulli(self.up[0](x), means)).mean(), (log_p + entropy).detach()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss, and the bound of each datum at the refined posterior."""
        with torch.no_grad():
            means = self.up[0](x).sigmoid()
            for _ in range(REFINEMENT_STEPS):
                means = self.refine_step(x, means)
        return self.fitted(x, means)

    def compiled(self) -> "EM":
        """Return it with its two parts compiled: the loop in one graph takes minutes."""
        self.refine_step, self.fitted = torch.compile(self.refine_step), torch.compile(self.fitted)
        return self


class Likelihood(BeliefNet):
    """The K-particle bound of each datum: nothing is learnt."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return nothing to climb, and the bound of each datum."""
        log_p, log_q = self.log_probs(x)
        bound = (log_p - log_q).logsumexp(0) - math.log(self.particles)
        return bound, bound


class NormalLatents(Model):
    """What nets with one layer of normal latents share: an encoder, a prior and reparameterised draws."""

    def __init__(self, weights: Weights, particles: int):
        super().__init__()
        self.particles = particles
        self.up = nn.ModuleList(linear(weights, f"up{i}") for i in range(depth(weights, "up")))
        self.down = nn.ModuleList(linear(weights, f"down{i}") for i in range(depth(weights, "down")))
        self.prior = parameter(weights, "prior")

    def draw(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return draws `[particles, batch, units]`, and log p(h) - log q(h | x) of them."""
        mean, scale = self.up[1](softplus(self.up[0](x))).chunk(2, -1)
        scale = SMALLEST_SCALE + softplus(scale)
        noise = torch.randn(self.particles, *mean.shape)
        latents = torch.addcmul(mean, scale, noise)
        prior_mean, prior_scale = self.prior.chunk(2, -1)
        prior_scale = SMALLEST_SCALE + softplus(prior_scale)
        standard = (latents - prior_mean) / prior_scale
        settled = scale.log().sum(-1) - prior_scale.log().sum(-1)
        return latents, 0.5 * (noise.square() - standard.square()).sum(-1) + settled


class IWAE(NormalLatents):
    """A variational autoencoder of bits by the K-particle bound."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss, and the bound of each datum."""
        latents, gap = self.draw(x)
        weight = log_bernoulli(self.down[1](softplus(self.down[0](latents))), x) + gap
        bound = weight.logsumexp(0) - math.log(self.particles)
        return -bound.mean(), bound.detach()


class Documents(NormalLatents):
    """A neural variational document model by the ELBO: each word is drawn from one softmax."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss, and the bound of each datum."""
        latents, gap = self.draw(x.log1p())
        logits = self.down[0](latents)
        said = (logits * x).sum(-1) - x.sum(-1) * logits.logsumexp(-1)
        bound = (said + gap).mean(0)
        return -bound.mean(), bound.detach()


MODELS = {"nvil": NVIL, "vimco": VIMCO, "iwae": IWAE, "em": EM, "nll": Likelihood, "documents": Documents}
"""The module of each workload."""
