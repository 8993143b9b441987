"""Codes of images that a logistic regression reads: nets at two settings beside what scikit-learn has, over splits.

    python benchmarks/codes.py --data digits --splits 3 --out FILE.json
    BELIEFNET_DATA=FOLDER python benchmarks/codes.py --data mnist --splits 2 --out FILE.json

Every split draws other rows for training and for the test. Every model sees grey values from 0 to 1, bits as means of
bits, and what takes passes takes 20 of them with 10 rows per step. The second setting of the net was chosen on 600 of
the first 3,000 training rows of MNIST, among step sizes from 0.001 to 0.01 and estimators. Accuracies are means over
splits with standard deviations.
"""

import argparse
import json
import os
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import NMF, PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from beliefnet.sklearn import DeepBeliefNet

CODES, PASSES, BATCH, ROWS = 100, 20, 10, 3000


def parts(name: str, seed: int) -> list[np.ndarray]:
    """Return training rows, test rows and the labels of both."""
    if name == "digits":
        x, y = load_digits(return_X_y=True)
        return train_test_split((x / 16).astype(np.float32), y, test_size=0.3, random_state=seed, stratify=y)
    rng = np.random.default_rng(seed)
    with np.load(Path(os.environ["BELIEFNET_DATA"]) / "mnist.npz") as file:
        rows = {part: rng.choice(len(file[f"{part}_labels"]), ROWS, replace=False) for part in ("train", "test")}
        images = [file[f"{part}_images"][rows[part]].reshape(ROWS, -1) / np.float32(255) for part in rows]
        return images + [file[f"{part}_labels"][rows[part]] for part in rows]


def models(name: str, seed: int) -> dict[str, Any]:
    net = {"visible": "bernoulli", "epochs": PASSES, "batch_size": BATCH, "random_state": seed}
    return {
        "pixels": make_pipeline("passthrough"),
        "PCA": PCA(40 if name == "digits" else CODES, random_state=seed),
        "NMF": NMF(CODES, max_iter=50, random_state=seed),
        "BernoulliRBM": BernoulliRBM(CODES, learning_rate=0.06, n_iter=PASSES, batch_size=BATCH, random_state=seed),
        "DeepBeliefNet": DeepBeliefNet(CODES, **net),
        "DeepBeliefNet, smaller steps": DeepBeliefNet(CODES, estimator="vimco:particles=5", learning_rate=0.002, **net),
    }


def main() -> None:
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=("digits", "mnist"), default="digits")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options, found = parser.parse_args(), {}
    for seed in range(options.splits):
        train, test, labels, test_labels = parts(options.data, seed)
        for name, model in models(options.data, seed).items():
            begin = time.process_time()
            codes = model.fit_transform(train)
            seconds = time.process_time() - begin
            reader = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(codes, labels)
            accuracy = float(reader.score(model.transform(test), test_labels))
            found.setdefault(name, []).append((accuracy, seconds))
            print(f"{name}: {accuracy:.4f}, {seconds:.1f} s", flush=True)
        record = {
            name: {
                "accuracy": {"mean": round(float(np.mean([a for a, _ in runs])), 4), "runs": [a for a, _ in runs]}
                | {"spread": round(float(np.std([a for a, _ in runs], ddof=1)), 4) if len(runs) > 1 else None},
                "cpu_seconds": round(float(np.mean([s for _, s in runs])), 1),
            }
            for name, runs in found.items()
        }
        if options.out is not None:
            about = {"data": options.data, "splits": seed + 1, "train_rows": len(train), "test_rows": len(test)}
            options.out.write_text(json.dumps({**about, "models": record}, indent=1) + "\n")


if __name__ == "__main__":
    main()
