"""The named data sets, one file each; the table `SOURCES` is all that the rest of the package knows of them."""

from typing import Any

from beliefnet.data.sources._bars import BARS
from beliefnet.data.sources._base import BuiltIn, Remote, Source, Stored
from beliefnet.data.sources._binarized_mnist import BINARIZED_MNIST
from beliefnet.data.sources._caltech_silhouettes import CALTECH_SILHOUETTES
from beliefnet.data.sources._digits import DIGITS
from beliefnet.data.sources._fashion_mnist import FASHION_MNIST
from beliefnet.data.sources._mnist import MNIST
from beliefnet.data.sources._omniglot import OMNIGLOT
from beliefnet.data.sources._omniglot_rebuilt import OMNIGLOT_REBUILT
from beliefnet.data.sources._rcv1 import RCV1
from beliefnet.data.sources._reuters import REUTERS
from beliefnet.data.sources._twenty_newsgroups import TWENTY_NEWSGROUPS

_ALL: tuple[Source[Any], ...] = (
    DIGITS,
    BARS,
    BINARIZED_MNIST,
    MNIST,
    FASHION_MNIST,
    CALTECH_SILHOUETTES,
    OMNIGLOT,
    OMNIGLOT_REBUILT,
    TWENTY_NEWSGROUPS,
    REUTERS,
    RCV1,
)

SOURCES: dict[str, Source[Any]] = {source.name: source for source in _ALL}

__all__ = ["SOURCES", "BuiltIn", "Remote", "Source", "Stored"]
