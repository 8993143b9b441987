"""Markovian score climbing: a chain of latents for every datum, which lasts over epochs."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float, Int

from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._streams import split_key
from beliefnet._trace import Trace
from beliefnet._types import Key, Values
from beliefnet.estimators import rules
from beliefnet.estimators._base import AbstractEstimator, Estimate, check_particles
from beliefnet.estimators._bound import Bound
from beliefnet.estimators.rules import surrogate
from beliefnet.proposals import Particles, Recognition


class Chains(eqx.Module):
    """Where the chain of each training row is.

    Attributes:
        latents: One array `[rows, units]` per latent layer, bottom first.
        is_begun: 1 where a chain has begun, else 0, `[rows]`.
        here: Which rows the estimate is about, `[batch]`; None outside of training, where no row has a chain.
    """

    latents: Values
    is_begun: Int[Array, " rows"]
    here: Int[Array, " batch"] | None = None

    @classmethod
    def none(cls, net: BeliefNet, num_rows: int) -> "Chains":
        """Return chains that have not begun."""
        latents = tuple(jnp.zeros((num_rows, size)) for size in net.layer_sizes)
        return cls(latents, jnp.zeros(num_rows, jnp.int32))

    def kept(self, drawn: Values) -> Values:
        """Return where the chains of the batch are, `[1, batch, units]` per layer; at a draw, where they begin."""
        if self.here is None:
            return drawn
        is_begun = self.is_begun[self.here, None] == 1
        return tuple(jnp.where(is_begun, held[self.here], new) for held, new in zip(self.latents, drawn, strict=True))

    def moved(self, latents: Values) -> "Chains":
        """Return the chains with those of the batch at `[batch, units]` per layer."""
        if self.here is None:
            return self
        pairs = zip(self.latents, latents, strict=True)
        return Chains(tuple(held.at[self.here].set(new) for held, new in pairs), self.is_begun.at[self.here].set(1))


@named("msc", title="Markovian score climbing")
class MSC(AbstractEstimator[Chains]):
    """Both nets learn from a Markov chain on the posterior of every training row, which goes on from epoch to epoch.

        h_0 where the chain is, h_1, ..., h_K ~ q(h | x),  w~ = softmax_k [log p(x, h_k) - log q(h_k | x)]
        theta climbs sum_k w~_k log p(x, h_k),  phi climbs sum_k w~_k log q(h_k | x);  the chain goes to h_k by w~_k

    The move (conditional importance sampling) leaves p(h | x) invariant. A chain in equilibrium gives unbiased
    gradients of log p(x) and of E_p(h | x)[log q(h | x)] with any number of draws, where reweighted wake-sleep, which
    begins anew at every step, has a bias that falls with K; as the nets change, chains follow. A chain begins at a draw
    of the recognition net. Chains are a part of the training state and of checkpoints: rows times units numbers.

    Args:
        num_particles: Fresh draws per datum, K.

    Raises:
        ValueError: If `num_particles` is not positive.

    Reference:
        Naesseth, Lindsten & Blei 2020, *Markovian score climbing: variational inference with KL(p || q)*; Ou & Song
        2020, *Joint stochastic approximation and its application to learning discrete latent variable models* (JSA).
    """

    num_particles: int = eqx.field(static=True, default=5)

    def __check_init__(self):
        check_particles("MSC", self.num_particles, least=1)

    @property
    def bound(self) -> Bound:
        """The bound of as many draws of the recognition net."""
        return Bound(self.num_particles, Recognition())

    def init(self, net: BeliefNet) -> Chains:
        """Return no chains: an estimate outside of training begins anew."""
        return Chains.none(net, 0)

    def begin(self, net: BeliefNet, num_rows: int) -> Chains:
        """Return a chain for each row, which has not begun."""
        return Chains.none(net, num_rows)

    def at_rows(self, state: Chains, rows: Int[Array, " batch"]) -> Chains:
        """Return the chains, of those rows."""
        return Chains(state.latents, state.is_begun, rows)

    @broadcasting
    def estimate(
        self, net: BeliefNet, x: Float[Array, "batch visible"], state: Chains, *, key: Key
    ) -> Estimate[Chains]:
        """Draw candidates, learn from all of them by their weights, and move the chains."""
        draw_key, choose_key = split_key(key)
        fresh = lax.stop_gradient(Recognition().draw(net, x, self.num_particles + 1, key=draw_key).latents)
        kept = state.kept(tuple(values[:1] for values in fresh))
        candidates = tuple(jnp.concatenate([held, new[1:]]) for held, new in zip(kept, fresh, strict=True))

        def objective_of(net: BeliefNet) -> tuple[Array, tuple[Array, Array]]:
            log_q = net.log_recognition_terms(x, candidates)
            trace = Trace.record(net, Particles(x, candidates, log_q.sum(axis=-1)))
            credit = self.credit(lax.stop_gradient(trace))
            assert credit.model is not None
            bound = jax.nn.logsumexp(trace.log_weight[1:], axis=0) - jnp.log(self.num_particles)
            return surrogate(trace, credit), (credit.model, bound.mean())

        grads, (weights, objective) = eqx.filter_grad(objective_of, has_aux=True)(net)
        where = jax.random.categorical(choose_key, jnp.log(weights), axis=0)
        chosen = tuple(jnp.take_along_axis(values, where[None, :, None], axis=0)[0] for values in candidates)
        return Estimate(grads, self, state.moved(chosen), objective)

    def credit(self, trace: Trace) -> rules.Credit:
        """Return what candidates are credited with: their weights, by which the chain chooses as well."""
        return rules.REWEIGHTED_WAKE(trace)
