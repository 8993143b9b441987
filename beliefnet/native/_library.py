"""The library in C: compiled once for each processor, by the C compiler of the machine, and kept in the user's cache.

A program that is compiled where it runs can use all that the processor has. Where there is no compiler, or nothing to
gain, XLA does the same work.
"""

import ctypes
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from threading import Lock

import jax

from beliefnet._cache import cache_folder, machine_name, processor_features

SWITCH = "BELIEFNET_NATIVE"
TERMS, ROWS, PANEL, CHUNK = 5, 64, 32, 1024
"""Terms of a code, rows of a block of codes, logits computed together, and rows that share a table."""
PREFIX = "beliefnet_"
_HANDLERS = ("describe", "score_all")
_SOURCE = Path(__file__).with_name("scores.c")
_FLAGS = (
    *("-std=gnu11", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC"),
    *(f"-DTERMS={TERMS}", f"-DROWS={ROWS}", f"-DPANEL={PANEL}", f"-DCHUNK={CHUNK}"),
)
_NEEDED = "avx512f"
_MOST_SECONDS = 60


def native_code() -> str:
    """Return whether code in C is used: "AVX-512", or "none" and why.

    What it computes differs from what XLA does by rounding. `BELIEFNET_NATIVE=0` switches it off.
    """
    reason = _reason_for_none() or _failures.get("why")
    return f"none ({reason})" if reason else "AVX-512"


def is_loaded() -> bool:
    """Load the library, compiling it first where that was not done before; return whether it can be used."""
    with _lock:
        return not _reason_for_none() and _load()


@cache
def _load() -> bool:
    try:
        library = ctypes.CDLL(str(_compiled()))
        for name in _HANDLERS:
            jax.ffi.register_ffi_target(PREFIX + name, jax.ffi.pycapsule(getattr(library, name)), platform="cpu")
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        _failures["why"] = str(error)
        return False
    return True


_failures: dict[str, str] = {}
_lock = Lock()


def _reason_for_none() -> str | None:
    if os.environ.get(SWITCH) == "0":
        return f"{SWITCH}=0"
    if _NEEDED not in processor_features():
        return "a processor without AVX-512"
    return None if _compiler() else "no C compiler"


def _compiler() -> list[str] | None:
    """Return the command of the C compiler: that of `$CC`, or the first one found."""
    chosen = shlex.split(os.environ.get("CC", ""))
    found = chosen or [name for name in ("cc", "gcc", "clang") if shutil.which(name)][:1]
    return found if found and shutil.which(found[0]) else None


def _compiled() -> Path:
    """Return the library's file, compiling it where it is not there.

    Raises:
        OSError: If it cannot be kept.
        RuntimeError: If the compiler refuses, or there is no home.
        SubprocessError: If the compiler does not end.
    """
    import jaxlib

    command = [*(_compiler() or ["cc"]), *_FLAGS, f"-I{jax.ffi.include_dir()}"]
    known = (_SOURCE.read_bytes(), *map(str.encode, (*_FLAGS, command[0], jaxlib.__version__)))
    name = hashlib.sha256(b"\0".join(known)).hexdigest()[:16]
    path = cache_folder() / "native" / machine_name() / f"{name}.so"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder) / path.name
        run = subprocess.run(
            [*command, str(_SOURCE), "-o", str(made)],
            capture_output=True,
            text=True,
            timeout=_MOST_SECONDS,
            stdin=subprocess.DEVNULL,
        )
        if run.returncode:
            lines = [*run.stderr.strip().splitlines(), f"status {run.returncode}"]
            why = next((line for line in lines if "error" in line), lines[0])
            raise RuntimeError(f"{command[0]} did not compile it: {why}")
        # Another process may have made it too; either will do.
        os.replace(made, path)
    return path
