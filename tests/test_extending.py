"""What is added with one file, one export line and one line of cases is found, proved and trained."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import FAMILY_NETS, OBSERVATIONS, READY_MADE, VISIBLE_FAMILIES
from laws import assert_mean, draws

from beliefnet._trace import Trace
from beliefnet.catalogue import NETS, VISIBLE
from beliefnet.catalogue._tables import TABLES, with_tables
from beliefnet.evaluation import exact_elbo
from beliefnet.proposals import Recognition

ROOT = Path(__file__).parents[1]
BELIEFNET = ("-c", "from beliefnet.cli import main; main()")
BLOCK = re.compile(r"```python (\S+)(?: (\w+))?\n(.*?)```", re.DOTALL)


@pytest.mark.full(but=["bernoulli", "poisson"])
@pytest.mark.parametrize("name", VISIBLE_FAMILIES)
def test_visible_units_follow_their_family(name):
    """Draws have the mean of the distribution, are data that the family takes, and start where the data's mean is."""
    family, mean = VISIBLE_FAMILIES[name](), jnp.array([0.2, 0.5, 0.8])
    layer = family(family.starting(mean))
    np.testing.assert_allclose(layer.mean, mean, atol=0.05)
    draws = jnp.asarray(layer.sample(jax.random.key(0), (20_000,)), float)
    assert_mean(draws, layer.mean)
    assert bool(jnp.isfinite(layer.log_prob(draws)).all())
    if family.values != "grey":
        family.check(np.asarray(draws))


@pytest.mark.full
@pytest.mark.parametrize("name", READY_MADE)
def test_ready_made_nets_score_what_they_draw(name):
    net = READY_MADE[name]()
    x, latents = net.dream((20,), key=jax.random.key(1))
    assert x.shape == (20, 6)
    assert tuple(h.shape[-1] for h in latents) == tuple(net.layer_sizes)
    assert bool(jnp.isfinite(net.log_weight(x, latents)).all())


@pytest.mark.full(but=["normal on binary"])
@pytest.mark.parametrize("name", FAMILY_NETS)
def test_the_mean_log_weight_is_the_elbo_whatever_the_latents(name):
    """By enumeration or quadrature on one side, and by draws of the recognition net on the other."""
    net = FAMILY_NETS[name]()

    def log_weights(key):
        drawn = Recognition().draw(net, OBSERVATIONS, 4, key=key)
        return Trace.record(net, drawn).log_weight.mean(axis=0)

    assert_mean(draws(log_weights, 4000), exact_elbo(net, OBSERVATIONS))


def test_all_that_can_be_chosen_has_a_case():
    assert set(VISIBLE) == set(VISIBLE_FAMILIES)
    assert set(NETS) == set(READY_MADE)


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the package and its tests, with all six examples added."""
    copy = tmp_path_factory.mktemp("extended")
    for folder in ("beliefnet", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "fixtures"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for path, table, text in BLOCK.findall((ROOT / "docs" / "extending.md").read_text()):
        file = copy / path
        if table:
            before = file.read_text()
            opening = re.search(rf"^{table}\b.*= \{{\n", before, re.MULTILINE)
            assert opening
            assert len(text.splitlines()) == 1
            file.write_text(before[: opening.end()] + text + before[opening.end() :])
        elif file.exists():
            assert len(text.splitlines()) == 1
            file.write_text(file.read_text() + text)
        else:
            file.write_text(text)
    return copy


def run(copy, *tokens):
    environment = {**os.environ, "PYTHONPATH": str(copy), "COLUMNS": "200"}
    done = subprocess.run([sys.executable, *tokens], cwd=copy, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_each_example_is_one_file_and_two_lines():
    blocks = BLOCK.findall((ROOT / "docs" / "extending.md").read_text())
    kinds = ["line" if table or path.endswith("__init__.py") else "file" for path, table, _ in blocks]
    assert kinds == ["file", "line", "line"] * 6


@pytest.mark.full
def test_the_examples_are_in_the_help(extended):
    text = run(extended, *BELIEFNET, "train", "--help-all")
    for word in ("constant", "--constant.baseline", "geometric", "--smallest-mean", "unit-normal", "half", "mixed"):
        assert word in text
    assert "What is subtracted from the signal, in nats." in text
    tables = run(extended, "-m", "beliefnet.catalogue")
    for word in ("`constant`", "`geometric`", "`unit-normal`", "`half`", "`prior`", "`mixed`"):
        assert word in tables


@pytest.mark.full
def test_the_examples_are_trained_with(extended):
    np.save(extended / "counts.npy", np.random.default_rng(0).poisson(2, (60, 5)))
    quick = ["--epochs", "1", "--batch-size", "20"]
    train = [*BELIEFNET, "train", *quick]
    run(
        extended,
        *train,
        "--estimator",
        "constant",
        "--constant.baseline",
        "-20",
        "--net",
        "mixed",
        "--hidden",
        "4",
        "2",
    )
    counts = ["--data", "counts.npy", "--hidden", "3"]
    refined = ["--estimator", "em", "--refine", "half:steps=2"]
    run(extended, *train, *counts, "--visible", "geometric", "--smallest-mean", "0.01", *refined)
    run(extended, *train, *counts, "--net", "document", "--latents", "unit-normal")


@pytest.mark.full
def test_the_laws_hold_for_the_examples(extended):
    laws = {
        "test_estimators": "constant and claimed_gradient",
        "test_evaluation": "prior and mean_weight",
        "test_refiners": "half and more_steps",
        "test_extending": "geometric or mixed or (unit and normal)",
    }
    chosen = " or ".join(f"({file} and ({law}))" for file, law in laws.items())
    files = [f"tests/{file}.py" for file in laws]
    text = run(extended, "-m", "pytest", "--full", "-n", "0", "-q", "-rA", *files, "-k", chosen)
    for law in ("constant", "prior", "half", "unit normal", "geometric", "mixed"):
        assert re.search(rf"PASSED .*\[.*{law}.*\]", text)


def test_the_tables_in_the_documents_are_up_to_date():
    pages = sorted((ROOT / "docs").glob("*.md"))
    assert [page.name for page in pages if with_tables(page.read_text()) != page.read_text()] == []
    assert {name for page in pages for name in TABLES if f"<!-- table of {name}: " in page.read_text()} == set(TABLES)
