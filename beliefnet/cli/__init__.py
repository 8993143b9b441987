"""The command line. Importing it imports next to nothing: Ctrl-C has to be answered from the start."""

from beliefnet.cli._entry import main, run

__all__ = ["main", "run"]
