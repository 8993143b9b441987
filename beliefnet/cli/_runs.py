"""beliefnet runs."""

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from beliefnet._errors import OptionError
from beliefnet._text import printable
from beliefnet.cli._app import command
from beliefnet.cli._common import asked
from beliefnet.cli._seeds import groups_over_seeds, show_groups
from beliefnet.cli._text import aligned, report, say, tell
from beliefnet.runs import Overview, RunFolder, RunFolderError, foreign_files, read_tags, runs_in, write_tags

runs_app = App(name="runs", help="List the runs of a folder, put tags on them, or delete some.")
command(runs_app)

Metric = Literal["name", "bound", "elbo", "nll", "ess", "epoch"]

_FALLING = frozenset({"bound", "elbo", "ess", "epoch"})


@runs_app.default
def show(
    folder: Annotated[Path, Parameter(name="FOLDER")] = Path("runs"),
    /,
    *,
    sort: Metric = "name",
    tag: str | None = None,
    seeds: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """List the runs of a folder: what is trained on what, how far it is, and what the best net of each is worth.

    The bound is that of the validation data; NLL, ELBO and effective sample size are those of the test evaluation with
    most particles, of the net as it is now.

    Args:
        folder: Where the runs are, at any depth.
        sort: What the list is sorted by, the best first.
        tag: Only runs with this tag.
        seeds: Take runs that differ in their seed alone as one: mean and standard deviation over them.
    """
    found = [Overview.of(run) for run in _runs(folder)]
    chosen = _sorted([run for run in found if tag is None or tag in run.tags], sort)
    if seeds and chosen:
        show_groups(groups_over_seeds(chosen))
        return
    report({"runs": [_plain(run) for run in chosen]})
    if not chosen and not asked().json:
        known = sorted({word for run in found for word in run.tags})
        raise OptionError(
            f"expected runs with the tag {printable(tag, 60)}, got none of {len(found)}",
            known[0] if known else "no --tag",
        )
    data = {run.data for run in chosen if run.data}
    columns = {name: [cell(run) for run in chosen] for name, cell in _COLUMNS.items()}
    columns["run"] = [_name(run, folder) for run in chosen]
    shown = {name: cells for name, cells in columns.items() if any(cells) and (name != "data" or len(data) > 1)}
    if len(data) == 1:
        tell(f"runs on {data.pop()}")
    for line in aligned([tuple(shown), *zip(*shown.values(), strict=True)]):
        tell(line)


@runs_app.command
def tag(
    directory: Annotated[Path, Parameter(name="DIR")], words: tuple[str, ...] = (), /, *, remove: bool = False
) -> None:
    """Put tags on a run, or say which it has.

    Args:
        directory: Run folder.
        words: The tags.
        remove: Take these tags away instead.
    """
    run = RunFolder.open(directory)
    now = set(read_tags(run))
    missing = sorted(set(words) - now) if remove else []
    if missing:
        raise OptionError(
            f"expected tags that {directory} has, got {printable(missing[0], 60)}",
            " ".join(sorted(now)) or "no --remove",
        )
    if words:
        now = now - set(words) if remove else now | set(words)
        write_tags(run, now)
    report({"run": str(directory), "tags": sorted(now)})
    tell(f"{directory}: {' '.join(sorted(now)) or 'no tags'}")


@runs_app.command
def delete(
    directories: Annotated[tuple[Path, ...], Parameter(name="DIR")],
    /,
    *,
    yes: Annotated[bool, Parameter(name="--yes", negative=())] = False,
) -> None:
    """Delete runs: their folders, with checkpoints, results and pictures.

    Nothing is deleted if one of them is no run, if a process trains in it, or if something is in its folder that no
    command of this package wrote.

    Args:
        directories: Run folders.
        yes: They are really to be deleted.
    """
    found = list({path.resolve(): RunFolder.open(path) for path in directories}.values())
    for run in found:
        if run.path.is_symlink():
            raise RunFolderError(f"expected a folder, got the link {run.path}", f"{run.path.resolve()}")
        if run.lock.user is not None:
            raise RunFolderError(f"expected a run that nobody trains, got {run.path} ({run.lock.user})", "stopping it")
        others = foreign_files(run)
        if others:
            raise RunFolderError(
                f"expected nothing in {run.path} but a run, got {', '.join(map(str, others[:3]))} in it",
                "moving it elsewhere",
            )
    if not yes:
        named = shlex.join(str(run.path) for run in found)
        raise OptionError(f"expected --yes to delete {named}, got it not", f"beliefnet runs delete {named} --yes")
    report({"deleted": [str(run.path) for run in found]})
    for run in found:
        shutil.rmtree(run.path)
        say(f"{run.path} is deleted")


def _runs(folder: Path) -> list[RunFolder]:
    found = runs_in(folder) if folder.is_dir() else []
    if not found:
        missing = "none in it" if folder.is_dir() else "no such folder"
        raise OptionError(
            f"expected a folder with runs, got {folder} ({missing})", f"beliefnet train --out {folder}/mine"
        )
    return found


def _sorted(runs: list[Overview], metric: str) -> list[Overview]:
    """The best first; those without a value come last."""
    if metric == "name":
        return runs
    known = [run for run in runs if run.value(metric) is not None]
    ranked = sorted(known, key=lambda run: run.value(metric) or 0.0, reverse=metric in _FALLING)
    return ranked + [run for run in runs if run.value(metric) is None]


def _name(run: Overview, folder: Path) -> str:
    return run.folder.path.name if run.folder.path == folder else str(run.folder.path.relative_to(folder))


def _length(run: Overview) -> str:
    return f"{run.epoch}" + ("" if run.epochs is None else f"/{run.epochs}")


def _likelihood(run: Overview) -> str:
    nll, particles = run.value("nll"), run.evaluation.get("num_particles")
    return "" if nll is None else f"{nll:.2f} ({particles})"


_COLUMNS: dict[str, Callable[[Overview], str]] = {
    "run": lambda run: run.folder.path.name,
    "net": lambda run: run.net,
    "data": lambda run: run.data,
    "estimator": lambda run: run.estimator,
    "epochs": _length,
    "bound": lambda run: "" if run.bound is None else f"{run.bound:.2f}",
    "NLL (particles)": _likelihood,
    "state": lambda run: "" if run.state == "saved" else run.state,
    "tags": lambda run: " ".join(run.tags),
}


def _plain(run: Overview) -> dict[str, object]:
    about = ("net", "data", "estimator", "state", "epoch", "epochs", "bound")
    numbers = {metric: run.value(metric) for metric in ("nll", "elbo", "ess")}
    particles = run.evaluation.get("num_particles")
    return {"run": str(run.folder.path), **{name: getattr(run, name) for name in about}} | {
        **numbers,
        "num_particles": particles,
        "tags": list(run.tags),
    }
