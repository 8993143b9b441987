"""What a training step computes, holds and sends on 8 to 64 devices, and what that says of 256.

    python benchmarks/scaling.py --json FILE [--page FILE]

Programs are compiled for parts of a processor, by shapes alone: no net is made and no step is taken. XLA's partitioner
does not know what the devices are, so that the messages between them are those of accelerators. Counted are the
floating-point operations and bytes of one device (`cost_analysis`), what it holds (`memory_analysis`), and the
collectives in the text of the program. `--page` writes the tables of a record into a page instead.
"""

import argparse
import json
import math
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("JAX_NUM_CPU_DEVICES", "64")

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from beliefnet import BeliefNet
from beliefnet.data import DeviceRows
from beliefnet.devices import Layout
from beliefnet.estimators import VIMCO
from beliefnet.nets import document_net, sigmoid_belief_net
from beliefnet.training import FitOptions, Plan, TrainState, train_step

NETS: dict[str, Callable[[int, jax.Array], BeliefNet]] = {
    "images": lambda width, key: sigmoid_belief_net(width, (200, 200), key=key),
    "deep": lambda width, key: sigmoid_belief_net(width, (200, 200, 200), key=key),
    "documents": lambda width, key: document_net(width, (200,), key=key),
}
H100_STEP = 0.33527e-3
"""Seconds of a step of VIMCO with K = 50 on one H100, SBN 784-200-200-200, batch 100, in TF32 (results/accelerator)."""
INSIDE, ACROSS = 450e9, 50e9
"""Bytes per second of a device to the others of its host (NVLink 4), and to other hosts (InfiniBand, 400 Gb/s)."""
MEETING = {8: 20e-6, 256: 100e-6}
"""Seconds that a collective of so many devices takes whatever it sends."""
MEMORY, MEMORY_SHARE = 3.35e12, 0.6
"""Bytes per second of the memory of an H100, and how much of them a step has."""
PCIE, HOST_MEMORY = 55e9, 100e9
"""Bytes per second from a host to one of its devices, and of a host that writes dense rows."""
PER_HOST, HOSTS = 8, 32
NUM_DOCUMENTS, WORDS_OF_A_DOCUMENT = 10**9, 100
_SIZES = {"f32": 4, "s32": 4, "u32": 4, "pred": 1, "u8": 1, "bf16": 2, "f64": 8, "s64": 8, "u64": 8}
_KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")
_OPERATION = re.compile(rf"= (.+?) ({'|'.join(_KINDS)})(?:-start)?\((.*)")
_BEGIN = "<!-- measured: python benchmarks/scaling.py --json results/benchmarks/scaling.json --page PAGE -->\n"
_END = "<!-- end -->\n"

Row = dict[str, Any]


def compiled(net: str, width: int, particles: int, batch: int, mesh: str) -> Any:
    """Return a step for a mesh, compiled by shapes alone; the batch is that of all devices."""

    def begin(key):
        plan = Plan.of(FitOptions(epochs=1, batch_size=batch, learning_rate=0.003), 1)
        return TrainState.start(NETS[net](width, key), VIMCO(particles), plan).learner, plan

    learner, plan = jax.eval_shape(begin, jax.random.key(0))
    layout = Layout.of(mesh, learner.params.net, batch)

    def placed(leaf: Any, spec: PartitionSpec) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=NamedSharding(layout.mesh, spec))

    def rows(*shape: int, dtype: Any) -> jax.ShapeDtypeStruct:
        spec = PartitionSpec("data" if layout.size("data") > 1 else None)
        return placed(jax.ShapeDtypeStruct(shape, dtype), spec)

    learner = jax.tree.map(lambda leaf: placed(leaf, layout.spec(leaf.shape)), learner)
    plan = jax.tree.map(lambda leaf: placed(leaf, PartitionSpec()), replace(plan, layout=layout))
    stored = jnp.float32 if net == "documents" else jnp.uint8
    data = DeviceRows(rows(batch, width, dtype=stored), rows(batch, dtype=jnp.int32), 1, False)
    step = jax.jit(lambda *a: train_step(a[0], a[1], None, a[2], key=a[3], numbers=a[4]), donate_argnums=0)
    key = jax.eval_shape(lambda: jax.random.key(0))
    return step.lower(learner, data, plan, key, rows(batch, dtype=jnp.int32)).compile()


def collectives(program: str) -> list[tuple[str, int, int]]:
    """Return kind, bytes and devices of each collective of a program."""
    found = []
    for line in program.splitlines():
        if match := _OPERATION.search(line):
            parts = re.findall(r"(\w+)\[([\d,]*)\]", match[1])
            size = sum(_SIZES[kind] * math.prod(map(int, filter(None, shape.split(",")))) for kind, shape in parts)
            found.append((match[2], size, group_size(match[3])))
    return found


