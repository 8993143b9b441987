"""Pictures of a run: curves, samples and reconstructions, or topics."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import jax
import numpy as np
from jax import Array

from beliefnet._net import BeliefNet
from beliefnet._uses import reconstruct, sample_means
from beliefnet.catalogue import TrainConfig
from beliefnet.cli._text import warn
from beliefnet.data import Dataset, Observations
from beliefnet.evaluation import Topic, topics
from beliefnet.plots import (
    image_sheet,
    plot_columns,
    plot_marginals,
    plot_topics,
    plot_training_curve,
    reconstruction_sheet,
    table_sheet,
    titled_topics,
)
from beliefnet.runs import RunFolder
from beliefnet.training import Fitted, Stream, stream

_WORDS = 10
_RECONSTRUCTIONS = 40
_SAMPLES = 100
_NUMBERS = 2**24


def draw_run(folder: RunFolder, fitted: Fitted, dataset: Dataset, config: TrainConfig) -> None:
    """Draw what a run came to; a picture that cannot be drawn costs a warning, never the run."""
    for name, draw in _pictures(folder, fitted, dataset, config):
        path = folder.plots / name
        try:
            draw(path)
        except Exception as error:
            warn(f"{path} could not be drawn ({type(error).__name__}: {error}); the run itself is complete")


def _pictures(
    folder: RunFolder, fitted: Fitted, dataset: Dataset, config: TrainConfig
) -> Iterator[tuple[str, Callable[[Path], object]]]:
    """Yield the name of each picture and what draws it."""
    shape, net = dataset.record.image_shape, fitted.net
    title = folder.path.resolve().name
    yield "training_curve.png", lambda path: plot_training_curve(fitted.history, path, title=title)
    if dataset.record.values == "counts":
        # There is no picture of counts other than words.
        if config.net.name == "document" and dataset.words is not None:
            words = dataset.words
            count = min(_WORDS, net.num_visible)
            yield "topics.png", lambda path: draw_topics(topics_by_coherence(net, dataset.train, count), words, path)
        return
    keys = jax.random.split(stream(0, Stream.PLOTS), 3)
    schema = dataset.record.schema
    if schema is not None:
        data, num = dataset.train.means(), max(_SAMPLES, min(len(dataset.train), 10 * _SAMPLES))
        drawn = {
            "training rows": schema.known(data),
            "samples": schema.decode(np.asarray(net.dream((num,), key=keys[0])[0])),
        }
        yield "columns.png", lambda path: plot_marginals(drawn, path)
        return
    if shape is None:
        yield from _pictures_of_a_table(net, dataset, keys)
        return
    yield (
        "samples.png",
        lambda path: image_sheet(
            np.asarray(sample_means(net, (_SAMPLES,), key=keys[0])), shape, path, title="samples (means)"
        ),
    )
    if net.layer_sizes:
        originals = dataset.valid.take(np.arange(min(_RECONSTRUCTIONS, len(dataset.valid))), key=keys[1])
        yield (
            "reconstructions.png",
            lambda path: reconstruction_sheet(
                np.asarray(originals), np.asarray(reconstruct(net, originals, key=keys[2])), shape, path
            ),
        )


def _pictures_of_a_table(
    net: BeliefNet, dataset: Dataset, keys: Array
) -> Iterator[tuple[str, Callable[[Path], object]]]:
    """Yield pictures under the names of the columns: draws beside data, means of both, and reconstructions."""
    columns = dataset.columns or tuple(map(str, range(net.num_visible)))
    rows = dataset.valid.take(np.arange(min(_RECONSTRUCTIONS, len(dataset.valid))), key=keys[1])

    def samples(path: Path) -> None:
        drawn = net.dream((len(rows),), key=keys[0])[0]
        table_sheet({"validation rows": rows, "samples of the net": drawn}, columns, path)

    def means(path: Path) -> None:
        drawn = sample_means(net, (max(_SAMPLES, min(10 * _SAMPLES, _NUMBERS // net.num_visible)),), key=keys[0])
        plot_columns({"data": dataset.train.average(), "samples": drawn.mean(axis=0)}, columns, path)

    yield "samples.png", samples
    yield "columns.png", means
    if net.layer_sizes:
        yield (
            "reconstructions.png",
            lambda path: table_sheet(
                {"validation rows": rows, "reconstructions (means)": reconstruct(net, rows, key=keys[2])}, columns, path
            ),
        )


def topics_by_coherence(net: BeliefNet, documents: Observations, num_words: int) -> list[Topic]:
    """Return the topics of a net, the most coherent first."""
    return sorted(topics(net, documents, num_words=num_words), key=lambda topic: -topic.coherence)


def draw_topics(found: Sequence[Topic], names: Sequence[str], path: Path) -> None:
    """Draw topics under their numbers."""
    plot_topics(titled_topics(found, names), path)
