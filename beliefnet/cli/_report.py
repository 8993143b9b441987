"""beliefnet report: one page about runs."""

import webbrowser
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from beliefnet._errors import OptionError
from beliefnet.cli._app import command
from beliefnet.cli._files import chosen_file, replaced, writing
from beliefnet.cli._progress import progress
from beliefnet.cli._run import check_different
from beliefnet.cli._text import report as report_json
from beliefnet.cli._text import say, warn
from beliefnet.report import write_report
from beliefnet.runs import RunFolder

_NAME = "report.html"


@command
def report(
    directories: Annotated[tuple[Path, ...], Parameter(name="DIR")],
    /,
    *,
    out: Path | None = None,
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
        show: Open the page in the browser.
    """
    if not directories:
        raise OptionError("expected at least one run folder, got none", "beliefnet report runs/mine")
    check_different(directories)
    folders = [RunFolder.open(directory) for directory in directories]
    home = folders[0].home if len(folders) == 1 else Path()
    file = chosen_file(out, str(home / _NAME), ".html")
    note = replaced(file)
    with progress("report") as shown, writing(file):
        written = write_report(directories, file, progress=lambda what: shown.update(what=what))
    for sentence in written.missing:
        warn(sentence)
    report_json({"file": str(file), "runs": [str(directory) for directory in directories], "missing": written.missing})
    say(f"written to {file}{note}")
    if show and not webbrowser.open(file.resolve().as_uri()):
        warn(f"no browser could be opened; open {file} in one")
