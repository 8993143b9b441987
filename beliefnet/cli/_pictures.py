"""Pictures that more than one command draws."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from beliefnet._net import BeliefNet
from beliefnet.evaluation import Topic, topics
from beliefnet.plots import plot_topics


def topics_by_coherence(net: BeliefNet, documents: Any, num_words: int) -> list[Topic]:
    """Return the topics of a net, the most coherent first."""
    return sorted(topics(net, documents, num_words=num_words), key=lambda topic: -topic.coherence)


def draw_topics(found: Sequence[Topic], names: Sequence[str], path: Path) -> None:
    """Draw topics under their numbers."""
    titles = [f"unit {topic.unit}: NPMI {topic.coherence:.2f}, activity {topic.activity:.2f}" for topic in found]
    words = [[names[word] for word in topic.words] for topic in found]
    plot_topics(list(zip(titles, words, [topic.strengths for topic in found], strict=True)), path)
