"""Reuters Corpus Volume I, version 2 (Lewis, Yang, Rose and Li 2004), as tokens."""

import gzip
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from scipy import sparse

from beliefnet._errors import DataError
from beliefnet.data._arrays import readable
from beliefnet.data._counts import occurrences, to_counts
from beliefnet.data._download import Download
from beliefnet.data._pieces import from_pieces, to_pieces
from beliefnet.data._raw import RawCounts
from beliefnet.data._sparse import CSR
from beliefnet.data._splits import cut
from beliefnet.data.sources._base import Remote
from beliefnet.data.sources._store import Layout

NAME = "rcv1"
NUM_DOCUMENTS = 804414
NUM_TEST = 10000
NUM_VALID = 10000
NUM_WORDS = 10000
SPLIT_SEED = 0
TOKEN_FILES = (
    "lyrl2004_tokens_train.dat.gz",
    *(f"lyrl2004_tokens_test_pt{number}.dat.gz" for number in range(4)),
)
BASE_URLS = (
    "http://www.ai.mit.edu/projects/jmlr/papers/volume5/lewis04a/a12-token-files/",
    "https://jmlr.csail.mit.edu/papers/volume5/lewis04a/a12-token-files/",
)


def rcv1_layout(num_documents: int = NUM_DOCUMENTS, num_test: int = NUM_TEST, num_words: int = NUM_WORDS) -> Layout:
    """Return the arrays of a file with so many documents; how many entries there are is up to the documents."""
    sizes = {"train": num_documents - num_test, "test": num_test}
    layout: dict[str, tuple[tuple[int | None, ...], str]] = {"words": ((num_words,), "object")}
    for split, num_rows in sizes.items():
        layout |= {f"{split}_{piece}": ((None,), "int32") for piece in ("data", "indices")}
        layout |= {f"{split}_indptr": ((num_rows + 1,), "int32"), f"{split}_shape": ((2,), "int64")}
    return layout


def convert_tokens(
    files: Mapping[str, Path],
    num_documents: int = NUM_DOCUMENTS,
    num_test: int = NUM_TEST,
    num_words: int = NUM_WORDS,
) -> dict[str, np.ndarray]:
    """Count the stems of the published files, one document after the other.

    Test documents are drawn at random. The words are those that occur most often in the others, in descending order,
    ties alphabetical.

    Raises:
        DataError: If the files are not those of all documents.
    """
    counts, stems = _count_stems(files)
    if counts.shape[0] != num_documents:
        raise DataError(
            f"expected {num_documents} documents in {', '.join(files)}, got {counts.shape[0]}; "
            "try downloading them again"
        )
    test, train = cut(counts, [num_test], SPLIT_SEED)
    words = np.array(stems, dtype=object)
    order = np.lexsort((words.astype(str), -occurrences(train)))[:num_words]
    return {"words": words[order], **to_pieces(train[:, order], "train"), **to_pieces(test[:, order], "test")}


def unpack_tokens(arrays: Mapping[str, np.ndarray], num_valid: int = NUM_VALID) -> RawCounts:
    """Return the documents, some of the training ones cut off at random for validation."""
    matrices = {split: to_counts(from_pieces(arrays, split, NAME), f"{NAME} ({split})") for split in ("train", "test")}
    valid, train = cut(matrices["train"], [num_valid], SPLIT_SEED)
    return RawCounts(train, valid, matrices["test"], tuple(arrays["words"]))


def _count_stems(files: Mapping[str, Path]) -> tuple[CSR, list[str]]:
    """Return counts `[documents, stems]` and the stems; one document at a time is in memory as text."""
    number_of: dict[str, int] = {}
    columns, counts, ends = array("i"), array("i"), array("q", [0])
    for file_name in TOKEN_FILES:
        for stems in _documents(files[file_name]):
            columns.extend(number_of.setdefault(stem, len(number_of)) for stem in stems)
            counts.extend(stems.values())
            ends.append(len(columns))
    pieces = (np.frombuffer(counts, np.intc), np.frombuffer(columns, np.intc), np.frombuffer(ends, np.int64))
    return sparse.csr_matrix(pieces, shape=(len(ends) - 1, len(number_of))), list(number_of)


def _documents(path: Path) -> Iterator[Counter[str]]:
    """Yield the stems of one document after the other: `.I number`, `.W`, then lines of stems."""
    stems: Counter[str] | None = None
    with readable(path), gzip.open(path, "rt", encoding="latin-1") as file:
        for line in file:
            if line.startswith(".I "):
                if stems is not None:
                    yield stems
                stems = Counter()
            elif stems is None:
                raise DataError(
                    f"expected {path} to begin with '.I' and the number of a document, got {line[:20]!r}; "
                    "try downloading it again"
                )
            elif line.rstrip() != ".W":
                stems.update(line.split())
        if stems is not None:
            yield stems


RCV1 = Remote(
    name=NAME,
    description="news of 1996 and 1997 (Lewis, Yang, Rose and Li 2004)",
    variant="RCV1-v2 tokens, 10000 stems, random split",
    origin=BASE_URLS[0],
    splits={"train": NUM_DOCUMENTS - NUM_TEST - NUM_VALID, "valid": NUM_VALID, "test": NUM_TEST},
    num_words=NUM_WORDS,
    file_name="rcv1_794414.npz",
    layout=rcv1_layout(),
    # No checksums are published: gzip's own, and the number of documents, tell whether the files are complete.
    downloads=tuple(Download(name, None) for name in TOKEN_FILES),
    base_urls=BASE_URLS,
    convert=convert_tokens,
    unpack=unpack_tokens,
)
