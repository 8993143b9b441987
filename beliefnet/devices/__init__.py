"""Devices and processes that one net is trained on: meshes, which part of which array is where, who writes."""

from beliefnet.devices._layout import ONE_DEVICE, Layout, is_divided, put
from beliefnet.devices._mesh import MeshLike, mesh_text
from beliefnet.devices._processes import (
    ProcessLost,
    from_each,
    from_first,
    has_joined,
    is_alone,
    is_first,
    is_lost,
    start_processes,
    together,
    wait_for_all,
)

__all__ = [
    "ONE_DEVICE",
    "Layout",
    "MeshLike",
    "ProcessLost",
    "from_each",
    "from_first",
    "has_joined",
    "is_alone",
    "is_divided",
    "is_first",
    "is_lost",
    "mesh_text",
    "put",
    "start_processes",
    "together",
    "wait_for_all",
]
