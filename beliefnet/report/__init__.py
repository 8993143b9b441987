"""Pictures of a run as PNG files: training curves, sheets of images, reconstructions and gradient estimators.

Plain numbers in, a file out. Nothing here touches pyplot or any other global state of matplotlib.
"""

from beliefnet.report._curves import plot_training_curve
from beliefnet.report._gradients import plot_gradient_report
from beliefnet.report._images import image_sheet, reconstruction_sheet, stacked_sheet, tile_images

__all__ = [
    "image_sheet",
    "plot_gradient_report",
    "plot_training_curve",
    "reconstruction_sheet",
    "stacked_sheet",
    "tile_images",
]
