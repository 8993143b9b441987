"""Run folders: configuration, metrics, checkpoints, results; what a run is, and which process trains in it."""

from beliefnet.runs._checkpoint import CheckpointError, Checkpoints, Restored, read_record
from beliefnet.runs._environment import environment
from beliefnet.runs._files import DiskFullError, write_atomically
from beliefnet.runs._folder import RunFolder, RunFolderError
from beliefnet.runs._load import LoadedRun, check_version, load_run
from beliefnet.runs._lock import RunLock, RunLocked
from beliefnet.runs._results import Result, Stamp
from beliefnet.runs._structure import Difference, StructureError, describe, differences, fingerprint, skeleton

__all__ = [
    "CheckpointError",
    "Checkpoints",
    "Difference",
    "DiskFullError",
    "LoadedRun",
    "Restored",
    "Result",
    "RunFolder",
    "RunFolderError",
    "RunLock",
    "RunLocked",
    "Stamp",
    "StructureError",
    "check_version",
    "describe",
    "differences",
    "environment",
    "fingerprint",
    "load_run",
    "read_record",
    "skeleton",
    "write_atomically",
]
