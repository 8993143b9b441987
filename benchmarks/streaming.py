"""Training on rows that are streamed from many files, beside rows in memory: its speed, and its memory.

    python benchmarks/streaming.py [--workloads nvil vimco] [--formats npy npz arrow] [--rows N] [--rounds 3]
        [--epochs 4] [--json FILE]
    python benchmarks/streaming.py --memory 1000 [--times 4] [--json FILE]

The first trains the same net with `fit` on the same number of rows, in memory and from files of each format, in turn in
one process: NVIL, one draw, on a sigmoid belief net 784-200, and VIMCO with 50 draws on 784-200-200-200, batches of
100. An epoch's seconds are those from the end of the one before to its own, on the clock and of the processor (all
threads); the ratio is the median over rounds of the speed on the stream by the speed in memory. On a machine with other
work, that of the processor's seconds tells more, where threads do not wait. Rows are random bits, with as many ones as
binarised MNIST has; files are written to a folder that is removed, and are in the cache of the system.

The second writes files of four times so many megabytes, and trains the first net on them for an epoch, in a process
that may have no more private memory than that (`RLIMIT_DATA`); the same limit is tried with the rows in memory.
`--json` keeps what the other of the two has written.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
from _timing import peak_megabytes
from scipy import sparse

from beliefnet import BeliefNet
from beliefnet.bench._definitions import binary_rows
from beliefnet.data import Dataset, Observations, load
from beliefnet.estimators import NVIL, VIMCO, AbstractEstimator
from beliefnet.nets import sigmoid_belief_net
from beliefnet.training import Epoch, FitOptions, NoCallback, fit

NUM_VISIBLE, BATCH_SIZE, VALID_ROWS, FILE_ROWS = 784, 100, 100, 5000


class Ends(NoCallback):
    """Notes when epochs end."""

    def __init__(self):
        self.found: list[tuple[float, float]] = []

    def on_epoch(self, epoch: Epoch) -> None:
        """Note both clocks."""
        self.found.append((time.perf_counter(), time.process_time()))


@dataclass(frozen=True)
class Workload:
    """A net, an estimator, and how many rows an epoch has."""

    hidden: tuple[int, ...]
    estimator: Callable[[BeliefNet], AbstractEstimator]
    rows: int

    def seconds(self, data: Dataset, epochs: int) -> tuple[float, float]:
        """Train, and return the median seconds of an epoch but the first, on the clock and of the processor."""
        net = sigmoid_belief_net(NUM_VISIBLE, self.hidden, key=jax.random.key(0))
        options = FitOptions(epochs=epochs, batch_size=BATCH_SIZE)
        ends = Ends()
        fit(net, data, self.estimator(net), options=options, callback=ends)
        clock, processor = np.median(np.diff(ends.found, axis=0), axis=0) if epochs > 1 else (0, 0)
        return float(clock), float(processor)


WORKLOADS = {
    "nvil": Workload((200,), lambda net: NVIL(net, key=jax.random.key(1)), 100_000),
    "vimco": Workload((200, 200, 200), lambda net: VIMCO(50), 10_000),
}


def write(folder: Path, form: str, rows: np.ndarray, name: str) -> None:
    """Write one file."""
    path = folder / f"{name}.{form}"
    if form == "npy":
        np.save(path, rows)
    elif form == "npz":
        sparse.save_npz(path, sparse.csr_matrix(rows))
    else:
        import pyarrow

        table = pyarrow.table({f"x{column}": values for column, values in enumerate(rows.T)})
        with pyarrow.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table)


def write_all(folder: Path, form: str, rows: np.ndarray) -> None:
    """Write the files of a data set."""
    for first in range(0, len(rows), FILE_ROWS):
        write(folder, form, rows[first : first + FILE_ROWS], f"train-{first:08d}")
    write(folder, form, rows[:VALID_ROWS], "valid")


def speeds(workload: Workload, formats: list[str], rounds: int, epochs: int) -> dict[str, Any]:
    """Return the speed of each kind of data, and its ratio to that in memory."""
    rows = binary_rows(workload.rows, NUM_VISIBLE)
    found: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as place:
        data = {"memory": Dataset.from_observations(Observations(rows), Observations(rows[:VALID_ROWS]))}
        for form in formats:
            folder = Path(place) / form
            folder.mkdir()
            write_all(folder, form, rows)
            data[form] = load(folder, values="binary")
        for one in data.values():
            workload.seconds(one, 1)
        for _ in range(rounds):
            for name, one in data.items():
                found.setdefault(name, []).append(workload.seconds(one, epochs))
    return {
        name: {
            "rows": workload.rows,
            "rows_per_second": round(workload.rows / statistics.median(clock for clock, _ in own)),
            "ratio": ratio(found["memory"], own, 0),
            "ratio_of_processor_seconds": ratio(found["memory"], own, 1),
        }
        for name, own in found.items()
    }


def ratio(memory: list[tuple[float, float]], own: list[tuple[float, float]], clock: int) -> float:
    """Return the median ratio of speeds by one of the clocks."""
    return round(statistics.median(m[clock] / s[clock] for m, s in zip(memory, own, strict=True)), 3)


def train_within(folder: Path, megabytes: int, in_memory: bool) -> None:
    """Train for an epoch with no more private memory than that, and print the peak."""
    resource.setrlimit(resource.RLIMIT_DATA, (megabytes * 10**6, megabytes * 10**6))
    data = load(folder)
    if in_memory:
        parts = [np.load(path) for path in sorted(folder.glob("train-*.npy"))]
        data = Dataset.from_observations(Observations(np.concatenate(parts)), data.valid)
    begin = time.perf_counter()
    WORKLOADS["nvil"].seconds(data, 1)
    found = {"rows": data.record.splits["train"], "seconds": round(time.perf_counter() - begin)}
    print(json.dumps({**found, "peak_megabytes": round(peak_megabytes())}))


def within(megabytes: int, times: float) -> dict[str, Any]:
    """Return what training on so many times as much data took, and how it ended with the rows in memory."""
    with tempfile.TemporaryDirectory() as place:
        rows, folder = binary_rows(10 * FILE_ROWS, NUM_VISIBLE), Path(place)
        size = 0
        while size < times * megabytes * 10**6:
            write_all_at = np.roll(rows, size // rows.nbytes, axis=1)
            for first in range(0, len(rows), FILE_ROWS):
                write(folder, "npy", write_all_at[first : first + FILE_ROWS], f"train-{size + first:012d}")
            size += rows.nbytes
        write(folder, "npy", rows[:VALID_ROWS], "valid")
        command = [sys.executable, __file__, "--within", str(folder), "--memory", str(megabytes)]
        streamed = json.loads(subprocess.check_output(command))
        failed = subprocess.run([*command, "--in-memory"], capture_output=True, text=True)
    ended = failed.stderr.strip().splitlines()[-1:] if failed.returncode else ["trained"]
    return {"limit_megabytes": megabytes, "data_megabytes": size // 10**6, **streamed, "in_memory": ended[0][:200]}


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", nargs="+", default=list(WORKLOADS), choices=list(WORKLOADS))
    parser.add_argument("--formats", nargs="+", default=["npy"], choices=["npy", "npz", "arrow"])
    parser.add_argument("--rows", type=int, help="of an epoch; by default 100,000 of nvil, 10,000 of vimco")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--memory", type=int, metavar="MEGABYTES")
    parser.add_argument("--times", type=float, default=4)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--within", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--in-memory", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.within is not None:
        train_within(options.within, options.memory, options.in_memory)
        return
    found: dict[str, Any] = {}
    if options.memory is not None:
        found["memory"] = within(options.memory, options.times)
        print(found["memory"])
    else:
        for name in options.workloads:
            workload = WORKLOADS[name]
            workload = workload if options.rows is None else replace(workload, rows=options.rows)
            found[name] = speeds(workload, options.formats, options.rounds, options.epochs)
            for data, own in found[name].items():
                print(f"{name}, {data}: {own}")
    if options.json:
        before = json.loads(options.json.read_text()) if options.json.exists() else {}
        about = {"jax": jax.__version__, "device": str(jax.devices()[0])}
        options.json.write_text(json.dumps({**before, **about, **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
