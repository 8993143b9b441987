"""Whether what is traced is for a mesh of devices."""

import jax


def is_for_a_mesh() -> bool:
    """Return whether values may be divided over devices."""
    return not jax.sharding.get_abstract_mesh().empty
