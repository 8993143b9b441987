"""Where the library keeps what it can make or load again."""

import hashlib
import os
import platform
from functools import cache
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder that downloads go to: `$BELIEFNET_CACHE`, or the operating system's cache folder."""
    chosen = os.environ.get("BELIEFNET_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    # Imported here because pooch brings an HTTP library along, which most uses never need.
    import pooch

    return Path(pooch.os_cache("beliefnet"))


@cache
def processor_features() -> str:
    """Return what the processor says it can do, a word each, such as avx2; empty where it does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.lower().startswith(("flags", "features"))), "")


def machine_name() -> str:
    """Return a name of what programs are compiled for: code for one processor may stop another."""
    features = processor_features() or platform.processor()
    return f"{platform.machine()}-{hashlib.sha256(features.encode()).hexdigest()[:12]}"
