"""beliefnet topics."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter

from beliefnet._errors import OptionError
from beliefnet.cli._app import command
from beliefnet.cli._files import chosen_file, replaced, writing
from beliefnet.cli._flags import AS_IN_TRAINING, HowRead
from beliefnet.cli._pictures import draw_topics, topics_by_coherence
from beliefnet.cli._rows import Split, chosen_rows, words_or_numbers
from beliefnet.cli._run import open_latent_run
from beliefnet.cli._text import report, say, show_table, tell
from beliefnet.evaluation import Topic
from beliefnet.plots import signed_words

_WORDS = 10


@command(name="topics")
def show_topics(
    directory: Annotated[Path, Parameter(name="DIR")],
    /,
    *,
    words: int | None = None,
    split: Split | None = None,
    data: str | None = None,
    out: Path | None = None,
    reading: HowRead = AS_IN_TRAINING,
) -> None:
    """Show the words that each latent of a document net stands for, the most coherent first.

    A word's strength is sqrt(p_on) - sqrt(p_off), p being its probability with the unit on and off; where a unit speaks
    for fewer words, those that it speaks against have a minus. Coherence is the
    mean NPMI of the pairs of a topic's words in the documents, from -1 to 1. Latents that start rarely on make the
    purest topics: train with --no-signs --latent-mean 0.05.

    Args:
        directory: Run folder of `beliefnet train --net document`.
        words: Words per topic, 10 by default, or all where the net knows fewer.
        split: The documents that activity and coherence are measured on, the training split by default.
        data: Other documents than those that the net was trained on; of a file, all are used.
        out: A .png for a picture of the most coherent topics.
        reading: How a file is read, where the run's own data were read in another way.
    """
    if out is not None:
        chosen_file(out, "topics.png", ".png")
    run = open_latent_run(directory)
    if run.net.visible.report != "perplexity":
        raise OptionError(
            f"expected a run of a document net, got {run.description} in {directory}",
            f"beliefnet encode {shlex.quote(str(directory))} DATA for the codes of rows",
            "beliefnet train --net document --data texts.txt, with a document on each line, for topics",
        )
    known = run.net.num_visible
    count = min(_WORDS, known) if words is None else words
    if not 2 <= count <= known:
        raise OptionError(f"expected --words from 2 to {known}, got {count}", f"{min(_WORDS, known)}")
    chosen = chosen_rows(run, data, split, reading, default="train")
    found = topics_by_coherence(run.net, chosen.rows, count)
    names = words_or_numbers(run)
    mean = float(np.mean([topic.coherence for topic in found]))
    listed = [topic.to_dict() | {"words": [names[word] for word in topic.words]} for topic in found]
    report({"split": chosen.split, "coherence": mean, "topics": listed})
    _show(found, names, mean)
    if out is not None:
        note = replaced(out)
        with writing(out):
            draw_topics(found, names, out)
        say(f"written to {out}{note}")


def _show(found: Sequence[Topic], names: Sequence[str], mean: float) -> None:
    header = ("unit", "activity", "NPMI", "words")
    rows = [
        (topic.unit, f"{topic.activity:.2f}", f"{topic.coherence:.2f}", " ".join(signed_words(topic, names)))
        for topic in found
    ]
    show_table(header, rows, words=("words",), is_plain=True)
    tell(f"mean coherence (NPMI) of {len(found)} topics: {mean:.3f}")
