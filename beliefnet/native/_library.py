"""The library in C: compiled once for each processor, by the C compiler of the machine, and kept in the user's cache.

A program that is compiled where it runs can use all that the processor has. Where there is no compiler, or nothing to
gain, XLA does the same work.
"""

import contextlib
import ctypes
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
import warnings
from functools import cache
from pathlib import Path
from threading import Lock

import jax

from beliefnet._cache import cache_folder, machine_name, processor_features

SWITCH = "BELIEFNET_NATIVE"
TERMS, GROUPS, PANEL, STRIPE = 5, 4, 32, 16
"""Terms of a code, codes of a stretch, columns computed together, and panels of them that a task scores."""
CHUNK, TASK = 512, 320
"""Rows that share sums, and that a task codes."""
PREFIX = "beliefnet_"
_HANDLERS = (
    *("describe", "describe_across", "score_all", "score_with_slopes", "multiply", "multiply_across"),
    *("draw_bits", "draw_normals"),
)
_FOLDER = Path(__file__).parent
_SOURCES = ("describe.c", "scores.c", "products.c", "draws.c")
_SHARED = ("common.h", "tables.h")
_HEADER = "xla/ffi/api/c_api.h"
_FLAGS = (
    *("-std=gnu11", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC"),
    *(f"-DTERMS={TERMS}", f"-DGROUPS={GROUPS}", f"-DPANEL={PANEL}", f"-DSTRIPE={STRIPE}"),
    *(f"-DCHUNK={CHUNK}", f"-DTASK={TASK}"),
)
_NEEDED = "avx512f"
_MOST_SECONDS = 60


def native_code() -> str:
    """Return whether code in C is used: "AVX-512", or "none" and why.

    What it computes differs from what XLA does by rounding. `BELIEFNET_NATIVE=0` switches it off. Whether it can be
    compiled is known when it was needed for the first time.

    Examples:
        >>> native_code().split()[0] in ("AVX-512", "none")
        True
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
        path = _path()
        library = _opened(path)
        for name in _HANDLERS:
            jax.ffi.register_ffi_target(PREFIX + name, jax.ffi.pycapsule(getattr(library, name)), platform="cpu")
    except ModuleNotFoundError as error:
        # Run from source, without what says where to keep it.
        _failures["why"] = str(error)
        return False
    except (OSError, RuntimeError, AttributeError, subprocess.SubprocessError) as error:
        _failures["why"] = str(error)
        warnings.warn(
            f"code in C cannot be used: {error}; try another compiler, CC=gcc, or {SWITCH}=0, for XLA to do it in more "
            "time",
            stacklevel=2,
        )
        return False
    return True


def _opened(path: Path) -> ctypes.CDLL:
    """Open the library, compiling it where it is not there, or is not one that this machine can open."""
    if path.exists():
        with contextlib.suppress(OSError):
            return ctypes.CDLL(str(path))
    _compile(path)
    return ctypes.CDLL(str(path))


_failures: dict[str, str] = {}
_lock = Lock()


def _reason_for_none() -> str | None:
    if os.environ.get(SWITCH) == "0":
        return f"{SWITCH}=0"
    if jax.default_backend() != "cpu":
        return "not a CPU"
    if _NEEDED not in processor_features().split():
        return "a processor without AVX-512"
    return None if _compiler() else "no C compiler"


def _compiler() -> list[str] | None:
    """Return the command of the C compiler: that of `$CC`, or the first one found."""
    try:
        chosen = shlex.split(os.environ.get("CC", ""))
    except ValueError:  # an open quotation
        return None
    found = chosen or [name for name in ("cc", "gcc", "clang") if shutil.which(name)][:1]
    return found if found and shutil.which(found[0]) else None


def _command() -> list[str]:
    return [*(_compiler() or ["cc"]), *_FLAGS, f"-I{jax.ffi.include_dir()}"]


def _path() -> Path:
    """Return where the library is kept, by all that it is made of.

    Raises:
        RuntimeError: If there is no home.
    """
    files = (Path(jax.ffi.include_dir()) / _HEADER, *(_FOLDER / name for name in (*_SHARED, *_SOURCES)))
    known = (*(file.read_bytes() for file in files), *map(str.encode, _command()))
    return cache_folder() / "native" / machine_name() / f"{hashlib.sha256(b'|'.join(known)).hexdigest()[:16]}.so"


def _compile(path: Path) -> None:
    """Compile the library.

    Raises:
        OSError: If it cannot be kept.
        RuntimeError: If the compiler refuses.
        SubprocessError: If the compiler does not end.
    """
    command = _command()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder) / path.name
        # The names alone are part of the library's own name: it does not matter where the package is.
        sources = (str(_FOLDER / name) for name in _SOURCES)
        run = subprocess.run([*command, *sources, "-o", str(made)], capture_output=True, timeout=_MOST_SECONDS)
        if run.returncode:
            lines = [*run.stderr.decode(errors="replace").strip().splitlines(), f"status {run.returncode}"]
            why = next((line for line in lines if "error" in line), lines[0])
            raise RuntimeError(f"{command[0]} did not compile it: {why}")
        # Another process may have made it too; either will do.
        os.replace(made, path)
