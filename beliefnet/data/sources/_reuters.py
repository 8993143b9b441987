"""The Reuters news that the package lda embeds."""

from importlib import import_module
from warnings import catch_warnings, simplefilter

from beliefnet.data._counts import to_counts
from beliefnet.data._raw import RawCounts
from beliefnet.data._splits import cut
from beliefnet.data.sources._base import BuiltIn

SPLIT_SEED = 0
SPLITS = {"train": 315, "valid": 40, "test": 40}


def make_reuters() -> RawCounts:
    """Return the documents as word counts, always split in the same way."""
    embedded = import_module("lda.datasets")
    with catch_warnings():
        # The package leaves its files open.
        simplefilter("ignore", ResourceWarning)
        counts, words = embedded.load_reuters(), embedded.load_reuters_vocab()
    valid, test, train = cut(to_counts(counts, "reuters"), [SPLITS["valid"], SPLITS["test"]], SPLIT_SEED)
    return RawCounts(train, valid, test, tuple(words))


REUTERS = BuiltIn(
    name="reuters",
    description="news of 1996, embedded in lda",
    variant="lda",
    origin="lda load_reuters",
    splits=SPLITS,
    num_words=4258,
    make=make_reuters,
    package="lda",
    extra="docs-data",
)
