"""Training on rows that are streamed from many files, beside rows in memory: its speed, and its memory.

    python benchmarks/streaming.py [--workloads nvil vimco] [--formats npy npz arrow] [--rounds 3] [--epochs 4]
        [--json FILE]
    python benchmarks/streaming.py --memory 1000 [--json FILE]

The first trains the same net with `fit` on the same number of rows, in memory and from files of each format, in turn in
one process: NVIL, one draw, on a sigmoid belief net 784-200, and VIMCO with 50 draws on 784-200-200-200, batches of
100. An epoch's seconds are those between two rows of the history, but for the first epoch of a run; the ratio is the
median over rounds of the speed on the stream by the speed in memory. Rows are random bits, with as many ones as
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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from _timing import binary_rows, peak_megabytes
from scipy import sparse

from beliefnet import BeliefNet
from beliefnet.data import Dataset, Observations, load
from beliefnet.estimators import NVIL, VIMCO, AbstractEstimator
from beliefnet.nets import sigmoid_belief_net
from beliefnet.training import FitOptions, fit

NUM_VISIBLE, BATCH_SIZE, VALID_ROWS, FILE_ROWS = 784, 100, 100, 5000


@dataclass(frozen=True)
class Workload:
    """A net, an estimator, and how many rows an epoch has."""

    hidden: tuple[int, ...]
    estimator: Callable[[BeliefNet], AbstractEstimator]
    rows: int

    def seconds(self, data: Dataset, epochs: int) -> list[float]:
        """Train, and return the seconds of every epoch but the first."""
        net = sigmoid_belief_net(NUM_VISIBLE, self.hidden, key=jax.random.key(0))
        options = FitOptions(epochs=epochs, batch_size=BATCH_SIZE)
        history = fit(net, data, self.estimator(net), options=options).history
        return np.diff([row["seconds"] for row in history]).tolist()


WORKLOADS = {
    "nvil": Workload((200,), lambda net: NVIL(net, key=jax.random.key(1)), 200_000),
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
    found: dict[str, list[float]] = {}
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
                found.setdefault(name, []).append(statistics.median(workload.seconds(one, epochs)))
    memory = found["memory"]
    return {
        name: {
            "rows_per_second": round(workload.rows / statistics.median(own)),
            "ratio": round(statistics.median(m / s for m, s in zip(memory, own, strict=True)), 3),
            "ratios": [round(m / s, 3) for m, s in zip(memory, own, strict=True)],
        }
        for name, own in found.items()
    }


def train_within(folder: Path, megabytes: int, in_memory: bool) -> None:
    """Train for an epoch with no more private memory than that, and print the peak."""
    resource.setrlimit(resource.RLIMIT_DATA, (megabytes * 10**6, megabytes * 10**6))
    data = load(folder)
    if in_memory:
        parts = [np.load(path) for path in sorted(folder.glob("train-*.npy"))]
        data = Dataset.from_observations(Observations(np.concatenate(parts)), data.valid)
    seconds = WORKLOADS["nvil"].seconds(data, 2)
    rows = data.record.splits["train"]
    print(json.dumps({"rows": rows, "peak_megabytes": round(peak_megabytes()), "rows_per_second": rows / seconds[0]}))


def within(megabytes: int) -> dict[str, Any]:
    """Return what training on four times so much data took, and how it ended with the rows in memory."""
    with tempfile.TemporaryDirectory() as place:
        rows, folder = binary_rows(10 * FILE_ROWS, NUM_VISIBLE), Path(place)
        size = 0
        while size < 4 * megabytes * 10**6:
            write_all_at = np.roll(rows, size // rows.nbytes, axis=1)
            for first in range(0, len(rows), FILE_ROWS):
                write(folder, "npy", write_all_at[first : first + FILE_ROWS], f"train-{size + first:012d}")
            size += rows.nbytes
        write(folder, "npy", rows[:VALID_ROWS], "valid")
        command = [sys.executable, __file__, "--within", str(folder), "--memory", str(megabytes)]
        streamed = json.loads(subprocess.check_output(command))
        failed = subprocess.run([*command, "--in-memory"], capture_output=True, text=True)
    streamed["rows_per_second"] = round(streamed["rows_per_second"])
    ended = failed.stderr.strip().splitlines()[-1:] if failed.returncode else ["trained"]
    return {"limit_megabytes": megabytes, "data_megabytes": size // 10**6, **streamed, "in_memory": ended[0][:200]}


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", nargs="+", default=list(WORKLOADS), choices=list(WORKLOADS))
    parser.add_argument("--formats", nargs="+", default=["npy"], choices=["npy", "npz", "arrow"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--memory", type=int, metavar="MEGABYTES")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--within", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--in-memory", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.within is not None:
        train_within(options.within, options.memory, options.in_memory)
        return
    found: dict[str, Any] = {}
    if options.memory is not None:
        found["memory"] = within(options.memory)
        print(found["memory"])
    else:
        for name in options.workloads:
            found[name] = speeds(WORKLOADS[name], options.formats, options.rounds, options.epochs)
            for data, own in found[name].items():
                print(f"{name}, {data}: {own['rows_per_second']} rows/s, {own['ratio']:.2f} of memory {own['ratios']}")
    if options.json:
        before = json.loads(options.json.read_text()) if options.json.exists() else {}
        about = {"jax": jax.__version__, "device": str(jax.devices()[0])}
        options.json.write_text(json.dumps({**before, **about, **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
