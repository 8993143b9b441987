"""Which tests run: those marked `full` only with `pytest --full`, and the end of a run says how many were left out.

`@pytest.mark.full(but=["two layers"])` leaves out all parameters of a test but those of these names.
"""

import pytest

LEFT_OUT = pytest.StashKey[int]()
PARAMETERS = pytest.StashKey[dict[str, tuple[set[str], set[str]]]]()
"""Of each test, the names in its `but` and those of its parameters."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the tests marked `full`, too: the long ones")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "full(but=[]): a long test, which runs only with `pytest --full`; `but` names parameters that always do",
    )
    config.stash[LEFT_OUT] = 0
    config.stash[PARAMETERS] = {}
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(_Workers(config))


def pytest_itemcollected(item: pytest.Item) -> None:
    name = item.callspec.id if hasattr(item, "callspec") else None  # pyright: ignore
    wanted, found = item.config.stash[PARAMETERS].setdefault(item.nodeid.partition("[")[0], (set(), set()))
    wanted.update(*(mark.kwargs.get("but", ()) for mark in item.own_markers if mark.name == "full"))
    found.add(str(name))
    if any(name in mark.kwargs.get("but", ()) for mark in item.iter_markers("full")):
        item.own_markers = [mark for mark in item.own_markers if mark.name != "full"]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse a `but` that names no parameter: its case would be left out without a word."""
    config = session.config
    if any("::" in place for place in config.args) or config.getoption("lf", False):
        return  # not all parameters were collected
    for test, (wanted, found) in config.stash[PARAMETERS].items():
        for name in sorted(wanted - found):
            known = ", ".join(map(repr, sorted(found)[:12]))
            raise pytest.UsageError(f"expected `but` of {test} to name its parameters, got {name!r}; try {known}")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    long = [item for item in items if item.get_closest_marker("full")]
    if long and not config.getoption("full"):
        items[:] = [item for item in items if item not in set(long)]
        config.hook.pytest_deselected(items=long)
        config.stash[LEFT_OUT] = len(long)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash[LEFT_OUT]  # pyright: ignore


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    if count := config.stash[LEFT_OUT]:
        terminalreporter.write_line(f"{count} long tests were left out; run them, too, with: pytest --full")


class _Workers:
    """Each worker of pytest-xdist collects all tests; what the first one left out, all left out."""

    def __init__(self, config: pytest.Config):
        self.config = config

    def pytest_testnodedown(self, node) -> None:
        left_out = getattr(node, "workeroutput", {}).get("left_out", 0)
        self.config.stash[LEFT_OUT] = max(self.config.stash[LEFT_OUT], left_out)
