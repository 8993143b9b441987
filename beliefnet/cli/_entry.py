"""Where the command line begins: Ctrl-C is seen to before anything heavy is imported."""

import ctypes
import gc
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

INTERRUPTED = 128 + signal.SIGINT
_OBJECTS_UNTIL_COLLECTION = 100_000
_SECONDS_UNTIL_AGAIN = 1.0
_ARENAS = -8
"""What glibc calls its limit on arenas."""
_SHOW_CURSOR = b"\x1b[?25h"


def main() -> None:
    """Run the command line and exit."""
    status = INTERRUPTED
    # Imports and traces make many objects that stay: to look among them for garbage took a tenth of a short command.
    gc.set_threshold(_OBJECTS_UNTIL_COLLECTION)
    share_memory_of_threads()
    try:
        signal.signal(signal.SIGINT, _interrupt)
        signal.signal(signal.SIGALRM, _interrupt)
        sys.unraisablehook = _unraisable
        _open_closed_streams()
        for stream in (sys.stdout, sys.stderr):
            # A character that the terminal's encoding lacks must not end a command.
            stream.reconfigure(errors="backslashreplace")  # pyright: ignore[reportAttributeAccessIssue]
        status = run(sys.argv[1:])
    except KeyboardInterrupt:
        _say_interrupted()
    finally:
        _ignore_interrupts()
    if status == INTERRUPTED or (status and _has_others()):
        # What still computes in other threads must not meet an interpreter that is taken apart, and other processes of
        # the job must not wait for one that has failed.
        _flush()
        os._exit(status)
    sys.exit(status)


def share_memory_of_threads() -> None:
    """Have all threads take memory from one place, before there are any.

    The C library of Linux keeps a place for each thread, and what one of them gives back is of no use to the others: a
    run of half an hour with a checkpoint every ten seconds came to hold a hundred megabytes more than it needs.
    """
    try:
        ctypes.CDLL(None).mallopt(_ARENAS, 1)
    except (OSError, TypeError, AttributeError):
        # Another C library has no such limit.
        return


def _has_others() -> bool:
    """Whether this process has joined others."""
    devices = sys.modules.get("beliefnet.devices")
    return devices is not None and devices.has_joined()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            # The terminal is gone.
            continue


def _open_closed_streams() -> None:
    """Put something in the place of standard streams that are closed: no other file must get their numbers."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115


def run(tokens: Sequence[str]) -> int:
    """Run one command.

    Returns:
        The exit status: 0 only on success.
    """
    try:
        from beliefnet.cli._run_command import run_command

        return run_command(tokens)
    except KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, 0)
        _say_interrupted()
        return INTERRUPTED


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Leave at once while something is being imported, and by a KeyboardInterrupt otherwise.

    C code may turn an exception into another one, or lose it: extensions that import something do the former, callbacks
    the latter. So nothing is raised through an import, and what was raised is raised again until it has arrived.
    """
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            _remove_unfinished()
            _say_interrupted()
            os._exit(INTERRUPTED)
        frame = frame.f_back
    signal.setitimer(signal.ITIMER_REAL, _SECONDS_UNTIL_AGAIN)
    raise KeyboardInterrupt


def _remove_unfinished() -> None:
    """Leave no part of a file that was being written."""
    files = sys.modules.get("beliefnet.runs._files")
    if files is not None:
        files.remove_unfinished()


def _ignore_interrupts() -> None:
    """Let nothing disturb the interpreter on its way out."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _say_interrupted() -> None:
    """Write to the descriptor itself: the signal may have come in the middle of another write to the stream."""
    shown = _SHOW_CURSOR if os.isatty(2) else b""
    os.write(2, shown + b"interrupted\n")


def _unraisable(problem: "sys.UnraisableHookArgs") -> None:
    """Say nothing of an interruption that a callback lost: it is raised again."""
    if problem.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(problem)
