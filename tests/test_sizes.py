"""The package stays in small pieces: short functions, few parameters, no chains of type tests, folders of few files."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "beliefnet"
LONGEST_FUNCTION = 60  # lines, without the docstring
MOST_PARAMETERS = 7

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def length(function: Function) -> int:
    """Return the number of lines of a function, its docstring apart."""
    first = function.body[0]
    has_docstring = ast.get_docstring(function) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if has_docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def parameters(function: Function) -> int:
    """Return the number of parameters, `self` apart."""
    given = function.args
    names = [p.arg for p in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def is_specification(function: Function, path: Path) -> bool:
    """Whether parameters are options: of a command, a thing with a name, a ready-made net, or one for scikit-learn."""
    decorators = {name.id for d in function.decorator_list for name in ast.walk(d) if isinstance(name, ast.Name)}
    is_net = path.parent.name == "nets" and not function.name.startswith("_")
    # What scikit-learn clones stores its options in the constructor, and does nothing else there.
    is_stored = path.parent.name == "sklearn" and function.name == "__init__"
    return bool(decorators & {"command", "named", "overload"}) or is_net or is_stored


def too_large(source: str, path: Path = PACKAGE / "_net.py") -> list[str]:
    """Return a sentence for each function that is too long or has too many parameters."""
    found = []
    for function in functions(ast.parse(source)):
        if (lines := length(function)) > LONGEST_FUNCTION:
            found.append(f"{path.name}: {function.name} has {lines} lines")
        if (count := parameters(function)) > MOST_PARAMETERS and not is_specification(function, path):
            found.append(f"{path.name}: {function.name} has {count} parameters")
    return found


def sources(folder: str = "") -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in sorted((PACKAGE / folder).rglob("*.py"))}


def test_functions_are_small():
    assert [fault for path, source in sources().items() for fault in too_large(source, path)] == []


@pytest.mark.parametrize(
    "source",
    [
        "def long():\n" + "    pass\n" * 60,
        "def wide(a, b, c, d, /, e, f, *, g, h): ...",
        "class A:\n    def wide(self, a, b, c, d, e, f, g, h): ...",
    ],
)
def test_a_planted_size_is_caught(source: str):
    assert len(too_large(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        'def documented():\n    """Say.\n' + "\n" * 60 + '    """\n' + "    pass\n" * 59,
        "class A:\n    def narrow(self, a, b, c, d, e, f, g): ...",
        "@named('x')\ndef options(a, b, c, d, e, f, g, h): ...",
    ],
)
def test_small_functions_pass(source: str):
    assert too_large(source) == []


def test_types_are_rarely_asked_for():
    calls = [
        path.name
        for path, source in sources().items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance"
    ]
    assert len(calls) < 30, f"ask the object instead: {len(calls)} calls of isinstance"


def test_modules_are_small():
    large = {path.name: source.count("\n") for path, source in sources("data").items() if source.count("\n") > 300}
    assert large == {}


def test_folders_are_small():
    for folder in sorted({path.parent for path in sources("data")}):
        assert len(list(folder.glob("*.py"))) <= 20, "data/ is folded by what is read"
    assert sum(source.count("\n") for source in sources("training").values()) < 1800
