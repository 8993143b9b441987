"""The notebooks run, with less training than they show, and what they say of it holds there, too."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pytest
from notebooks import NOTEBOOKS, cells, run_cells
from pages import anchors


class Tutorial(NamedTuple):
    """A notebook.

    Attributes:
        shorter: What takes the place of pieces of its code, so that the test takes less time.
        holds: Asserts of the names that its cells leave.
        pictures: How many it shows.
    """

    shorter: Mapping[str, str]
    holds: Callable[[dict[str, Any]], None]
    pictures: int


def _binary_images(names: dict[str, Any]) -> None:
    assert names["gain"].elbo.mean > 0
    scores = {name: score.log_likelihood.mean for name, score in names["scores"].items()}
    assert scores["refined"] > max(scores["one pass"], scores["training mean"])
    nll = [found.mean for found in names["result"].ladder.values()]
    assert nll == sorted(nll, reverse=True)
    assert -names["result"].elbo.mean > nll[0]
    assert set(np.unique(names["draw"])) == {0, 1}
    assert names["same"]


def _survey_table(names: dict[str, Any]) -> None:
    kinds = {column.name: column.kind for column in names["schema"].columns}
    assert (kinds["person"], kinds["doctor visits"], kinds["health"]) == ("id", "count", "levels")
    errors = names["errors"].loc["mean"]
    assert errors["beliefnet"] < errors["SimpleImputer"]
    assert names["spreads"]["expectations"].std() < names["spreads"]["one draw"].std()
    assert len({0, 1, 2} & set(names["least"])) >= 2
    assert min(names["accuracy"].values()) > 0.6


def _documents_and_topics(names: dict[str, Any]) -> None:
    for name, (_, (elbo, bound)) in names["candidates"].items():
        assert 20 < bound.mean < len(names["words"])
        assert bound.mean < elbo.mean or name.startswith("LDA")
    assert 0.5 < names["ratio"].mean < 2
    assert names["accuracy"]["classifier"].min() > 0.6
    assert names["coherence"].mean() > 0.1


TUTORIALS = {
    "binary_images": Tutorial(
        {
            '    "50": beliefnet.fit(digits, hidden=(50,), estimator="vimco:particles=5", epochs=50),\n': "",
            "epochs=50": "epochs=6",
            "test[:150]": "test[:40]",
            "test.rows[:100]": "test.rows[:20]",
        },
        _binary_images,
        3,
    ),
    "survey_table": Tutorial(
        {"people(800": "people(200", "epochs=300": "epochs=60", "num_draws=40": "num_draws=10"}, _survey_table, 2
    ),
    "documents_and_topics": Tutorial(
        {
            "max_features=700": "max_features=200",
            "(50, 100, 200)": "(50, 200)",
            "max_iter=20": "max_iter=2",
            "TSNE(": "TSNE(max_iter=250, ",
            '"net, 50 bits": (50,), ': "",
            "epochs=60": "epochs=8",
            "K = 100": "K = 20",
        },
        _documents_and_topics,
        1,
    ),
}


@pytest.mark.full
@pytest.mark.parametrize("name", TUTORIALS)
def test_a_tutorial_runs(name: str, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: None)
    plt.switch_backend("agg")
    TUTORIALS[name].holds(run_cells(NOTEBOOKS[name], TUTORIALS[name].shorter))
    assert len(plt.get_fignums()) == TUTORIALS[name].pictures
    plt.close("all")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_what_a_notebook_shows_is_fit_to_be_shown(name: str):
    """Run once from top to bottom; no warnings, no paths of a machine, no large pictures; links lead on."""
    path = NOTEBOOKS[name]
    assert path.stat().st_size < 400_000
    code = [cell for cell in cells(path) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [out for cell in code for out in cell["outputs"]]
    assert {out["output_type"] for out in outputs} <= {"stream", "execute_result", "display_data"}
    assert not [out for out in outputs if out.get("name") == "stderr"]
    if name in TUTORIALS:
        assert sum("image/png" in out.get("data", {}) for out in outputs) == TUTORIALS[name].pictures
    texts = ["".join(out.get("text", out.get("data", {}).get("text/plain", ""))) for out in outputs]
    assert not re.search(r"/(tmp|home|root|work|Users)/", "".join(texts))
    sources = ["".join(cell["source"]) for cell in cells(path)]
    for target in re.findall(r"\]\(([^)\s]+)\)", "\n".join(sources)):
        page, _, anchor = target.partition("#")
        assert "://" in page or not anchor or anchor in anchors((path.parent / page).read_text())
        assert "://" in page or (path.parent / page).exists()
