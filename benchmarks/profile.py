"""Where the time of each workload goes: products, draws, log-probabilities, and the rest.

    taskset -c 0 python benchmarks/profile.py [--workloads nvil vimco iwae em nll documents] [--json FILE]

Times are those of XLA's operations in a trace of the profiler, in milliseconds of a step (of an image for `nll`); on
one core they add up. An operation is a product if it is one or one was fused into it, a draw if it makes random
numbers, a log-probability if it takes exponentials or logarithms of at least `--large` numbers, and one of the rest
otherwise: the optimiser, sums, copies. Operations (MFLOP) are those of the products of a step.
"""

import argparse
import collections
import glob
import gzip
import json
import math
import os
import re
import tempfile
from pathlib import Path
from typing import Any

DUMP = Path(tempfile.mkdtemp())
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_dump_to={DUMP} --xla_dump_hlo_as_text"

import jax  # noqa: E402  (it reads the flags)

from beliefnet.bench._contestant import AbstractContestant  # noqa: E402
from beliefnet.bench._definitions import DEFINITIONS, Definition, rows_of  # noqa: E402
from beliefnet.bench._own import contestant, task_of  # noqa: E402

KINDS = ("products", "draws", "log-probabilities", "rest")
_MANY_WORDS, _STEPS = 8, 20


def kinds_of(text: str, large: int) -> dict[str, str]:
    """Return what kind each operation of a compiled program is, by its name."""
    bodies = dict(re.findall(r"\n%?([\w.-]+) \([^\n]*\{\n(.*?)\n\}", "\n" + text, re.DOTALL))
    found = {}
    for name, shape, code, rest in re.findall(r"\n\s+(?:ROOT )?%?([\w.-]+) = (\S+) ([\w-]+)\(([^\n]*)", text):
        called = re.search(r"calls=%?([\w.-]+)", rest)
        body = bodies.get(called[1], "") if called else ""
        size = math.prod(int(number) for number in re.findall(r"\d+", shape.partition("[")[2].partition("]")[0]) or [1])
        is_large = size >= large or any(math.prod(map(int, re.findall(r"\d+", s))) >= large for s in _shapes(body))
        if code == "dot" or " dot(" in body or "convolution" in body:
            found[name] = "products"
        elif body.count(" xor(") >= _MANY_WORDS or re.search(r"threefry|_normal_real|_shuffle", rest):
            found[name] = "draws"
        elif is_large and re.search(r" (exponential|log|logistic|log-plus-one|tanh)\(", body):
            found[name] = "log-probabilities"
        elif code not in ("while", "call", "conditional"):
            found[name] = "rest"
    return found


def _shapes(body: str) -> list[str]:
    return re.findall(r"f32\[([\d,]+)\]", body)


def programs(folder: Path, large: int) -> dict[str, dict[str, str]]:
    """Return what kind each operation of each program is, by the programs' names, from what XLA wrote down of them."""
    found: dict[str, dict[str, str]] = {}
    for path in folder.glob("*after_optimizations.txt"):
        name = path.name.split(".")[1]
        found.setdefault(name, {}).update(kinds_of(path.read_text(), large))
    return found


def traced(own: AbstractContestant) -> collections.Counter[tuple[str, str]]:
    """Return the microseconds of each operation of a run, by program and name."""
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            own.run(_STEPS)
        (path,) = glob.glob(f"{folder}/**/*.trace.json.gz", recursive=True)
        events = json.loads(gzip.decompress(Path(path).read_bytes()))["traceEvents"]
    times: collections.Counter[tuple[str, str]] = collections.Counter()
    for event in events:
        about = event.get("args", {})
        if event.get("ph") == "X" and "hlo_op" in about:
            times[about.get("hlo_module", ""), about["hlo_op"]] += event["dur"]
    return times


def profiled(definition: Definition, dump: Path, large: int) -> dict[str, Any]:
    """Return the milliseconds of each kind of operation in a step, beside the FLOPs of its products."""
    for earlier in dump.glob("*after_optimizations.txt"):  # programs of workloads have the same names
        earlier.unlink()
    task = task_of(definition, rows_of(definition))
    own = contestant(task)
    own.run(_STEPS)
    kinds = programs(dump, large)
    units = _STEPS * (1 if definition.is_training else definition.batch_size)
    spent = dict.fromkeys(KINDS, 0.0)
    for (program, name), microseconds in traced(own).items():
        kind = kinds.get(program, {}).get(name)
        if kind is not None:
            spent[kind] += microseconds / units / 1e3
    flops = task.work.flops / (1 if definition.is_training else definition.batch_size)
    return {
        "about": definition.about,
        **{kind: round(value, 4) for kind, value in spent.items()},
        "megaflops": round(flops / 1e6, 1),
        "gigaflops_per_second_of_products": round(flops / spent["products"] / 1e6, 1),
    }


def main() -> None:
    """Profile each workload, print a table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", nargs="+", default=list(DEFINITIONS), choices=list(DEFINITIONS))
    parser.add_argument("--large", type=int, default=10_000)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    record: dict[str, Any] = {"jax": jax.__version__, "device": str(jax.devices()[0]), "rows": {}}
    print(f"{'':12}" + "".join(f"{kind:>20}" for kind in KINDS) + f"{'MFLOP':>10}{'GFLOP/s':>10}")
    for name in options.workloads:
        row = record["rows"][name] = profiled(DEFINITIONS[name], DUMP, options.large)
        total = sum(row[kind] for kind in KINDS)
        shares = "".join(f"{row[kind]:>11.3f} ms {100 * row[kind] / total:>3.0f} %" for kind in KINDS)
        print(f"{name:12}{shares}{row['megaflops']:>10}{row['gigaflops_per_second_of_products']:>10}", flush=True)
        if options.json:
            options.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
