"""What a training step does, apart from its data."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from beliefnet.devices import ONE_DEVICE, Layout
from beliefnet.estimators import WHOLE, KLSchedule, Pieces
from beliefnet.optimizers import Learnable, Optimizer, make_optimizer
from beliefnet.training._options import FitOptions


class Plan(eqx.Module):
    """How parameters move, how much the KL divergence counts, how parameters are averaged, what is held at a time.

    Runs that differ in numbers alone have plans of one structure, and share a compiled step.

    Attributes:
        optimizer: How parameters move.
        kl: The weight of the KL divergence over the run; None where it is one throughout.
        decay: Decay of the moving average of the parameters; None where there is no average.
        pieces: What is held at a time.
        layout: Where arrays are on a mesh of devices.
    """

    optimizer: Optimizer
    kl: KLSchedule | None
    decay: Float[Array, ""] | None
    pieces: Pieces = eqx.field(static=True, default=WHOLE)
    layout: Layout = eqx.field(static=True, default=ONE_DEVICE)

    @classmethod
    def of(
        cls,
        options: FitOptions,
        num_steps: int,
        *,
        epoch_steps: int = 1,
        pieces: Pieces = WHOLE,
        layout: Layout = ONE_DEVICE,
    ) -> "Plan":
        """Return the plan that options say.

        Args:
            options: What was asked for.
            num_steps: Length of the run.
            epoch_steps: Steps of an epoch.
            pieces: What is held at a time.
            layout: Where arrays are on a mesh of devices.
        """
        kl = None
        if options.kl_warm_up or options.free_nats:
            numbers = (jnp.asarray(n, float) for n in (options.kl_warm_up * epoch_steps, options.free_nats))
            kl = KLSchedule(*numbers, has_free_nats=options.free_nats > 0)
        decay = jnp.asarray(options.average, float) if options.average else None
        return cls(make_optimizer(options, num_steps, epoch_steps=epoch_steps), kl, decay, pieces, layout)

    def averaged(self, average: Learnable | None, params: Learnable, step: Int[Array, ""]) -> Learnable | None:
        """Return the moving average with the parameters after a step; early on the average is short.

        Args:
            average: The average before; None where none is kept.
            params: The parameters after the step.
            step: Steps before it.
        """
        if self.decay is None:
            return None
        decay = jnp.minimum(self.decay, (step + 1) / (step + 10))
        return jax.tree.map(lambda old, new: decay * old + (1 - decay) * new, average, params)
