"""Names for the array types that appear in public signatures.

Axis names come from one list: particles, batch, layers, units, states. `*lead` stands for any leading axes.
"""

from typing import Literal, TypeAlias

from jax import Array
from jaxtyping import Float, PRNGKeyArray

Key: TypeAlias = PRNGKeyArray
Values: TypeAlias = tuple[Float[Array, "... _"], ...]
"""One value per layer, from the bottom layer to the top one."""
ValueKind: TypeAlias = Literal["binary", "grey", "counts", "mixed"]
"""What data hold: bits, grey values in [0, 1], counts, or columns of a table, each of its own kind."""
