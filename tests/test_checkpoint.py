"""Checkpoints: exact values back, and nothing lost to kills, full disks, damage or the wrong architecture."""

import errno
import json
import logging
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from beliefnet.runs._checkpoint import CheckpointError, Checkpoints

AWKWARD = np.array([np.nan, -0.0, 0.0, 1e-45, -np.inf, np.float32(1) / 3], np.float32)


def make_state(fill=1.0, width=3):
    """A small state with every kind of leaf that training has."""
    return {
        "net": eqx.filter(eqx.nn.Linear(width, 2, key=jax.random.key(0)), eqx.is_array),
        "key": jax.random.key(7),
        "keys": jax.random.split(jax.random.key(3, impl="rbg"), 2),
        "raw_key": jax.random.PRNGKey(5),
        "awkward": jnp.asarray(AWKWARD),
        "quiet": jnp.full((4,), fill),
        "half": jnp.arange(3, dtype=jnp.bfloat16),
        "empty": jnp.zeros((0, 3)),
        "step": jnp.asarray(12, jnp.int32),
        "flags": np.array([True, False]),
        "pixels": np.arange(4, dtype=np.uint8),
        "large": np.asarray(2**32 - 1, np.uint32),
        "double": np.array([np.pi, 5e-324]),
        "pair": (jnp.ones(1), None),
    }


def assert_same(left, right):
    """Same structure, kinds, dtypes and bits."""
    assert jax.tree.structure(left) == jax.tree.structure(right)
    for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        assert isinstance(a, jax.Array) == isinstance(b, jax.Array)
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def small(value):
    return {"weights": np.full((64,), value, np.float32)}


def hidden(directory):
    return [path.name for path in directory.iterdir() if path.name.startswith(".")]


def largest_file(folder):
    return max((p for p in (folder / "arrays").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)


def damage(folder):
    """Flip one bit of the largest array file of a checkpoint."""
    victim = largest_file(folder)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)


@pytest.mark.parametrize("abstract", [False, True], ids=["arrays", "shapes"])
def test_round_trip_is_exact(tmp_path, abstract):
    state, record = make_state(), {"architecture": {"sizes": [3, 2]}, "data": "digits", "bound": -1.5}
    path = Checkpoints(tmp_path).save(1234, state, record)
    like = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), state) if abstract else make_state(fill=0.0)
    restored = Checkpoints(tmp_path).restore(like)
    assert_same(restored.state, state)
    assert (restored.step, restored.record, restored.path, restored.skipped) == (1234, record, path, ())
    assert path == tmp_path / "step_00001234"
    key = restored.state["key"]
    assert jax.random.uniform(key) == jax.random.uniform(state["key"])
    assert not restored.state["quiet"].committed


def test_bare_and_empty_states(tmp_path):
    for step, state in enumerate([jnp.asarray(3), {}, {"empty": np.zeros((0,), np.int8)}]):
        Checkpoints(tmp_path).save(step, state, {})
        assert_same(Checkpoints(tmp_path).restore(state).state, state)


def test_the_manifest_describes_files_and_leaves(tmp_path):
    path = Checkpoints(tmp_path).save(1, make_state(), {"seed": 3})
    manifest = json.loads((path / "manifest.json").read_text())
    on_disk = {str(p.relative_to(path)) for p in path.rglob("*") if p.is_file()} - {"manifest.json"}
    assert set(manifest["files"]) == on_disk
    leaf = next(leaf for leaf in manifest["leaves"] if leaf["path"] == "['net'].weight")
    assert (leaf["shape"], leaf["dtype"]) == ([2, 3], "float32")
    assert manifest["record"] == {"seed": 3}


