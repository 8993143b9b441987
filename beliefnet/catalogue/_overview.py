"""What there is, in sentences for the help of the command line."""

from collections.abc import Mapping

from beliefnet.catalogue._entries import Entry
from beliefnet.catalogue._methods import ESTIMATORS
from beliefnet.catalogue._nets import NETS
from beliefnet.distributions import UnitKind


def data_text() -> str:
    """Return what can be given as data."""
    return (
        "Name of a data set (see `beliefnet datasets`), or a .npy, .npz, .mat, .h5ad, .csv or .parquet file; of "
        "documents also a sparse .npz, .mtx, .svmlight or .txt file, or a folder of texts; or a folder of PNG images; "
        "or one of many files that together are more than memory holds."
    )


def net_text() -> str:
    """Return the names of the nets, with what each is."""
    return f"Kind of net: {', '.join(f'{name} ({entry.title})' for name, entry in NETS.items())}."


def estimator_text() -> str:
    """Return the names of the estimators, by the kinds of latents that each is for."""
    groups: dict[str, list[Entry]] = {}
    for entry in ESTIMATORS.values():
        groups.setdefault(latents_of(entry), []).append(entry)
    parts = [f"for {kinds}: {', '.join(map(_titled, group))}" for kinds, group in _by_size(groups).items()]
    defaults = [f"{entry.name} for {latents_of(entry)}" for entry in ESTIMATORS.values() if entry.is_default]
    return (
        f"Gradient estimator; {'; '.join(parts)}. By default {', '.join(defaults)}. With auto, those that climb the "
        "ELBO without bias are measured on the data, and the one with the least variance x cost is taken."
    )


def _titled(entry: Entry) -> str:
    return f"{entry.name} ({entry.title})" if entry.title else entry.name


def latents_of(entry: Entry) -> str:
    """Return for what latents an estimator is."""
    kinds = entry.kinds
    if kinds is None or kinds == frozenset(UnitKind):
        return "any latents"
    *others, last = sorted((kind.value for kind in kinds), reverse=len(kinds) > 2) or [""]
    listed = " or ".join(filter(None, [", ".join(others), last]))
    return f"{listed} latents" if kinds else "no latents"


def _by_size(groups: Mapping[str, list[Entry]]) -> dict[str, list[Entry]]:
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))
