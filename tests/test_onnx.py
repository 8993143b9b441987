"""Nets as ONNX models: what a runtime computes is what the net does."""

import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import randomise

from beliefnet import BeliefNet, decode, nets, to_onnx
from beliefnet._errors import ArgumentError
from beliefnet.cli import run
from beliefnet.distributions import discretised_logistic, grey_normal, poisson
from beliefnet.runs import RunFolder, foreign_files, load_run

HAS_ONNX = find_spec("onnx") is not None
KEY = jax.random.key(0)
MEAN = np.array([0.1, 0.6, 0.5, 0.9, 0.3, 0.2])
NETS: dict[str, Callable[[], BeliefNet]] = {
    "bits": lambda: nets.sigmoid_belief_net(6, (4, 3), key=KEY, input_mean=MEAN, visible_mean=MEAN),
    "deterministic": lambda: nets.sigmoid_belief_net(6, (4, 3), key=KEY, deterministic=(5,)),
    "categorical": lambda: nets.categorical_belief_net(6, (2, 2), num_categories=3, key=KEY),
    "vae": lambda: nets.vae(6, (3, 2), deterministic=(4,), key=KEY, activation=jnp.tanh),
    "grey-normal": lambda: nets.vae(6, (3,), key=KEY, visible=grey_normal),
    "logistic": lambda: nets.vae(6, (3,), key=KEY, visible=discretised_logistic(16)),
    "poisson": lambda: nets.vae(6, (3,), key=KEY, visible=poisson),
    "document": lambda: nets.document_net(6, (3,), key=KEY, input_mean=5 * MEAN),
}


def computed(content: bytes, values: Any) -> list[np.ndarray]:
    """Return what a model gives: by onnxruntime where it is installed, else by the reference of onnx."""
    onnx = pytest.importorskip("onnx", reason='pip install "beliefnet[onnx]" for the tests of ONNX models')
    if find_spec("onnxruntime") is not None:
        import onnxruntime  # pyright: ignore[reportMissingImports]

        session: Any = onnxruntime.InferenceSession(content)
    else:
        from onnx.reference import ReferenceEvaluator  # pyright: ignore[reportMissingImports]

        session = ReferenceEvaluator(onnx.load_model_from_string(content))
    name = onnx.load_model_from_string(content).graph.input[0].name
    with np.errstate(over="ignore", invalid="ignore"):
        return session.run(None, {name: np.asarray(values, np.float32)})


@pytest.mark.skipif(not HAS_ONNX, reason='pip install "beliefnet[onnx]" for the tests of ONNX models')
@pytest.mark.full(but=["categorical"])
@pytest.mark.parametrize("name", NETS)
def test_a_runtime_computes_what_the_net_does(name: str):
    net = randomise(NETS[name](), 0.5)
    x = np.random.default_rng(0).random((7, 6)) < 0.5 if net.values == "binary" else np.eye(6)[[0, 1, 2, 3, 4, 5, 0]]
    x = x * np.arange(1, 8)[:, None] if net.values == "counts" else x
    models = to_onnx(net)
    found, codes = computed(models["encoder"], x), net.recognition.means(jnp.asarray(x, float))
    assert len(found) == len(codes) == len(net.layer_sizes)
    for one, other in zip(found, codes, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-6)
    (means,) = computed(models["decoder"], codes[0][:3])
    np.testing.assert_allclose(means, decode(net, (codes[0][:3],)), rtol=2e-4, atol=1e-5)


@pytest.mark.skipif(not HAS_ONNX, reason='pip install "beliefnet[onnx]" for the tests of ONNX models')
def test_a_run_is_exported(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    before = foreign_files(RunFolder(folder))
    assert run(["export", str(folder), "--format", "onnx"]) == 0
    assert "decoder.onnx" in capsys.readouterr().out
    assert foreign_files(RunFolder(folder)) == before
    assert run(["export", str(folder), "--format", "onnx", "--out", str(tmp_path / "new")]) == 0
    content = (tmp_path / "new" / "encoder.onnx").read_bytes()
    assert content == (folder / "encoder.onnx").read_bytes()
    x = np.random.default_rng(0).random((4, 7)).astype(np.float32)
    for one, other in zip(computed(content, x), load_run(trained).net.recognition.means(jnp.asarray(x)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


@pytest.mark.skipif(not HAS_ONNX, reason='pip install "beliefnet[onnx]" for the tests of ONNX models')
@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: nets.darn(6, (3,), key=KEY), "got one with "),
        (lambda: nets.vae(6, (3,), deterministic=(4,), key=KEY, activation=jax.nn.gelu), "got one with gelu"),
        (lambda: nets.nade(6, 3, key=KEY), r"expected a net with latents .*, got BeliefNet \(6,\)"),
    ],
    ids=("autoregressive", "activation", "no latents"),
)
def test_other_nets_are_refused(made: Callable[[], BeliefNet], message: str):
    with pytest.raises(ArgumentError, match=rf"{message}.*; try beliefnet\.to_numpy\(net\)"):
        to_onnx(made())


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ArgumentError, match=r'try pip install "beliefnet\[onnx\]"'):
        to_onnx(NETS["bits"]())
