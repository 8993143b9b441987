"""Pictures of runs as PNG files: curves, sheets of images, tables, gradient estimators, refinement, topics.

Plain numbers in, a file out. Nothing here touches pyplot or any other global state of matplotlib.
"""

from beliefnet.plots._curves import plot_training_curve
from beliefnet.plots._gradients import plot_gradient_report
from beliefnet.plots._images import image_sheet, reconstruction_sheet, stacked_sheet, tile_images
from beliefnet.plots._marginals import plot_marginals
from beliefnet.plots._refinement import plot_refinement
from beliefnet.plots._tables import plot_columns, table_sheet
from beliefnet.plots._topics import plot_topics

__all__ = [
    "image_sheet",
    "plot_columns",
    "plot_gradient_report",
    "plot_marginals",
    "plot_refinement",
    "plot_topics",
    "plot_training_curve",
    "reconstruction_sheet",
    "stacked_sheet",
    "table_sheet",
    "tile_images",
]
