"""The kinds of data set: what is read, by whom."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beliefnet._types import ValueKind
from beliefnet.data._documents import document_file, document_source
from beliefnet.data._grey import grey_file, grey_source
from beliefnet.data._images import image_file, image_source
from beliefnet.data._options import Options
from beliefnet.data._record import Dataset
from beliefnet.data.sources import Source


@dataclass(frozen=True)
class Kind:
    """How data sets of one kind are loaded.

    Attributes:
        named: Loads a named one.
        file: Loads a user's own, from a path, and the path as the user gave it.
    """

    named: Callable[[Source[Any], Options], Dataset]
    file: Callable[[Path, str, Options], Dataset]


KINDS: Mapping[ValueKind, Kind] = {
    "binary": Kind(image_source, image_file),
    "grey": Kind(grey_source, grey_file),
    "counts": Kind(document_source, document_file),
}
