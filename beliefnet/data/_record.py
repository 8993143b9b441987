"""What is asked of data, and the record of where they came from and how they were read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, TypeAlias, get_args

from beliefnet._errors import DataError, listed, shown, suggestion
from beliefnet._options import options_of
from beliefnet._types import ValueKind
from beliefnet.tables import Schema

SPLITS = ("train", "valid", "test")

Unseen: TypeAlias = Literal["error", "missing"]
"""What becomes of a value that a column of a table does not have."""

AskedValues: TypeAlias = Literal["binary", "grey", "counts", "mixed", "auto"]
"""What rows can be asked to be read as."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How the rows of a file are read; None and empty stand for what the file itself says.

    Attributes:
        array: Name of the array of an `.npz` or `.mat` file, or the place of a matrix in an `.h5ad` file.
        columns: Names of the columns of a table that are data, in their order.
        drop: Names of columns of a table that are no data.
        name_column: Name of the column of a table that names the rows.
        label_column: Name of the column of a table of mixed columns that holds labels, which are kept beside the rows.
        delimiter: What separates the cells of a table.
        decimal: What separates the decimals of a number in a table, a point or a comma.
        encoding: What a text is written in; UTF-8 by default, or what its byte order mark says.
        transpose: Whether the columns of a file are the rows of the data.
        text_column: Name of the column of a table that holds texts, each row being a document.
        item_separator: What separates the items of a basket; each line is one.
        first_column: Number of the first column of an svmlight file, 0 or 1; by default 0 if it occurs.
        levels: Number of grey levels, of values that are stored as whole numbers from 0 to levels - 1.
        unseen: What becomes of a value that a column of a table does not have, such as a category that did not occur in
            training: an `error`, the default, or it is taken as `missing`, with a warning that counts them.
    """

    array: str | None = None
    columns: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    name_column: str | None = None
    label_column: str | None = None
    delimiter: str | None = None
    decimal: str = "."
    encoding: str | None = None
    transpose: bool = False
    text_column: str | None = None
    item_separator: str | None = None
    first_column: int | None = None
    levels: int | None = None
    unseen: Unseen | None = None

    def __post_init__(self):
        for name, allowed in (("decimal", (".", ",")), ("first_column", (None, 0, 1)), ("transpose", (False, True))):
            if getattr(self, name) not in allowed:
                raise DataError(
                    f"expected {{option}} to be one of {listed(allowed)}, got {shown(getattr(self, name))}",
                    "leaving the option out",
                    option=name,
                )
        if (self.levels or 2) < 2:
            raise DataError(f"expected 2 levels or more, got {self.levels}", "leaving the option out")
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\n\r'):
            raise DataError(f"expected a delimiter of one character, got {shown(self.delimiter)}", "';'")
        if self.item_separator is not None and not self.item_separator.strip(" \n\r"):
            raise DataError(
                f"expected an {{option}} such as ',', got {shown(self.item_separator)}", "','", option="item_separator"
            )

    @property
    def given(self) -> dict[str, Any]:
        """The options that differ from their defaults."""
        return {field.name: getattr(self, field.name) for field in fields(self) if self._is_given(field)}

    def _is_given(self, option: Any) -> bool:
        return getattr(self, option.name) != option.default


@dataclass(frozen=True, kw_only=True)
class LoadOptions(Reading):
    """What can be asked of `load`, beside how a file is read.

    Attributes:
        values: What the rows are read as: `binary` for bits and means of bits, `grey` for grey values that stay grey,
            `counts` for documents and other counts, `mixed` for the columns of a table, each of its own kind, `auto`
            for those if a table holds other things than values between 0 and 1, and binary values otherwise. By default
            as a named data set is listed; of a file, counts where it holds texts or a sparse matrix of them, else
            binary values.
        binarization: What becomes of values between 0 and 1, for binary data. `static`: one Bernoulli sample, drawn
            now; `threshold`: 1 where the value is at least one half; `dynamic`: kept, to be sampled anew at every
            use; for a file by default dynamic, for a data set what `beliefnet datasets` lists.
        seed: Seed of the static sample.
        split_seed: Seed of the choice of validation and test rows of a file. Named data sets have a fixed split.
        valid_fraction: Fraction of a file's training rows to cut off for validation, by default 0.1; only for a file
            without validation rows of its own.
        test_fraction: The same for test rows; 0 leaves none, where all rows are to be learned from.
        split_column: Name of the column of a table that says `train`, `valid` or `test`.
        vocabulary_size: Number of words of documents to keep, the most frequent ones; by default 2000 for texts, all
            words for a matrix, and for a data set what `beliefnet datasets` lists.
        keep_empty: Whether rows without a single count stay, as Poisson units take them, or are left out, with a
            warning, as for a document net. By default they stay in matrices, and texts and data sets of documents lose
            them.
        schema: A TOML file that says what some columns of a table of mixed columns are, as `beliefnet schema` writes.
    """

    values: AskedValues | None = None
    binarization: str | None = None
    seed: int = 0
    split_seed: int = 0
    valid_fraction: float | None = None
    test_fraction: float | None = None
    split_column: str | None = None
    vocabulary_size: int | None = None
    keep_empty: bool | None = None
    schema: str | None = None

    def __post_init__(self):
        super().__post_init__()
        for name in ("seed", "split_seed"):
            if getattr(self, name) < 0:
                raise DataError(f"expected {{option}} from 0 on, got {getattr(self, name)}", "0", option=name)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "LoadOptions":
        """Return the options that were given by name.

        Raises:
            DataError: If there is no such option.
            OptionError: If a value is of the wrong type.
        """
        known = [option.name for option in fields(cls)]
        for name in given:
            if name not in known:
                raise DataError(
                    f"expected an option of load, got {shown(name)}{suggestion(name, known)}",
                    f"one of {listed(known, 20)}",
                )
        options = options_of(cls)
        # What is None is left to its default: an empty tuple, where names are asked for.
        return cls(**{name: options[name].check(value) for name, value in given.items() if value is not None})

    @property
    def settled_values(self) -> ValueKind | None:
        """What the rows are read as, where that is said and not left to them."""
        return None if self.values == "auto" else self.values

    @property
    def fractions(self) -> dict[str, float | None]:
        """The fractions to cut off, by the name of the split."""
        return {"valid": self.valid_fraction, "test": self.test_fraction}

    @property
    def reading(self) -> Reading:
        """How a file is read."""
        return Reading(**{option.name: getattr(self, option.name) for option in fields(Reading)})


@dataclass(frozen=True)
class Provenance:
    """Where data came from, in the words of `Record`, and what to call them in an error."""

    name: str
    variant: str
    source: str
    label: str


@dataclass(frozen=True)
class Record:
    """The provenance of a data set; it travels into checkpoints and evaluations, its checksum into metrics.

    Attributes:
        name: Name of the data set, or the stem of a user's file.
        variant: Which version of it, for example `"salakhutdinov-murray-2008"` or `"user file"`.
        binarization: `"none"` (the data is already 0/1, or stays grey, or is counts), `"static"`, `"dynamic"` or
            `"threshold"`.
        splits: Number of rows of the train, valid and test split.
        num_features: Number of columns.
        image_shape: Height and width when the rows are images, else None.
        source: Where it came from: a URL, a library's loader, or the path as the user gave it.
        checksum: `"sha256:..."` of the shapes and contents of the three splits, and of the words where there are any.
        values: `"binary"` for bits and means of bits, `"grey"` for grey values, `"counts"` for documents, `"mixed"` for
            the columns of a table.
        levels: Of grey values, the number of levels: they are k / (levels - 1). None where they lie on no such grid,
            and for other values.
        largest: What a one was in the file: 255 for bytes of grey levels.
        reading: How the file was read, so that another one can be read in the same way.
        keep_empty: Of counts, whether rows without a single one stayed.
        schema: Of a table, what each column was taken for.
        scale: Of grey values, what a one was in the file: 255 for bytes, 4 for whole numbers of 5 levels, 1 for values
            between 0 and 1. None for other values, and in records of before version 0.2.
    """

    name: str
    variant: str
    binarization: str
    splits: dict[str, int]
    num_features: int
    image_shape: tuple[int, int] | None
    source: str
    checksum: str
    values: ValueKind = "binary"
    levels: int | None = None
    largest: int = 1
    reading: Reading = field(default_factory=Reading)
    keep_empty: bool = False
    schema: Schema | None = None
    scale: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON or TOML; what is None, and binary `values`, go without saying."""
        plain = {name: value for name, value in asdict(self).items() if value is not None}
        plain["reading"] = {
            name: list(value) if name in ("columns", "drop") else value for name, value in self.reading.given.items()
        }
        if self.image_shape is not None:
            plain["image_shape"] = list(self.image_shape)
        if self.schema is not None:
            plain["schema"] = self.schema.to_dict()
        return {name: value for name, value in plain.items() if value != _WITHOUT_SAYING.get(name)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Record":
        """Rebuild a record from the result of `to_dict`.

        Args:
            values: The mapping, possibly after a trip through JSON or TOML.

        Returns:
            The record.

        Raises:
            DataError: If a field is missing or unknown.
        """
        known = {option.name for option in fields(cls)}
        wrong = (known - _OPTIONAL - set(values)) | (set(values) - known)
        if wrong:
            raise DataError(
                f"expected a data record with the fields {listed(sorted(known))}, got {listed(sorted(values))}",
                f"adding or removing {listed(sorted(wrong))}",
            )
        if values.get("values", "binary") not in get_args(ValueKind):
            raise DataError(
                f"expected a data record with values {listed(get_args(ValueKind))}, got {shown(values['values'])}",
                "a newer version of beliefnet",
            )
        shape, how = values.get("image_shape"), values.get("reading", {})
        unknown = [name for name in how if name not in {option.name for option in fields(Reading)}]
        if unknown:
            raise DataError(
                f"expected a data record that says how to read files, got {listed(unknown)}",
                "a newer version of beliefnet",
            )
        plain = {**values, "splits": dict(values["splits"]), "image_shape": None if shape is None else tuple(shape)}
        return cls(
            **{
                **plain,
                "reading": Reading(**{name: options_of(Reading)[name].check(value) for name, value in how.items()}),
                "schema": None if "schema" not in values else Schema.from_dict(values["schema"]),
            }
        )

    def read_as(self, **changes: Any) -> "Record":
        """Return the record with changes of how files are read.

        Raises:
            DataError: If there is no such option of `Reading`, or it cannot have the value.
            OptionError: If a value is of the wrong type.
        """
        options = options_of(Reading)
        for name in changes:
            if name not in options:
                raise DataError(
                    f"expected an option of how files are read, got {shown(name)}{suggestion(name, options)}",
                    f"one of {listed(options, 20)}",
                )
        checked = {name: options[name].check(value) for name, value in changes.items()}
        return replace(self, reading=replace(self.reading, **checked))


_OPTIONAL = {"image_shape", "values", "levels", "largest", "reading", "keep_empty", "schema", "scale"}
_WITHOUT_SAYING: Mapping[str, Any] = {"values": "binary", "largest": 1, "reading": {}, "keep_empty": False}
