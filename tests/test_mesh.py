"""Training on many devices: the numbers of one, and what a mesh cannot be."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

import beliefnet
from beliefnet._errors import OptionError, Refusal
from beliefnet.cli import run
from beliefnet.devices import Layout, mesh_text
from beliefnet.estimators import Reinforce
from beliefnet.nets import sigmoid_belief_net
from beliefnet.training import FitOptions, Start, fit_side_by_side

ROUNDING = 1e-4
"""States after a few steps of `sgd` differ by less, where no draw was turned; Adam makes steps of mere rounding."""


def ask(folder: Path, *questions: str) -> dict[str, Any]:
    """Return what eight devices answer."""
    here = Path(__file__).parent
    places = os.pathsep.join([str(here.parent), str(here)])
    found = subprocess.run(
        [sys.executable, str(here / "meshes.py"), *questions, str(folder)],
        env=os.environ | {"JAX_NUM_CPU_DEVICES": "8", "PYTHONPATH": places},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr[-2000:]
    return json.loads(found.stdout)


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    return ask(tmp_path_factory.mktemp("mesh"), "numbers", "refused", "repeated")


def test_numbers_are_those_of_one_device(answers):
    found = answers["numbers"]
    assert found["difference"] < ROUNDING
    assert found["moved"] > 100 * ROUNDING
    assert found["other numbers"] > 100 * ROUNDING


def test_wide_arrays_are_divided_over_devices(answers):
    assert answers["numbers"]["specs"] == ["P('model',)", "P(None, 'model')"]
    assert answers["numbers"]["devices"] == 8


def test_the_steps_are_one_program_that_asks_the_host_nothing(answers):
    found = answers["numbers"]
    assert found["programs"] == 1
    assert found["more programs"] == 0
    assert found["collectives"] > 0
    assert found["gathers"] == 0, "devices tell each other rows"
    assert found["host"] == []


def test_values_over_particles_are_not_gathered(answers):
    assert list(answers["repeated"].values()) == [[0, 0.0]] * 2


def test_what_does_not_divide_says_what_does(answers):
    batch, more, one, other, both = answers["refused"]["batch"]
    assert batch.endswith("data=3 of mesh divides, got 16; try batch_size=15, or mesh='data=1'")
    assert other.endswith("data=6 of mesh divides, got 10; try batch_size=6, or mesh='data=2'")
    assert [more, one, both] == ["good"] * 3
    model, without = answers["refused"]["model"]
    assert "model=3 of mesh divides, got layers of 1024, 64 units; try mesh='data=2'" in model
    assert without == "good"
    devices, all_of_them, two_of_them = answers["refused"]["devices"]
    assert (
        "at most the 8 devices that there are, got data=16 with 16; try mesh='data=8', or JAX_NUM_CPU_DEVICES=16"
        in devices
    )
    assert [all_of_them, two_of_them] == ["good"] * 2


@pytest.mark.full
def test_feeds_chunks_and_meshes_of_jax_give_the_same_numbers(tmp_path):
    assert max(ask(tmp_path, "feeds")["feeds"].values()) < ROUNDING


@pytest.mark.full
def test_a_run_goes_on_on_other_devices(tmp_path):
    found = ask(tmp_path, "resumed")["resumed"]
    assert found.pop("same")
    said = [found.pop(f"{name}: said") for name in ("to one", "to many", "to others")]
    meshes = ("none instead of data=4,model=2", "data=4,model=2 instead of none", "data=8 instead of data=4,model=2")
    assert said == [[f"the run goes on with mesh {m}: the result will not be the same bit for bit"] for m in meshes]
    assert all(found.pop(f"{name}: stored") for name in ("to one", "to many", "to others"))
    assert max(found.values()) < ROUNDING


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("dat=2", r"axes of mesh to be 'data', 'model', got 'dat'; did you mean 'data'\?"),
        ("data=0", "mesh axis data of at least 1, got 0"),
        ("data=two", "mesh as in data=4,model=2, got 'data=two'"),
        ("data=-1", "mesh as in data=4,model=2, got 'data=-1'"),
        ("data=2,data=2", "each axis of mesh once, got data twice"),
        ("", "mesh as in data=4,model=2, got ''"),
        ("data=2,", "mesh as in data=4,model=2, got 'data=2,'"),
        ({}, "mesh to have an axis, got none"),
        ({"data": 1.5}, "mesh axis data to be a whole number, got 1.5"),
        ({"data": True}, "mesh axis data to be a whole number, got True"),
        ({3: 2}, "axes of mesh to be 'data', 'model', got 3"),
    ],
)
def test_what_is_no_mesh_says_what_is(given, reason):
    with pytest.raises(OptionError, match=reason) as caught:
        mesh_text(given)
    hint = str(caught.value).rpartition("try mesh=")[2].strip("'")
    assert mesh_text(hint) == hint


def test_what_is_of_another_type_is_no_mesh():
    with pytest.raises(TypeError, match="mesh to be of type Mesh or Mapping or str, got 8; try 'data=4,model=2'"):
        mesh_text(8)  # pyright: ignore[reportArgumentType]


def test_more_devices_than_there_are():
    net = sigmoid_belief_net(5, (3,), key=jax.random.key(0))
    with pytest.raises(OptionError, match="at most the 1 devices that there are, got data=2 with 2; try mesh='data=1'"):
        Layout.of("data=2", net, 8)
    layout = Layout.of("data=1", net, 8)
    assert layout == Layout.of(Mesh(np.array(jax.devices()[:1]), ("data",)), net, 8)


def test_devices_of_a_process_are_next_to_each_other():
    def layout(*processes: int) -> Layout:
        devices = np.array([SimpleNamespace(process_index=process) for process in processes])
        shape = {"data": len(processes)}
        return Layout(SimpleNamespace(devices=devices, axis_names=("data",), shape=shape))  # pyright: ignore

    assert layout(0, 0, 1, 1).part(8) == slice(0, 4)
    assert layout(1, 0).part(8) == slice(4, 8)
    with pytest.raises(OptionError, match="each other along data of mesh, got others between them; try mesh='data=4'"):
        layout(0, 1, 0, 1).part(8)


def test_runs_side_by_side_are_on_one_device():
    start = Start(sigmoid_belief_net(5, (3,), key=jax.random.key(0)), Reinforce(2), FitOptions(mesh="data=2"))
    rows = beliefnet.data.load("bars")
    with pytest.raises(OptionError, match="one device for runs side by side, got mesh data=2; try fit for each"):
        fit_side_by_side([start], rows)


def test_the_command_line_and_two_lines_of_python_take_a_mesh(capsys, tmp_path):
    words = ["train", "--data", "bars", "--hidden", "3", "--epochs", "1", "--out", str(tmp_path / "run")]
    assert run([*words, "--mesh", "data=2"]) == 1
    assert "got data=2 with 2; try --mesh data=1, or JAX_NUM_CPU_DEVICES=" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    assert run([*words, "--mesh", "model=x"]) == 1
    assert "expected mesh as in data=4,model=2, got 'model=x'; try --mesh data=2" in capsys.readouterr().err
    with pytest.raises(Refusal, match="got data=3 with 3"):
        beliefnet.fit("bars", hidden=(3,), epochs=1, mesh={"data": 3})