def test_keeps_the_newest_and_replaces_the_same_step(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (1, 2, 10, 10):
        checkpoints.save(step, small(step), {"step": step})
    checkpoints.save(10, small(-1), {"again": True})
    assert sorted(os.listdir(tmp_path)) == ["step_00000002", "step_00000010"]
    assert checkpoints.restore(small(0)).state["weights"][0] == -1
    assert Checkpoints(tmp_path).read_record() == {"again": True}


def test_damage_is_passed_over_with_a_reason(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=5)
    paths = [checkpoints.save(step, small(step), {"step": step}) for step in (1, 2, 3, 4, 5)]
    damage(paths[1])
    (paths[2] / "manifest.json").write_text('{"step": 3')
    shutil.rmtree(paths[3] / "arrays")
    os.truncate(largest_file(paths[4]), 10)
    restored = checkpoints.restore(small(0))
    assert (restored.step, restored.state["weights"][0]) == (1, 1)
    truncated, missing, half_written, altered = restored.skipped
    assert "step_00000005 is damaged: its file arrays/" in truncated
    assert "got 10 bytes" in truncated
    assert "step_00000004 is damaged: its file" in missing
    assert "step_00000003 is damaged: its manifest.json cannot be read" in half_written
    assert "step_00000002 is damaged: its file arrays/" in altered
    assert "SHA-256" in altered
    assert Checkpoints(tmp_path).read_record() == {"step": 1}
    damage(paths[0])
    with pytest.raises(CheckpointError, match=r"got only damaged ones: .*00005.*00004.*00003.*00002.*00001"):
        checkpoints.restore(small(0))


def test_an_altered_record_is_damage(tmp_path):
    path = Checkpoints(tmp_path).save(1, small(1), {"seed": 3})
    manifest = path / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"seed": 3', '"seed": 4'))
    with pytest.raises(CheckpointError, match=r"manifest\.json was altered"):
        Checkpoints(tmp_path).read_record()


def test_going_back_past_damage_keeps_the_intact_ones(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=1)
    damage(checkpoints.save(9, small(9), {}))
    checkpoints.save(5, small(5), {})
    assert os.listdir(tmp_path) == ["step_00000005"]


@pytest.mark.parametrize("directory", ["", "absent"])
def test_no_checkpoint(tmp_path, directory):
    for read in (lambda path: Checkpoints(path).read_record(), lambda path: Checkpoints(path).restore(small(0))):
        with pytest.raises(CheckpointError, match=r"expected a checkpoint in .*, got none; try"):
            read(tmp_path / directory)


def test_another_architecture_is_named_not_skipped(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    for step in (1, 2):
        checkpoints.save(step, make_state(), {})
    with pytest.raises(CheckpointError, match=r"\['net'\]\.weight: float32\[2, 5\], got .*float32\[2, 3\]"):
        checkpoints.restore(make_state(width=5))
    with pytest.raises(CheckpointError, match=r"expected no leaf, got \['zzz'\]|expected .*, got no leaf"):
        checkpoints.restore({**make_state(), "zzz": np.zeros(2)})
    with pytest.raises(CheckpointError, match=r"\['key'\]: key<rbg>\[\], got \['key'\]: key<fry>"):
        checkpoints.restore({**make_state(), "key": jax.random.key(0, impl="rbg")})


def test_misuse_is_refused(tmp_path):
    with pytest.raises(ValueError, match="keep of at least 1, got 0"):
        Checkpoints(tmp_path, keep=0)
    with pytest.raises(ValueError, match="step of at least 0, got -1"):
        Checkpoints(tmp_path).save(-1, small(1), {})
    with pytest.raises(TypeError, match=r"expected an array at \['rate'\], got 0.1"):
        Checkpoints(tmp_path).save(1, {"rate": 0.1}, {})
    with pytest.raises(TypeError, match="JSON-able record"):
        Checkpoints(tmp_path).save(1, small(1), {"path": tmp_path})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_previous_checkpoint(tmp_path, monkeypatch, call):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, small(1), {})

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        message = "got a full disk .*B free there.; the previous checkpoint at step 1 is intact; try freeing space"
        with pytest.raises(CheckpointError, match=message):
            checkpoints.save(2, small(2), {})
    assert os.listdir(tmp_path) == ["step_00000001"]
    assert checkpoints.restore(small(0)).step == 1


FILLS_THE_DISK = """
    import sys
    from pathlib import Path
    import numpy as np
    from beliefnet.runs._checkpoint import CheckpointError, Checkpoints
    checkpoints = Checkpoints(Path(sys.argv[1]))
    noise = lambda size: {"weights": np.random.default_rng(0).normal(size=size)}
    checkpoints.save(1, noise(1000), {})
    try:
        checkpoints.save(2, noise(1_000_000), {})
    except CheckpointError as error:
        print(error)
    print(sorted(path.name for path in checkpoints.directory.iterdir()), checkpoints.restore(noise(1000)).step)
"""


def run_python(source, *arguments, before=()):
    command = [*before, sys.executable, "-c", textwrap.dedent(source), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], timeout=120)


@pytest.mark.full
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare to mount a small disk of its own")
def test_a_really_full_disk(tmp_path):
    mount = ["unshare", "-rm", "sh", "-c", f'mount -t tmpfs -o size=2m none {tmp_path} && exec "$@"', "sh"]
    if subprocess.run([*mount, "true"], capture_output=True).returncode:
        pytest.skip("this machine does not let a user mount a small disk")
    result = run_python(FILLS_THE_DISK, tmp_path, before=mount)
    assert result.returncode == 0, result.stderr
    assert "got a full disk (" in result.stdout
    assert result.stderr == ""
    assert "the previous checkpoint at step 1 is intact" in result.stdout
    assert result.stdout.endswith("['step_00000001'] 1\n")


