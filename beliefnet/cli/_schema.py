"""beliefnet schema: what the columns of a table are taken for."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from beliefnet._errors import OptionError
from beliefnet.cli._app import command
from beliefnet.cli._files import chosen_file, replaced, save_bytes
from beliefnet.cli._flags import AS_LOADED, HowLoaded, given_flags
from beliefnet.cli._text import report, say, tell
from beliefnet.data import load
from beliefnet.tables import to_toml


@command(name="schema")
def show_schema(
    data: Annotated[Path, Parameter(name="DATA")],
    /,
    *,
    out: Path | None = None,
    how: HowLoaded = AS_LOADED,
) -> None:
    """Show what the columns of a table are taken for, and write it to a file that can be edited.

    Args:
        data: A .csv, .tsv or .parquet file.
        out: A .toml file to write: edited, it is what `beliefnet train --schema` takes.
        how: How the file is read.
    """
    if out is not None:
        chosen_file(out, "schema.toml", ".toml")
    schema = load(data, values="mixed", **given_flags(how)).record.schema
    if schema is None:
        raise OptionError(f"expected a table, got {data}", "a .csv file")
    report({"columns": [asdict(column) for column in schema.columns]})
    for line in str(schema).splitlines():
        tell(line)
    if out is not None:
        note = replaced(out)
        save_bytes(out, lambda file: file.write(to_toml(schema).encode("utf-8")))
        say(f"schema written to {out}{note}; train with --schema {out}")
