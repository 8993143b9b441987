"""Pictures: the right pixels in the right places, and no crash on thin or broken metrics."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.cbook import is_math_text
from matplotlib.image import imread

from beliefnet.plots import (
    image_sheet,
    plot_columns,
    plot_topics,
    plot_training_curve,
    reconstruction_sheet,
    stacked_sheet,
    table_sheet,
    tile_images,
)
from beliefnet.plots._text import for_legend, for_picture

GREY = np.array([[0.0, 0.25, 0.5, 1.0], [1.0, 1.0, 0.0, 0.0], [0.5, 0.5, 0.5, 0.5]])


def metrics(epoch, train, valid):
    row = {"epoch": epoch, "step": 10 * epoch, "seconds": 1.5 * epoch, "examples_per_second": 900.0}
    return {**row, "train_bound": train, "valid_bound": valid}


def pixels(path):
    """Red channel of a PNG."""
    return imread(path)[..., 0]


def test_tiles_are_where_they_belong():
    sheet = tile_images(GREY, (2, 2), columns=2)
    gap = np.nan
    expected = [
        [0.0, 0.25, gap, 1.0, 1.0],
        [0.5, 1.0, gap, 0.0, 0.0],
        [gap, gap, gap, gap, gap],
        [0.5, 0.5, gap, gap, gap],
        [0.5, 0.5, gap, gap, gap],
    ]
    np.testing.assert_array_equal(sheet, expected)


@pytest.mark.parametrize(("gap", "shape"), [(0, (4, 4)), (1, (5, 5)), (3, (7, 7))])
def test_the_gap_sets_the_size(gap, shape):
    assert tile_images(GREY, (2, 2), columns=2, gap=gap).shape == shape


@pytest.mark.parametrize(
    ("images", "shape", "columns", "message"),
    [
        (GREY, (2, 3), 2, r"expected 6 values per image for the shape \(2, 3\), got 4; try"),
        (GREY, (2, 2), 0, "expected at least 1 column, got 0; try"),
        (GREY[0], (2, 2), 1, r"expected at least one image as \[n, d\], got shape \(4,\); try"),
        (GREY[:0], (2, 2), 1, r"got shape \(0, 4\); try"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(tmp_path, images, shape, columns, message):
    with pytest.raises(ValueError, match=message):
        tile_images(images, shape, columns=columns)
    with pytest.raises(ValueError, match=message):
        image_sheet(images, shape, tmp_path / "sheet.png", columns=columns)


def test_a_sheet_shows_each_value_as_a_square(tmp_path):
    path = image_sheet(GREY, (2, 2), tmp_path / "new" / "folder" / "sheet.png", columns=2)
    drawn = pixels(path)
    # 16 screen pixels a value, 2 between images, 16 around the sheet.
    assert drawn.shape == (2 * 32 + 2 + 32, 2 * 32 + 2 + 32)
    values = drawn[16:-16, 16:-16]
    for (row, column), grey in {(0, 0): 0.0, (15, 31): 0.25, (16, 0): 0.5, (31, 31): 1.0, (65, 31): 0.5}.items():
        assert values[row, column] == pytest.approx(grey, abs=0.01)
    assert values[0, 34] == 1.0
    assert values[31, 65] == 0.0
    assert [p.name for p in path.parent.iterdir()] == ["sheet.png"]


def test_values_outside_are_clipped(tmp_path):
    path = image_sheet([[-3.0, 7.0]], (1, 2), tmp_path / "sheet.png")
    np.testing.assert_array_equal(pixels(path)[20, [16, 32]], [0.0, 1.0])


def test_a_sheet_is_about_square(tmp_path):
    height, width = pixels(image_sheet(np.zeros((100, 64)), (8, 8), tmp_path / "sheet.png")).shape
    assert height == width
    assert 900 < width < 1100


@pytest.fixture
def drawn(monkeypatch):
    """Figures of tables, as they are before they are saved."""
    monkeypatch.setattr("beliefnet.plots._tables.save_png", lambda figure, path: figure)


def test_a_table_is_drawn_under_the_names_of_its_columns(drawn):
    names = ["smoker", "$ earned", "age", "x" * 99]
    rows = {"data": GREY, "samples": np.where(GREY == 0.5, np.nan, GREY)}
    beside = table_sheet(rows, names, "t.png").axes[:2]
    assert [axes.get_title("left") for axes in beside] == ["data", "samples"]
    for axes, values in zip(beside, rows.values(), strict=True):
        (image,) = axes.images
        np.testing.assert_array_equal(image.get_array().filled(np.nan), values)
        assert image.get_clim() == (0, 1)
        labels = [label.get_text() for label in axes.get_xticklabels()]
        assert labels[:3] == ["smoker", r"\$ earned", "age"]
        assert len(labels[3]) <= 40
    assert np.diff([axes.get_position().x0 for axes in beside]) > 0


def test_a_wide_table_names_some_of_its_columns_and_has_its_panels_one_below_the_other(drawn):
    wide = np.linspace(-2, 3, 2 * 300).reshape(2, 300)
    above, below = table_sheet({"a": wide, "b": wide}, [f"c{i}" for i in range(300)], "t.png").axes[:2]
    assert above.get_position().y0 > below.get_position().y0
    assert [label.get_text() for label in below.get_xticklabels()][:3] == ["c0", "c5", "c10"]
    assert below.images[0].get_clim() == (-2, 3)


def test_the_columns_that_differ_most_are_compared(drawn):
    figure = plot_columns({"data": [0.1, 0.5, 0.9], "samples": [0.2, 0.5, 0.4]}, ["a", "b", "c"], "c.png", most=2)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "c"]
    assert [line.get_xdata().tolist() for line in axes.lines] == [[0.1, 0.9], [0.2, 0.4]]
    assert "the 2 of 3 that differ most" in axes.get_xlabel()


@pytest.mark.parametrize("draw", [table_sheet, plot_columns])
def test_a_table_without_names_is_refused(tmp_path, draw):
    values = GREY if draw is table_sheet else GREY[0]
    with pytest.raises(ValueError, match=r"expected values of 3 named columns, got shape \[.*4\]; try a name for each"):
        draw({"data": values}, ["a", "b", "c"], tmp_path / "t.png")
    with pytest.raises(ValueError, match="expected something to draw, got nothing"):
        draw({}, ["a"], tmp_path / "t.png")


def test_a_title_fits_above_a_single_image(tmp_path):
    plain, titled = (
        pixels(image_sheet(GREY[:1], (2, 2), tmp_path / "one.png", title=title)) for title in (None, "A single image")
    )
    assert plain.shape == (64, 64)
    assert titled.shape[0] > 64
    assert titled.shape[1] > 200
    np.testing.assert_array_equal(titled[-48:, 16:48], plain[16:, 16:48])


def test_each_reconstruction_is_below_its_original(tmp_path):
    ones, zeros = np.ones((4, 4)), np.zeros((4, 4))
    drawn = pixels(reconstruction_sheet(ones, zeros, (2, 2), tmp_path / "pairs.png"))
    column = drawn[16:-16, -20]
    # Three columns: two pairs of rows, of which the second has one image, at the left.
    assert column[:32].min() == 1.0
    assert column[34:66].max() == 0.0
    left = drawn[16:-16, drawn.shape[1] - 16 - 100]
    assert left[74:106].min() == 1.0
    assert left[108:140].max() == 0.0


def test_one_pair(tmp_path):
    assert pixels(reconstruction_sheet(GREY[:1], GREY[1:2], (2, 2), tmp_path / "pair.png")).size


def test_reconstructions_of_other_data_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"got shapes \(3, 4\) and \(2, 4\); try"):
        reconstruction_sheet(GREY, GREY[:2], (2, 2), tmp_path / "pairs.png")


@pytest.mark.parametrize(
    "rows",
    [
        [metrics(1, -200.0, -210.0)],
        [metrics(1, -200.0, None)],
        [metrics(1, float("nan"), None), metrics(2, float("-inf"), float("nan"))],
        [metrics(1, -3e5, None), metrics(2, float("nan"), -120.0), *(metrics(e, -100.0, -101.0) for e in range(3, 60))],
        [metrics(e, -100.0, -100.0) for e in (1, 2)],
        [{"epoch": 1, "train_bound": -5.0}],
    ],
    ids=["one row", "no validation", "nothing finite", "a low start and a NaN", "flat", "bare"],
)
def test_any_metrics_make_a_curve(tmp_path, rows):
    path = plot_training_curve(rows, tmp_path / "figures" / "curve.png", title="digits")
    assert pixels(path).shape[1] > 1000
    assert [p.name for p in path.parent.iterdir()] == ["curve.png"]


def test_the_first_epochs_do_not_squash_the_rest(tmp_path):
    rows = [metrics(e, -90 - 20 / e, None) for e in range(1, 101)]
    spoilt = [metrics(1, -1e6, None), *rows[1:]]
    plain, low_start = (pixels(plot_training_curve(r, tmp_path / "curve.png", title="digits")) for r in (rows, spoilt))
    # The right half, without the note at the bottom, is the same picture.
    np.testing.assert_array_equal(plain[80:480, 550:], low_start[80:480, 550:])


def test_no_rows_are_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one row of metrics, got none; try"):
        plot_training_curve([], tmp_path / "curve.png", title="digits")


def test_a_failed_picture_leaves_the_old_one(tmp_path, monkeypatch):
    path = image_sheet(GREY, (2, 2), tmp_path / "sheet.png")
    before = path.read_bytes()

    def fail(self, target, **_):
        target.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        image_sheet(GREY, (2, 2), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["sheet.png"]


HOSTILE = {
    "one dollar": "$x",
    "a formula": "$\\frac{1}{2}$",
    "a bad formula": "a$b_{$c",
    "markup": "[bold]x[/bold]",
    "an escape": "\x1b[31mred\x07",
    "right to left": "\u202etxt",
    "a line break": "a\nb\u2028c",
    "not UTF-8": "caf\udce9",
    "a null": "\x00",
    "long": "x" * 100_000,
    "empty": "",
    "hidden": "_hidden",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_any_name_can_be_drawn(tmp_path, name):
    rows = [metrics(1, -200.0, -210.0)]
    assert plot_training_curve(rows, tmp_path / "curve.png", title=name).exists()
    assert plot_topics([(name, [name, "b"], [1.0, 0.5])], tmp_path / "topics.png").exists()
    assert stacked_sheet({name: GREY, "b": GREY}, (2, 2), tmp_path / "stack.png").exists()
    assert table_sheet({name: GREY}, [name, *"abc"], tmp_path / "table.png").exists()
    assert plot_columns({name: GREY[0], "b": GREY[1]}, [name, *"abc"], tmp_path / "columns.png").exists()
    drawn = pixels(image_sheet(GREY, (2, 2), tmp_path / "sheet.png", title=name))
    assert drawn.shape[1] < 2000


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_no_name_is_a_formula(name):
    shown = for_picture(name)
    assert not is_math_text(shown)
    assert len(shown) < 200
    assert shown.isprintable()
    assert not for_legend(name).startswith("_")


def test_characters_without_a_glyph_are_said_once(tmp_path):
    with pytest.warns(UserWarning, match="lacks 3 characters, drawn as boxes") as caught:
        plot_topics([("t", ["\u65e5\u672c", "\u65e5\u8a9e"], [1.0, 0.5])], tmp_path / "topics.png")
    assert len(caught) == 1


def test_a_picture_is_a_png(tmp_path):
    with pytest.raises(ValueError, match=r"expected the path of a \.png, got .*sheet\.pdf; try .*sheet\.png"):
        image_sheet(GREY, (2, 2), tmp_path / "sheet.pdf")
    assert not list(tmp_path.iterdir())


def test_a_link_in_the_way_is_not_followed(tmp_path, monkeypatch):
    monkeypatch.setattr("secrets.token_hex", lambda _: "foreseen")
    (tmp_path / "precious").write_text("old")
    (tmp_path / ".unfinished-foreseen").symlink_to(tmp_path / "precious")
    with pytest.raises(FileExistsError):
        image_sheet(GREY, (2, 2), tmp_path / "sheet.png")
    assert (tmp_path / "precious").read_text() == "old"


@pytest.mark.full
def test_pyplot_is_never_imported():
    source = "import sys, beliefnet.plots; print('matplotlib.pyplot' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, cwd=Path(__file__).parents[1]
    )
    assert result.stdout == "False\n", result.stderr
