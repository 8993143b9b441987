"""Run folders: configuration, metrics, checkpoints, results; what a run is, and which process trains in it."""

from beliefnet.runs._checkpoint import CheckpointError, Checkpoints, Restored
from beliefnet.runs._environment import environment, environment_changes
from beliefnet.runs._files import DiskFullError, check_writable, whole_file, write_atomically
from beliefnet.runs._folder import RunFolder, RunFolderError
from beliefnet.runs._identity import check_same_run, check_same_structure
from beliefnet.runs._load import LoadedRun, check_version, load_run, structure_of
from beliefnet.runs._lock import RunLock, RunLocked
from beliefnet.runs._overview import Overview, foreign_files, read_tags, runs_in, write_tags
from beliefnet.runs._results import Result, Stamp
from beliefnet.runs._structure import Difference, StructureError, describe, differences, fingerprint, skeleton

__all__ = [
    "CheckpointError",
    "Checkpoints",
    "Difference",
    "DiskFullError",
    "LoadedRun",
    "Overview",
    "Restored",
    "Result",
    "RunFolder",
    "RunFolderError",
    "RunLock",
    "RunLocked",
    "Stamp",
    "StructureError",
    "check_same_run",
    "check_same_structure",
    "check_version",
    "check_writable",
    "describe",
    "differences",
    "environment",
    "environment_changes",
    "fingerprint",
    "foreign_files",
    "load_run",
    "read_tags",
    "runs_in",
    "skeleton",
    "structure_of",
    "whole_file",
    "write_atomically",
    "write_tags",
]
