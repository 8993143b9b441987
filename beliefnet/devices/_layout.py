"""Many devices: which part of which array is where, while one net is trained on all of them."""

import math
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import numpy as np
from jax import Array, lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec, Sharding, use_abstract_mesh

from beliefnet._errors import OptionError, Use, listed
from beliefnet._net import BeliefNet
from beliefnet.devices._mesh import MeshLike, mesh_of, mesh_text, use_mesh
from beliefnet.devices._processes import is_alone

_LEAST_DIVIDED = 2**16
"""Arrays of fewer numbers are on every device: what they take is little, and dividing them would cost messages."""

T = TypeVar("T")


@dataclass(frozen=True)
class Layout:
    """Where arrays are on a mesh.

    Rows of a batch are divided over the axis `data`. Large arrays of what is trained, and their moments, are divided
    over the axis `model` along their longest axis that it divides: weights next to wide visible layers, by units.
    XLA's partitioner finds what the devices have to tell each other.

    Attributes:
        mesh: The devices; None for the one that JAX takes by itself.
    """

    mesh: Mesh | None = None

    @classmethod
    def of(cls, given: MeshLike | None, net: BeliefNet, batch_size: int) -> "Layout":
        """Return the layout for training a net.

        Args:
            given: As for `mesh_text`; None for one device, or for all along `data` where there are several processes.
            net: The net.
            batch_size: Rows of a step.

        Raises:
            OptionError: As `mesh_of`; or if an axis divides neither the batch nor any large array of the net.
        """
        if given is None and is_alone():
            return cls()
        mesh = mesh_of(f"data={jax.device_count()}" if given is None else given)
        layout = cls(mesh)
        over_data, over_model = layout.size("data"), layout.size("model")
        if batch_size % over_data:
            most = math.gcd(batch_size, over_data)
            raise OptionError(
                f"expected a batch-size that data={over_data} of mesh divides, got {batch_size}",
                Use("batch_size", max(1, batch_size // over_data) * over_data),
                *([use_mesh(mesh_text({**mesh.shape, "data": most}))] if is_alone() else []),
            )
        if over_model > 1 and not any(any(layout.spec(leaf.shape)) for leaf in jax.tree.leaves(net)):
            widths = listed((net.num_visible, *net.layer_sizes))
            raise OptionError(
                f"expected a net with {_LEAST_DIVIDED} weights or more between two layers, one of a width that "
                f"model={over_model} of mesh divides, got layers of {widths} units",
                use_mesh(f"data={over_data}"),
            )
        return layout

    def size(self, axis: str) -> int:
        """Return how many devices there are along an axis."""
        return 1 if self.mesh is None else self.mesh.shape.get(axis, 1)

    def spec(self, shape: tuple[int, ...]) -> PartitionSpec:
        """Return how an array of what is trained is divided."""
        over = self.size("model")
        fitting = [axis for axis, size in enumerate(shape) if size % over == 0]
        if over == 1 or math.prod(shape) < _LEAST_DIVIDED or not fitting:
            return PartitionSpec()
        longest = max(fitting, key=shape.__getitem__)
        return PartitionSpec(*[None] * longest, "model")

    def within(self) -> AbstractContextManager[Any]:
        """Return a context in which programs know that they are for a mesh."""
        return nullcontext() if self.mesh is None else use_abstract_mesh(self.mesh.abstract_mesh)

    def rows(self, x: Array) -> Array:
        """Divide rows within a program, `[batch, units]`, if they can be; how units are follows from the weights."""
        if self.size("data") == 1 or x.shape[0] % self.size("data"):
            return x
        return lax.with_sharding_constraint(x, self._sharding(PartitionSpec("data", PartitionSpec.UNCONSTRAINED)))

    def held(self, tree: T) -> T:
        """Keep what is trained where it is, within a program."""
        if self.mesh is None:
            return tree
        return jax.tree.map(lambda leaf: lax.with_sharding_constraint(leaf, self._of(leaf)), tree)

    def placed(self, tree: T) -> T:
        """Put what is trained where it belongs; what is there stays there."""
        if self.mesh is None:
            return tree
        return jax.tree.map(lambda leaf: put(leaf, self._of(leaf)), tree)

    def everywhere(self, tree: T) -> T:
        """Put arrays on every device."""
        if self.mesh is None:
            return tree
        return jax.tree.map(lambda leaf: put(leaf, self._sharding(PartitionSpec())), tree)

    def part(self, batch_size: int) -> slice:
        """Return which rows of a batch are on devices of this process, `[batch]`.

        Raises:
            OptionError: If they are not next to each other.
        """
        if self.mesh is None or self.size("data") == 1:
            return slice(0, batch_size)
        rows = np.moveaxis(self.mesh.devices, self.mesh.axis_names.index("data"), 0)
        own = [any(device.process_index == jax.process_index() for device in row.flat) for row in rows[..., None]]
        places, each = np.flatnonzero(own), batch_size // self.size("data")
        if len(places) != places[-1] - places[0] + 1:
            raise OptionError(
                "expected the devices of a process next to each other along data of mesh, got others between them",
                use_mesh(mesh_text(dict(self.mesh.shape))),
            )
        return slice(int(places[0]) * each, (int(places[-1]) + 1) * each)

    def divided(self, rows: np.ndarray) -> Array:
        """Put rows on devices: those of this process, in the order of its devices, `[rows, ...]`."""
        if self.mesh is None:
            return jax.numpy.asarray(rows)
        sharding = self._sharding(PartitionSpec("data" if self.size("data") > 1 else None))
        return jax.make_array_from_process_local_data(sharding, rows)

    def _of(self, leaf: Array) -> NamedSharding:
        return self._sharding(self.spec(leaf.shape))

    def _sharding(self, spec: PartitionSpec) -> NamedSharding:
        assert self.mesh is not None
        return NamedSharding(self.mesh, spec)


ONE_DEVICE = Layout()


def put(leaf: Array, sharding: Sharding) -> Array:
    """Put an array that every process has on devices of all of them; what is there stays there."""
    if leaf.sharding.is_equivalent_to(sharding, leaf.ndim):
        return leaf
    if is_alone() or not leaf.is_fully_addressable:
        return jax.device_put(leaf, sharding)
    if jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(put(jax.random.key_data(leaf), sharding), impl=jax.random.key_impl(leaf))
    return jax.make_array_from_callback(leaf.shape, sharding, np.asarray(leaf).__getitem__)


def is_divided(leaf: Any) -> bool:
    """Whether an array, or what stands for one, has parts that this process has not."""
    sharding = getattr(leaf, "sharding", None)
    return sharding is not None and not sharding.is_fully_addressable and not sharding.is_fully_replicated
