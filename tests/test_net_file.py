"""The net of a run in one file: what is exported is used as the run was."""

import json
import re
import shutil
import struct

import jax
import numpy as np
import pytest

from beliefnet.catalogue import load_named_run
from beliefnet.cli import run
from beliefnet.runs import CheckpointError, RunFolder, RunFolderError, load_run

COMMANDS = ["evaluate {} --particles 10 --limit 5", "sample {}", "diagnose {} --draws 20 --batch-size 5"]


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    """A run folder without checkpoints."""
    folder = tmp_path_factory.mktemp("exported") / "run"
    shutil.copytree(trained, folder)
    assert run(["export", str(folder)]) == 0
    shutil.rmtree(folder / "checkpoints")
    return folder


@pytest.fixture
def copy(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "copy")


def changed(content: bytes, edit) -> bytes:
    """A safetensors file with another header."""
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    edit(header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + size :]


DESCRIPTIONS = ("a shape", "no record", "no structure", "no leaf", "no stamp", "an empty structure", "no step")


def described(content: bytes, **parts) -> bytes:
    """A safetensors file with another description of its net."""

    def edit(header):
        own = header["__metadata__"]
        own["beliefnet"] = json.dumps(json.loads(own["beliefnet"]) | parts)

    return changed(content, edit)


def recorded(content: bytes, **parts) -> bytes:
    """A safetensors file with another record of its run."""

    def edit(header):
        own = json.loads(header["__metadata__"]["beliefnet"])
        own["record"] |= parts
        header["__metadata__"]["beliefnet"] = json.dumps(own)

    return changed(content, edit)


def reshaped(header):
    entry = header[".best.net.generative.conditionals[0].parameters"]
    entry["shape"] = [*entry["shape"], 1]


def test_it_is_the_net_of_the_run_bit_for_bit(trained, exported):
    before, after = load_named_run(trained), load_named_run(exported)
    for one, other in zip(jax.tree.leaves(before.net), jax.tree.leaves(after.net), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(jax.tree.leaves(before.estimator), jax.tree.leaves(after.estimator), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (after.record, after.stamp, after.config) == (before.record, before.stamp, before.config)
    assert after.environment == before.environment


@pytest.mark.full(but=[COMMANDS[0]])
@pytest.mark.parametrize("words", COMMANDS)
def test_commands_use_it(copy, words, monkeypatch, capsys):
    monkeypatch.chdir(copy.parent)  # where `sample` leaves its table
    assert run([word.format(copy) for word in words.split()]) == 0, capsys.readouterr().err


def test_results_of_it_are_current(copy):
    assert run(["evaluate", str(copy), "--particles", "10"]) == 0
    (result,) = RunFolder(copy).read_results("evaluation")
    assert result.is_current


def test_training_does_not_go_on_from_it(copy, capsys):
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    assert run(["train", "--resume", str(copy), "--epochs", "3"]) == 1
    text = " ".join(capsys.readouterr().err.split())
    assert "expected a folder with checkpoints to train in, got" in text
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before
    assert run(["train", str(copy / "config.toml"), "--start", str(copy), "--out", str(copy / "new")]) == 0


def test_it_can_be_written_elsewhere_and_again(copy, tmp_path, capsys):
    out = tmp_path / "other.safetensors"
    assert run(["export", str(copy), "--out", str(out)]) == 0
    assert re.search(r"\(\d+(\.\d+)? kB\)", " ".join(capsys.readouterr().out.split()))
    assert out.read_bytes() == (copy / "net.safetensors").read_bytes()


@pytest.mark.parametrize("place", [-1, -5, 0.5, 0.1])
def test_a_byte_that_changed_is_found(copy, place):
    file = copy / "net.safetensors"
    content = bytearray(file.read_bytes())
    (size,) = struct.unpack("<Q", content[:8])
    at = place if place < 0 else 8 + size + int(place * (len(content) - size - 8))
    content[at] ^= 1
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"\.best\..* has other numbers than were written"):
        load_run(copy)


def test_a_description_that_changed_is_found_and_one_without_checksums_is_opened(copy):
    file = copy / "net.safetensors"
    content = file.read_bytes()
    assert content.count(b'\\"seed\\": 0') == 1
    stamp = load_named_run(copy).stamp
    file.write_bytes(content.replace(b'\\"seed\\": 0', b'\\"seed\\": 1'))
    with pytest.raises(CheckpointError, match="its description is another one than was written"):
        load_run(copy)

    def without(header):
        own, new = header["__metadata__"], ("checksums", "sha256")
        own["beliefnet"] = json.dumps({k: v for k, v in json.loads(own["beliefnet"]).items() if k not in new})

    file.write_bytes(changed(content, without))
    assert load_named_run(copy).stamp == stamp


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda content: content[:40], "got a file that cannot be read"),
        (lambda content: b"", "got a file that cannot be read"),
        (lambda content: changed(content, lambda h: h.pop("__metadata__")), "without the description of one"),
        (lambda content: changed(content, lambda h: h["__metadata__"].update(beliefnet="[")), "cannot be read"),
        (lambda content: changed(content, lambda h: h["__metadata__"].update(beliefnet="[]")), "cannot be read"),
        (lambda content: changed(content, lambda h: h.pop(min(h))), "net.safetensors"),
        (
            lambda content: changed(content, reshaped),
            r"parameters is float32\[\d+, 1\], and float32\[\d+\] in the desc",
        ),
        (lambda content: described(content, record=None), "its description is another one than was written"),
        (lambda content: described(content, record={"structure": []}), "its description is another one"),
        (lambda content: described(content, leaves=[{}]), "its description is another one than was written"),
        (lambda content: recorded(content, stamp={}), "its description is another one than was written"),
        (lambda content: recorded(content, structure={}), "its description is another one than was written"),
        (lambda content: described(content, step="x"), "its description is another one than was written"),
    ],
    ids=("cut", "empty", "no metadata", "no JSON", "a list", "an array less", *DESCRIPTIONS),
)
def test_a_file_that_is_none_is_refused(copy, edit, message):
    file = copy / "net.safetensors"
    file.write_bytes(edit(file.read_bytes()))
    with pytest.raises((CheckpointError, RunFolderError), match=message):
        load_run(copy)
