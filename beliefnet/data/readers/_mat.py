"""Splits in the arrays of MATLAB files, by the names that they have."""

import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from beliefnet._errors import Advice, DataError, Use, listed, shown
from beliefnet.data._files import read_bytes
from beliefnet.data._record import LoadOptions
from beliefnet.data._sparse import is_sparse
from beliefnet.data._split import Contents
from beliefnet.data.readers._mat_arrays import Variable, mat_variables
from beliefnet.data.readers._matrix import Wanted
from beliefnet.data.readers._named import NamedArrays, named_contents, with_array

MAT = ".mat"


def mat_names(path: Path) -> list[str]:
    """Return the names of the arrays of numbers in a MATLAB file; `DataError` if it cannot be read."""
    return list(_numeric(path))


def mat_contents(path: Path, options: LoadOptions, wanted: Wanted | None) -> Contents:
    """Read the rows of a MATLAB file, dense or sparse, by the names of its arrays."""
    variables = _numeric(path)
    names = list(variables)
    options = with_array(options, names, path)
    if options.array is not None and options.array not in names:
        raise DataError(
            f"expected a MATLAB file with an array of numbers {shown(options.array)}, got {path} with {listed(names)}",
            "one of its own names, or leaving the array's name out",
        )

    def read(chosen: Iterable[str]) -> dict[str, Any]:
        arrays = {name: variables[name].read(f"{path} (array {shown(name)})") for name in chosen}
        if options.transpose:
            return {name: _turned(array) for name, array in arrays.items()}
        for name, array in arrays.items():
            _advise(name, array.shape, path)
        return arrays

    shapes = {name: (_shape(found, options), np.dtype(found.dtype)) for name, found in variables.items()}
    contents = named_contents(NamedArrays(path, names, shapes, read), replace(options, transpose=False))
    return replace(contents, reading=options.reading)


def _numeric(path: Path) -> dict[str, Variable]:
    """Return the arrays of numbers in a file, by name."""
    found = mat_variables(read_bytes(path), path)
    names = [variable.name for variable in found]
    if len(set(names)) < len(names):
        raise DataError(f"expected arrays of different names in {path}, got {listed(names)}", "writing it again")
    numeric = {variable.name: variable for variable in found if not variable.what}
    if not numeric:
        others = [f"{variable.name} ({variable.what})" for variable in found]
        raise DataError(
            f"expected an array of numbers in {path}, got {listed(others) or 'none'}",
            "save(name, 'rows', '-v7') of MATLAB with a matrix called rows",
        )
    return numeric


def _shape(variable: Variable, options: LoadOptions) -> tuple[int, ...]:
    *first, last = variable.shape
    return (last, *first) if options.transpose else variable.shape


def _turned(array: Any) -> Any:
    """Return an array with its last axis first: columns, or images that are counted by the last axis, become rows."""
    return array.T.tocsr() if is_sparse(array) else np.ascontiguousarray(np.moveaxis(array, -1, 0))


def _advise(name: str, shape: tuple[int, ...], path: Path) -> None:
    if len(shape) == 3 and shape[2] > shape[0]:
        rows, height, width = shape
        said = f"array {name!r} of {path} is read as {rows} rows of {height} x {width}, its first axis counting them"
        warnings.warn(Advice(said, Use("transpose", True, "if its last axis does")), stacklevel=2)
