"""The package imports only downward, and each heavy dependency has one place."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "beliefnet"
SCRIPTS = sorted(path for folder in ("benchmarks", "examples") for path in (PACKAGE.parent / folder).glob("*.py"))

PUBLIC = "the package itself"  # what `from beliefnet import VIMCO` reads

# From the bottom up: a unit may import itself and the units of lower lines, never its own line's others.
LAYERS = [
    {"_types", "_naming", "_docstrings", "_frozen", "_pickling", "_mesh", "_cache"},
    {"native"},
    {"_random"},
    {"_numerics", "_text"},
    {"_errors"},
    {"_values"},
    {"_options", "_checks", "_streams"},
    {"tables"},
    {"distributions", "data"},
    {"conditionals", "samplers"},
    {"_chain"},
    {"_net"},
    {"devices"},
    {"nets"},
    {"refiners"},
    {"moves"},
    {"proposals"},
    {"_trace"},
    {"baselines"},
    {"estimators"},
    {"evaluation", "optimizers", "numpyro"},
    {"_uses", "_onnx"},
    {"runs"},
    {"training", "comparisons"},
    {"plots"},
    {"catalogue"},
    {"report", "tracking"},
    {"bench"},
    {"_model"},
    {"_fit"},
    {PUBLIC},
    {"cli", "sklearn"},
    {"__main__"},
]
LEVELS = {unit: level for level, units in enumerate(LAYERS) for unit in units}

# Who may import what; everybody else may not.
PLACES = {
    "cyclopts": ("beliefnet.cli",),
    "ctypes": ("beliefnet.native._library", "beliefnet.cli._entry"),
    "rich": ("beliefnet.cli",),
    "matplotlib": ("beliefnet.plots", "beliefnet.report._parts"),
    "orbax": ("beliefnet.runs._arrays",),
    "safetensors": ("beliefnet.runs._net_file",),
    "grain": ("beliefnet.data.streamed._iterated", "beliefnet.data.streamed._windows"),
    "tensorboardX": ("beliefnet.tracking._tensorboard",),
    "mlflow": ("beliefnet.tracking._mlflow",),
    "torch": ("beliefnet.bench.peers",),
    "pyro": ("beliefnet.bench.peers._pyro",),
}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name; the package's own `__init__` is exempt."""
    paths = {path: path.relative_to(PACKAGE.parent).with_suffix("") for path in sorted(PACKAGE.rglob("*.py"))}
    return {".".join(name.parts): path for path, name in paths.items() if path != PACKAGE / "__init__.py"}


