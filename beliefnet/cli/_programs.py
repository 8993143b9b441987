"""Compiled programs: commands keep them, so that the next one with the same net and batch need not compile."""

import contextlib
import os
import sys
from pathlib import Path

from beliefnet._cache import cache_folder, machine_name

MOST_BYTES = 2**30
"""The programs of one machine may take as much; the oldest ones make room."""


def keep_programs() -> Path | None:
    """Keep the programs that JAX compiles from now on, in the cache folder of the user.

    Programs of other processors are kept apart, as a home may be shared by machines.

    Returns:
        The folder; None where JAX is not imported, was told where to keep them (`JAX_COMPILATION_CACHE_DIR`) or to keep
        none (`JAX_ENABLE_COMPILATION_CACHE=false`), or nothing can be written.
    """
    if "jax" not in sys.modules:
        return None
    import jax

    names = ("jax_compilation_cache_dir", "jax_enable_compilation_cache")
    chosen, is_enabled = (getattr(jax.config, name) for name in names)
    if chosen or not is_enabled:
        return None
    try:
        # Without HOME, a user who is in no list of users has no cache folder.
        folder = cache_folder() / "programs" / machine_name()
        folder.mkdir(parents=True, exist_ok=True)
        prune(folder)
    except (OSError, RuntimeError):
        return None
    if not os.access(folder, os.W_OK):
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    # Many of a command's programs take a hundredth of a second each, and there are hundreds of them.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    return folder


def prune(folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
    """Delete the oldest files of a folder, until half as much is left as it may hold."""
    files = [(entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in os.scandir(folder)]
    left = sum(size for _, size, _ in files)
    if left <= most_bytes:
        return
    for _, size, path in sorted(files):
        if left <= most_bytes // 2:
            return
        # Another command may have deleted it.
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)
        left -= size