def group_size(words: str) -> int:
    """Return how many devices take part, from what follows the operands of a collective."""
    if match := re.search(r"replica_groups=mesh\[(.*?)\] \{(.*?)\}", words):
        sizes = dict(re.findall(r"'(\w+)'=(\d+)", match[1]))
        return math.prod(int(sizes[name]) for name in re.findall(r"'(\w+)'", match[2]))
    if match := re.search(r"replica_groups=\[\d+,(\d+)\]", words):
        return int(match[1])
    if match := re.search(r"replica_groups=\{\{([\d,]+)\}", words):
        return len(match[1].split(","))
    return 2  # a permutation


def measured(net: str, width: int, particles: int, batch_each: int, mesh: dict[str, int]) -> Row:
    """Return what a step costs one device.

    Args:
        net: Which net.
        width: Its visible units.
        particles: K.
        batch_each: Rows for each part of `data`.
        mesh: Devices of each axis.
    """
    text = ",".join(f"{name}={size}" for name, size in mesh.items())
    program = compiled(net, width, particles, batch_each * mesh.get("data", 1), text)
    cost, memory = program.cost_analysis(), program.memory_analysis()
    sent = collectives(program.as_text())
    row = {
        "net": net,
        "width": width,
        "particles": particles,
        "batch": batch_each,
        "mesh": text,
        "devices": math.prod(mesh.values()),
        "flops": cost["flops"],
        "bytes": cost["bytes accessed"],
        "held": memory.argument_size_in_bytes,
        "temporary": memory.temp_size_in_bytes,
        "collectives": {kind: sum(one == kind for one, *_ in sent) for kind in _KINDS},
        "sent": {kind: sum(size for one, size, _ in sent if one == kind) for kind in _KINDS},
        "groups": sorted({group for *_, group in sent}),
    }
    print(json.dumps(row), flush=True)
    return row


