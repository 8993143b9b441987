"""One process trains in a run folder at a time."""

import contextlib
import json
import os
import socket
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from beliefnet._errors import Refusal

_SILENT_SECONDS = 600.0
"""A process on another machine that has not shown itself for so long is taken for dead."""
_SECONDS_BETWEEN_SIGNS = 60.0


class RunLocked(Refusal, RuntimeError):
    """Another process is training in the run folder."""


class RunLock:
    """A file that says which process trains in a folder: its id, machine and start.

    The file is held by the operating system's lock as well, where there is one, so that two processes cannot take it
    over at the same moment. One that a killed process left behind is recognised: no process has that id, or the one
    that has it began at another time.

    Args:
        path: The file.
    """

    def __init__(self, path: Path):
        self.path = path
        self._descriptor: int | None = None
        self._shown = 0.0

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    @property
    def user(self) -> str | None:
        """The process that trains in the folder now, in words; None if none does."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        except OSError:
            return None
        try:
            owner, shown = _read(descriptor), os.fstat(descriptor).st_mtime
        finally:
            os.close(descriptor)
        if owner is None:
            return None
        is_here = owner.get("host") == _identity()["host"]
        is_alive = _is_running(owner) if is_here else time.time() - shown < _SILENT_SECONDS
        return _named(owner) if is_alive else None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock during a block; a block inside one that holds it already changes nothing.

        Raises:
            RunLocked: If another process, or another thread of this one, holds it.
        """
        if self.is_held:
            yield
            return
        self._acquire()
        try:
            yield
        finally:
            self._release()

    def show(self) -> None:
        """Let other machines see, once a minute, that this process is alive."""
        if self.is_held and time.monotonic() - self._shown > _SECONDS_BETWEEN_SIGNS:
            self._shown = time.monotonic()
            with contextlib.suppress(OSError):
                os.utime(self.path)

    def _acquire(self) -> None:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            if not _lock_file(descriptor):
                raise self._refusal(_read(descriptor))
            owner = _read(descriptor)
            if owner is not None:
                self._check_dead(owner, os.fstat(descriptor).st_mtime)
            if not self._is_still_there(descriptor):
                raise self._refusal(None)
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(_identity()).encode(), 0)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor, self._shown = descriptor, time.monotonic()

    def _release(self) -> None:
        assert self._descriptor is not None
        descriptor, self._descriptor = self._descriptor, None
        with contextlib.suppress(OSError):
            if self._is_still_there(descriptor):
                self.path.unlink()
        os.close(descriptor)

    def _is_still_there(self, descriptor: int) -> bool:
        """Whether the file that was opened is the one under the name, not one that its owner has just removed."""
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self.path))
        except OSError:
            return False

    def _check_dead(self, owner: dict[str, Any], shown: float) -> None:
        here = _identity()
        if owner.get("host") == here["host"]:
            if _is_running(owner):
                raise self._refusal(owner)
            return
        silent = time.time() - shown
        if silent < _SILENT_SECONDS:
            raise self._refusal(owner)
        warnings.warn(
            f"the process {owner.get('pid')} on {owner.get('host')} that trained in {self.path.parent} has not shown "
            f"itself for {silent / 60:.0f} minutes; its lock is taken over",
            stacklevel=2,
        )

    def _refusal(self, owner: dict[str, Any] | None) -> RunLocked:
        if owner is None:
            who, hints = "another process", ("again when it has ended",)
        else:
            who = _named(owner)
            hints = (
                "again when it has ended",
                f"kill {owner.get('pid')} to stop it (it saves first)",
                f"remove {self.path} if there is no such process",
            )
        return RunLocked(
            f"expected a run folder that nobody trains in, got {self.path.parent}, in use by {who}", *hints
        )


def _named(owner: dict[str, Any]) -> str:
    return f"process {owner.get('pid')} on {owner.get('host')}, since {owner.get('since')}"


def _lock_file(descriptor: int) -> bool:
    """Take the operating system's lock of a file; False if another has it."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # Some network file systems have no locks; what the file says is all there is.
        return True
    return True


def _identity() -> dict[str, Any]:
    pid = os.getpid()
    return {
        "pid": pid,
        "host": socket.gethostname(),
        "start": _state_of(pid)[1],
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
    }


def _read(descriptor: int) -> dict[str, Any] | None:
    try:
        owner = json.loads(os.pread(descriptor, 4096, 0))
    except (OSError, ValueError):
        return None
    return owner if type(owner) is dict else None


def _is_running(owner: dict[str, Any]) -> bool:
    pid = owner.get("pid")
    if type(pid) is not int or pid < 1:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    state, start = _state_of(pid)
    return state != "Z" and (start is None or owner.get("start") in (None, start))


def _state_of(pid: int) -> tuple[str, str | None]:
    """The state of a process, and when it began in the system's own ticks; None where that cannot be known."""
    try:
        # The name of the program, in parentheses, may hold anything.
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return text[0], text[19]
    except (OSError, IndexError):
        return "", None
