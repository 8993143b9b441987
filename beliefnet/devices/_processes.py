"""Processes of one job, on one machine or many, that train one net together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import jax
import numpy as np
from jax.experimental import multihost_utils

from beliefnet._errors import OptionError, Refusal, listed, shown
from beliefnet.devices._coordinator import BY_HAND, check_coordinator

AUTO = "auto"
_MOST_DIGITS, _MOST_PORT = 9, 65535
_PARTS = ("coordinator", "processes", "process")
_HEARTBEAT_SECONDS = 30
"""A process that says nothing for so long has ended; JAX then ends the others."""
_MEMORY = "RESOURCE_EXHAUSTED"


class ProcessLost(Refusal, RuntimeError):
    """Processes of one job cannot go on together, as one of them has ended."""


def start_processes(how: str, say: Callable[[str], None] = lambda text: None) -> None:
    """Join the processes of a job; each calls this before anything is computed.

    Args:
        how: "auto" for what JAX finds in the environment of Slurm, Open MPI, Kubernetes or Cloud TPU; or, as in
            "coordinator=10.0.0.1:1234,processes=2,process=0", an address of the first process that all can reach, how
            many there are, and which this is, from 0. The first one may start up to a minute after the others.
        say: Says what is waited for, after some seconds.

    Raises:
        OptionError: If it says neither, the address cannot be reached, or JAX finds nothing.
    """
    given, seconds = {} if how == AUTO else _parts(how), _HEARTBEAT_SECONDS
    if given:
        host, _, port = given["coordinator"].rpartition(":")
        check_coordinator(host, int(port), int(given["process"]), say)
    try:
        if given:
            numbers = (int(given["processes"]), int(given["process"]))
            words = (given["coordinator"], *numbers)
            jax.distributed.initialize(*words, cluster_detection_method="deactivate", heartbeat_timeout_seconds=seconds)
        else:
            jax.distributed.initialize(heartbeat_timeout_seconds=seconds)
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise OptionError(
            f"expected processes that can be joined for distributed {how}, got none: {reason}",
            BY_HAND,
        ) from error


def _parts(how: str) -> dict[str, str]:
    """Return the parts of the words, checked."""
    parts: dict[str, str] = {}
    for part in how.split(","):
        name, _, value = (word.strip() for word in part.partition("="))
        if name in parts:
            raise OptionError(f"expected each part of distributed once, got {name} twice in {shown(how)}", BY_HAND)
        parts[name] = value
    host, _, port = parts.get("coordinator", "").rpartition(":")
    numbers = [parts.get(name, "") for name in ("processes", "process")]
    are_numbers = all(number.isdecimal() and len(number) <= _MOST_DIGITS for number in (port, *numbers))
    if set(parts) != set(_PARTS) or not host or not are_numbers:
        raise OptionError(f"expected distributed to be {AUTO}, or to have {listed(_PARTS)}, got {shown(how)}", BY_HAND)
    if not 0 < int(port) <= _MOST_PORT:
        raise OptionError(
            f"expected a port from 1 to {_MOST_PORT} for the coordinator of distributed, got {port}", BY_HAND
        )
    if not int(numbers[1]) < int(numbers[0]):
        raise OptionError(
            f"expected process of distributed to be below processes={numbers[0]}, got {numbers[1]}", BY_HAND
        )
    return parts


def is_lost(error: BaseException) -> bool:
    """Whether an error is one of what several processes do together, as when one of them has ended."""
    return not is_alone() and issubclass(type(error), jax.errors.JaxRuntimeError) and _MEMORY not in str(error)


@contextmanager
def together() -> Iterator[None]:
    """Return a context in which it is said of a step that fails where several processes take it that one may be gone.

    Raises:
        ProcessLost: In the place of JAX's error.
    """
    try:
        yield
    except Exception as error:
        if not is_lost(error):
            raise
        reason = str(error).strip().partition("\n")[0][:200]
        raise ProcessLost(
            f"expected all {jax.process_count()} processes to take part until the end, got an error where they meet, "
            f"as when one has ended: {reason}",
            "starting all of them again, with --resume or the same folder: they go on from the last checkpoint",
        ) from error


def has_joined() -> bool:
    """Whether this process has joined a job."""
    return jax.distributed.is_initialized()


def is_first() -> bool:
    """Whether this is the process that writes and prints; the only one is."""
    return jax.process_index() == 0


def is_alone() -> bool:
    """Whether there is no other process."""
    return jax.process_count() == 1


def from_each(number: int) -> list[int]:
    """Return a whole number of every process, in their order."""
    if is_alone():
        return [number]
    return multihost_utils.process_allgather(np.int32(number)).tolist()


def from_first(text: str, room: int = 256) -> str:
    """Return the text that the first process has, of a bounded number of bytes."""
    if is_alone():
        return text
    own = np.frombuffer(text.encode()[:room].ljust(room, b"\0"), np.uint8)
    return bytes(multihost_utils.broadcast_one_to_all(own).astype(np.uint8)).rstrip(b"\0").decode()


def wait_for_all(what: str) -> None:
    """Wait until every process has come as far as this one."""
    if not is_alone():
        multihost_utils.sync_global_devices(what)