def record() -> dict[str, list[Row]]:
    """Return all that is measured."""
    by_data = [{"data": n} for n in (8, 16, 32, 64)]
    by_both = [{"data": n // 8, "model": 8} for n in (16, 32, 64)]
    return {
        "calibration": [measured("deep", 784, 50, 100, {"data": 1})],
        "devices": [measured("images", 784, 5, 128, mesh) for mesh in by_data],
        "particles": [measured("images", 784, k, 128, {"data": 8}) for k in (2, 5, 20, 50)],
        "batch": [measured("images", 784, 5, b, {"data": 8}) for b in (32, 128, 512)],
        "width": [measured("images", w, 5, 128, {"data": 8}) for w in (784, 3136, 12544)],
        "documents": [measured("documents", 10**6, 5, 64, mesh) for mesh in by_both],
        "larger": [measured("documents", 10**6, 5, b, {"data": 8, "model": 8}) for b in (256, 1024)],
        "words": [measured("documents", w, 5, 64, {"data": 2, "model": 4}) for w in (10**4, 10**5, 10**6)],
        "whole": [measured("documents", 10**6, 5, 64, {"data": 8})],
    }


# What they say of 256 devices -----------------------------------------------------------------------------------------


def sent_by(row: Row) -> float:
    """Return the bytes of all collectives of a step."""
    return sum(row["sent"].values())


def rate(found: dict[str, list[Row]]) -> float:
    """Return the floating-point operations per second of an H100 in training steps."""
    return found["calibration"][0]["flops"] / H100_STEP


def computing(found: dict[str, list[Row]], row: Row) -> float:
    """Return the seconds that a device computes in a step: by its operations or by its memory, whichever is more."""
    return max(row["flops"] / rate(found), row["bytes"] / (MEMORY * MEMORY_SHARE))


def reducing(size: float, hosts: int = HOSTS, each: int = PER_HOST) -> float:
    """Return the seconds of an all-reduce: within hosts, then between them, each device with its own part."""
    inside = 2 * (each - 1) / each * size / INSIDE
    across = 2 * (hosts - 1) / hosts * size / each / ACROSS
    return inside + across + MEETING[256 if hosts > 1 else 8]


def efficiency(found: dict[str, list[Row]], row: Row) -> float:
    """Return the share of a step that 256 devices compute, nothing of the messages being hidden behind it."""
    compute = computing(found, row)
    return compute / (compute + reducing(sent_by(row)))


def documents(found: dict[str, list[Row]], row: Row) -> dict[str, float]:
    """Return what 256 devices, `data=32,model=8`, take for documents: seconds, and bytes."""
    compute, gradient = computing(found, row), row["sent"]["all-reduce"]
    # Weights are divided within a host: what is added up over `data` crosses hosts on the link of each device.
    message = 2 * (HOSTS - 1) / HOSTS * gradient / ACROSS + MEETING[256] + MEETING[8] * (sum_of(row) - 1)
    dense, steps = row["batch"] * row["width"] * 4, NUM_DOCUMENTS / (row["batch"] * HOSTS)
    making, putting = dense / HOST_MEMORY, dense / PCIE
    return {
        "compute": compute,
        "message": message,
        "making": making,
        "putting": putting,
        "efficiency": compute / (compute + message),
        "hours": steps * (compute + message) / 3600,
        "hours of rows": steps * max(compute + message, making + putting) / 3600,
        "held": row["held"],
        "temporary": row["temporary"],
        "rows": dense,
        "sparse": row["batch"] * WORDS_OF_A_DOCUMENT * 8,
    }


def sum_of(row: Row) -> int:
    """Return how many collectives a step has."""
    return sum(row["collectives"].values())


# Tables ---------------------------------------------------------------------------------------------------------------


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def words_of(row: Row) -> str:
    """Return the collectives of a step in words."""
    return ", ".join(f"{count} {kind}" for kind, count in row["collectives"].items() if count) or "none"


def costs(rows: list[Row], name: str, label: str) -> str:
    """Return a table of what a step costs one device, against one thing."""
    header = [label, "GFLOP", "GB moved", "MB held", "MB temporary", "collectives", "MB in them"]
    cells = [
        [
            f"{row[name]:,}" if type(row[name]) is int else f"`{row[name]}`",
            f"{row['flops'] / 1e9:.2f}",
            f"{row['bytes'] / 1e9:.2f}",
            f"{row['held'] / 1e6:.0f}",
            f"{row['temporary'] / 1e6:.0f}",
            words_of(row),
            f"{sent_by(row) / 1e6:.2f}",
        ]
        for row in rows
    ]
    return table(header, cells)


def tables(found: dict[str, list[Row]]) -> dict[str, str]:
    """Return all tables of the page by their names."""
    one = found["documents"][-1]
    predicted = [
        [
            f"{row['batch']:,}",
            f"{1e3 * computing(found, row):.2f} ms",
            f"{1e3 * reducing(sent_by(row)):.2f} ms",
            f"{100 * efficiency(found, row):.0f} %",
        ]
        for row in found["batch"]
    ]
    rows = [one, *found["larger"]]
    many = [documents(found, row) for row in rows]
    batches = [f"{row['batch']:,} for each part" for row in rows]
    lines = [[what, *(form(each[key]) for each in many)] for what, key, form in _OF_DOCUMENTS]
    return {
        "devices": costs(found["devices"], "devices", "devices"),
        "particles": costs(found["particles"], "particles", "K"),
        "batch": costs(found["batch"], "batch", "batch of a device"),
        "width": costs(found["width"], "width", "visible units"),
        "words": costs(found["words"], "width", "words"),
        "documents": costs([*found["documents"], *found["whole"]], "mesh", "mesh"),
        "efficiency": table(["batch of a device", "computing", "all-reduce", "efficiency"], predicted),
        "epoch": table(["10^6 words, `data=32,model=8`", *batches], lines),
    }


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.1f} ms"


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.2f} MB" if size < 1e6 else f"{size / 1e6:,.0f} MB"


_OF_DOCUMENTS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("computing, a step", "compute", _milliseconds),
    ("messages, a step", "message", _milliseconds),
    ("share of both that is computing", "efficiency", lambda share: f"{100 * share:.0f} %"),
    ("dense rows written by a host, a step", "making", _milliseconds),
    ("dense rows put on each device, a step", "putting", _milliseconds),
    ("an epoch of 10^9 documents, if rows cost nothing", "hours", lambda hours: f"{hours:.1f} h"),
    ("an epoch with dense rows, made meanwhile", "hours of rows", lambda hours: f"{hours:.1f} h"),
    ("parameters, moments and rows of a device", "held", _megabytes),
    ("what a step needs beside them", "temporary", _megabytes),
    ("dense rows among them", "rows", _megabytes),
    ("the same rows, sparse", "sparse", _megabytes),
)


def with_tables(page: str, found: dict[str, list[Row]]) -> str:
    """Return a page with its tables as a record has them."""
    for name, text in tables(found).items():
        begin = _BEGIN.replace("measured:", f"measured {name}:")
        before, rest = page.split(begin)
        page = before + begin + "\n" + text + _END + rest.split(_END, 1)[1]
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="where the numbers go, or come from")
    parser.add_argument("--page", type=Path, help="compile nothing, and write the tables into a page")
    options = parser.parse_args()
    if options.page:
        options.page.write_text(with_tables(options.page.read_text(), json.loads(options.json.read_text())))
        return
    options.json.write_text(json.dumps(record(), indent=1) + "\n")


if __name__ == "__main__":
    main()
