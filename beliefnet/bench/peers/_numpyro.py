"""NumPyro: the workloads that its models, guides and losses can express, many steps in a dispatch."""

import math

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax import Array, lax
from numpyro.infer import SVI, RenyiELBO, Trace_ELBO, TraceGraph_ELBO

from beliefnet.bench._contestant import AbstractContestant, Task
from beliefnet.bench._definitions import LEARNING_RATE

_SMALLEST_SCALE, _IMAGES_IN_A_PASS = 1e-3, 10


class Nets:
    """The model and the guide of a net with one latent layer."""

    def __init__(self, task: Task):
        self._weights = {name: jnp.asarray(value) for name, value in task.weights.items() if "baseline" not in name}
        self._is_normal, self._is_words = bool(task.definition.deterministic), task.definition.name == "documents"

    def _affine(self, name: str, values: Array) -> Array:
        return values @ self._param(f"{name}.weight") + self._param(f"{name}.bias")

    def _param(self, name: str) -> Array:
        return jnp.asarray(numpyro.param(name, self._weights[name]))

    def _normal(self, parameters: Array) -> dist.Distribution:
        mean, scale = jnp.split(parameters, 2, -1)
        return dist.Normal(mean, _SMALLEST_SCALE + jax.nn.softplus(scale)).to_event(1)

    def model(self, x: Array) -> None:
        """Draw latents, and bits or words."""
        prior = self._param("prior")
        own = self._normal(prior) if self._is_normal else dist.Bernoulli(logits=prior).to_event(1)
        with numpyro.plate("data", len(x)):
            latents = jnp.asarray(numpyro.sample("latents", own))
            if self._is_words:
                log_shares = jax.nn.log_softmax(self._affine("down0", latents))
                numpyro.factor("words", jnp.sum(log_shares * x, -1))
                return
            if self._is_normal:
                logits = self._affine("down1", jax.nn.softplus(self._affine("down0", latents)))
            else:
                logits = self._affine("down0", 2 * latents - 1)
            numpyro.sample("x", dist.Bernoulli(logits=logits).to_event(1), obs=x)

    def guide(self, x: Array) -> None:
        """Draw latents given the data."""
        if self._is_normal:
            hidden = jax.nn.softplus(self._affine("up0", jnp.log1p(x) if self._is_words else x))
            own = self._normal(self._affine("up1", hidden))
        else:
            own = dist.Bernoulli(logits=self._affine("up0", x)).to_event(1)
        with numpyro.plate("data", len(x)):
            numpyro.sample("latents", own)


class Contestant(AbstractContestant):
    """Steps of SVI, or evaluations of a loss."""

    def __init__(self, task: Task):
        definition, nets = task.definition, Nets(task)
        size, rows = definition.batch_size, jnp.asarray(task.rows)
        loss = {"nvil": TraceGraph_ELBO(), "documents": Trace_ELBO()}.get(definition.name)
        if loss is None:
            loss = RenyiELBO(alpha=0, num_particles=definition.particles)
        svi = SVI(nets.model, nets.guide, numpyro.optim.Adam(LEARNING_RATE), loss)
        self._first = rows[:size].astype(float)
        self._state, self._definition = svi.init(jax.random.key(0), self._first), definition

        def batch(order: Array, index: Array) -> Array:
            return rows[lax.dynamic_slice(order, (index * size % (len(rows) - size + 1),), (size,))].astype(float)

        def steps(state, count, key):
            order = jax.random.permutation(key, len(rows))
            return lax.fori_loop(0, count, lambda i, state: svi.update(state, batch(order, i))[0], state)

        def evaluate(state, x, key):
            def part(inputs):
                own, x = inputs
                return loss.loss(own, svi.get_params(state), nets.model, nets.guide, x)

            parts = x.reshape(-1, size if definition.is_training else math.gcd(size, _IMAGES_IN_A_PASS), x.shape[-1])
            return -lax.map(part, (jax.random.split(key, len(parts)), parts)).sum() / len(x)

        def evaluations(state, count, key):
            order = jax.random.permutation(key, len(rows))
            return lax.fori_loop(
                0, count, lambda i, found: found + evaluate(state, batch(order, i), jax.random.fold_in(key, i)), 0.0
            )

        self._steps, self._evaluations, self._bound = jax.jit(steps), jax.jit(evaluations), jax.jit(evaluate)
        self._key = jax.random.key(1)

    def run(self, count: int) -> None:
        """Take so many steps, or evaluate so many batches."""
        self._key, own = jax.random.split(self._key)
        if self._definition.is_training:
            self._state = jax.block_until_ready(self._steps(self._state, count, own))
        else:
            jax.block_until_ready(self._evaluations(self._state, count, own))

    def bound(self) -> float:
        """Return the mean bound of the first rows."""
        self._key, own = jax.random.split(self._key)
        return float(self._bound(self._state, self._first, own))


def contestant(task: Task, variant: str) -> AbstractContestant:
    """Return the contestant."""
    return Contestant(task)