@pytest.mark.full
def test_a_file_size_limit(tmp_path):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))\n"
    result = run_python(limit + textwrap.dedent(FILLS_THE_DISK), tmp_path)
    assert result.returncode == 0, result.stderr
    assert "saving failed" in result.stdout
    assert "the previous checkpoint at step 1 is intact" in result.stdout
    assert result.stdout.endswith("['step_00000001'] 1\n")


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match=r"saving failed: .*; there is no earlier intact checkpoint"):
        Checkpoints(tmp_path / "file" / "checkpoints").save(1, small(1), {})


# Children are forked after the slow imports and before JAX starts any thread.
SAVES_UNTIL_KILLED = """
    import os, random, signal, sys, time
    from pathlib import Path
    import numpy as np
    import orbax.checkpoint
    from beliefnet.runs._checkpoint import Checkpoints

    def save_for_ever(directory, reached):
        step = int(Path(reached).read_text())
        checkpoints = Checkpoints(directory, keep=1)
        while True:
            # Every step is saved twice: replacing a folder takes two renames.
            step += 1
            for _ in range(2):
                checkpoints.save(step, {"weights": np.full(20_000, step, np.float32)}, {"step": step})
                Path(reached + ".new").write_text(str(step))
                os.replace(reached + ".new", reached)

    directory, reached, seed, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    draw = random.Random(seed)
    for _ in range(rounds):
        before = Path(reached).read_text()
        child = os.fork()
        if child == 0:
            save_for_ever(directory, reached)
        while Path(reached).read_text() == before:
            time.sleep(0.005)
        time.sleep(draw.uniform(0, 0.15))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        print("killed", flush=True)
        sys.stdin.readline()
"""


@pytest.mark.full
def test_a_kill_at_any_moment_leaves_a_checkpoint(tmp_path):
    directory, reached, rounds = tmp_path / "checkpoints", tmp_path / "reached", 10
    reached.write_text("0")
    arguments = [str(directory), str(reached), "0", str(rounds)]
    killer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SAVES_UNTIL_KILLED), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert killer.stdin is not None
    assert killer.stdout is not None
    with killer:
        for _ in range(rounds):
            assert killer.stdout.readline() == "killed\n"
            restored = Checkpoints(directory).restore({"weights": np.zeros(20_000, np.float32)})
            assert restored.step >= int(reached.read_text())
            assert restored.record == {"step": restored.step}
            assert np.all(restored.state["weights"] == restored.step)
            assert restored.skipped == ()
            killer.stdin.write("next\n")
            killer.stdin.flush()
    Checkpoints(directory, keep=1).save(10**6, small(0), {})
    assert os.listdir(directory) == ["step_01000000"]


def test_a_kill_between_the_two_renames_of_a_replacement(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path, keep=1)
    checkpoints.save(3, small(3), {})
    rename = os.replace

    class Killed(BaseException):
        pass

    def die_at_the_second(source, target):
        if Path(source).name.startswith(".saving-"):
            raise Killed
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", die_at_the_second)
        with pytest.raises(Killed):
            checkpoints.save(3, small(-3), {})
    assert checkpoints.restore(small(0)).state["weights"][0] == 3
    checkpoints.save(3, small(-3), {})
    assert os.listdir(tmp_path) == ["step_00000003"]
    assert checkpoints.restore(small(0)).state["weights"][0] == -3


def test_leftovers_of_a_killed_save_are_removed(tmp_path):
    (tmp_path / ".saving-step_00000007" / "arrays").mkdir(parents=True)
    Checkpoints(tmp_path).save(8, small(8), {})
    assert hidden(tmp_path) == []


def test_saving_is_silent(tmp_path, caplog, capfd):
    caplog.set_level(logging.INFO)
    Checkpoints(tmp_path).save(1, small(1), {})
    Checkpoints(tmp_path).restore(small(1))
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.full
def test_reading_a_record_does_not_import_orbax(tmp_path):
    Checkpoints(tmp_path).save(1, small(1), {"seed": 3})
    source = """
        import sys
        from pathlib import Path
        from beliefnet.runs._checkpoint import Checkpoints
        print(Checkpoints(Path(sys.argv[1])).read_record(), [name for name in sys.modules if name.startswith("orbax")])
    """
    result = run_python(source, tmp_path)
    assert result.stdout == "{'seed': 3} []\n", result.stderr


@pytest.mark.parametrize("name", ["run [final]", "a$b", "a*b", "{x}", "caf\u00e9", "a%20b", "-a"])
def test_any_name_of_a_folder_will_do(tmp_path, name):
    """Orbax takes brackets in a path for a pattern, and would leave a checkpoint that cannot be read."""
    checkpoints = Checkpoints(tmp_path / name / "checkpoints")
    checkpoints.save(3, {"a": jnp.arange(3.0)}, {})
    np.testing.assert_array_equal(checkpoints.restore({"a": jnp.zeros(3)}).state["a"], [0, 1, 2])