def imports(module: str, source: str) -> Iterator[str]:
    """Yield the absolute dotted name of everything that `source` imports, inside functions too.

    `from beliefnet import x` gives `beliefnet.x`, which is a unit or a name of the package itself.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # One leading dot means the folder of the module, which `__init__` names by its own last part.
            base = module.split(".")[: -node.level] if node.level else []
            origin = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def unit_of(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def within(name: str, places: tuple[str, ...]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def faults(module: str, source: str) -> list[str]:
    """Return a sentence for each import of `module` that the tables forbid."""
    unit = unit_of(module)
    if unit not in LEVELS:
        return [f"expected {module} to belong to a layer, got the unknown unit {unit!r}; try adding it to LAYERS"]
    found = []
    for name in imports(module, source):
        other = unit_of(name)
        if within(name, ("beliefnet",)):
            if other != unit and LEVELS.get(other, LEVELS[PUBLIC]) >= LEVELS[unit]:
                found.append(f"expected {module} to import only from below {unit}, got {name}")
        elif not within(module, PLACES.get(name.split(".")[0], ("beliefnet",))):
            found.append(f"expected {name} only in {' and '.join(PLACES[name.split('.')[0]])}, got it in {module}")
    return found


def test_the_package_was_found():
    assert {"beliefnet._net", "beliefnet.runs._checkpoint", "beliefnet.plots.__init__"} <= modules().keys()


def test_every_layer_is_there():
    assert LEVELS.keys() - {PUBLIC} == {unit_of(name) for name in modules()}
    assert {place for places in PLACES.values() for place in places} <= {
        name.removesuffix(".__init__") for name in modules()
    }


@pytest.mark.parametrize("module", modules())
def test_imports_point_downward(module):
    assert faults(module, modules()[module].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", sorted(Path(__file__).parent.glob("test_*.py")), ids=lambda path: path.stem)
def test_what_tests_share_is_in_no_test_module(path: Path):
    names = imports(path.stem, path.read_text(encoding="utf-8"))
    assert [name for name in names if name.startswith("test_")] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("beliefnet._net", "from beliefnet.estimators import VIMCO"),
        ("beliefnet._net", "import beliefnet.nets"),
        ("beliefnet._chain", "from beliefnet import _net"),
        ("beliefnet._net", "import beliefnet"),
        ("beliefnet._net", "from beliefnet import BeliefNet"),
        ("beliefnet.estimators._vimco", "from ..training import _step"),
        ("beliefnet.estimators.__init__", "from ..training import _step"),
        ("beliefnet.estimators._vimco", "def late():\n    from beliefnet.evaluation import bound"),
        ("beliefnet.data._load", "from beliefnet.distributions import Bernoulli"),
        ("beliefnet.plots._curves", "from beliefnet.cli import main"),
        ("beliefnet.training._loop", "import cyclopts"),
        ("beliefnet.plots._curves", "import rich.table"),
        ("beliefnet.training._loop", "import rich.progress"),
        ("beliefnet.cli._train", "from matplotlib import pyplot"),
        ("beliefnet.training._loop", "def late():\n    import orbax.checkpoint as ocp"),
        ("beliefnet.helpers._misc", "import math"),
    ],
)
def test_a_planted_fault_is_caught(module, source):
    assert len(faults(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("beliefnet.nets._sigmoid", "from beliefnet._net import BeliefNet\nfrom beliefnet import _chain"),
        ("beliefnet.estimators._vimco", "from ._base import Estimate\nfrom .._trace import Trace\nimport jax"),
        ("beliefnet.estimators.__init__", "from ._vimco import VIMCO\nfrom . import _base"),
        ("beliefnet.data.sources._images", "from .. import _split"),
        ("beliefnet.cli._train", "import cyclopts, rich\nfrom beliefnet import catalogue, plots"),
        ("beliefnet.cli._app", "from beliefnet import __version__"),
        ("beliefnet.runs._arrays", "import orbax.checkpoint as ocp"),
    ],
)
def test_lawful_imports_pass(module, source):
    assert faults(module, source) == []


def test_what_is_abstract_says_so():
    # Peers of the comparison need their own libraries.
    names = [name for name in modules() if "__main__" not in name and "bench.peers._" not in name]
    found = [importlib.import_module(name.removesuffix(".__init__")) for name in names]
    classes = {kind for module in found for kind in vars(module).values() if inspect.isclass(kind)}
    own = {kind for kind in classes if kind.__module__.startswith("beliefnet.")}
    # Of Equinox, a field can be abstract as well.
    abstract = {kind for kind in own if inspect.isabstract(kind) or getattr(kind, "__abstractvars__", None)}
    assert len(abstract) > 20
    assert [kind for kind in abstract if not kind.__name__.lstrip("_").startswith("Abstract")] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=[path.stem for path in SCRIPTS])
def test_scripts_import_what_there_is(path):
    """Scripts that no test runs do not fall behind the package."""
    for name in imports(path.stem, path.read_text()):
        if name.startswith("beliefnet."):
            assert pkgutil.resolve_name(name) is not None


def test_every_mutant_can_be_made(monkeypatch):
    monkeypatch.syspath_prepend(str(PACKAGE.parent / "benchmarks"))
    mutants = importlib.import_module("mutants").MUTANTS
    texts = {path: (PACKAGE / path).read_text(encoding="utf-8") for path in {mutant.file for mutant in mutants}}
    assert len(mutants) > 80
    assert [mutant.what for mutant in mutants if texts[mutant.file].count(mutant.old) != 1] == []


def test_an_import_of_what_is_gone_is_caught():
    with pytest.raises(AttributeError):
        pkgutil.resolve_name("beliefnet.training.Optimiser")
