"""The notebooks of `examples/`: their cells in order, and what they show."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pages import ROOT

NOTEBOOKS = {path.stem: path for path in sorted((ROOT / "examples").glob("*.ipynb"))}


def cells(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text())["cells"]


def shown(path: Path) -> str:
    """What the stored cells printed."""
    return "".join(line for cell in cells(path) for out in cell.get("outputs", ()) for line in out.get("text", ()))


def run_cells(path: Path, shorter: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run a notebook's cells in order, and return the names that they leave.

    Args:
        path: The notebook.
        shorter: What takes the place of pieces of code so that it takes less time; each is there.
    """
    names: dict[str, Any] = {}
    left = dict(shorter or {})
    for number, cell in enumerate(cells(path)):
        code = "".join(cell["source"])
        if cell["cell_type"] == "code":
            for piece in [piece for piece in left if piece in code]:
                code = code.replace(piece, left.pop(piece))
            exec(compile(code, f"cell {number}", "exec"), names)
    assert not left, f"the notebook has no {', '.join(left)}"
    return names
