"""The type of sparse matrices."""

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    # scipy has no annotations, and what pyright infers without them is wrong: a matrix whose shape is None.
    CSR: TypeAlias = Any
else:
    from scipy.sparse import csr_matrix as CSR

__all__ = ["CSR"]
