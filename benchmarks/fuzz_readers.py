"""Read damaged files of every kind, each in a process of its own with a limit on time and memory.

    python benchmarks/fuzz_readers.py --files 2000 --seed 0

Prints how many were read and how many were refused; any other outcome (an error that is no DataError, a signal, more
than three seconds, more memory than the limit) is listed, its file is kept, and the exit status is 1.
"""

import argparse
import gzip
import importlib
import io
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from scipy import io as scipy_io
from scipy import sparse

from beliefnet.data import DataError, load, read_rows

SECONDS = 3
"""Of the processor, for one call."""
LONGEST = 2000
"""Characters of a message."""
MEMORY = 2**30
"""Bytes that a process may take beyond what it has before it reads."""


def counts(seed: int = 3) -> sparse.csr_matrix:
    """Return thirty documents of nine words."""
    dense = np.random.default_rng(seed).poisson(0.7, (30, 9))
    dense[:, 0] += 1
    return sparse.csr_matrix(dense)


def intact() -> dict[str, bytes]:
    """Return the contents of one good file of each kind, by its name."""
    rows, words = np.random.default_rng(7).random((30, 9)), counts()
    bits = (rows > 0.5).astype(np.uint8)
    table = "\n".join(",".join(f"{value:.3f}" for value in row) for row in rows)
    pairs = ["".join(f" {j + 1}:{n}" for j, n in zip(row.indices, row.data, strict=True)) for row in words]
    market = _written(lambda file: scipy_io.mmwrite(file, words))
    texts = "".join(f"{' '.join(['cats', 'dogs', 'mice'][: n % 3 + 1])}\n" for n in range(30))
    pieces = {"data": words.data, "indices": words.indices, "indptr": words.indptr, "shape": np.array(words.shape)}
    return {
        "floats.npy": _written(lambda file: np.save(file, rows)),
        "bits.npy": _written(lambda file: np.save(file, np.asfortranarray(bits))),
        "stored.npz": _written(lambda file: np.savez(file, train=rows, test=rows[:5], labels=np.arange(30))),
        "packed.npz": _written(lambda file: np.savez_compressed(file, train=bits, validation=bits[:7])),
        "csr.npz": _written(lambda file: sparse.save_npz(file, words)),
        "coo.npz": _written(lambda file: sparse.save_npz(file, words.tocoo())),
        "pieces.npz": _written(lambda file: np.savez(file, **{f"train_{name}": part for name, part in pieces.items()})),
        "ragged.npy": _written(lambda file: np.save(file, _ragged(words), allow_pickle=True)),
        "tokens.npz": _written(lambda file: np.savez(file, tokens=np.arange(60) % 9, lengths=np.full(30, 2))),
        "table.csv": table.encode(),
        "header.csv": (",".join(["", *"abcdefghi"]) + "\n" + _numbered(table)).encode("utf-8-sig"),
        "quoted.csv": _quoted(table).encode(),
        "truth.csv": "\n".join(",".join(str(bool(bit)) for bit in row) for row in bits).encode(),
        "tabs.tsv": table.replace(",", "\t").encode(),
        "table.csv.gz": gzip.compress(table.encode(), mtime=0),
        "words.mtx": market,
        "words.mtx.gz": gzip.compress(market, mtime=0),
        "dense.mtx": _written(lambda file: scipy_io.mmwrite(file, bits.astype(int))),
        "words.svm": "".join(f"1{line}\n" for line in pairs).encode(),
        "words.ldac": "".join(f"{line.count(':')}{line}\n" for line in pairs).encode(),
        "texts.txt": texts.encode(),
        "texts.csv": (
            "id;text\n" + "".join(f'{n};"{text}"\n' for n, text in enumerate(texts.split("\n")[:-1]))
        ).encode(),
        "baskets.csv": texts.replace(" ", ",").encode(),
    }


def mutated(content: bytes, random: np.random.Generator) -> bytes:
    """Return contents with one to four changes: bits, bytes, cuts, repetitions, and numbers beyond all reason."""
    for _ in range(random.integers(1, 5)):
        content = _MUTATIONS[random.integers(len(_MUTATIONS))](content, random)
    return content


def read(path: Path) -> None:
    """Read a file in the ways in which it can be meant."""
    name = path.name.rpartition("-")[2]
    options = _OPTIONS.get(name, {})
    refused, ways = [], (*(partial(load, values=values) for values in (None, "counts", "grey")), read_rows)
    for way in ways:
        begin = time.process_time()
        try:
            way(path, **options)
        except DataError as error:
            refused.append(error)
            if len(str(error)) > LONGEST:
                raise AssertionError(f"a message of {len(str(error))} characters") from error
        if time.process_time() - begin > SECONDS:
            raise TimeoutError(f"{time.process_time() - begin:.1f} s of the processor")
    if len(refused) == len(ways):
        raise refused[0]


