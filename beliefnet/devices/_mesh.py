"""A mesh of devices, as it can be said."""

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import jax
from jax.sharding import AxisType, Mesh

from beliefnet._errors import OptionError, Use, check_type, listed, shown, suggestion, whole_number

AXES = ("data", "model")
"""What the axes of a mesh may be called."""

MeshLike: TypeAlias = Mesh | Mapping[str, int] | str


def mesh_text(given: MeshLike) -> str:
    """Return what a mesh is as the option `mesh` says it.

    Args:
        given: A mesh of JAX; or the devices of each axis, as words or as a mapping.

    Raises:
        OptionError: If it has other axes than data and model, or no devices in one.
        TypeError: If it is something else.

    Examples:
        >>> mesh_text(" data=4, model=2"), mesh_text({"data": 8})
        ('data=4,model=2', 'data=8')
    """
    check_type("mesh", given, Mesh, Mapping, str, good="'data=4,model=2'")
    sizes = _sizes(given)
    for name, size in sizes.items():
        if name not in AXES:
            near = suggestion(str(name), AXES)
            raise OptionError(
                f"expected axes of mesh to be {listed(AXES)}, got {shown(name)}{near}", use_mesh("data=2")
            )
        try:
            sizes[name] = whole_number(f"mesh axis {name}", size, good=2)
        except ValueError as error:
            raise OptionError(str(error).partition("; try")[0], use_mesh(f"{name}=2")) from None
    if not sizes:
        raise OptionError("expected mesh to have an axis, got none", use_mesh("data=2"))
    return ",".join(f"{name}={size}" for name, size in sizes.items())


def _sizes(given: MeshLike) -> dict[Any, Any]:
    """Return the devices of each axis, as they were given."""
    match given:
        case str():
            return _read(given)
        case Mesh():
            return dict(given.shape)
    return dict(given)


def _read(text: str) -> dict[Any, Any]:
    """Return the devices of each axis, as words say."""
    sizes: dict[Any, Any] = {}
    for part in text.split(","):
        name, _, size = (word.strip() for word in part.partition("="))
        if not size.isdecimal():
            raise OptionError(f"expected mesh as in data=4,model=2, got {shown(text)}", use_mesh("data=2"))
        if name in sizes:
            raise OptionError(f"expected each axis of mesh once, got {name} twice in {shown(text)}", use_mesh("data=2"))
        sizes[name] = int(size)
    return sizes


def use_mesh(value: str) -> Use:
    """Return the hint to take another mesh."""
    return Use("mesh", value)


def mesh_of(given: MeshLike) -> Mesh:
    """Return a mesh of devices.

    Args:
        given: As for `mesh_text`.

    Raises:
        OptionError: As `mesh_text`; or if there are not so many devices, or processes with none.
    """
    text, num_devices = mesh_text(given), jax.device_count()
    sizes = _read(text)
    wanted = math.prod(sizes.values())
    if jax.process_count() > 1 and wanted != num_devices:
        raise OptionError(
            f"expected mesh to have all {num_devices} devices of {jax.process_count()} processes, got {text} with "
            f"{wanted}",
            use_mesh(f"data={num_devices}"),
        )
    match given:
        case Mesh():
            return Mesh(given.devices, given.axis_names)
    if wanted > num_devices:
        raise OptionError(
            f"expected mesh to have at most the {num_devices} devices that there are, got {text} with {wanted}",
            use_mesh(f"data={num_devices}"),
            f"JAX_NUM_CPU_DEVICES={wanted} in the environment, for parts of a processor",
        )
    shape, devices = tuple(sizes.values()), jax.devices()[:wanted]
    return jax.make_mesh(shape, tuple(sizes), devices=devices, axis_types=(AxisType.Auto,) * len(sizes))
