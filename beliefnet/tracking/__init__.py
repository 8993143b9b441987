"""Runs recorded in TensorBoard and MLflow while they train: callbacks, and contexts that end the record.

Nothing is sent anywhere else, and training never waits for it: a thread of the tracker writes. What could not be
written is written with the next epoch.
"""

from beliefnet.tracking._mlflow import MLflow, check_store
from beliefnet.tracking._tensorboard import TensorBoard, check_tensorboard
from beliefnet.tracking._tracker import AbstractTracker, Status, evaluation_figures

__all__ = [
    "AbstractTracker",
    "MLflow",
    "Status",
    "TensorBoard",
    "check_store",
    "check_tensorboard",
    "evaluation_figures",
]
