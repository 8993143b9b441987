"""How long and in what portions to train."""

from dataclasses import dataclass, replace
from typing import Literal, Self

from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet.devices import mesh_text
from beliefnet.optimizers import OptimizerOptions, default_learning_rate
from beliefnet.training._monitor import Monitor

LARGEST_SEED = 2**32 - 1
"""Larger ones are cut to 32 bits by JAX, and two runs could share their random numbers."""
EXTENDABLE = frozenset({"epochs", "patience", "checkpoint_seconds", "data", "rows_on", "particle_chunk", "mesh"})
"""Options that may change when a run is resumed; of the data, the place may change and the contents not."""
_MOST_STEPS = 2**31 - 1
_MANY_ROWS = 5000


@dataclass(frozen=True, kw_only=True)
class FitOptions(OptimizerOptions):
    """How a net is trained.

    Attributes:
        epochs: Passes over the training data.
        batch_size: Data per step; by default 100, and 50 (or all) where there are fewer than 5,000 training examples.
        particle_chunk: Particles of a datum that are held in memory at a time; gradients are exact. By default rows are
            taken in blocks where they can be, and otherwise all particles are held, or fewer where a step would take
            more than about half a gigabyte.
        patience: Stop when what is monitored has not improved for this many epochs; 0 never stops early.
        monitor: The column of the epochs by which the best net is kept and patience is measured: valid_bound,
            train_bound, or in Python one that a callback logs, followed by `:min` if the lowest value is the best.
        average: Decay of the moving average of the parameters, in [0, 1), such as 0.999: the average is what is
            validated and kept. 0 keeps the parameters themselves.
        kl_warm_up: Epochs in which the weight of the KL divergence in the objective rises from 0 to 1.
        free_nats: KL divergence of a datum that costs nothing, in nats; 0 for none.
        rows_on: Where training rows are kept: on the device, or on the host, from where those of the next steps are
            taken, with the same result. By default (auto) on the host where they are a memory-mapped array or take more
            than half of the device's free memory.
        mesh: Devices to train on, as in data=4,model=2 for eight: batches are divided over `data`, weights next to wide
            layers over `model`. By default one device.
        checkpoint_seconds: Least time between two checkpoints.
        seed: Seed of every random number of the run.

    Raises:
        OptionError: If a value is out of range.
    """

    epochs: int = 400
    batch_size: int | None = None
    particle_chunk: int | None = None
    patience: int = 0
    monitor: str = "valid_bound"
    average: float = 0.0
    kl_warm_up: int = 0
    free_nats: float = 0.0
    rows_on: Literal["auto", "device", "host"] = "auto"
    mesh: str | None = None
    checkpoint_seconds: float = 30.0
    seed: int = 0

    def __post_init__(self):
        super().__post_init__()
        self.at_least(1, "epochs", "batch_size", "particle_chunk")
        self.at_least(0, "patience", "kl_warm_up", "free_nats", "checkpoint_seconds", "seed")
        if not 0 <= self.average < 1:
            raise OptionError(f"expected average in [0, 1), got {self.average}", "0.999")
        Monitor.of(self.monitor)
        if self.mesh is not None:
            object.__setattr__(self, "mesh", mesh_text(self.mesh))
        if self.seed > LARGEST_SEED:
            raise OptionError(f"expected seed of at most {LARGEST_SEED}, got {self.seed}", "0")

    def steps_per_epoch(self, num_train: int) -> int:
        """Return the number of whole batches in so many training examples.

        Raises:
            OptionError: If there is none, or if the run has more steps than can be counted.
        """
        batch_size = default_batch_size(num_train) if self.batch_size is None else self.batch_size
        steps = num_train // batch_size
        if steps == 0:
            raise OptionError(
                f"expected batch-size of at most the {num_train} training examples, got {self.batch_size}",
                f"--batch-size {num_train}",
            )
        if self.epochs * steps > _MOST_STEPS:
            raise OptionError(
                f"expected at most {_MOST_STEPS} steps, got {self.epochs} epochs of {steps} steps",
                f"--epochs {_MOST_STEPS // steps}",
            )
        return steps

    def decided(self, net: BeliefNet, num_train: int) -> Self:
        """Return the options with what was left open decided for a net and a number of training examples.

        Raises:
            OptionError: As `steps_per_epoch`; or if the KL divergence has a weight and the net has no latents.
        """
        if (self.kl_warm_up or self.free_nats) and not net.layer_sizes:
            given = f"kl-warm-up {self.kl_warm_up} and free-nats {self.free_nats}"
            raise OptionError(
                f"expected a net with latents for a weight of the KL divergence, got one without and {given}",
                "kl-warm-up 0 and free-nats 0",
            )
        rate, num_steps = self.learning_rate, self.epochs * self.steps_per_epoch(num_train)
        rate = default_learning_rate(net, num_steps) if rate is None else rate
        return replace(self, batch_size=self.batch_size or default_batch_size(num_train), learning_rate=rate)


def default_batch_size(num_train: int) -> int:
    """Return the data per step that are taken where none are given, as validation chose (`benchmarks/defaults.py`)."""
    return 100 if num_train >= _MANY_ROWS else max(1, min(50, num_train))
