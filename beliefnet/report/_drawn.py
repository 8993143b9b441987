"""Sections of a page that need the net: units, samples, reconstructions, weights, traversals, topics, columns."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from beliefnet._streams import Stream, stream
from beliefnet._uses import encode, reconstruct, sample_means, to_numpy, traverse
from beliefnet.catalogue import NamedRun
from beliefnet.distributions import UnitKind
from beliefnet.evaluation import DatumBounds, particle_bounds, topics, unit_activity
from beliefnet.plots import (
    draw_columns,
    draw_image_rows,
    draw_images,
    draw_units,
    marginals_figure,
    table_figure,
    titled_topics,
    topics_figure,
)
from beliefnet.report._contents import Contents, some_rows
from beliefnet.report._html import Html, joined, tag
from beliefnet.report._parts import Cell, note, number, picture, table

_SAMPLES = 100
_RECONSTRUCTIONS = 40
_WEIGHTS = 100
_UNITS = 10
_DOCUMENTS = 2000
_WORDS = 10
_TOPICS = 12
_COLUMNS = 1000
_STEPS = {UnitKind.BINARY: (0.0, 0.25, 0.5, 0.75, 1.0), UnitKind.ONE_HOT: (0.0, 0.25, 0.5, 0.75, 1.0)}
_DEVIATIONS = (-2.0, -1.0, 0.0, 1.0, 2.0)
PARTICLES = 20
"""Particles of the quick look that a page takes at a net; evaluations take more."""


def quick_bounds(run: NamedRun, rows: Any) -> DatumBounds:
    """Estimate the bounds of some rows with a few particles, by the same random numbers for every run."""
    key = stream(0, Stream.EVALUATION)
    return particle_bounds(run.net, rows, num_particles=PARTICLES, key=key, proposal=run.proposal)


def units(contents: Contents) -> Html | None:
    """Show what each latent layer carries: its KL, and how many of its units say something."""
    run, rows = contents.run, contents.validation
    if run is None or rows is None or not run.net.layer_sizes:
        return None
    found = unit_activity(run.net, rows)
    kl, where = _kl(contents)
    header = ("layer", "units", "active", "saturated", "dead", "KL (nats)")
    body = [
        (
            f"layer {index + 1}",
            number(len(layer.variance), 0),
            number(layer.active, 0),
            number(layer.saturated, 0),
            number(layer.dead, 0),
            number(None if kl is None else kl[index], 3),
        )
        for index, layer in enumerate(found)
    ]
    alt = "; ".join(
        f"layer {index + 1}: {layer.active} active, {layer.saturated} saturated, {layer.dead} dead units"
        for index, layer in enumerate(found)
    )
    text = (
        f"Units by their means on {len(rows)} validation rows: dead where they vary by no more than 0.01 (variance), "
        f"saturated where they vary and are nearly always certain. {where}"
    )
    return joined([picture(draw_units(found), alt, kind="lines"), table("Latent layers", header, body), note(text)])


def _kl(contents: Contents) -> tuple[Sequence[float] | None, str]:
    """Return the KL per layer, of the best evaluation or of a quick look, and where it is from."""
    for result in reversed(contents.evaluations):
        if result.content.get("kl_per_layer"):
            content = result.content
            about = f"KL of {content['split']} rows, by the evaluation with {content['num_particles']} particles."
            return content["kl_per_layer"], about
    assert contents.run is not None
    bounds = quick_bounds(contents.run, some_rows(contents.validation, _SAMPLES))  # pyright: ignore[reportArgumentType]
    if bounds.kl is None:
        return None, ""
    return [float(value) for value in bounds.kl.mean(axis=0)], f"KL of {len(bounds.elbo)} of these rows."


def samples(contents: Contents) -> Html | None:
    """Draw samples: images, or the means of columns beside those of data."""
    run = contents.run
    if run is None or run.record.values == "counts":
        return None
    key, shape = stream(0, Stream.PLOTS), run.record.image_shape
    if shape is not None:
        means = np.asarray(sample_means(run.net, (_SAMPLES,), key=key))
        alt = f"{_SAMPLES} images drawn from the net"
        return picture(draw_images(means, shape), alt, "Means of samples.", kind="pixels")
    drawn = np.asarray(run.net.dream((_COLUMNS,), key=key)[0])
    if run.record.schema is not None:
        versions = {"samples": run.record.schema.decode(drawn)}
        if contents.data is not None:
            versions = {"training rows": run.record.schema.known(contents.data.train.means()), **versions}
        alt = f"How often each value of each column occurs, of {' and of '.join(versions)}: {_named(versions)}"
        return picture(marginals_figure(versions), alt, "Each column on its own.", kind="lines")
    columns = {"samples": drawn.mean(axis=0)}
    if contents.data is not None:
        columns = {"data": np.asarray(contents.data.train.average()), **columns}
    alt = f"Means of the columns of {' and of '.join(columns)}"
    return picture(draw_columns(columns, contents.columns), alt, kind="lines")


def _named(versions: dict[str, dict[str, np.ndarray]]) -> str:
    return ", ".join(list(next(iter(versions.values())))[:20])


def reconstructions(contents: Contents) -> Html | None:
    """Draw validation rows, and what the net makes of their codes."""
    run, rows = contents.run, contents.validation
    if run is None or rows is None or run.record.values in ("counts", "mixed") or not run.net.layer_sizes:
        return None
    keys = jax.random.split(stream(0, Stream.PLOTS))
    count = min(_RECONSTRUCTIONS, len(rows))
    originals = np.asarray(rows.take(np.arange(count), key=keys[0]))
    made = reconstruct(run.net, originals, key=keys[1])
    versions = {"original": originals, "reconstruction": made}
    alt = f"{count} validation rows, and below each what the net makes of its code"
    if run.record.image_shape is None:
        return picture(table_figure(versions, contents.columns), alt, kind="lines")
    return picture(
        draw_image_rows(versions, run.record.image_shape), alt, "Means given a draw of the latents.", kind="pixels"
    )


def weights(contents: Contents) -> Html | None:
    """Draw the weights between the data and the units next to them, where there is an image of each."""
    run = contents.run
    if run is None or run.record.image_shape is None:
        return None
    arrays, width = to_numpy(run.net), run.net.num_visible
    chosen = {
        "model, from each unit to the image": arrays.get("model.x.network.weight"),
        "recognition net, from the image to each unit": arrays.get("recognition.h1.network.weight", np.empty(0)).T,
    }
    drawn = []
    for name, array in chosen.items():
        if array is None or array.ndim != 2 or array.shape[1] != width:
            continue
        shown = array[:_WEIGHTS]
        some = f"the first {len(shown)} of {len(array)} units" if len(shown) < len(array) else f"{len(array)} units"
        axes = draw_images(shown, run.record.image_shape, is_signed=True)
        caption = f"Weights of the {name}: {some}; blue below zero, red above."
        drawn.append(picture(axes, f"Weights of the {name}, an image for each of {some}", caption, kind="pixels"))
    return joined([tag("div", *drawn, class_="beside")]) if drawn else None


def traversals(contents: Contents) -> Html | None:
    """Draw what the image becomes while one unit of the layer next to it moves and the others stay."""
    run, rows = contents.run, contents.validation
    if run is None or rows is None or run.record.image_shape is None or not run.net.layer_sizes:
        return None
    codes = encode(run.net, some_rows(rows, _SAMPLES))[0]
    kind = run.net.recognition.conditionals[0].kind
    deviation = codes.std(axis=0)
    moving = np.argsort(-deviation, kind="stable")[:_UNITS]
    images, steps = [], _STEPS.get(kind)
    # Codes are means, and a mean of bits is no code that the net has drawn from.
    code = np.round(codes[0]) if steps else codes[0]
    for unit in moving:
        values = steps or [codes[:, unit].mean() + step * deviation[unit] for step in _DEVIATIONS]
        images.append(traverse(run.net, code, unit=int(unit), values=values))
    count = len(images[0])
    names = ", ".join(str(unit + 1) for unit in moving)
    how = "from off to on" if steps else "over two standard deviations to either side"
    caption = f"A row for each of the units that vary most ({names}), moved {how}; the others keep the code of one row."
    axes = draw_images(np.concatenate(images), run.record.image_shape, columns=count)
    return picture(axes, f"Images while one latent unit moves: {caption}", caption, kind="pixels")


def topic_words(contents: Contents) -> Html | None:
    """Show the words of the most coherent topics of a document net."""
    run = contents.run
    if run is None or contents.data is None or run.net.visible.report != "perplexity" or not run.net.layer_sizes:
        return None
    documents = some_rows(contents.data.train, _DOCUMENTS)
    num_words = min(_WORDS, run.net.num_visible)
    found = sorted(topics(run.net, documents, num_words=num_words), key=lambda topic: -topic.coherence)
    titled = titled_topics(found, contents.columns)
    body = [
        (
            Cell(f"unit {topic.unit}", topic.unit),
            number(topic.coherence),
            number(topic.activity),
            ", ".join(words),
        )
        for topic, (_, words, _) in zip(found, titled, strict=True)
    ]
    alt = f"The words of the {min(_TOPICS, len(found))} most coherent topics, as in the table below"
    mean = math.fsum(topic.coherence for topic in found) / len(found)
    return joined(
        [
            picture(topics_figure(titled, most=_TOPICS), alt, kind="lines"),
            table("Topics", ("unit", "coherence (NPMI)", "activity", "words"), body, is_sortable=True),
            note(f"Mean coherence {mean:.3f}, on {len(documents)} training documents."),
        ]
    )
