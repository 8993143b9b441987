"""What the documents call by name in the code: classes, attributes, keyword arguments, files."""

import ast
import dataclasses
import importlib
import importlib.util
import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

from pages import ROOT

import beliefnet

PACKAGE = ROOT / "beliefnet"

# Names that pages give to values in prose, by what they are.
VALUES = {"data": "Dataset", "fitted": "Fitted", "report": "GradientReport", "result": "Evaluation", "trace": "Trace"}
# Names of other libraries, of papers' formulas, and placeholders.
ELSEWHERE = {"NaN", "DIR", "NAME", "NEW", "FILE", "Ctrl", "FrozenInstanceError", "numpyro"}


@cache
def public() -> dict[str, Any]:
    """Return every public name of the package, by its last part."""
    found: dict[str, Any] = {}
    for module in _modules():
        for name in getattr(module, "__all__", ()):
            found.setdefault(name, getattr(module, name))
    return found


@cache
def _modules() -> list[ModuleType]:
    return [beliefnet, *map(importlib.import_module, module_names())]


def module_names() -> list[str]:
    """Return the modules that can be imported here: peers of `beliefnet bench` need their own libraries."""
    walked = [m.name for m in pkgutil.walk_packages(beliefnet.__path__, "beliefnet.")]
    missing = [name for name in ("torch", "pyro") if importlib.util.find_spec(name) is None]
    return [name for name in walked if not name.startswith(tuple(f"beliefnet.bench.peers._{name}" for name in missing))]


@cache
def words() -> frozenset[str]:
    """Return all identifiers in the sources of package, tests, benchmarks and examples, with words of their strings."""
    sources = [p for folder in ("beliefnet", "tests", "benchmarks", "examples") for p in (ROOT / folder).rglob("*.py")]
    sources = [path for path in sources if path.name not in ("named.py", "test_docs.py")]
    return frozenset(word for path in sources for word in re.findall(r"\w+", path.read_text(encoding="utf-8")))


def faults(code: str) -> list[str]:
    """Return a sentence for each name in a span of code that the package does not have."""
    return [*_file_faults(code), *_name_faults(re.sub(_FILE, "", code))]


_FILE = r"[\w*./-]+\.(?:py|md|jsonl?|toml|txt|csv|np[yz]|mtx|png|bin|svmlight|safetensors)(?!\w)"


def _file_faults(code: str) -> Iterator[str]:
    for name in re.findall(r"(?<![\w./-])(?:[\w-]+/)+(?:[\w-]+\.(?:py|md|json|toml))?(?![\w/.-])", code):
        top = name.split("/")[0]
        if not ((ROOT / top).is_dir() or (PACKAGE / top).is_dir()) or (top == "runs" and not name.endswith(".py")):
            continue
        if not name.rpartition("/")[2].startswith("_name") and not any((f / name).exists() for f in (ROOT, PACKAGE)):
            yield f"there is no {name}"


def _name_faults(code: str) -> Iterator[str]:
    try:
        tree = ast.parse(code.removeprefix("@"), mode="eval")
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _call_faults(node)
        if isinstance(node, ast.Attribute) and isinstance(_root(node), ast.Name):
            yield from _chain_faults(ast.unparse(node).split("."))
        if isinstance(node, ast.Name):
            yield from _word_faults(node.id)


def _root(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node


def _word_faults(name: str) -> Iterator[str]:
    is_class = name[0].isupper() and any(letter.islower() for letter in name)
    if is_class and name not in words() and name not in ELSEWHERE:
        yield f"there is no {name}"
    if "_" in name.strip("_") and name not in words():
        yield f"there is no {name}"


def _chain_faults(parts: list[str]) -> Iterator[str]:
    holder = _resolve(parts, len(parts) - 1)
    if holder is not None and not _has(holder, parts[-1]):
        yield f"{'.'.join(parts[:-1])} has no {parts[-1]}"


def _call_faults(call: ast.Call) -> Iterator[str]:
    function = _resolve(ast.unparse(call.func).split("."))
    if not callable(function):
        return
    parameters = inspect.signature(function).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    for keyword in call.keywords:
        if keyword.arg and keyword.arg not in parameters:
            yield f"{ast.unparse(call.func)} has no parameter {keyword.arg}"


def _resolve(parts: list[str], count: int | None = None) -> Any:
    """Return what the first `count` parts of a dotted name stand for, or None if that is not the package's."""
    found = _first(parts)
    for name in parts[1:count]:
        if isinstance(found, ModuleType) and not hasattr(found, name) and _has(found, name):
            found = importlib.import_module(f"{found.__name__}.{name}")
        else:
            found = getattr(found, name, None)
    return found


def _first(parts: list[str]) -> Any:
    first = parts[0]
    if first == "beliefnet":
        return beliefnet
    if first in ELSEWHERE:
        return None
    if first in public():
        return public()[first]
    module = importlib.import_module(f"beliefnet.{first}") if (PACKAGE / first).is_dir() else None
    if first in VALUES and not (module and len(parts) > 1 and _has(module, parts[1])):
        return public()[VALUES[first]]
    return module


def _has(holder: Any, name: str) -> bool:
    if isinstance(holder, ModuleType):
        with_module = [m.name for m in pkgutil.iter_modules(getattr(holder, "__path__", ()))]
        return hasattr(holder, name) or name in with_module
    if not inspect.isclass(holder):
        return True
    fields = [f.name for f in dataclasses.fields(holder)] if dataclasses.is_dataclass(holder) else []
    return hasattr(holder, name) or name in fields
