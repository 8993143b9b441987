"""What a path holds: which reader it is for, which options that reader takes, and what it finds."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from beliefnet._errors import DataError, Use, listed, shown
from beliefnet.data._files import plain_suffix, readable
from beliefnet.data._record import LoadOptions, Reading
from beliefnet.data._split import Contents, divided
from beliefnet.data._table import are_mixed_numbers, is_mixed
from beliefnet.data.readers._arrays import npz_names
from beliefnet.data.readers._frames import PARQUET, number_columns, read_frame, read_parquet
from beliefnet.data.readers._h5ad import H5AD, h5ad_contents
from beliefnet.data.readers._images import image_contents, images_below
from beliefnet.data.readers._market import MARKET, read_market, tenx_matrix, tenx_names
from beliefnet.data.readers._mat import MAT, mat_contents, mat_names
from beliefnet.data.readers._matrix import DOCUMENTS, Wanted, matrix_contents, widened
from beliefnet.data.readers._npz import npy_contents, npz_contents
from beliefnet.data.readers._pairs import LDA_C, SVMLIGHT, read_lda_c, read_svmlight
from beliefnet.data.readers._tables import holds_numbers, open_sheet, read_table
from beliefnet.data.readers._texts import TABLES, read_texts, split_of, texts_below
from beliefnet.tables import Frame


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        read: Reads the contents of a path.
        options: The names of options that say how it is read.
        names: The names that `array` may be, where one that a file lacks is left out for a trained net.
    """

    read: Callable[[Path, LoadOptions, Wanted | None], Contents]
    options: tuple[str, ...]
    names: Callable[[Path], Sequence[str]] | None = None


def read_contents(path: Path, options: LoadOptions, wanted: Wanted | None = None) -> Contents:
    """Read what a path holds.

    Args:
        path: A file or a folder.
        options: How to read it.
        wanted: What a trained model takes, for the rows of such a model; the width of the vocabulary beside a file
            comes before it.

    Raises:
        DataError: If it cannot be read, or an option has no meaning for it.
    """
    kind = kind_of(path, options)
    if options.array is not None and "array" not in kind.options:
        raise DataError(
            f"expected a .npz, {MAT} or {H5AD} file with an array {shown(options.array)}, got {path} "
            "with no named arrays",
            "leaving the array's name out",
        )
    for name in (*(option.name for option in fields(Reading)), "split_column"):
        if name not in (*kind.options, "levels") and getattr(options, name) != getattr(LoadOptions(), name):
            raise DataError(
                f"expected no {{option}} for {path}, a file that is read by {listed(kind.options) or 'no options'}, "
                f"got {shown(getattr(options, name))}",
                "leaving it out",
                option=name,
            )
    contents = kind.read(path, options, wanted)
    return replace(contents, reading=replace(contents.reading, levels=options.levels))


def kind_of(path: Path, reading: Reading) -> Kind:
    """Return the kind of a file or folder; `DataError` if there is none, or none that can be read."""
    with readable(path):
        if not path.exists():
            raise DataError(f"expected an existing file, got {path}, which does not exist", "checking the path")
        if path.is_dir():
            return _kind_of_folder(path)
        suffix = plain_suffix(path)
        if suffix == ".txt" and reading.text_column is None and reading.item_separator is None:
            return _TABLE if holds_numbers(path, reading.encoding) else _TEXTS
        if suffix in (*TABLES, ".txt") and (reading.text_column or reading.item_separator) is not None:
            return _TEXTS
    if suffix not in KINDS:
        raise DataError(
            f"expected a file that ends in {', '.join(KINDS)} or .txt, or a folder of texts or images, got {path}",
            "numpy.save to write a .npy file, or scipy.sparse.save_npz for word counts",
        )
    return KINDS[suffix]


def _kind_of_folder(path: Path) -> Kind:
    if tenx_matrix(path):
        return _TENX
    images = images_below(path)
    if not images:
        return _TEXTS
    texts = texts_below(path)
    if texts:
        raise DataError(
            f"expected a folder of texts or of images, got {len(texts)} .txt and {len(images)} .png files in {path}",
            "a folder of its own for each of the two",
        )
    return _IMAGES


def _read_numbers(path: Path, options: LoadOptions, wanted: Wanted | None) -> Contents:
    sheet = open_sheet(path, options.reading)
    if options.values == "mixed" or (options.values == "auto" and sheet.has_text_columns(options)):
        return _mixed(read_frame(sheet, options.delimiter), path, options)
    columns = None if wanted is None or options.transpose else wanted.columns
    are_whole = options.values == "counts" or options.levels is not None
    try:
        table = read_table(sheet, options.reading, options.split_column, columns, are_whole=are_whole)
    except DataError:
        if options.values != "auto":
            raise
        # Texts may begin further down.
        return _mixed(read_frame(sheet, options.delimiter), path, options)
    if options.values == "auto" and not options.transpose and are_mixed_numbers(table.values):
        return _mixed(read_frame(sheet, options.delimiter), path, options)
    contents = matrix_contents(path, table.values, options, columns=table.columns, names=table.names)
    contents = replace(contents, named_in=None if options.transpose else table.named_in)
    contents = replace(contents, place=None if options.transpose or table.parts is not None else table.place)
    if table.parts is None:
        return contents
    return divided(contents, [split_of(part, path) for part in table.parts], str(path))


