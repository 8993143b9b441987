"""Data sets of documents, as word counts: Reuters news, 20 Newsgroups and RCV1."""

import gzip
import pickle
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from scipy import sparse

from beliefnet._errors import DataError
from beliefnet.data._files import readable
from beliefnet.data._sparse import CSR, from_pieces, occurrences, to_counts, to_pieces
from beliefnet.data._split import Contents, cut
from beliefnet.data.sources import AbstractSource, BuiltIn, Download, Layout, Remote
from beliefnet.data.sources._formats import read_mat


def of_counts(train: CSR, valid: CSR, test: CSR, words: Sequence[str]) -> Contents:
    """Return counts `[documents, words]` of three splits."""
    return Contents(
        {"train": train, "valid": valid, "test": test}, columns=tuple(words), values="counts", are_documents=True
    )


REUTERS_SPLIT_SEED = 0
REUTERS_SPLITS = {"train": 315, "valid": 40, "test": 40}


def make_reuters() -> Contents:
    """Return the documents as word counts, always split in the same way."""
    embedded = import_module("lda.datasets")
    with catch_warnings():
        # The package leaves its files open.
        simplefilter("ignore", ResourceWarning)
        counts, words = embedded.load_reuters(), embedded.load_reuters_vocab()
    valid, test, train = cut(
        to_counts(counts, "reuters"), [REUTERS_SPLITS["valid"], REUTERS_SPLITS["test"]], REUTERS_SPLIT_SEED
    )
    return of_counts(train, valid, test, words)


REUTERS = BuiltIn(
    name="reuters",
    description="news of 1996, embedded in lda",
    variant="lda",
    origin="lda load_reuters",
    splits=REUTERS_SPLITS,
    num_words=4258,
    make=make_reuters,
    package="lda",
    extra="docs-data",
)


NEWSGROUPS_NAME = "20newsgroups"
NEWSGROUPS_NUM_VALID = 1000
NEWSGROUPS_SPLIT_SEED = 0
NEWSGROUPS_NUM_WORDS = 3072
NEWSGROUPS_LAYOUT: Layout = {
    "train_data": ((608345,), "int32"),
    "train_indices": ((608345,), "int32"),
    "train_indptr": ((11315,), "int32"),
    "train_shape": ((2,), "int64"),
    "test_data": ((397790,), "int32"),
    "test_indices": ((397790,), "int32"),
    "test_indptr": ((7532,), "int32"),
    "test_shape": ((2,), "int64"),
    "words": ((NEWSGROUPS_NUM_WORDS,), "object"),
}
# None are published: these are of the files in the authors' repository, which two public copies have alike.
NEWSGROUPS_CHECKSUMS = {
    "bow_tr_tokens.mat": "c69c0a33c7a81b7703963b39fea3d1b83bc024f6be6c5e8a8b2cb12d5b9ce8cc",
    "bow_tr_counts.mat": "6ecbfc30913821ebababed448c587d1322227f03f9a3db70fc1b9bbfc5fabdfb",
    "bow_va_tokens.mat": "268ff866d0332e76ea3d3b4a404b641ea67e22feeab4e4d6615f7e6e21ebbf26",
    "bow_va_counts.mat": "d3a3b4ca21a4ec5c22728131643d1f56148063665a38c9fc193cfc12089dfd22",
    "bow_ts_tokens.mat": "b33044ed16ec515f0e2935ac89421a044769f88f72c9934449b29b8534c6c34c",
    "bow_ts_counts.mat": "b877b6844b31f7239d1621a2da54e70a02301dd8d10717c76b025ed60d15f9cb",
    "bow_ts_h1_tokens.mat": "13f0f358dcfacd958cca3c29d453fa7009abc1f6eacfc21f17205e9918b592bd",
    "bow_ts_h1_counts.mat": "add3a6511a8837d52e346cf964ba022a98c426989dbb5bf78ec4d944705a227e",
    "vocab.pkl": "6d9b86f91738f93a39c388fa0cdfb49444388d4d94c61bd4277fec4fc0346ec4",
}
NEWSGROUPS_BASE_URLS = (
    "https://raw.githubusercontent.com/adjidieng/ETM/cbb67bf484282e66df00cd2166bf8dc740a95a1d/data/20ng/",
    "https://raw.githubusercontent.com/MIND-Lab/OCTIS/8f9a0ac5a12e3b72ecd77dcba4f181c77e4595f1/octis/models/ETM_model/data/20ng/",
)


