"""Pages about runs: which sections there are, and what becomes of one that cannot be made."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from beliefnet._errors import ArgumentError
from beliefnet.report import _drawn, _results, _several
from beliefnet.report._contents import Contents
from beliefnet.report._html import Html, joined, tag
from beliefnet.report._page import page
from beliefnet.report._parts import facts, note, number, section, with_error
from beliefnet.runs import RunFolder, write_atomically


class Part(NamedTuple):
    """A section of a page about a run."""

    title: str
    build: Callable[[Contents], Html | None]


PARTS = (
    Part("Training", _results.curves),
    Part("Evaluation", _results.evaluations),
    Part("Latent units", _drawn.units),
    Part("Samples", _drawn.samples),
    Part("Reconstructions", _drawn.reconstructions),
    Part("Weights", _drawn.weights),
    Part("Traversals", _drawn.traversals),
    Part("Topics", _drawn.topic_words),
    Part("Refinement", _results.refinement),
    Part("Gradients", _results.gradients),
    Part("Outliers", _results.outliers),
    Part("Imputation", _results.imputation),
    Part("Record", _results.record),
)


@dataclass(frozen=True)
class Written:
    """A page that was written.

    Attributes:
        path: The file.
        missing: A sentence for each thing that could not be read or drawn; the page says so as well.
    """

    path: Path
    missing: tuple[str, ...]


def write_report(
    runs: Sequence[Path | str], path: Path | str, *, progress: Callable[[str], None] = lambda what: None
) -> Written:
    """Write one HTML page about one or several runs.

    Nothing is trained, and nothing evaluated beyond a quick look: what commands have left in the run folders is shown,
    and samples, reconstructions, weights and the like are drawn from the net. What cannot be read or drawn costs a
    remark on the page, and no other section.

    Args:
        runs: Run folders.
        path: The file to write or replace.
        progress: Called with what is being done.

    Raises:
        RunFolderError: If one of them is no run folder.
        ValueError: If there are none.
        OSError: If the file cannot be written.
    """
    if not runs:
        raise ArgumentError("expected at least one run folder, got none", "['runs/mine']")
    folders = [RunFolder.open(run) for run in runs]
    found = []
    for folder in folders:
        progress(f"reading {folder.path}")
        found.append(Contents.read(folder))
    missing = [sentence for one in found for sentence in one.missing]

    def built(what: str, build: Callable[[], Html | None]) -> Html | None:
        """Make a section; what goes wrong in it stays in it."""
        progress(what)
        try:
            return build()
        except Exception as error:
            missing.append(f"{what} could not be shown ({type(error).__name__}: {error}).")
            return note(missing[-1], is_warning=True)

    text = _of_one(found[0], built) if len(found) == 1 else _of_several(found, built)
    write_atomically(Path(path), text)
    return Written(Path(path), tuple(missing))


_Built = Callable[[str, Callable[[], Html | None]], Html | None]


def _of_one(contents: Contents, built: _Built) -> str:
    sections = list(_sections(contents, built))
    links = [(ident, title) for ident, title, _ in sections]
    body = [_summary(contents), *(section(ident, title, inside) for ident, title, inside in sections)]
    return page(contents.name, _links(links), joined(body))


def _of_several(runs: Sequence[Contents], built: _Built) -> str:
    common = {
        "Runs": _several.overview,
        "Validation curves": _several.curves,
        "Differences": _several.differences,
    }
    made = {title: built(title, lambda build=build: build(runs)) for title, build in common.items()}
    sections = [(_ident(title), title, inside) for title, inside in made.items() if inside is not None]
    body = [section(ident, title, inside) for ident, title, inside in sections]
    links = [(ident, title) for ident, title, _ in sections]
    for place, contents in enumerate(runs):
        ident = f"run-{place + 1}"
        inside = [
            section(f"{ident}-{part}", title, content, level=3)
            for part, title, content in _sections(contents, built, of=f"{contents.name}: ")
        ]
        summary = tag("summary", tag("h2", contents.name, id=ident))
        body.append(tag("details", summary, _summary(contents), *inside, class_="run"))
        links.append((ident, contents.name))
    return page(f"{len(runs)} runs", _links(links), joined(body))


def _sections(contents: Contents, built: _Built, of: str = "") -> Iterator[tuple[str, str, Html]]:
    """Yield identifier, title and content of each section that the run has."""
    for title, build in PARTS:
        content = built(f"{of}{title}", lambda build=build: build(contents))
        if content is not None:
            yield _ident(title), title, content


def _summary(contents: Contents) -> Html:
    """Say what a run is and what it has come to, in a few numbers."""
    about, found = contents.overview, contents.overview.evaluation
    description = contents.run.description if contents.run else about.net
    best = "" if about.bound is None else f"{number(about.bound).text} nats"
    known = {
        "net": description,
        "data": about.data,
        "estimator": about.estimator,
        "epochs": f"{about.epoch}" if about.epochs is None else f"{about.epoch} of {about.epochs}",
        "best validation bound": best,
        "test NLL": f"{with_error(found['nll']).text} nats" if found.get("nll") else "",
        "state": "" if about.state == "saved" else about.state,
    }
    remarks = (note(sentence, is_warning=True) for sentence in contents.missing)
    return tag("div", facts(known), *remarks, class_="summary")


def _links(links: Sequence[tuple[str, str]]) -> Html:
    return tag("ul", *(tag("li", tag("a", title, href=f"#{ident}")) for ident, title in links))


def _ident(title: str) -> str:
    return title.lower().replace(" ", "-")
