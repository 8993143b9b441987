"""The arrays of a checkpoint: leaves described, written and read back bit for bit."""

import gc
import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from beliefnet._errors import ArgumentTypeError
from beliefnet.devices import is_divided, is_first, put
from beliefnet.runs._files import reserve
from beliefnet.runs._manifest import CheckpointError, Damaged

_BYTES_BESIDE, _BYTES_PER_LEAF = 65_536, 2048
"""What the array files take beside the arrays, generously."""


def describe_leaves(tree: PyTree, at: str = "") -> list[dict[str, Any]]:
    """Return path, shape, type and kind of every leaf; `at` is put before every path.

    Raises:
        TypeError: A leaf is not an array.
    """
    flat = jax.tree_util.tree_flatten_with_path(tree)[0]
    return [_describe_leaf(at + jax.tree_util.keystr(path), leaf) for path, leaf in flat]


def _describe_leaf(path: str, leaf: Any) -> dict[str, Any]:
    if not hasattr(leaf, "shape") or not hasattr(leaf, "dtype"):
        raise ArgumentTypeError(f"expected an array at {path}, got {leaf!r}", "equinox.filter(tree, equinox.is_array)")
    description = {"path": path, "shape": list(leaf.shape), "dtype": str(leaf.dtype)}
    is_array = isinstance(leaf, jax.Array)
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        # The dtype of a typed key already names its implementation; `wrap_key_data` needs the longer name.
        return {**description, "kind": "key", "impl": str(jax.random.key_impl(leaf)) if is_array else None}
    return {**description, "kind": "jax" if is_array else "numpy"}


def check_same_leaves(saved: list[dict[str, Any]], wanted: list[dict[str, Any]], folder: Path) -> None:
    """Check that a checkpoint has the leaves that are asked for.

    Raises:
        CheckpointError: Naming the first that it has not.
    """

    def show(leaf: dict[str, Any] | None) -> str:
        return "no leaf" if leaf is None else f"{leaf['path'] or 'the state'}: {leaf['dtype']}{leaf['shape']}"

    for position in range(max(len(saved), len(wanted))):
        left, right = (leaves[position] if position < len(leaves) else None for leaves in (wanted, saved))
        if left is None or right is None or any(left[name] != right[name] for name in ("path", "shape", "dtype")):
            raise CheckpointError(
                f"expected {show(left)}, got {show(right)} in the checkpoint {folder}",
                "the architecture and optimiser that the checkpoint was trained with",
            )


def write_arrays(folder: Path, leaves: list[dict[str, Any]], values: list[Any]) -> None:
    """Write every leaf into a folder that does not exist yet, beside which there is room for it.

    Raises:
        OSError: The disk is full.
        Exception: As Orbax raises them.
    """
    raw = [jax.random.key_data(v) if leaf["kind"] == "key" else v for leaf, v in zip(leaves, values, strict=True)]
    # Orbax refuses arrays without elements; their shape and type in the manifest say everything.
    kept = {f"{i:06d}": value for i, value in enumerate(raw) if value.size}
    # Of arrays that are divided among processes, each writes its part.
    arrays = {name: value if is_divided(value) else np.asarray(value) for name, value in kept.items()}
    if is_first():
        reserve(folder.parent, sum(a.nbytes + _BYTES_PER_LEAF for a in arrays.values()) + _BYTES_BESIDE)
    if arrays:
        import orbax.checkpoint as ocp

        with _quiet(), _without_brackets(folder) as place, ocp.PyTreeCheckpointer() as checkpointer:
            checkpointer.save(place, args=ocp.args.PyTreeSave(arrays))


def read_arrays(
    folder: Path, leaves: list[dict[str, Any]], targets: Mapping[str, Any] = MappingProxyType({})
) -> list[np.ndarray | jax.Array]:
    """Read every leaf that was written, as a whole unless it is to be divided among processes.

    Args:
        folder: Where they are.
        leaves: As the manifest describes them.
        targets: Arrays that are to be in the place of some, by their paths.

    Raises:
        Damaged: The files cannot be read.
    """
    names = {f"{i:06d}": leaf["path"] for i, leaf in enumerate(leaves) if 0 not in leaf["shape"]}
    arrays: dict[str, np.ndarray | jax.Array] = {}
    if names:
        import orbax.checkpoint as ocp

        def how(target: Any) -> ocp.RestoreArgs:
            if not is_divided(target):
                return ocp.RestoreArgs(restore_type=np.ndarray)
            return ocp.ArrayRestoreArgs(sharding=target.sharding, global_shape=target.shape)

        restore_args = {name: how(targets.get(path)) for name, path in names.items()}
        try:
            with _quiet(), _without_brackets(folder) as place, ocp.PyTreeCheckpointer() as checkpointer:
                arrays = checkpointer.restore(place, args=ocp.args.PyTreeRestore(restore_args=restore_args))
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise Damaged(f"its arrays cannot be read ({why(error)})") from error
    return [arrays.get(f"{i:06d}", np.empty(leaf["shape"], np.uint8)) for i, leaf in enumerate(leaves)]


def decode(value: np.ndarray | jax.Array, leaf: dict[str, Any], target: Any) -> jax.Array | np.ndarray:
    """Turn a stored array back into the leaf that was saved, on the devices of `target`."""
    if leaf["kind"] == "numpy":
        return np.asarray(value).astype(leaf["dtype"], copy=False)
    if is_divided(value):
        return jnp.asarray(value)
    if leaf["kind"] == "key":
        decoded = jax.random.wrap_key_data(jnp.asarray(value, jnp.uint32), impl=leaf["impl"])
    else:
        decoded = jnp.asarray(value, leaf["dtype"])
    sharding = getattr(target, "sharding", None)
    # Committing an uncommitted array would pin later computations to its device.
    return decoded if sharding is None or not getattr(target, "committed", True) else put(decoded, sharding)


def why(error: BaseException) -> str:
    """Return the first line of an error; Orbax appends the C++ call stack to its own."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


@contextmanager
def _without_brackets(folder: Path) -> Iterator[Path]:
    """Give a folder a path that Orbax, which looks for its files by patterns, does not take for one."""
    if "[" not in str(folder):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="beliefnet-") as scratch:
        link = Path(scratch) / "checkpoint"
        link.symlink_to(folder.parent.absolute(), target_is_directory=True)
        yield link / folder.name


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back the log of Orbax: progress, and tracebacks of its threads, which are raised as well."""
    loggers = [logging.getLogger(name) for name in ("absl", "asyncio")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    except BaseException:
        # What is left of its event loops would complain when it is collected later.
        gc.collect()
        raise
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
