"""What each workload is: numbers and data that the library and its peers share."""

from dataclasses import dataclass

import numpy as np

LEARNING_RATE = 3e-3
"""Of Adam, which every contestant trains with."""
REFINEMENT_STEPS = 20
NUM_ROWS = 10_000


@dataclass(frozen=True)
class Definition:
    """A workload, as numbers.

    Attributes:
        name: Its short name, which says the algorithm.
        about: Its algorithm, net and particles, in words.
        num_visible: Width of the data.
        hidden: Widths of the latent layers, from the bottom up.
        particles: Particles per datum, K.
        deterministic: Widths of the deterministic layers, of the encoder.
        batch_size: Data in a step; in an evaluation, images in a call.
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
        Definition("nvil", "NVIL, SBN 784-200, one draw", 784, (200,), 1),
        Definition("vimco", "VIMCO, SBN 784-200-200-200, K = 50", 784, (200, 200, 200), 50),
        Definition("iwae", "IWAE, VAE 784-(500)-200, K = 20", 784, (200,), 20, (500,)),
        Definition("em", "EM, SBN 784-200, AIR 20 x 20", 784, (200,), 20),
        Definition("nll", "NLL, SBN 784-200, K = 1000, an image", 784, (200,), 1000, is_training=False),
        Definition("documents", "SGVB, documents 2000-(500)-50, one draw", 2000, (50,), 1, (500,)),
    )
}
"""The workloads by their names."""


def binary_rows(num_examples: int, num_visible: int) -> np.ndarray:
    """Return random bytes of zeros and ones, with as many ones as binarised MNIST has."""
    return (np.random.default_rng(0).random((num_examples, num_visible)) < 0.13).astype(np.uint8)


def word_counts(num_examples: int, num_words: int) -> np.ndarray:
    """Return counts of random documents of about 100 words, in which the most frequent words are much the most so."""
    shares = 1 / np.arange(1, num_words + 1)
    lengths = np.random.default_rng(0).poisson(100, num_examples).clip(1)
    return np.random.default_rng(1).multinomial(lengths, shares / shares.sum()).astype(np.uint8)


def rows_of(definition: Definition, num_examples: int = NUM_ROWS) -> np.ndarray:
    """Return the data of a workload, bytes `[examples, visible]`: the same in every process."""
    make = word_counts if definition.name == "documents" else binary_rows
    return make(num_examples, definition.num_visible)
