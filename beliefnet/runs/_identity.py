"""Whether a run that goes on is the one that was begun."""

from typing import Any

from beliefnet._errors import DataError, OptionError
from beliefnet.data import Record
from beliefnet.runs._structure import describe, differences


def check_same_run(saved: dict[str, Any], record: Record, settings: dict[str, Any]) -> None:
    """Check that the record of a checkpoint is of a run with these data and options.

    Args:
        saved: The record of the checkpoint.
        record: The data.
        settings: The options that must not change, by name.

    Raises:
        DataError: If the data have other contents.
        OptionError: If an option differs.
    """
    if saved["data"]["checksum"] != record.checksum:
        raise DataError(
            f"expected the data that the run was started with ({saved['data']['checksum']}), got other contents of "
            f"{record.name} ({record.checksum})",
            "a new folder",
        )
    before = {name: value for name, value in saved["settings"].items() if name in settings}
    for place, was, given in differences(describe(before), describe(settings)):
        raise OptionError(
            f"expected the options of the run in this folder, got {place.replace('_', '-')}={given} instead of {was}",
            "a new folder",
        )


def check_same_structure(saved: dict[str, Any], now: dict[str, Any]) -> None:
    """Check that a net and an estimator are those of a run, in everything but the values of arrays.

    Args:
        saved: Descriptions of both, from the record of the checkpoint.
        now: Those of the net and the estimator that are to go on.

    Raises:
        OptionError: Naming the first difference.
    """
    found = [d for what in ("net", "estimator") for d in differences(saved[what], now[what], what)]
    if found:
        place, was, given = found[0]
        more = f" (and {len(found) - 1} more differences)" if len(found) > 1 else ""
        raise OptionError(
            f"expected the net and the estimator of the run in this folder, got {place} {given} instead of {was}{more}",
            "a new folder",
        )
