"""Pages about runs: what is in them, what is escaped, where they are written."""

import json
import shutil
from pathlib import Path

import pytest
from commands import fails

from beliefnet.cli import run
from beliefnet.report._html import Html, data_script, joined, lines, tag
from beliefnet.report._parts import Cell, number, table, with_error
from beliefnet.runs import RunFolder, RunFolderError

HOSTILE = "</script><script>alert(1)</script> \"q\" 'a' & \u202ertl \x1b[31m"


def test_text_is_escaped_wherever_it_stands():
    page = joined(
        [HOSTILE, tag("p", HOSTILE, title=HOSTILE), lines(f"{HOSTILE}\nb"), data_script({HOSTILE: [HOSTILE]})]
    )
    assert page.count("<script") == page.count("</script>") == 1
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert page.count("&quot;q&quot;") == 4
    assert tag("p", tag("b", "x")) == "<p><b>x</b></p>"
    inside = data_script({HOSTILE: [HOSTILE, float("nan")]}).split(">", 1)[1].removesuffix("</script>")
    assert json.loads(inside) == {HOSTILE: [HOSTILE, None]}


def test_only_what_was_made_as_html_stays_html():
    assert joined([Html("<b>"), "<b>", None]) == "<b>&lt;b&gt;"


def test_cells_sort_by_their_values():
    rows = [("a", number(-1.5), with_error({"mean": 2.0, "stderr": 0.1})), ("b", number(None), Cell("x", "y"))]
    shown = table("some", ("name", "n", "m"), rows, is_sortable=True)
    assert 'data-value="-1.5"' in shown
    assert "\N{MINUS SIGN}1.50" in shown
    assert "2.00 ± 0.10" in shown
    assert shown.count('aria-sort="none"') == shown.count('<button type="button">') == 3
    assert number(float("nan")).value is None


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A run in which an epoch has ended and nothing is saved yet: a page of it takes no time."""
    folder = RunFolder.create(tmp_path / "begun", {"net": "sbn", "estimator": "nvil", "epochs": 9, "data": HOSTILE})
    folder.append_metrics({"epoch": 1, "step": 2, "train_bound": -9.0, "valid_bound": float("-inf")})
    return folder.path


def test_a_page_gets_a_fresh_name_or_replaces(begun: Path, here, capsys):
    assert run(["report", str(begun)]) == 0
    assert "warning: What needs the net is left out: expected a run that has saved a net" in capsys.readouterr().err
    page = (begun / "report.html").read_text(encoding="utf-8")
    assert page.count("<script") == 2  # the page's own, and the data of the chart
    assert "1 of 9" in page
    assert run(["report", str(begun)]) == run(["report", str(begun), "--overwrite"]) == 0
    assert sorted(path.name for path in begun.glob("*.html")) == ["report-2.html", "report.html"]
    (here / "mine.html").write_text("precious")
    assert "expected --out to be a file that is not there yet, got mine.html; try --overwrite" in fails(
        capsys, "report", begun, "--out", "mine.html"
    )
    other = shutil.copytree(begun, here / "other")
    assert run(["report", str(begun), str(other), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["file"] == "report.html"
    assert "expected --out to end in .html, got a.png" in fails(capsys, "report", begun, "--out", "a.png")
    assert "expected a run folder" in fails(capsys, "report", begun, here / "none", "--out", "a.html")
    assert not (here / "a.html").exists()
    assert run(["runs", "delete", str(begun), "--yes"]) == 0


def test_a_page_is_opened(begun: Path, capsys, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or len(opened) < 2)
    assert run(["report", str(begun), "--open"]) == 0
    assert opened == [(begun / "report.html").resolve().as_uri()]
    assert run(["report", str(begun), "--open"]) == 0
    assert "no browser could be opened" in capsys.readouterr().err


def test_a_section_that_fails_costs_no_other(begun: Path, capsys):
    (begun / "gradients.json").write_text('{"estimators": {"nvil": 3}}')
    assert run(["report", str(begun)]) == 0
    assert "warning: Gradients could not be shown (TypeError" in capsys.readouterr().err
    page = (begun / "report.html").read_text(encoding="utf-8")
    assert "Gradients could not be shown" in page
    assert 'id="record"' in page


def test_a_configuration_that_cannot_be_read_costs_a_remark(begun: Path, capsys):
    (begun / "config.toml").write_text("net = [")
    assert run(["report", str(begun)]) == 0
    assert "warning: What needs the net is left out: expected TOML in" in capsys.readouterr().err
    page = (begun / "report.html").read_text(encoding="utf-8")
    assert "expected TOML in" in page
    assert 'id="record"' in page


def test_a_page_is_about_runs(here):
    from beliefnet.report import write_report

    with pytest.raises(RunFolderError, match="expected a run folder"):
        write_report([here / "none"], here / "a.html")
    with pytest.raises(ValueError, match="expected at least one run folder, got none"):
        write_report([], here / "a.html")
    assert list(here.iterdir()) == []
