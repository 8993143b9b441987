"""A trained net in a table of comparisons: what its run folder says of it."""

from typing import Any

from beliefnet._errors import OptionError
from beliefnet.catalogue import flatten
from beliefnet.cli._run import Run
from beliefnet.data import DataError, Record
from beliefnet.runs import RunFolder, RunFolderError

_SCORES = ("num_examples", "elbo", "nll")
_NOT_TOLD = {"data", "net", "hidden", "estimator", "checkpoint_seconds", "rows_on", "particle_chunk", "mesh"}
"""Options of a run that its description says, or that change nothing of what is learnt."""
_PERPLEXITIES = ("perplexity", "elbo_perplexity")


def rows_of_runs(runs: list[Run], record: Record, split: str) -> list[dict[str, Any]]:
    """Read what was found for nets, which must be for the same data, and say how they differ in how they were trained.

    Args:
        runs: The runs.
        record: The data.
        split: Part of them.
    """
    configs = [{} if run.config is None else flatten(run.config.to_dict()) for run in runs]
    names = sorted({name for config in configs for name in config} - _NOT_TOLD)
    differing = [name for name in names if len({str(config.get(name)) for config in configs}) > 1]
    rows = []
    for run, config in zip(runs, configs, strict=True):
        given = [f"{name.replace('_', '-')}={_worded(config.get(name))}" for name in differing if name in config]
        about = [run.description, _estimator(run), *given]
        row = _row(run, record, split)
        row["settings"] |= {name: config.get(name) for name in differing}
        rows.append({**row, "options": ", ".join(about)})
    named = [row["model"] for row in rows]
    for row, run in zip(rows, runs, strict=True):
        # Folders of one name are told apart by their paths.
        row["model"] = row["model"] if named.count(row["model"]) == 1 else str(run.folder.path)
    return rows


def _worded(value: Any) -> str:
    return " ".join(map(str, value)) if type(value) in (list, tuple) else str(value)


def _row(run: Run, record: Record, split: str) -> dict[str, Any]:
    folder = run.folder
    evaluation = _evaluation(folder, split)
    wanted = ("data", "split", "num_particles", *_SCORES)
    missing = [name for name in wanted if name not in evaluation]
    if missing:
        raise RunFolderError(
            f"expected {', '.join(wanted)} in {folder.evaluation_file}, got none of {', '.join(missing)}",
            folder.evaluate_command,
        )
    if evaluation["data"]["checksum"] != record.checksum:
        raise DataError(
            f"expected runs evaluated on the data of this table ({record.checksum}), got {folder.path} with "
            f"{evaluation['data']['name']} ({evaluation['data']['checksum']})",
            f"beliefnet compare without --data, or beliefnet evaluate {folder.path} again",
        )
    if evaluation["split"] != split:
        raise OptionError(
            f"expected runs evaluated on the {split} split, got {folder.path} with {evaluation['split']}",
            f"beliefnet evaluate {folder.path} --split {split}" if run.record.splits.get(split) else "--split valid",
        )
    if record.values == "counts" and run.net.visible.report != "perplexity":
        raise OptionError(
            f"expected runs that score the words of a document given its length, got {folder.path} with poisson "
            "visible units, whose likelihood is that of counts",
            "runs of --net document",
        )
    return {
        "model": folder.path.resolve().name,
        "settings": {"net": run.description, "estimator": _estimator(run)},
        **{name: evaluation[name] for name in (*_SCORES, *_PERPLEXITIES) if name in evaluation},
        "method": f"bound of {evaluation['num_particles']} particles{_of(evaluation)}",
    }


def _evaluation(folder: RunFolder, split: str) -> dict[str, Any]:
    """Return the evaluation with most particles of the net as it is now; one of an earlier net is refused."""
    kept = [
        result
        for result in folder.read_results("evaluation")
        if result.is_current and result.content.get("split") == split
    ]
    if kept:
        return max(kept, key=lambda result: (result.content.get("num_particles", 0), result.time)).content
    return folder.read_evaluation()


def _estimator(run: Run) -> str:
    """Return the name of a run's estimator; its class, if `fit` made the run."""
    if run.config is not None:
        return run.config.estimator.name
    return "of one's own" if run.estimator is None else type(run.estimator).__name__


def _of(evaluation: dict[str, Any]) -> str:
    proposal = evaluation.get("proposal", "")
    return f" of {proposal}" if proposal and not proposal.startswith("Recognition") else ""