def convert_release(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """Read the published files, with the columns in descending order of training counts, ties alphabetical.

    The authors' training and validation documents are one matrix, in this order.
    """
    words = np.array(_read_vocabulary(files["vocab.pkl"]), dtype=object)
    parts = {part: _read_counts(files, part, len(words)) for part in ("tr", "va", "ts", "ts_h1")}
    matrices = {
        "train": sparse.vstack([parts["tr"], parts["va"]], format="csr"),
        "test": parts["ts"],
        "test_observed": parts["ts_h1"],
    }
    total = np.asarray(matrices["train"].sum(axis=0)).ravel()
    order = np.lexsort((words.astype(str), -total))
    arrays = {"words": words[order]}
    for name, counts in matrices.items():
        arrays |= to_pieces(counts[:, order], name)
    return arrays


def unpack_documents(arrays: Mapping[str, np.ndarray], num_valid: int = NEWSGROUPS_NUM_VALID) -> Contents:
    """Return the documents, some of the training ones cut off at random for validation."""
    matrices = {
        split: to_counts(from_pieces(arrays, split, NEWSGROUPS_NAME), f"{NEWSGROUPS_NAME} ({split})")
        for split in ("train", "test")
    }
    valid, train = cut(matrices["train"], [num_valid], NEWSGROUPS_SPLIT_SEED)
    return of_counts(train, valid, matrices["test"], arrays["words"].tolist())


class _PlainUnpickler(pickle.Unpickler):
    """Reads lists of strings; whatever would import anything is refused."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}")


def _read_vocabulary(path: Path) -> list[str]:
    try:
        with readable(path), path.open("rb") as file:
            words = _PlainUnpickler(file).load()
    except pickle.UnpicklingError as error:
        raise DataError(f"expected a list of words in {path}, got other contents ({error})", "another copy") from error
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise DataError(f"expected a list of words in {path}, got other contents", "another copy")
    return words


def _read_counts(files: Mapping[str, Path], part: str, num_words: int) -> CSR:
    """Read a part of the documents, each of which is a list of columns and one of counts."""
    tokens, counts = (
        [cell.ravel() for cell in read_mat(files[f"bow_{part}_{kind}.mat"], [kind])[kind].ravel()]
        for kind in ("tokens", "counts")
    )
    indptr = np.concatenate([[0], np.cumsum([len(document) for document in tokens])])
    pieces = (np.concatenate(counts), np.concatenate(tokens), indptr)
    return sparse.csr_matrix(pieces, shape=(len(tokens), num_words))


TWENTY_NEWSGROUPS = Remote(
    name=NEWSGROUPS_NAME,
    description="Usenet posts (Dieng, Ruiz and Blei 2020)",
    variant="ETM release, 10314/1000 split",
    origin=NEWSGROUPS_BASE_URLS[0],
    splits={"train": 10314, "valid": NEWSGROUPS_NUM_VALID, "test": 7530},
    num_words=2000,
    file_name="20newsgroups_11314.npz",
    layout=NEWSGROUPS_LAYOUT,
    downloads=tuple(Download(name, f"sha256:{checksum}") for name, checksum in NEWSGROUPS_CHECKSUMS.items()),
    base_urls=NEWSGROUPS_BASE_URLS,
    convert=convert_release,
    unpack=unpack_documents,
)


RCV1_NAME = "rcv1"
RCV1_NUM_DOCUMENTS = 804414
RCV1_NUM_TEST = 10000
RCV1_NUM_VALID = 10000
RCV1_NUM_WORDS = 10000
RCV1_SPLIT_SEED = 0
TOKEN_FILES = (
    "lyrl2004_tokens_train.dat.gz",
    *(f"lyrl2004_tokens_test_pt{number}.dat.gz" for number in range(4)),
)
RCV1_BASE_URLS = (
    "http://www.ai.mit.edu/projects/jmlr/papers/volume5/lewis04a/a12-token-files/",
    "https://jmlr.csail.mit.edu/papers/volume5/lewis04a/a12-token-files/",
)


def rcv1_layout(
    num_documents: int = RCV1_NUM_DOCUMENTS, num_test: int = RCV1_NUM_TEST, num_words: int = RCV1_NUM_WORDS
) -> Layout:
    """Return the arrays of a file with so many documents; how many entries there are is up to the documents."""
    sizes = {"train": num_documents - num_test, "test": num_test}
    layout: dict[str, tuple[tuple[int | None, ...], str]] = {"words": ((num_words,), "object")}
    for split, num_rows in sizes.items():
        layout |= {f"{split}_{piece}": ((None,), "int32") for piece in ("data", "indices")}
        layout |= {f"{split}_indptr": ((num_rows + 1,), "int32"), f"{split}_shape": ((2,), "int64")}
    return layout


def convert_tokens(
    files: Mapping[str, Path],
    num_documents: int = RCV1_NUM_DOCUMENTS,
    num_test: int = RCV1_NUM_TEST,
    num_words: int = RCV1_NUM_WORDS,
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
            f"expected {num_documents} documents in {', '.join(files)}, got {counts.shape[0]}", "downloading them again"
        )
    test, train = cut(counts, [num_test], RCV1_SPLIT_SEED)
    words = np.array(stems, dtype=object)
    order = np.lexsort((words.astype(str), -occurrences(train)))[:num_words]
    return {"words": words[order], **to_pieces(train[:, order], "train"), **to_pieces(test[:, order], "test")}


def unpack_tokens(arrays: Mapping[str, np.ndarray], num_valid: int = RCV1_NUM_VALID) -> Contents:
    """Return the documents, some of the training ones cut off at random for validation."""
    matrices = {
        split: to_counts(from_pieces(arrays, split, RCV1_NAME), f"{RCV1_NAME} ({split})") for split in ("train", "test")
    }
    valid, train = cut(matrices["train"], [num_valid], RCV1_SPLIT_SEED)
    return of_counts(train, valid, matrices["test"], arrays["words"].tolist())


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
                    f"expected {path} to begin with '.I' and the number of a document, got {line[:20]!r}",
                    "downloading it again",
                )
            elif line.rstrip() != ".W":
                stems.update(line.split())
        if stems is not None:
            yield stems


RCV1 = Remote(
    name=RCV1_NAME,
    description="news of 1996 and 1997 (Lewis, Yang, Rose and Li 2004)",
    variant="RCV1-v2 tokens, 10000 stems, random split",
    origin=RCV1_BASE_URLS[0],
    splits={
        "train": RCV1_NUM_DOCUMENTS - RCV1_NUM_TEST - RCV1_NUM_VALID,
        "valid": RCV1_NUM_VALID,
        "test": RCV1_NUM_TEST,
    },
    num_words=RCV1_NUM_WORDS,
    file_name="rcv1_794414.npz",
    layout=rcv1_layout(),
    # No checksums are published: gzip's own, and the number of documents, tell whether the files are complete.
    downloads=tuple(Download(name, None) for name in TOKEN_FILES),
    base_urls=RCV1_BASE_URLS,
    convert=convert_tokens,
    unpack=unpack_tokens,
)

DOCUMENTS: tuple[AbstractSource, ...] = (TWENTY_NEWSGROUPS, REUTERS, RCV1)
"""The data sets of documents."""
