"""What the benchmarks share: runs timed in turn, and the memory that they took."""

import resource
import time
from collections.abc import Callable
from pathlib import Path

Runner = Callable[[], None]


def time_in_turn(
    runners: dict[str, Runner], rounds: int, *, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Return the seconds of each runner in each round, the first, uncounted run apart."""
    seconds: dict[str, list[float]] = {name: [] for name in runners}
    for run in runners.values():
        run()
    for _ in range(rounds):
        for name, run in runners.items():
            begin = clock()
            run()
            seconds[name].append(clock() - begin)
    return seconds


def peak_megabytes() -> float:
    """Return the most resident memory that this process has had."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not what getrusage says: on Linux a process inherits the peak of the one that started it.
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