def _mixed(frame: Frame, path: Path, options: LoadOptions) -> Contents:
    """Return a table of mixed columns as contents."""
    if options.transpose:
        raise DataError(
            f"expected no {{option}} for the columns of {path}, each of its own kind, got True",
            "leaving it out",
            option="transpose",
        )
    parts = None
    if options.split_column is not None:
        cells = frame.column(options.split_column)
        parts = [split_of(str(cell), path) for cell in cells.tolist()]
        kept = {name: values for name, values in frame.columns.items() if name != options.split_column}
        frame = replace(frame, columns=kept)
    contents = Contents({"train": frame}, values="mixed", reading=options.reading)
    return contents if parts is None else divided(contents, parts, str(path))


def _read_parquet(path: Path, options: LoadOptions, wanted: Wanted | None) -> Contents:
    """Read a Parquet file: as mixed columns, or as the numbers that it holds."""
    contents = _mixed(read_parquet(path), path, options)
    if options.values == "mixed":
        return contents
    if options.values == "auto" and any(map(is_mixed, contents.splits.values())):
        return contents
    matrices = {split: number_columns(frame, options) for split, frame in contents.splits.items()}
    splits = {split: values for split, (values, _, _) in matrices.items()}
    names = {split: own for split, (_, _, own) in matrices.items() if own is not None}
    return Contents(splits, columns=matrices["train"][1], names=names, reading=options.reading)


def _read_texts(path: Path, options: LoadOptions, wanted: Wanted | None) -> Contents:
    texts, names, parts = read_texts(path, options.reading, options.split_column)
    contents = Contents(
        {"train": texts},
        names={} if names is None else {"train": names},
        reading=options.reading,
        **DOCUMENTS,
    )
    return contents if parts is None else divided(contents, [split_of(part, path) for part in parts], str(path))


def _read_market(path: Path, options: LoadOptions, wanted: Wanted | None) -> Contents:
    path = tenx_matrix(path) or path if path.is_dir() else path
    matrix = read_market(path)
    names = tenx_names(path, matrix.shape)
    if names is None:
        return matrix_contents(path, matrix, options)
    if not options.transpose:
        warnings.warn(f"the columns of {path}, which are the cells, are taken for the rows of the data", stacklevel=2)
    # Genes are the rows of such a file.
    turned = replace(options, transpose=True)
    return matrix_contents(path, matrix, turned, columns=names[1], names=names[0])


def _read_svmlight(path: Path, options: LoadOptions, wanted: Wanted | None) -> Contents:
    matrix, first, is_certain = read_svmlight(path, options.first_column)
    if wanted is not None and not is_certain and matrix.shape[1] != wanted.num_features:
        raise DataError(
            f"expected to know the number of the first column of {path}, which holds no column 0, got none",
            Use("first_column", 0),
            Use("first_column", 1, "whichever it was written with"),
        )
    contents = matrix_contents(path, widened(matrix, path, wanted), options)
    return replace(contents, reading=replace(contents.reading, first_column=first))


def _read_lda_c(path: Path, options: LoadOptions, wanted: Wanted | None) -> Contents:
    return replace(
        matrix_contents(path, widened(read_lda_c(path), path, wanted), options), values="counts", are_documents=True
    )


_COLUMNS = ("columns", "drop", "name_column", "label_column", "split_column", "unseen")
_TABLE_OPTIONS = (*_COLUMNS, "delimiter", "decimal", "encoding", "transpose")
_TABLE = Kind(_read_numbers, _TABLE_OPTIONS)
_TEXTS = Kind(_read_texts, ("text_column", "item_separator", "split_column", "name_column", "delimiter", "encoding"))
_IMAGES = Kind(image_contents, ())
_TENX = Kind(_read_market, ("transpose",))

KINDS: Mapping[str, Kind] = {
    ".npy": Kind(npy_contents, ("transpose",)),
    ".npz": Kind(npz_contents, ("array", "transpose"), npz_names),
    H5AD: Kind(h5ad_contents, ("array", "transpose")),
    MAT: Kind(mat_contents, ("array", "transpose"), mat_names),
    **dict.fromkeys(TABLES, _TABLE),
    PARQUET: Kind(_read_parquet, _COLUMNS),
    MARKET: _TENX,
    **dict.fromkeys(SVMLIGHT, Kind(_read_svmlight, ("first_column", "transpose"))),
    **dict.fromkeys(LDA_C, Kind(_read_lda_c, ("transpose",))),
}
"""How a file of each suffix is read, also where `.gz` follows; `.txt` and folders may hold one thing or another."""
