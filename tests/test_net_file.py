"""The net of a run in one file: what is exported is used as the run was."""

import hashlib
import json
import re
import shutil
import struct

import jax
import numpy as np
import pytest

import beliefnet
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
    shutil.rmtree(folder / "results", ignore_errors=True)  # what other tests may have kept there
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


@pytest.mark.full
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


@pytest.fixture(scope="module")
def alone(trained, tmp_path_factory):
    """A file of a net whose columns have names, and no folder around it."""
    folder = tmp_path_factory.mktemp("alone")
    shutil.copytree(trained, folder / "run")
    RunFolder(folder / "run").write_words(list("abcdefg"))
    assert run(["export", str(folder / "run"), "--out", str(folder / "net.safetensors")]) == 0
    shutil.rmtree(folder / "run")
    return folder / "net.safetensors"


def test_a_file_alone_is_a_model(trained, alone, tmp_path):
    one, other = beliefnet.load(trained), beliefnet.load(alone)
    assert one.test is not None
    rows = one.test[:4]
    np.testing.assert_array_equal(other.encode(rows), one.encode(rows))
    np.testing.assert_array_equal(other.sample(3), one.sample(3))
    scores = [model.log_likelihood(rows, num_particles=5).estimate for model in (one, other)]
    np.testing.assert_array_equal(*scores)
    assert (other.columns, other.best_bound, other.history) == (tuple("abcdefg"), one.best_bound, [])
    # Columns of a table are found by the names that the file holds.
    table = tmp_path / "x.csv"
    np.savetxt(table, rows.means()[:, ::-1], delimiter=",", header="g,f,e,d,c,b,a", comments="")
    np.testing.assert_allclose(other.encode(table), one.encode(rows.means()), rtol=1e-5)
    other_run = load_run(alone)
    again = other_run.export(tmp_path / "again.safetensors")
    assert again.read_bytes() == alone.read_bytes()


@pytest.mark.full(but=["encode {} {}"])
@pytest.mark.parametrize(
    "words", ["encode {} {}", "sample {}", "evaluate {} --particles 10 --limit 5", "train --start {} --data {}"]
)
def test_commands_take_a_file_alone(alone, grey_file, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = sorted(alone.parent.iterdir())
    given = words.format(alone, grey_file).split()
    if given[0] == "train":
        given += ["--out", "new", "--epochs", "1", "--hidden", "4", "3"]
    assert run(given) == 0, capsys.readouterr().err
    assert sorted(alone.parent.iterdir()) == before


@pytest.mark.full
def test_training_does_not_go_on_from_a_file_alone(alone, capsys):
    content = alone.read_bytes()
    assert run(["train", "--resume", str(alone)]) == 1
    assert run(["train", "--data", "bars", "--out", str(alone)]) == 1
    capsys.readouterr()
    assert alone.read_bytes() == content


def sealed(content: bytes, edit) -> bytes:
    """A file whose description was edited by somebody who knows how it is sealed."""

    def change(header):
        own = json.loads(header["__metadata__"]["beliefnet"])
        edit(own)
        del own["sha256"]
        own["sha256"] = hashlib.sha256(json.dumps(own).encode()).hexdigest()
        header["__metadata__"]["beliefnet"] = json.dumps(own)

    return changed(content, change)


def net_of(description):
    return description["record"]["structure"]["net"]


def named(name: str, kind: str = "class"):
    """Return an edit that puts a name in the place of a net's first chain."""

    def edit(description):
        inside = {"fields": {}} if kind == "class" else {}
        net_of(description)["fields"]["generative"] = {kind: name, **inside}

    return edit


def widened(description):
    chain = net_of(description)["fields"]["generative"]["fields"]["conditionals"]["tuple"]
    chain[0]["fields"]["parameters"]["shape"] = [10]


def other_data(description):
    description["record"]["data"]["num_features"] = 8


def narrowed(description):
    """A family that has no layer of as many units as there are parameters."""
    chain = net_of(description)["fields"]["generative"]["fields"]["conditionals"]["tuple"]
    chain[0]["fields"]["family"] = {
        "class": "beliefnet.distributions.CategoricalFamily",
        "fields": {"num_categories": 2},
    }


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (other_data, "expected a net of the 8 columns of its data in .*, got one of 7"),
        (narrowed, "expected a net whose parts fit together in .*, got one that was put together otherwise"),
        (named("os.system"), "cannot be rebuilt: .*os.system"),
        (named("beliefnet.runs._files.write_atomically"), "cannot be rebuilt: .*write_atomically"),
        (named("builtins.eval", "function"), "cannot be rebuilt: .*builtins.eval"),
        (named("beliefnet.nowhere.Net"), "cannot be rebuilt: .*nowhere"),
        (lambda d: net_of(d).update({"class": "subprocess.Popen"}), "cannot be rebuilt: .*Popen"),
        (lambda d: d["record"].update(structure={"net": [], "estimator": []}), "expected no leaf, got"),
        (widened, r"expected .*parameters: float32\[10\], got .*float32\[3\]"),
        (lambda d: d["leaves"][0].update(path=".best.net.other"), r"got \.best\.net\.other: float32"),
        (lambda d: d["checksums"].update({min(d["checksums"]): "0" * 64}), "has other numbers than were written"),
        (lambda d: d.update(words="abc"), "its description is another one than was written"),
    ],
    ids=(
        "data",
        "family",
        "module",
        "no class",
        "function",
        "unknown",
        "net",
        "lists",
        "shape",
        "name",
        "checksum",
        "words",
    ),
)
def test_a_file_that_somebody_edited_is_refused(alone, tmp_path, edit, message):
    file = tmp_path / "x.safetensors"
    file.write_bytes(sealed(alone.read_bytes(), lambda description: None))
    assert load_run(file).net.num_visible == 7
    file.write_bytes(sealed(alone.read_bytes(), edit))
    with pytest.raises((CheckpointError, RunFolderError), match=message):
        beliefnet.load(file)
    assert run(["encode", str(file), "x.npy"]) == 1


def test_a_truncated_file_alone_is_refused(alone, tmp_path):
    content, file = alone.read_bytes(), tmp_path / "x.safetensors"
    for end in (0, 7, 100, len(content) // 2, len(content) - 1):
        file.write_bytes(content[:end])
        with pytest.raises((CheckpointError, RunFolderError), match=r"x\.safetensors"):
            beliefnet.load(file)
    with pytest.raises(RunFolderError, match="there is no such"):
        beliefnet.load(tmp_path / "y.safetensors")