def outcome(path: Path) -> tuple[str, float]:
    """Read a file in a process of its own, and say what came of it and how many seconds it took."""
    begin, (inlet, outlet) = time.perf_counter(), os.pipe()
    child = os.fork()
    if not child:
        os._exit(_child(path, inlet, outlet))
    os.close(outlet)
    with os.fdopen(inlet) as file:
        said = file.read()
    _, status = os.waitpid(child, 0)
    seconds = time.perf_counter() - begin
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return ("slow" if number == signal.SIGALRM else f"signal {number}"), seconds
    return said or "nothing said", seconds


def main() -> int:
    """Run the fuzzer."""
    parser = argparse.ArgumentParser(description="Read damaged files of every kind.")
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    # A process that reads texts must not have to import this first.
    importlib.import_module("sklearn.feature_extraction.text")
    random, good = np.random.default_rng(chosen.seed), intact()
    folder, found, longest, begin = Path(tempfile.mkdtemp()), Counter(), 0.0, time.perf_counter()
    for number in range(chosen.files):
        name = list(good)[number % len(good)]
        path = folder / f"{number}-{name}"
        path.write_bytes(mutated(good[name], random))
        what, seconds = outcome(path)
        longest = max(longest, seconds)
        found[what if what in ("read", "refused") else "fault"] += 1
        if what in ("read", "refused"):
            path.unlink()
        else:
            print(f"{path}: {what} ({seconds:.1f} s)")
    print(json.dumps({**found, "longest_seconds": round(longest, 2), "seconds": round(time.perf_counter() - begin, 1)}))
    if not found["fault"]:
        shutil.rmtree(folder)
    return int(found["fault"] > 0)


def _child(path: Path, inlet: int, outlet: int) -> int:
    os.close(inlet)
    signal.alarm(20 * SECONDS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(path)
        said = "read"
    except DataError as error:
        said = "out of memory" if isinstance(error.__cause__, MemoryError) else "refused"
    except BaseException as error:
        said = f"{type(error).__name__}: {str(error)[:200]}"
    os.write(outlet, said.encode(errors="replace"))
    return 0


def _written(write: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def _ragged(words: sparse.csr_matrix) -> np.ndarray:
    """Return the token ids of each document, an array of arrays."""
    ragged = np.empty(words.shape[0], object)
    ragged[:] = [np.repeat(row.indices, row.data) for row in words]
    return ragged


def _quoted(table: str) -> str:
    """Return a table with decimal commas, each number in quotes."""
    lines = (line.replace(",", '";"').replace(".", ",") for line in table.split("\n"))
    return "".join(f'"{line}"\n' for line in lines)


def _numbered(table: str) -> str:
    return "\n".join(f"{number},{line}" for number, line in enumerate(table.split("\n")))


def _flip(content: bytes, random: np.random.Generator) -> bytes:
    changed = bytearray(content)
    for place in random.integers(0, max(1, len(content)), random.integers(1, 6)):
        if place < len(changed):
            changed[place] ^= 1 << int(random.integers(8))
    return bytes(changed)


def _replace(content: bytes, random: np.random.Generator) -> bytes:
    start, length = _span(content, random)
    return content[:start] + random.bytes(length) + content[start + length :]


def _cut(content: bytes, random: np.random.Generator) -> bytes:
    start, length = _span(content, random)
    return content[:start] if random.random() < 0.5 else content[:start] + content[start + length :]


def _repeat(content: bytes, random: np.random.Generator) -> bytes:
    start, length = _span(content, random)
    return content[: start + length] * int(random.integers(2, 4)) + content[start:]


def _number(content: bytes, random: np.random.Generator) -> bytes:
    """Put a number in the place of a digit: in the sizes that a header states, in an index, in a cell."""
    places = [place for place in range(min(len(content), 4000)) if chr(content[place]).isdigit()]
    if not places:
        return content
    place = places[int(random.integers(len(places)))]
    return content[:place] + _NUMBERS[int(random.integers(len(_NUMBERS)))] + content[place + 1 :]


def _mark(content: bytes, random: np.random.Generator) -> bytes:
    start, _ = _span(content, random)
    return content[:start] + _MARKS[int(random.integers(len(_MARKS)))] + content[start:]


def _span(content: bytes, random: np.random.Generator) -> tuple[int, int]:
    return int(random.integers(0, len(content) + 1)), int(random.integers(1, 40))


_OPTIONS = {
    "texts.csv": {"text_column": "text"},
    "baskets.csv": {"item_separator": ","},
    "quoted.csv": {"decimal": ","},
}
_MUTATIONS = (_flip, _replace, _cut, _repeat, _number, _mark)
_NUMBERS = (
    b"99999999999",
    b"1000000000000",
    b"-1",
    b"1e308",
    b"1e-320",
    b"18446744073709551616",
    b"0",
    b"nan",
    b"9" * 400,
)
_MARKS = (
    b'"',
    b"'",
    b"\0",
    b"\n\n",
    b"\r",
    b",",
    b";",
    b"\t",
    b":",
    b"%",
    b"#",
    b"(",
    b"[" * 300,
    b"\xff\xfe",
    "\u2028".encode(),
)

if __name__ == "__main__":
    sys.exit(main())
