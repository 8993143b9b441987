"""Bounds of the log-likelihood from both sides, on data that the model itself made."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from beliefnet._errors import check_type, whole_number
from beliefnet._net import BeliefNet, check_net
from beliefnet._numerics import broadcasting
from beliefnet._streams import check_key
from beliefnet._trace import Trace
from beliefnet._types import Key
from beliefnet.evaluation._bounds import defended, rows_per_pass
from beliefnet.evaluation._evaluate import Mean
from beliefnet.evaluation._weighted import WeightedSample
from beliefnet.proposals import Annealed


@dataclass(frozen=True)
class Sandwich:
    """What log p(x) of the model's own data lies between; nats per example.

    Attributes:
        num_examples: Number of data, drawn from the model.
        num_particles: Particles per datum in each direction, K.
        num_temperatures: Of the annealing.
        lower: Stochastic lower bound: in expectation at most E log p(x).
        upper: Stochastic upper bound: in expectation at least E log p(x).
        gap: `upper - lower`, datum by datum. It bounds what either of them is off by, in expectation; on data like the
            model's own, also what the NLL by the same annealing is too high by.
    """

    num_examples: int
    num_particles: int
    num_temperatures: int
    lower: Mean
    upper: Mean
    gap: Mean

    @property
    def is_crossed(self) -> bool:
        """Whether the upper estimate is below the lower one, which noise alone can do."""
        return self.gap.mean < 0

    def to_dict(self) -> dict:
        """Return plain numbers and dictionaries."""
        return asdict(self)


@broadcasting
def sandwich(
    net: BeliefNet,
    annealed: Annealed,
    *,
    num_examples: int,
    num_particles: int,
    key: Key,
    progress: Callable[[int], None] | None = None,
) -> Sandwich:
    """Bound the log-likelihood from both sides by bidirectional Monte Carlo, to see how far annealing can be trusted.

    Data drawn from the model come with one exact draw from their posterior. Annealing forwards gives the lower bound,
    log-mean-exp_k f_k; annealing backwards from the exact draw, K times, gives the upper one, -log-mean-exp_k (-f_k).

    Args:
        net: The net that the data are drawn from.
        annealed: The annealing that is judged. A start that is refined is defended, as for `evaluate`.
        num_examples: Number of data.
        num_particles: Particles per datum in each direction, K.
        key: Random key.
        progress: Called with the number of data done so far.

    Raises:
        ValueError: If a number is not positive, or the net cannot be annealed.

    Reference:
        Grosse, Ghahramani & Adams 2015, *Sandwiching the marginal likelihood using bidirectional Monte Carlo*.
    """
    check_net(net)
    check_key(key)
    check_type("annealed", annealed, Annealed, good="proposals.Annealed(500)")
    num_examples = whole_number("num_examples", num_examples, good=100)
    num_particles = whole_number("num_particles", num_particles, good=10)
    defence = defended(annealed, num_particles)
    size = max(1, rows_per_pass(net) // num_particles)
    parts = []
    for index, start in enumerate(range(0, num_examples, size)):
        size_now = min(size, num_examples - start)
        block = _bounds(net, defence, jax.random.fold_in(key, index), size_now, num_particles)
        parts.append(np.asarray(jnp.stack(block), np.float64))
        if progress is not None:
            progress(start + size_now)
    lower, upper = np.concatenate(parts, axis=1)
    return Sandwich(
        num_examples=num_examples,
        num_particles=num_particles,
        num_temperatures=annealed.num_temperatures,
        lower=Mean.of(lower),
        upper=Mean.of(upper),
        gap=Mean.of(upper - lower),
    )


@partial(jax.jit, static_argnames=("num_examples", "num_particles"))
def _bounds(
    net: BeliefNet, annealed: Annealed, key: Key, num_examples: int, num_particles: int
) -> tuple[Float[Array, " batch"], Float[Array, " batch"]]:
    """Return the lower and the upper bound of each of some new data."""
    dream_key, prepare_key, draw_key, reverse_key = jax.random.split(key, 4)
    x, latents = net.dream((num_examples,), key=dream_key)
    ready = annealed.prepare(net, x, key=prepare_key)
    forwards = Trace.record(net, ready.draw(net, x, num_particles, key=draw_key)).log_weight
    exact = tuple(jnp.broadcast_to(value, (num_particles, *value.shape)) for value in latents)
    backwards = ready.reverse(net, x, exact, key=reverse_key)
    return WeightedSample.of(forwards).bound, -WeightedSample.of(-backwards).bound
