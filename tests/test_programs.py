"""Programs that commands keep: a second command compiles none of them again, and they do not pile up."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from beliefnet.cli import _programs
from beliefnet.cli._programs import keep_programs, prune


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def command(cache: Path, *tokens: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    found = subprocess.run(
        [sys.executable, "-c", "import sys; from beliefnet.cli import run; sys.exit(run(sys.argv[1:]))", *tokens],
        env={**kept, "XDG_CACHE_HOME": str(cache), "JAX_EXPLAIN_CACHE_MISSES": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stderr


@pytest.mark.full
def test_a_second_command_compiles_nothing(tmp_path: Path, trained):
    sample = ("sample", str(trained), "--num", "2", "--progress", "none", "--out")
    missing = "PERSISTENT COMPILATION CACHE MISS"
    assert missing in command(tmp_path, *sample, str(tmp_path / "1.npy"))
    programs = files(tmp_path / "beliefnet")
    assert missing not in command(tmp_path, *sample, str(tmp_path / "2.npy"))
    assert files(tmp_path / "beliefnet") == programs
    assert (tmp_path / "1.npy").read_bytes() == (tmp_path / "2.npy").read_bytes()


def test_the_users_own_setting_stays():
    """As that of these tests."""
    assert keep_programs() is None


def test_without_a_home_commands_work_and_keep_none(monkeypatch: pytest.MonkeyPatch):
    def homeless() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(_programs, "cache_folder", homeless)
    before = jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]
    jax.config.update("jax_compilation_cache_dir", None)
    try:
        assert keep_programs() is None
    finally:
        jax.config.update("jax_compilation_cache_dir", before)


def test_the_oldest_programs_make_room(tmp_path: Path):
    for age, name in enumerate(["newer", "old", "older", "oldest"]):
        (tmp_path / name).write_bytes(bytes(100))
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    prune(tmp_path, most_bytes=400)
    assert len(files(tmp_path)) == 4
    prune(tmp_path, most_bytes=399)
    assert {path.name for path in files(tmp_path)} == {"newer"}
