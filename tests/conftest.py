"""What several test modules share: compiled programs, a small data file, and a run folder trained on it."""

import gc
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import jax
import numpy as np
import pytest
from checking import CHECKED
from jaxtyping import install_import_hook

pytest_plugins = ["pytester", "selection"]

# Shapes and types in signatures are checked in every test.
with install_import_hook([f"beliefnet.{name}" for name in CHECKED], "checking.typechecker"):
    # The fixtures that the modules about downloads share; they import the package.
    from serving import cache, server  # noqa: F401

    from beliefnet.cli import run

SMALL = ("--hidden", "4", "3", "--nvil.baseline-units", "3", "--batch-size", "8", "--learning-rate", "0.02")
_CACHE = "JAX_COMPILATION_CACHE_DIR"
_SETTINGS = {
    "jax_persistent_cache_min_compile_time_secs": 0.02,
    # A tenth of the time goes to where each operation was called, and to tracebacks without JAX.
    "jax_traceback_in_locations_limit": 0,
    "jax_traceback_filtering": "off",
}


def pytest_configure(config):
    """Compile each training step once for all workers and the processes they start: it takes longer than training."""
    if not hasattr(config, "workerinput") and _CACHE not in os.environ:
        os.environ[_CACHE] = tempfile.mkdtemp(prefix="beliefnet-tests-")
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop(_CACHE), ignore_errors=True))
    for name, value in _SETTINGS.items():
        os.environ[name.upper()] = str(value)
        jax.config.update(name, value)
    if not hasattr(config, "workerinput"):
        os.environ.setdefault("XLA_FLAGS", _flags_that_compile_fast())
    jax.config.update("jax_compilation_cache_dir", os.environ[_CACHE])


def _flags_that_compile_fast() -> str:
    """Programs of the tests run little: optimising them takes longer than running them.

    The older emitters of fused loops compile a third faster, and a program in one piece a sixth, as the workers keep
    all cores busy. A version of XLA that does not know these flags stops at them: they are tried in a process of its
    own.
    """
    level = "--xla_backend_optimization_level=0"
    more = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
    environment = os.environ | {"XLA_FLAGS": f"{level} {more}"}
    probe = subprocess.run([sys.executable, "-c", "import jax; jax.devices()"], env=environment, capture_output=True)
    return environment["XLA_FLAGS"] if probe.returncode == 0 else level


def pytest_collection_finish(session):
    """What was imported stays: searching it for garbage again and again takes a tenth of the time of tracing.

    What is traced leaves little garbage: it is searched for less often, too.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 100)


_MAPS = Path("/proc/self/maps")
_MOST_MAPS = 25_000
_tests_run = itertools.count(1)


@pytest.fixture(autouse=True)
def forget_programs():
    """Let go of compiled programs now and then: a process may not map more than some 65,000 pieces of memory."""
    yield
    if next(_tests_run) % 25 == 0 and (not _MAPS.exists() or _MAPS.read_bytes().count(b"\n") > _MOST_MAPS):
        jax.clear_caches()


@pytest.fixture(scope="session")
def grey_file(tmp_path_factory):
    """Grey values, an odd number of columns: binarised dynamically, and no image."""
    path = tmp_path_factory.mktemp("data") / "grey.npy"
    np.save(path, np.random.default_rng(0).beta(0.4, 0.4, (60, 7)).astype(np.float32))
    return path


@pytest.fixture(scope="session")
def trained(tmp_path_factory, grey_file):
    """A finished run of two epochs; tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    tokens = ["train", "--data", str(grey_file), *SMALL, "--epochs", "2", "--out", str(folder)]
    assert run([*tokens, "--checkpoint-seconds", "0"]) == 0
    return folder


@pytest.fixture(scope="session")
def place(tmp_path_factory, trained, grey_file):
    """A folder with all that commands are about, and what each is usually called with."""
    folder = tmp_path_factory.mktemp("hostile")
    grey = np.load(grey_file)
    np.save(folder / "bits.npy", (grey > 0.5).astype(np.uint8))
    grey[0, 0] = np.nan
    np.save(folder / "holes.npy", grey)
    np.save(folder / "counts.npy", np.random.default_rng(0).poisson(1, (60, 7)) + 1)
    (folder / "taken").write_text("precious")
    (folder / "table.csv").write_text("colour,size\n" + "red,1.5\nblue,2.5\n" * 8)
    small = ("--hidden", "3", "--batch-size", "8", "--epochs", "1")
    tokens = ["train", "--data", str(folder / "counts.npy"), "--net", "document", *small]
    assert run([*tokens, "--out", str(folder / "documents")]) == 0
    old = Path(__file__).parent / "fixtures" / "run-0.1.0"
    usual = {
        "bench": {"--workloads": "nvil", "--peers": "scikit-learn", "--rounds": "1", "--seconds": "0.01"},
        "compare": {"--data": str(folder / "bits.npy"), "--models": "mixture:components=2"},
        "convert": {"OLD": str(old), "NEW": "new"},
        "datasets": {},
        "diagnose": {"DIR": str(trained), "--draws": "20", "--batch-size": "4", "--estimators": "rws"},
        "encode": {"DIR": str(trained), "DATA": str(grey_file)},
        "evaluate": {"DIR": str(trained), "--particles": "2"},
        "export": {"DIR": str(trained), "--out": "net.safetensors"},
        "gaps": {"DIR": str(trained), "--particles": "2", "--steps": "1", "--refine": "air:steps=1"},
        "impute": {"DIR": str(trained), "DATA": str(folder / "holes.npy"), "--particles": "8", "--rounds": "1"},
        "outliers": {"DIR": str(trained), "DATA": str(grey_file), "--particles": "2"},
        "report": {"DIR": str(trained)},
        "runs": {"FOLDER": str(trained.parent)},
        "sample": {"DIR": str(trained)},
        "sandwich": {"DIR": str(trained), "--ais": "2", "--particles": "2", "--num": "2"},
        "score": {"DIR": str(trained), "DATA": str(grey_file), "--particles": "2"},
        "schema": {"DATA": str(folder / "table.csv")},
        "topics": {"DIR": str(folder / "documents")},
        "train": {"--data": str(grey_file), "--hidden": "4", "--batch-size": "8", "--epochs": "1", "--out": "new"},
    }
    return folder, usual


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def copy(trained, tmp_path):
    """A copy of the trained run, to be changed."""
    return shutil.copytree(trained, tmp_path / "copy")


@pytest.fixture
def native():
    """Code in C, where it can be used."""
    from beliefnet.native import _library, native_code

    if _library._reason_for_none():
        pytest.skip(f"needs code in C, got {native_code()}")
    assert _library.is_loaded(), native_code()
