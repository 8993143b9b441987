"""Which learning rate and batch size are good defaults: validation bounds over a grid, the test split unseen.

    python benchmarks/defaults.py [--data digits] [--nets nvil vimco rws sgvb ...] [--learning-rates 0.003 0.01 0.03]
        [--batch-sizes 20 50 100] [--seeds 0 1 2] [--epochs 400] [--out FILE.json]

Each run is one of `beliefnet train` with these options and those of its net (`NETS` below), and no others. The figure
of a run is its best validation bound, in nats per example; nets and estimators differ in the bound they climb, so that
only the cells of one of them compare. The file is written after every run, and runs that it holds are not made again.
"""

import argparse
import itertools
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from beliefnet.cli import run

NETS = {
    "nvil": ["--estimator", "nvil", "--hidden", "200"],
    "vimco": ["--estimator", "vimco", "--hidden", "200"],
    "rws": ["--estimator", "rws", "--hidden", "200"],
    "sgvb": ["--net", "vae", "--hidden", "50"],
    "deep": ["--estimator", "nvil", "--hidden", "100", "50", "20"],
    "deep-vimco": ["--estimator", "vimco", "--hidden", "100", "50", "20"],
    "nonlinear": ["--estimator", "nvil", "--hidden", "50", "--deterministic", "100"],
    "categorical": ["--net", "categorical", "--hidden", "20"],
    "fdarn": ["--net", "fdarn", "--hidden", "50"],
}


def best_bound(options: list[str]) -> tuple[float, float]:
    """Train once; return the best validation bound, and the seconds spent on steps and validation."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        status = run(["train", *options, "--checkpoint-seconds", "1000000", "--out", str(out)])
        if status:
            raise SystemExit(status)
        rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return max(row["valid_bound"] for row in rows), rows[-1]["seconds"]


def table(rows: list[dict]) -> str:
    """Return a Markdown table: a row for each net and batch size, a column for each learning rate."""
    rates = sorted({row["learning_rate"] for row in rows})
    lines = [
        "| net | batch size | " + " | ".join(f"{rate:g}" for rate in rates) + " |",
        "|---" * (2 + len(rates)) + "|",
    ]
    for net, size in sorted({(row["net"], row["batch_size"]) for row in rows}):
        cells = []
        for rate in rates:
            same = (net, size, rate)
            bounds = [r["bound"] for r in rows if (r["net"], r["batch_size"], r["learning_rate"]) == same]
            cells.append(f"{np.mean(bounds):.2f} ({np.std(bounds):.2f})" if bounds else "")
        lines.append(f"| `{net}` | {size} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Fill the grid, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="digits")
    parser.add_argument("--nets", nargs="+", default=list(NETS), choices=NETS)
    parser.add_argument("--learning-rates", type=float, nargs="+", default=[0.003, 0.01, 0.03])
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[20, 50, 100])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=400)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rows = json.loads(given.out.read_text())["runs"] if given.out and given.out.exists() else []
    # The seeds come last, so that a study that is cut short has some of every cell.
    for seed, net, size, rate in itertools.product(given.seeds, given.nets, given.batch_sizes, given.learning_rates):
        row = {
            "data": given.data,
            "epochs": given.epochs,
            "net": net,
            "batch_size": size,
            "learning_rate": rate,
            "seed": seed,
        }
        if any(row.items() <= done.items() for done in rows):
            continue
        begin = time.time()
        sizes = ["--batch-size", str(size), "--learning-rate", str(rate), "--epochs", str(given.epochs)]
        chosen = ["--data", given.data, *NETS[net], "--seed", str(seed)]
        bound, seconds = best_bound([*chosen, *sizes])
        rows.append({**row, "bound": bound, "seconds": seconds})
        print(f"{rows[-1]} in {time.time() - begin:.0f} s", flush=True)
        if given.out:
            given.out.parent.mkdir(parents=True, exist_ok=True)
            given.out.write_text(json.dumps({"runs": rows}, indent=1) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
