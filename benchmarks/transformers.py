"""Codes of images by nets, and by what scikit-learn has: likelihood, accuracy of a classifier on the codes, time.

    python benchmarks/transformers.py --data digits --codes 100 --seeds 0 1 2 --out FILE.json
    BELIEFNET_DATA=FOLDER python benchmarks/transformers.py --data mnist --rows 3000 --nmf-steps 50 --out FILE.json

Every model sees the same training rows, grey values from 0 to 1, as often as `--epochs` says where it takes passes,
with as many rows per step. It is then asked for the codes of the test rows, that a logistic regression on standardised
codes classifies. Log p is given per row, of what the model is a model of:

bits    means of bits: test rows are drawn once, as bits, for all models
grey    densities of grey values
words   grey levels as counts of words, 16 for white, given how many there are

Of the machine it is an estimate of AIS and too high in expectation; of latent Dirichlet allocation a variational bound;
of nets the bound of K particles, below log p in expectation.
"""

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import sklearn
from sklearn.datasets import load_digits
from sklearn.decomposition import NMF, PCA, LatentDirichletAllocation
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from beliefnet.comparisons import BoltzmannMachine, log_partition
from beliefnet.sklearn import DeepBeliefNet, DocumentBeliefNet, VariationalAutoencoder

Data = dict[str, np.ndarray]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=("digits", "mnist"), default="digits")
    parser.add_argument("--codes", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=10)
    parser.add_argument("--particles", type=int, default=100)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--rows", type=int, default=10_000, help="training rows, and test rows, of mnist")
    parser.add_argument("--nmf-steps", type=int, default=200)
    parser.add_argument("--models", nargs="+", default=None, help="the first letters of the rows to be measured")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def load(name: str, rows: int, seed: int) -> Data:
    """Return grey values and labels: digits are cut at random, of MNIST the first rows of either part are taken."""
    if name == "digits":
        x, y = load_digits(return_X_y=True)
        parts = train_test_split((x / 16).astype(np.float32), y, test_size=0.3, random_state=seed, stratify=y)
        return dict(zip(("train", "test", "train_y", "test_y"), parts, strict=True))
    with np.load(Path(os.environ["BELIEFNET_DATA"]) / "mnist.npz") as file:
        images = {part: file[f"{part}_images"][:rows].reshape(-1, 784) / np.float32(255) for part in ("train", "test")}
        return images | {f"{part}_y": file[f"{part}_labels"][:rows] for part in images}


def models(options: argparse.Namespace, seed: int) -> dict[str, tuple[Any, str, Callable[..., Any] | None]]:
    """Return each model by name, with the reading of the rows and what scores them."""
    size, epochs, batch = options.codes, options.epochs, options.batch_size
    net = {"epochs": epochs, "batch_size": batch, "num_particles": options.particles, "random_state": seed}
    lda = LatentDirichletAllocation(
        size, learning_method="online", max_iter=min(epochs, 5), batch_size=128, random_state=seed
    )
    rbm = BernoulliRBM(size, learning_rate=0.06, n_iter=epochs, batch_size=batch, random_state=seed)
    return {
        "pixels": (make_pipeline("passthrough"), "grey", None),
        "PCA": (PCA(min(size, 40) if options.data == "digits" else size, random_state=seed), "grey", _own_scores),
        "NMF": (NMF(size, max_iter=options.nmf_steps, random_state=seed), "grey", None),
        "LatentDirichletAllocation": (lda, "words", _bound_of_lda),
        "BernoulliRBM": (rbm, "bits", _machine_scores),
        "DeepBeliefNet, bits": (DeepBeliefNet(size, visible="bernoulli", **net), "bits", _own_scores),
        "DeepBeliefNet, grey": (DeepBeliefNet(size, visible="grey-normal", **net), "grey", _own_scores),
        "VariationalAutoencoder, bits": (VariationalAutoencoder(size, visible="bernoulli", **net), "bits", _own_scores),
        "VariationalAutoencoder, grey": (
            VariationalAutoencoder(size, visible="grey-normal", **net),
            "grey",
            _own_scores,
        ),
        "DocumentBeliefNet": (DocumentBeliefNet(size, **net), "words", _own_scores),
    }


def _own_scores(model: Any, rows: np.ndarray) -> np.ndarray:
    return model.score_samples(rows)


def _bound_of_lda(model: Any, rows: np.ndarray) -> np.ndarray:
    """Bound each of some rows: of a row without words, the bound is the part of the topics, which is left out."""
    topics = model.score(0 * rows[:1])
    return np.array([model.score(row[None]) - topics for row in rows])


def _machine_scores(model: Any, rows: np.ndarray) -> np.ndarray:
    parts = (model.components_, model.intercept_visible_, model.intercept_hidden_)
    machine = BoltzmannMachine(*(jnp.asarray(part, jnp.float32) for part in parts))
    base = jnp.zeros(rows.shape[1])
    partition = log_partition(machine, base, num_temperatures=5000, num_chains=100, key=jax.random.key(0))
    return -np.asarray(machine.free_energy(jnp.asarray(rows, jnp.float32)), np.float64) - partition.log_z


def measured(model: Any, reading: str, scores: Callable[..., Any] | None, data: Data) -> dict[str, Any]:
    """Fit a model, and return what it came to on the test rows."""
    train, test = data["train"], data["test"]
    if reading == "words":
        train, test = np.rint(16 * train), np.rint(16 * test)
    begin = time.process_time(), time.perf_counter()
    codes = model.fit_transform(train)
    seconds = [now - then for now, then in zip((time.process_time(), time.perf_counter()), begin, strict=True)]
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    classifier.fit(codes, data["train_y"])
    right = classifier.predict(model.transform(test)) == data["test_y"]
    if reading == "bits":
        test = (np.random.default_rng(0).random(test.shape) < test).astype(np.float32)
    found: dict[str, Any] = {"reading": reading, "accuracy": right, "cpu_seconds": seconds[0], "seconds": seconds[1]}
    return found | ({} if scores is None else {"log_p": np.asarray(scores(model, test[:1000]), np.float64)})


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return means over seeds and rows, with standard errors over rows; and mean times, the first of which compiles."""
    found: dict[str, Any] = {"reading": runs[0]["reading"]}
    for name in ("accuracy", "log_p"):
        if name in runs[0]:
            values = np.concatenate([run[name] for run in runs]).astype(np.float64)
            error = values.std(ddof=1) / np.sqrt(len(values))
            found[name] = {"mean": round(float(values.mean()), 4), "stderr": round(float(error), 4)}
    for name in ("cpu_seconds", "seconds"):
        found[name] = round(float(np.mean([run[name] for run in runs])), 1)
    return found


def main() -> None:
    warnings.filterwarnings("ignore")
    options, found = arguments(), {}
    for seed in options.seeds:
        data = load(options.data, options.rows, seed)
        for name, (model, reading, scores) in models(options, seed).items():
            if options.models is None or name.startswith(tuple(options.models)):
                found.setdefault(name, []).append(measured(model, reading, scores, data))
                print(name, summary(found[name][-1:]), flush=True)
    settings = {key: value for key, value in vars(options).items() if key not in ("out", "models")}
    report = {
        **settings,
        "train_rows": len(data["train"]),
        "test_rows": len(data["test"]),
        "sklearn": sklearn.__version__,
        "jax": jax.__version__,
        "device": str(jax.devices()[0]),
        "models": {name: summary(runs) for name, runs in found.items()},
    }
    if options.out is not None:
        options.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
