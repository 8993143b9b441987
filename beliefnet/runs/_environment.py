"""What the numbers of a run depend on besides its options: versions, the machine, and settings of JAX."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax

from beliefnet.native import native_code

_PACKAGES = ("beliefnet", "jax", "jaxlib", "numpy", "optax", "equinox", "numpyro")


def environment() -> dict[str, Any]:
    """Return versions, device, cores, random number generator and precision of this process, as plain values."""
    devices = jax.devices()
    return {
        "python": platform.python_version(),
        **{name: _version(name) for name in _PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": _cores(),
        "device": f"{len(devices)} x {devices[0].platform} ({devices[0].device_kind})",
        "random numbers": _setting("default_prng_impl") + _partitionable(),
        "precision": _precision(),
        "native code": native_code(),
        "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
    }


def environment_changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return what differs between two environments, such as "cores 1 instead of 2"."""
    names = [name for name in now if name in before and before[name] != now[name]]
    return [f"{name} {now[name] or 'none'} instead of {before[name] or 'none'}" for name in names]


def _setting(name: str) -> Any:
    return getattr(jax.config, f"jax_{name}")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def _partitionable() -> str:
    return "" if _setting("threefry_partitionable") else ", not partitionable"


def _precision() -> str:
    floats = "float64" if _setting("enable_x64") else "float32"
    return f"{floats}, matrix products {_setting('default_matmul_precision') or 'default'}"


def _cores() -> int:
    """How many cores this process may use; XLA divides its work by them, and so rounds differently."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    found = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return found[0] if found else platform.processor() or "unknown"
