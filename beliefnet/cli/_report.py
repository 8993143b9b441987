"""beliefnet report: one page about runs."""

import webbrowser
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from beliefnet._errors import OptionError
from beliefnet._text import printable
from beliefnet.cli._app import command
from beliefnet.cli._files import chosen_file, replaced, writing
from beliefnet.cli._options import check_suffix
from beliefnet.cli._text import MOST_OF_A_PATH, for_terminal, say, waiting, warn
from beliefnet.report import write_report
from beliefnet.runs import RunFolder

_NAME = "report.html"


@command
def report(
    directories: Annotated[tuple[Path, ...], Parameter(name="DIR")],
    /,
    *,
    out: Path | None = None,
    overwrite: Annotated[bool, Parameter(negative=())] = False,
    show: Annotated[bool, Parameter(name="--open", negative=())] = False,
) -> None:
    """Write one HTML page about one or several runs: curves, evaluations, samples, latent units, the whole record.

    The page opens from disk and needs no network. It shows what commands have left in the run folders, such as results
    of evaluate, gaps, diagnose and outliers, and draws samples, reconstructions and weights anew. Of several runs it
    begins with a table to sort, their curves in one chart, and differences row by row.

    Args:
        directories: Run folders of `beliefnet train`, or of `fit` in Python.
        out: An .html file to write; by default report.html in the run folder, or here for several; or report-2.html and
            so on where that is there already.
        overwrite: Replace the file if it is there.
        show: Open the page in the browser.
    """
    if not directories:
        raise OptionError("expected at least one run folder, got none", "beliefnet report runs/mine")
    # All of them are looked at before a folder is made for the page.
    folders = [RunFolder.open(directory) for directory in directories]
    home = folders[0].home if len(folders) == 1 else Path()
    default = home / _NAME
    file = default if out is None and overwrite else chosen_file(out, str(default))
    check_suffix(file, ".html")
    if out is not None and out.exists() and not overwrite:
        raise OptionError(
            f"expected --out to be a new file, got {printable(out, MOST_OF_A_PATH)}, which is there", "--overwrite"
        )
    note = replaced(file)
    with waiting("reading") as status, writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        written = write_report(
            directories, file, progress=lambda what: status.update(Text(for_terminal(what, MOST_OF_A_PATH)))
        )
    for sentence in written.missing:
        warn(sentence)
    say(f"written to {file}{note}")
    if show and not webbrowser.open(file.resolve().as_uri()):
        warn(f"no browser could be opened; open {file} in one")
