"""Run folders: configuration, metrics, checkpoints."""

from beliefnet.runs._checkpoint import CheckpointError, Checkpoints, Restored, read_record
from beliefnet.runs._folder import RunFolder, RunFolderError, write_atomically

__all__ = [
    "CheckpointError",
    "Checkpoints",
    "Restored",
    "RunFolder",
    "RunFolderError",
    "read_record",
    "write_atomically",
]
