"""Devices that one net is trained on: meshes, and which part of which array is where."""

from beliefnet.devices._layout import ONE_DEVICE, Layout
from beliefnet.devices._mesh import MeshLike, mesh_text

__all__ = ["ONE_DEVICE", "Layout", "MeshLike", "mesh_text"]
