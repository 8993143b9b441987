"""20 Newsgroups, as pre-processed by Dieng, Ruiz and Blei (2020)."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from beliefnet._errors import DataError
from beliefnet.data._arrays import readable
from beliefnet.data._counts import to_counts
from beliefnet.data._download import Download
from beliefnet.data._formats import read_mat
from beliefnet.data._pieces import from_pieces, to_pieces
from beliefnet.data._raw import RawCounts
from beliefnet.data._sparse import CSR
from beliefnet.data._splits import cut
from beliefnet.data.sources._base import Remote
from beliefnet.data.sources._store import Layout

NAME = "20newsgroups"
NUM_VALID = 1000
SPLIT_SEED = 0
NUM_WORDS = 3072
LAYOUT: Layout = {
    "train_data": ((608345,), "int32"),
    "train_indices": ((608345,), "int32"),
    "train_indptr": ((11315,), "int32"),
    "train_shape": ((2,), "int64"),
    "test_data": ((397790,), "int32"),
    "test_indices": ((397790,), "int32"),
    "test_indptr": ((7532,), "int32"),
    "test_shape": ((2,), "int64"),
    "words": ((NUM_WORDS,), "object"),
}
# None are published: these are of the files in the authors' repository, which two public copies have alike.
CHECKSUMS = {
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
BASE_URLS = (
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


def unpack_documents(arrays: Mapping[str, np.ndarray], num_valid: int = NUM_VALID) -> RawCounts:
    """Return the documents, some of the training ones cut off at random for validation."""
    matrices = {split: to_counts(from_pieces(arrays, split, NAME), f"{NAME} ({split})") for split in ("train", "test")}
    valid, train = cut(matrices["train"], [num_valid], SPLIT_SEED)
    return RawCounts(train, valid, matrices["test"], tuple(arrays["words"]))


class _PlainUnpickler(pickle.Unpickler):
    """Reads lists of strings; whatever would import anything is refused."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}")


def _read_vocabulary(path: Path) -> list[str]:
    try:
        with readable(path), path.open("rb") as file:
            words = _PlainUnpickler(file).load()
    except pickle.UnpicklingError as error:
        raise DataError(
            f"expected a list of words in {path}, got other contents ({error}); try another copy"
        ) from error
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise DataError(f"expected a list of words in {path}, got other contents; try another copy")
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
    name=NAME,
    description="Usenet posts (Dieng, Ruiz and Blei 2020)",
    variant="ETM release, 10314/1000 split",
    origin=BASE_URLS[0],
    splits={"train": 10314, "valid": NUM_VALID, "test": 7530},
    num_words=2000,
    file_name="20newsgroups_11314.npz",
    layout=LAYOUT,
    downloads=tuple(Download(name, f"sha256:{checksum}") for name, checksum in CHECKSUMS.items()),
    base_urls=BASE_URLS,
    convert=convert_release,
    unpack=unpack_documents,
)
