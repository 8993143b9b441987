"""What each workload is: numbers that the library and its peers share."""

from dataclasses import dataclass

LEARNING_RATE = 3e-3


@dataclass(frozen=True)
class Definition:
    """A workload, as numbers.

    Attributes:
        name: Its short name.
        about: Its algorithm, net and particles.
        num_visible: Width of the data.
        hidden: Widths of the latent layers, from the bottom up.
        deterministic: Widths of the deterministic layers of the encoder.
        particles: Particles per datum, K.
        batch_size: Data in a step, or in a pass of the evaluation.
        is_training: Whether a step changes the weights.
    """

    name: str
    about: str
    num_visible: int
    hidden: tuple[int, ...]
    particles: int
    deterministic: tuple[int, ...] = ()
    batch_size: int = 100
    is_training: bool = True


DEFINITIONS = {
    definition.name: definition
    for definition in (
        Definition("w1", "NVIL, SBN 784-200, one draw", 784, (200,), 1),
        Definition("w2", "VIMCO, SBN 784-200-200-200, K = 50", 784, (200, 200, 200), 50),
        Definition("w3", "IWAE, VAE 784-(500)-200, K = 20", 784, (200,), 20, (500,)),
        Definition("w4", "EM, SBN 784-200, AIR 20 x 20", 784, (200,), 20),
        Definition("w5", "NLL, SBN 784-200, K = 1000", 784, (200,), 1000, is_training=False),
        Definition("w6", "SGVB, documents 2000-(500)-50, one draw", 2000, (50,), 1, (500,)),
    )
}
