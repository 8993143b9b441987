"""How long `beliefnet.fit_seeds` takes, one seed after another and side by side, on this machine.

    python benchmarks/seeds.py --seeds 3 --repeats 5

Both ways are timed in turn, once they are compiled; what is shown is the shortest time of each, with validation.
"""

import argparse
import time
from typing import Any

import numpy as np

import beliefnet

CASES: dict[str, dict[str, Any]] = {
    "digits 64-200 nvil": {"data": "digits", "hidden": (200,), "estimator": "nvil", "epochs": 40},
    "digits 64-20 nvil": {"data": "digits", "hidden": (20,), "estimator": "nvil", "epochs": 40},
    "digits 64-50-20 vimco": {"data": "digits", "hidden": (50, 20), "estimator": "vimco", "epochs": 40},
    "bars 64-8 vimco": {"data": "bars", "hidden": (8,), "estimator": "vimco", "epochs": 20},
}


def seconds(case: dict[str, Any], num_seeds: int, *, side_by_side: bool) -> float:
    """Return the time of one call, compiled already if it is not the first."""
    begin = time.perf_counter()
    beliefnet.fit_seeds(num_seeds=num_seeds, side_by_side=side_by_side, **case)
    return time.perf_counter() - begin


def main() -> None:
    """Print a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    given = parser.parse_args()
    for name in given.cases:
        times: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(given.repeats + 1):
            for way, found in times.items():
                found.append(seconds(CASES[name], given.seeds, side_by_side=way))
        one, both = (np.array(times[way][1:]) for way in (False, True))
        print(
            f"{name}, {given.seeds} seeds: one after another {one.min():.2f} s, side by side {both.min():.2f} s, "
            f"{one.min() / both.min():.2f} times as fast (median of pairs {np.median(one / both):.2f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
