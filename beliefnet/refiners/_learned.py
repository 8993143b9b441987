"""Refinement by a network that has learnt how."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from beliefnet._errors import ArgumentError
from beliefnet._naming import named
from beliefnet._net import BeliefNet
from beliefnet._numerics import broadcasting
from beliefnet._types import Key
from beliefnet.conditionals import MLP
from beliefnet.refiners._base import AbstractRefiner, Form, Progress, check_kinds, check_settings
from beliefnet.refiners._gradient import elbo_gain
from beliefnet.refiners._posterior import AbstractPosterior
from beliefnet.refiners._structured import num_offsets
from beliefnet.samplers import MeanPassing, UnitByUnit


class Learned(AbstractRefiner):
    """Iterative amortised inference: one network, the same at every step, gives the next offsets of all layers.

        d <- network(d, parameters of q~ at layer means, gradient of the ELBO at layer means)

    The gradient is that of `MeanPassingAscent`: means in the place of draws, so that a step draws nothing and costs one
    gradient. What it leaves out, the network has to know; it is trained by `IterativeAmortised`. Inputs go through
    arcsinh; the hidden units are tanh; the output starts at zero, where all offsets are and q~ is the recognition net.

    Args:
        network: The network: three inputs and an output for every parameter of the posterior.
        num_steps: Steps; it can be taken further than it was trained to.
        num_samples: Draws per step where those are kept as particles (`Buffered`).
        num_checks: Fresh draws by which the result, and points on the way to it, are compared with the recognition net,
            each datum on its own: the best is kept by an estimate of the ELBO less its standard error. 0 takes the
            result as it is.

    Raises:
        ValueError: If a number cannot be used.

    Reference:
        Marino, Yue & Mandt 2018, *Iterative amortized inference*.
    """

    network: MLP
    num_steps: int = eqx.field(static=True, default=5)
    num_samples: int = eqx.field(static=True, default=20)
    num_checks: int = eqx.field(static=True, default=20)
    patience: int = eqx.field(static=True, default=0, init=False)
    form: Form = eqx.field(static=True, default=Form.STRUCTURED, init=False)

    def __check_init__(self):
        check_settings(self, "Learned", rate=1.0)

    @classmethod
    def untrained(cls, net: BeliefNet, num_steps: int = 5, *, num_units: int = 100, key: Key) -> "Learned":
        """Return one for a net that leaves posteriors as they are.

        Args:
            net: The net whose posterior is refined.
            num_steps: Steps.
            num_units: Hidden units of the network.
            key: Random key for its weights.

        Raises:
            ValueError: If a number cannot be used, or the posterior of the net cannot be refined.
        """
        check_kinds(net)
        if num_units < 1:
            raise ArgumentError(f"expected {{option}} of at least 1, got {num_units}", "100", option="num_units")
        size = sum(num_offsets(net.recognition.conditionals))
        network = MLP((3 * size, num_units, size), jnp.tanh, key=key)
        network = eqx.tree_at(lambda n: n.layers[-1].weight, network, replace_fn=jnp.zeros_like)
        return cls(network=network, num_steps=num_steps)

    def check(self, net: BeliefNet) -> None:
        """Check that it was made for a net like this one.

        Raises:
            ValueError: If not.
        """
        check_kinds(net)
        sizes = num_offsets(net.recognition.conditionals)
        if sum(sizes) != self.network.num_outputs:
            raise ArgumentError(
                f"expected a net whose posterior has {self.network.num_outputs} parameters, as the refiner was made "
                f"for, got {' + '.join(map(str, sizes))} of them",
                "Learned.untrained(net, key=key)",
            )

    def init(self, posterior: AbstractPosterior) -> None:
        """Return nothing: all that is known is in the offsets."""
        return

    def step(
        self, net: BeliefNet, x: Float[Array, "batch visible"], progress: Progress, *, key: Key
    ) -> tuple[Progress, Float[Array, " batch"]]:
        """Ask the network once; the score is the objective at layer means."""
        posterior, score = self.improved(net, x, progress.posterior)
        return Progress(posterior, None), score

    @broadcasting
    def improved(
        self, net: BeliefNet, x: Float[Array, "batch visible"], posterior: AbstractPosterior
    ) -> tuple[AbstractPosterior, Float[Array, " batch"]]:
        """Return the posterior that the network makes of another one, and the objective of that at layer means.

        Differentiable by the network alone: what it is shown is held.
        """
        net, posterior = lax.stop_gradient((net, posterior))

        def objective(parameters: tuple[Array, ...]) -> tuple[Array, Array]:
            moved = posterior.at(parameters)
            means = moved.draw(1, key=jax.random.key(0), sampler=UnitByUnit(MeanPassing()))
            values = moved.elbo(net, x, means)[0]
            return values.sum(), values

        offsets = posterior.parameters
        slopes, values = jax.grad(objective, has_aux=True)(offsets)
        shown = jnp.concatenate([*offsets, *posterior.mean_field.parameters, *slopes], axis=-1)
        ends = [sum(offset.shape[-1] for offset in offsets[: index + 1]) for index in range(len(offsets) - 1)]
        return posterior.at(tuple(jnp.split(self.network(jnp.arcsinh(shown)), ends, axis=-1))), values

    def gain(
        self,
        net: BeliefNet,
        x: Float[Array, "batch visible"],
        start: AbstractPosterior,
        end: AbstractPosterior,
        *,
        key: Key,
    ) -> tuple[Float[Array, " batch"], Float[Array, " batch"]]:
        """Estimate the difference of the ELBOs, by draws with the same random numbers."""
        return elbo_gain(net, x, start, end, self.num_checks, key=key)


@named("learned", title="iterative amortised inference")
def learned(
    own: AbstractRefiner | None = None, *, num_steps: int | None = None, num_checks: int | None = None
) -> Learned:
    """Return the network that a run has learnt to refine with, by the estimator `iterative`.

    Args:
        own: That of the run.
        num_steps: Steps; by default as many as in training.
        num_checks: Fresh draws by which the result is compared with the start; by default 20.

    Raises:
        ValueError: If the run has none, or a number cannot be used.
    """
    match own:
        case Learned():
            changes = {"num_steps": num_steps, "num_checks": num_checks}
            return dataclasses.replace(own, **{name: value for name, value in changes.items() if value is not None})
    raise ArgumentError(
        "expected a run that has learnt to refine, and --refine learned in its evaluation, got no such refiner here",
        "air, or training with --estimator iterative",
    )
