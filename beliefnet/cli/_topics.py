"""beliefnet topics."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from beliefnet._errors import OptionError
from beliefnet.cli._app import command
from beliefnet.cli._pictures import draw_topics, topics_by_coherence
from beliefnet.cli._runs import check_suffix, data_of, open_latent_run, without_nan, writing
from beliefnet.evaluation import Topic


@command(name="topics")
def show_topics(
    directory: Annotated[Path, Parameter(name="DIR")],
    /,
    *,
    words: int = 10,
    split: Literal["train", "valid", "test"] = "train",
    data: str | None = None,
    out: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Show the words that each latent of a document net stands for, the most coherent first.

    A word's strength is sqrt(p_on) - sqrt(p_off), p being its probability with the unit on and off. Coherence is the
    mean NPMI of the pairs of a topic's words in the documents, from -1 to 1. Latents that start rarely on make the
    purest topics: train with --no-signs --latent-mean 0.05.

    Args:
        directory: Run folder of `beliefnet train --net document`.
        words: Words per topic.
        split: The documents that activity and coherence are measured on.
        data: Other documents than those that the net was trained on.
        out: A .png for a picture of the most coherent topics.
        as_json: Print one JSON object and nothing else.
    """
    if out is not None:
        check_suffix(out, ".png")
    run = open_latent_run(directory)
    if run.config.net.name != "document":
        raise OptionError(
            f"expected a run of a document net, got {run.config.describe(run.record.num_features)} in {directory}; try "
            "beliefnet train --net document --data 20newsgroups"
        )
    if not 2 <= words <= run.net.num_visible:
        raise OptionError(f"expected --words from 2 to {run.net.num_visible}, got {words}; try 10")
    found = topics_by_coherence(run.net, data_of(run, data).split(split), words)
    names = run.folder.read_words()
    mean = float(np.mean([topic.coherence for topic in found]))
    if as_json:
        listed = [topic.to_dict() | {"words": [names[word] for word in topic.words]} for topic in found]
        print(json.dumps(without_nan({"split": split, "coherence": mean, "topics": listed})))
    else:
        _show(found, names, mean)
    if out is not None:
        with writing(out):
            draw_topics(found, names, out)
        if not as_json:
            print(f"written to {out}")


def _show(found: list[Topic], names: Sequence[str], mean: float) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("unit", "activity", "NPMI"):
        table.add_column(column, justify="right")
    table.add_column("words", overflow="fold")
    for topic in found:
        table.add_row(
            str(topic.unit),
            f"{topic.activity:.2f}",
            f"{topic.coherence:.2f}",
            " ".join(names[word] for word in topic.words),
        )
    console = Console()
    console.print(table)
    console.print(f"mean coherence (NPMI) of {len(found)} topics: {mean:.3f}")
