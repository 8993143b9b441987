"""A trained net in a table of comparisons: what its run folder says of it."""

from typing import Any

from beliefnet._errors import OptionError
from beliefnet.cli._run import Run
from beliefnet.data import DataError, Record
from beliefnet.runs import RunFolder, RunFolderError

_SCORES = ("num_examples", "elbo", "nll")
_PERPLEXITIES = ("perplexity", "elbo_perplexity")


def row_of_run(run: Run, record: Record, split: str) -> dict[str, Any]:
    """Read what was found for a net, which must be for the same data."""
    folder = run.folder
    evaluation = _evaluation(folder, split)
    wanted = ("data", "split", "num_particles", *_SCORES)
    missing = [name for name in wanted if name not in evaluation]
    if missing:
        raise RunFolderError(
            f"expected {', '.join(wanted)} in {folder.evaluation_file}, got none of {', '.join(missing)}",
            f"beliefnet evaluate {folder.path}",
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
            f"beliefnet evaluate {folder.path} --split {split}",
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
