"""Write the record of `beliefnet bench` into its page of the documentation: the table, and the picture.

beliefnet bench --seconds 0.4 --out results/benchmarks/bench.png
python benchmarks/bench_page.py [--record results/benchmarks/bench.json] [--page docs/bench.md]
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- measured: ", "<!-- end -->"


def cells(row: dict[str, Any], own: dict[str, Any]) -> str:
    """Return a line of the table; the library's own row has the seconds that others are compared with."""
    ratios = sorted(theirs / ours for theirs, ours in zip(row["seconds"], own["seconds"], strict=True))
    spread = "" if row is own else f" ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    ratio = "error" if row["error"] else f"{row['ratio']:.2f}{spread}"
    agrees = "" if row["z"] is None else f"{row['z']:.1f}"
    share = f"{100 * row['of_floor']:.0f} %"
    note = f" ({row['note']})" if row["note"] else ""
    names = f"| `{row['workload']}` | {row['contestant']}{note} | {row['examples_per_second']:,.0f}"
    return f"{names} | {ratio} | {share} | {agrees} |"


def text(record: dict[str, Any]) -> str:
    """Return what was measured as Markdown."""
    own = {row["workload"]: row for row in record["rows"] if row["contestant"] == "beliefnet"}
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    lines = [
        f"Measured on {record['cores']} cores ({record['processor']}), {record['rounds']} rounds of "
        f"{record['seconds']:g} s, with Python {record['python']}",
        f"and {versions}",
        "([the record](../results/benchmarks/bench.json)):",
        "",
        "| workload | by | examples/s | ratio (over the rounds) | of floor | z |",
        "|---|---|---|---|---|---|",
        *(cells(row, own[row["workload"]]) for row in record["rows"] if row["seconds"]),
        "",
        "![The speed of each contestant, the library's own being 1](images/bench.png)",
    ]
    return "\n".join(lines)


def main() -> None:
    """Replace what is between the marks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", type=Path, default=Path("results/benchmarks/bench.json"))
    parser.add_argument("--page", type=Path, default=Path("docs/bench.md"))
    options = parser.parse_args()
    page = options.page.read_text()
    begin = page.index("\n", page.index(BEGIN)) + 1
    page = f"{page[:begin]}{text(json.loads(options.record.read_text()))}\n{page[page.index(END, begin) :]}"
    options.page.write_text(page)
    shutil.copy(options.record.with_suffix(".png"), options.page.parent / "images" / "bench.png")


if __name__ == "__main__":
    main()
