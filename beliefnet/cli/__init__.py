"""The command line."""

from beliefnet.cli import _compare, _datasets, _diagnose, _gaps, _impute, _train, _use
from beliefnet.cli._app import app, main, run

__all__ = ["app", "main", "run"]

del _compare, _datasets, _diagnose, _gaps, _impute, _train, _use
