"""The address at which the processes of a job meet, tried before JAX does, which would end a process without a word."""

import socket
import time
from collections.abc import Callable

from beliefnet._errors import OptionError, Use, shown

BY_HAND = Use("distributed", "coordinator=127.0.0.1:1234,processes=2,process=0")
"""The hint to say which processes there are."""

_WAIT_SECONDS, _SILENT_SECONDS, _TRY_SECONDS, _PAUSE_SECONDS = 60.0, 3.0, 5.0, 0.2
"""How long an address is tried, when that is said, and how long one try and the pause after it take, at most."""


def check_coordinator(host: str, port: int, process: int, say: Callable[[str], None]) -> None:
    """Wait until an address is known, and one can connect to it; for the first process, until it is known.

    Args:
        host: Name or number of a machine.
        port: Port on it.
        process: Which process this is.
        say: Says what is waited for.

    Raises:
        OptionError: If it is not within a minute, or the port of the first process is taken.
    """
    name = host.strip("[]")
    try_it = (lambda: _reach(name, port)) if process else (lambda: _find(name, port))
    begun, has_said = time.monotonic(), False
    while (fault := _fault(try_it)) is not None:
        waited = time.monotonic() - begun
        if waited >= _WAIT_SECONDS:
            wanted = "a first process that can be reached" if process else "a host that is known"
            hints = (f"starting process=0 there, at most {_WAIT_SECONDS:g} s later",) if process else ()
            raise OptionError(
                f"expected {wanted} at the coordinator of distributed, got {shown(f'{host}:{port}')} ({fault})",
                *hints,
                BY_HAND,
            )
        if waited >= _SILENT_SECONDS and not has_said:
            say(f"waiting up to {_WAIT_SECONDS:g} s for the coordinator {host}:{port} ({fault})")
            has_said = True
        time.sleep(_PAUSE_SECONDS)
    if not process:
        _check_port(port)


def _fault(try_it: Callable[[], None]) -> str | None:
    """Return what went wrong, if anything did."""
    try:
        try_it()
    except (OSError, UnicodeError) as error:
        return str(getattr(error, "strerror", None) or error).lower()
    return None


def _find(host: str, port: int) -> None:
    socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _reach(host: str, port: int) -> None:
    socket.create_connection((host, port), timeout=_TRY_SECONDS).close()


def _check_port(port: int) -> None:
    """Check that the first process can listen at a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        fault = _fault(lambda: probe.bind(("", port)))
    if fault is not None:
        raise OptionError(
            f"expected a free port for the first process of distributed, got {port} ({fault})",
            "another port, the same for all processes",
            BY_HAND,
        )
