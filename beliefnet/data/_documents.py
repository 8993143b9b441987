"""Data sets of documents: word counts."""

from pathlib import Path

from beliefnet.data._assemble import Provenance, assemble
from beliefnet.data._document_files import default_vocabulary_size, read_documents
from beliefnet.data._options import Options
from beliefnet.data._raw import RawCounts
from beliefnet.data._record import Dataset
from beliefnet.data._reduce import first_words, most_frequent, warn_of_empty, without_empty
from beliefnet.data.sources import Source


def document_source(source: Source[RawCounts], options: Options) -> Dataset:
    """Load a named data set.

    Documents that become empty are left out, with a warning unless the listing accounts for them.

    Args:
        source: A source whose values are counts.
        options: What was asked for.

    Raises:
        DataError: If there are not as many words as were asked for, or the data cannot be had.
    """
    label = repr(source.name)
    size = options.vocabulary_size
    raw = first_words(source.read(), source.num_features if size is None else size, label)
    kept = without_empty(raw, label)
    if kept.sizes != dict(source.splits):
        warn_of_empty(raw, kept, label)
    return _assembled(kept, source.provenance)


def document_file(path: Path, given: str, options: Options) -> Dataset:
    """Load a user's own documents, leaving out with a warning those that hold no word of the vocabulary.

    Args:
        path: A file or a folder.
        given: The path as the user gave it.
        options: What was asked for.

    Raises:
        DataError: If the file or the options cannot be used.
    """
    raw, size = read_documents(path, options), options.vocabulary_size
    size = default_vocabulary_size(path, options, len(raw.words)) if size is None else size
    raw = most_frequent(raw, size, given)
    kept = without_empty(raw, given)
    warn_of_empty(raw, kept, given)
    return _assembled(kept, Provenance(path.stem, "user file", given))


def _assembled(raw: RawCounts, provenance: Provenance) -> Dataset:
    return assemble(raw.matrices, provenance, values="counts", words=raw.words)
