"""Pictures of runs: curves, sheets of images, tables, gradient estimators, refinement, units, topics.

Each is there three times. `draw_...` takes axes of matplotlib, or makes some, and returns them; where there are several
panels, `..._figure` returns the figure; and `plot_...` or `..._sheet` saves a PNG file. Nothing here touches pyplot or
any other global state of matplotlib.

Examples:
    >>> from beliefnet.plots import draw_training_curve
    >>> rows = [{"epoch": epoch, "train_bound": -9 / epoch, "valid_bound": -10 / epoch} for epoch in (1, 2, 3)]
    >>> draw_training_curve(rows, title="mine").get_ylabel()
    'bound (nats per example)'
"""

from beliefnet.plots._curves import draw_training_curve, plot_training_curve
from beliefnet.plots._figure import as_png
from beliefnet.plots._gradients import draw_gradients, gradient_figure, plot_gradient_report
from beliefnet.plots._images import (
    draw_image_rows,
    draw_images,
    image_sheet,
    reconstruction_sheet,
    stacked_sheet,
    tile_images,
)
from beliefnet.plots._marginals import draw_marginal, marginals_figure, plot_marginals
from beliefnet.plots._refinement import draw_refinement, plot_refinement, refinement_figure
from beliefnet.plots._speeds import draw_speeds, plot_speeds, speeds_figure
from beliefnet.plots._tables import draw_columns, plot_columns, table_figure, table_sheet
from beliefnet.plots._topics import draw_topic, plot_topics, signed_words, titled_topics, topics_figure
from beliefnet.plots._units import draw_units

__all__ = [
    "as_png",
    "draw_columns",
    "draw_gradients",
    "draw_image_rows",
    "draw_images",
    "draw_marginal",
    "draw_refinement",
    "draw_speeds",
    "draw_topic",
    "draw_training_curve",
    "draw_units",
    "gradient_figure",
    "image_sheet",
    "marginals_figure",
    "plot_columns",
    "plot_gradient_report",
    "plot_marginals",
    "plot_refinement",
    "plot_speeds",
    "plot_topics",
    "plot_training_curve",
    "reconstruction_sheet",
    "refinement_figure",
    "signed_words",
    "speeds_figure",
    "stacked_sheet",
    "table_figure",
    "table_sheet",
    "tile_images",
    "titled_topics",
    "topics_figure",
]
