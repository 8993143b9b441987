"""What every loss has: it runs model and guide once per particle, and its derivative is the estimate."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
from jax import Array
from jaxtyping import Float
from numpyro.infer.elbo import ELBO, LossWithMutableState

from beliefnet._errors import check_type
from beliefnet._types import Key
from beliefnet.estimators import check_particles
from beliefnet.estimators.rules import AbstractCreditRule
from beliefnet.numpyro._call import Call, Held, Run
from beliefnet.numpyro._checks import check_program
from beliefnet.numpyro._sites import Program, read_program

Mapped = Callable[[Callable[[Key], Any], Array], Any]
"""What calls a function with each of many keys."""


@dataclass(frozen=True)
class Batch:
    """A model and a guide at some values of their parameters, on a batch.

    Attributes:
        call: Both, and what they are called with.
        program: Their sites.
        params: Values of their parameters and of mutable sites.
        keys: A random key for each particle.
        mapped: How particles are run.
    """

    call: Call
    program: Program
    params: dict[str, Any]
    keys: Array
    mapped: Mapped

    def draw(self, *, held: bool) -> Run:
        """Draw all particles from the guide, and score them.

        Args:
            held: Whether reparameterised draws are constants under differentiation, as the others are.
        """
        return self.mapped(lambda key: self.call.run(self.params, key, handler=Held(all_of_them=held)), self.keys)


class Estimated(NamedTuple):
    """What a loss says of a batch.

    Attributes:
        objective: The estimated objective, summed over the data, in nats.
        surrogate: A number whose derivative is the estimated one.
        mutable: What mutable sites hold afterwards.
    """

    objective: Float[Array, ""]
    surrogate: Float[Array, ""]
    mutable: dict[str, Any]


class AbstractLoss(ELBO):
    """A loss of NumPyro's SVI. Descent on it is ascent on its objective, which is in nats, summed over the data.

    Args:
        rule: What each particle is credited with.
        num_particles: Draws, K.
        vectorize_particles: As in NumPyro: by `jax.vmap`, one after another (False), or by a function of one's own.

    Raises:
        ValueError: If there are fewer particles than the rule can work with.
        TypeError: If `vectorize_particles` is neither a boolean nor a function.
    """

    can_infer_discrete = True

    def __init__(self, rule: AbstractCreditRule[Any], num_particles: int, *, vectorize_particles: bool | Mapped = True):
        check_particles(type(self).__name__, num_particles, least=rule.least_particles)
        if not callable(vectorize_particles):
            check_type("vectorize_particles", vectorize_particles, bool, good="True, or a function such as jax.lax.map")
        ELBO.__init__(self, num_particles, vectorize_particles)
        self.rule = rule

    @property
    def num_draws(self) -> int:
        """How many particles are drawn: those of the objective, if nothing else is said."""
        return self.num_particles

    @abstractmethod
    def estimate(self, batch: Batch) -> Estimated:
        """Estimate the objective and its derivative."""

    def loss_with_mutable_state(
        self,
        rng_key: Key,
        param_map: dict[str, Any],
        model: Callable[..., Any],
        guide: Callable[..., Any],
        *args: Any,
        **kwargs: Any,
    ) -> LossWithMutableState:
        """Return the loss, and what mutable sites hold afterwards: what the first particle left in them.

        Args:
            rng_key: Random key of the draws.
            param_map: Values of parameters and of mutable sites.
            model: The model.
            guide: The guide.
            *args: What both are called with.
            **kwargs: The same, by name.

        Raises:
            ValueError: If the model or the guide is one that the loss would be wrong for.
        """
        plate_key, draw_key = jax.random.split(rng_key)
        call = Call(model, guide, args, kwargs, plate_key)
        program = read_program(call, param_map)
        check_program(program)
        keys = jax.random.split(draw_key, self.num_draws)
        found = self.estimate(Batch(call, program, param_map, keys, self.vectorize_particles_fn))
        return {"loss": -_with_derivative_of(found.surrogate, found.objective), "mutable_state": found.mutable or None}


@jax.custom_jvp
def _with_derivative_of(surrogate: Float[Array, ""], value: Float[Array, ""]) -> Float[Array, ""]:
    """Return a value with the derivative of something else, which need not be finite itself."""
    return value


@_with_derivative_of.defjvp
def _with_derivative_of_jvp(primals, tangents):
    return primals[1], tangents[0]
