"""Pages about runs in a real browser: nothing goes wrong, nothing is asked for, and everything can be used."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.image import imread

from beliefnet.cli import run
from beliefnet.evaluation import EstimatorReport, GradientReport, PartReport
from beliefnet.evaluation._gradient_reference import Reference
from beliefnet.report import Live, _drawn
from beliefnet.report._contents import Contents
from beliefnet.runs import RunFolder

pytestmark = pytest.mark.full

NAME = "<img src=x onerror=alert(1)> \"q\" 'a' & \u202ertl"
SHOWN = "<img src=x onerror=alert(1)> \"q\" 'a' & \\u202ertl"
WORDS = "</script><script>alert(2)</script>"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def mean(value: float) -> dict[str, float]:
    return {"mean": value, "stderr": 0.25}


def add_results(folder: RunFolder) -> None:
    """Leave in a run folder what commands leave there, with hostile words wherever data have a say."""
    scores = {"elbo": mean(-5.0), "nll": mean(4.5), "ess": mean(3.0)}
    ladder = {"10": mean(4.75), "100": mean(4.5)}
    about = {"split": "test", "num_particles": 100, "num_examples": 6, "proposal": f"{WORDS}(x)", "seed": 0}
    folder.write_evaluation({**about, **scores, "ladder": ladder, "kl_per_layer": [0.5, 0.25], "pareto_k": 0.5})
    gaps = {name: mean(0.5) for name in ("inference", "amortisation", "approximation")}
    folder.write_result("gaps", {}, {"evaluations": {"0": scores, "5": scores}, "refine": WORDS, **gaps})
    outliers = {"num_rows": 2, "data": WORDS, "outliers": [{"row": 1, NAME: WORDS, "log_p": -9.5}]}
    folder.write_result("outliers", {}, outliers)
    errors = {"net": {WORDS: {"error": 0.25}}, "mean or mode": {WORDS: {"error": 0.5}}}
    folder.write_result("imputation", {}, {"errors": errors, "num_hidden": 3, "num_missing": 0, "data": WORDS})
    part = PartReport(7, 0.5, 1.0, 0.1, 0.1, 2.0, 0.5, float("nan"), 0.9, 3.0)
    report = GradientReport(
        20, 5, {1: Reference(1, "exact", 0, {}, "")}, {WORDS: EstimatorReport(1, 2.0, {"theta": part, "phi": part})}
    )
    plain = json.loads(json.dumps(report.to_dict() | {"best_epoch": -1}), parse_constant=lambda _: None)
    assert repr(GradientReport.from_dict(plain)) == repr(report)
    (folder.path / "gradients.json").write_text(json.dumps(plain))


@pytest.fixture(scope="module")
def pages(trained: Path, tmp_path_factory) -> SimpleNamespace:
    """A page about one run, and one about that and two others, of which one has only begun."""
    home = tmp_path_factory.mktemp("report")
    one = RunFolder(shutil.copytree(trained, home / NAME))
    add_results(one)
    begun = RunFolder.create(home / "begun", {"net": "sbn", "estimator": WORDS, "epochs": 9, "data": WORDS})
    begun.append_metrics({"epoch": 1, "step": 2, "train_bound": -9.0, "valid_bound": None})
    assert run(["report", str(one.path), "--out", str(home / "one.html")]) == 0
    assert run(["report", *map(str, (one.path, trained, begun.path)), "--out", str(home / "several.html")]) == 0
    return SimpleNamespace(one=home / "one.html", several=home / "several.html", folder=one)


def test_a_page_shows_all_that_a_run_has(pages: SimpleNamespace):
    page = pages.one.read_text(encoding="utf-8")
    parts = ("training", "evaluation", "latent-units", "samples", "reconstructions", "refinement", "gradients")
    for part in (*parts, "outliers", "imputation", "record"):
        assert f'id="{part}"' in page, part
    assert "4.50 ± 0.25" in page
    assert pages.folder.read_record()["data"]["checksum"] in page
    assert "Of an earlier net, that of epoch -1." in page
    assert "could not be" not in page
    # Two runs of one net differ by nothing, row by row.
    assert "0.000 ± 0.000" in pages.several.read_text(encoding="utf-8")


def test_images_of_a_net_are_drawn(pages: SimpleNamespace):
    contents = Contents.read(pages.folder)
    assert contents.run is not None
    images = replace(contents, run=replace(contents.run, record=replace(contents.run.record, image_shape=(1, 7))))
    for build in (_drawn.samples, _drawn.reconstructions, _drawn.weights, _drawn.traversals):
        shown = build(images)
        assert shown is not None
        assert shown.count('class="pixels"') == (2 if build is _drawn.weights else 1)
    assert _drawn.weights(contents) is _drawn.traversals(contents) is _drawn.topic_words(contents) is None


@pytest.fixture(scope="module")
def browser() -> Iterator:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install '.[test]'")
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        pytest.skip("no Chromium or Chrome is installed to open pages in: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def views(browser, pages: SimpleNamespace) -> Iterator[SimpleNamespace]:
    """Both pages, opened, and everything that went wrong or was asked for on the way."""
    context = browser.new_context(viewport={"width": 1100, "height": 800}, color_scheme="light")
    faults: list[str] = []
    context.on("request", lambda r: faults.append(r.url) if not r.url.startswith(("file:", "data:")) else None)

    def opened(path: Path):
        view = context.new_page()
        view.on("console", lambda message: faults.append(message.text))
        view.on("pageerror", lambda error: faults.append(str(error)))
        view.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
        view.goto(path.as_uri())
        return view

    yield SimpleNamespace(one=opened(pages.one), several=opened(pages.several), faults=faults)
    # At the end, so that everything that tests have done counts.
    assert faults == []
    context.close()


def test_nothing_goes_wrong_and_names_are_text(views: SimpleNamespace):
    assert views.faults == []
    assert views.one.title() == views.one.inner_text("h1") == SHOWN
    assert views.one.evaluate("document.querySelectorAll('script:not([type]), iframe, img[src=x]').length") == 1
    assert WORDS in views.one.inner_text("main")
    assert views.one.evaluate(
        "[...document.querySelectorAll('link, a')].every(a => /^(#|data:)/.test(a.getAttribute('href')))"
    )


def test_every_figure_is_there(views: SimpleNamespace):
    for view, least in ((views.one, 4), (views.several, 6)):
        view.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        sizes = view.evaluate("[...document.images].map(i => [i.naturalWidth, i.alt.length])")
        assert len(sizes) >= least
        assert min(map(min, sizes)) > 10
        plots = view.locator(".plot").all()
        assert all(plot.locator("path, circle").count() for plot in plots)
        assert min(len(plot.get_attribute("aria-label") or "") for plot in plots) > 20


def test_a_table_is_sorted_by_a_button(views: SimpleNamespace):
    view = views.several
    names = "[...document.querySelector('table.sortable').tBodies[0].rows].map(r => r.cells[0].textContent)"
    head = view.locator("table.sortable").first.locator("th", has_text="bound")
    begun = view.evaluate(names)
    head.locator("button").focus()
    view.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert view.evaluate(names)[-1] == "begun"  # without a bound, last either way
    view.locator("table.sortable").first.locator("th", has_text="run").locator("button").click()
    assert head.get_attribute("aria-sort") == "none"
    assert view.evaluate(names) == sorted(begun)
    view.locator("table.sortable").first.locator("th", has_text="run").locator("button").click()
    assert view.evaluate(names) == sorted(begun, reverse=True)


def test_a_curve_is_read_and_zoomed_by_mouse_and_keys(views: SimpleNamespace):
    chart = views.one.locator(".chart").nth(1)
    plot = chart.locator(".plot")
    plot.scroll_into_view_if_needed()
    plot.hover(position={"x": 80, "y": 100})
    assert plot.locator(".tip").inner_text().splitlines() == ["particles 10", "NLL 4.75 ± 0.25"]
    plot.focus()
    views.one.keyboard.press("ArrowRight")
    assert chart.locator("output").inner_text() == "particles 100, NLL 4.50 ± 0.25"
    first = views.one.locator(".chart").first
    before = first.locator("path").first.get_attribute("d")
    assert not first.get_by_role("button", name="Show all").is_visible()
    first.get_by_role("button", name="training").click()
    assert first.locator("path").count() == 1
    first.get_by_role("button", name="training").click()
    assert first.locator("path").first.get_attribute("d") == before


def test_the_theme_is_toggled(views: SimpleNamespace):
    view, colour = views.one, "getComputedStyle(document.body).backgroundColor"
    button, light = view.locator("#theme"), view.evaluate(colour)
    button.click()
    assert (button.get_attribute("aria-pressed"), view.evaluate(colour)) == ("true", "rgb(20, 24, 29)")
    button.click()
    assert (button.get_attribute("aria-pressed"), view.evaluate(colour)) == ("false", light)


@pytest.mark.parametrize(
    ("page", "scheme", "width"), [("one", "light", 390), ("one", "dark", 1100), ("several", "dark", 390)]
)
def test_everybody_can_read_it_on_any_screen(
    views: SimpleNamespace, page: str, scheme: str, width: int, tmp_path: Path
):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed: see '.[test]'")
    view = getattr(views, page)
    view.emulate_media(color_scheme=scheme)
    view.evaluate("delete document.documentElement.dataset.theme")
    view.set_viewport_size({"width": width, "height": 800})
    assert view.evaluate("document.documentElement.scrollWidth <= innerWidth")
    view.screenshot(path=str(tmp_path / "page.png"))
    pixels = np.rint(imread(tmp_path / "page.png")[..., :3] * 255).astype(int)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20
    found = axe.Axe().run(view).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []


def until(view, said: str) -> None:
    """Wait until a page that may load itself anew says something."""
    view.get_by_text(said).wait_for(timeout=5000)


def test_a_page_grows_while_the_run_trains(browser, tmp_path: Path):
    """What is zoomed, chosen and open stays, and the end is told; nothing else is asked for, and nothing goes wrong."""
    rows = [{"epoch": n, "step": n, "train_bound": -9 - 1 / n, "valid_bound": -8 - 1 / n} for n in range(1, 61)]
    live = Live(RunFolder.create(tmp_path / NAME, {"epochs": 60, "data": WORDS}).path)
    faults: list[str] = []
    with live, browser.new_context(viewport={"width": 390, "height": 800}) as context:
        context.on("request", lambda r: faults.append(r.url) if not r.url.startswith((live.url, "data:")) else None)
        view = context.new_page()
        view.on("console", lambda message: faults.append(message.text))
        view.on("pageerror", lambda error: faults.append(str(error)))
        view.goto(live.url)
        assert view.inner_text("h1") == SHOWN
        assert "No epoch has ended yet." in view.inner_text("#live-said")
        assert view.inner_text(".plot") == "nothing to draw yet"
        live.on_steps(21, 20, -9.0, 100.0)
        live.on_epoch(SimpleNamespace(history=rows[:20]))  # pyright: ignore[reportArgumentType]
        until(view, "20 of 60")
        plot, texts = view.locator(".plot"), "[...document.querySelectorAll('.plot text')].map(t => t.textContent)"
        plot.focus()
        for key in ("+", "+", "ArrowRight"):
            view.keyboard.press(key)
        view.get_by_role("button", name="training").click()
        view.locator("#theme").click()
        view.locator(".values summary").click()
        view.locator(".values .scroll").wait_for()
        view.evaluate("scrollTo(0, 200); document.querySelector('.values .scroll').scrollTop = 50")
        shown, colour = view.evaluate(texts), "getComputedStyle(document.body).backgroundColor"
        live.on_epoch(SimpleNamespace(history=rows[:50]))  # pyright: ignore[reportArgumentType]
        until(view, "50 of 60")
        assert view.evaluate(texts) == shown
        assert view.evaluate("[scrollY, document.querySelector('.values .scroll').scrollTop]") == [200, 50]
        assert view.locator(".values tbody tr").count() == 50
        assert view.locator(".plot g > path").count() == 1
        assert view.evaluate(colour) == "rgb(20, 24, 29)"
        assert "training from -10 to -9.02" in (plot.get_attribute("aria-label") or "")
        view.get_by_role("button", name="Show all").click()
        assert view.evaluate(texts) != shown
        axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed: see '.[test]'")
        found = axe.Axe().run(view).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
        live.on_end(SimpleNamespace(reason="finished", history=rows, best_epoch=60))  # pyright: ignore[reportArgumentType]
        until(view, "Finished: all epochs are done.")
        assert view.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert view.title() == SHOWN
        assert view.inner_text("#live-epochs") == "60 of 60"
        assert faults == []
