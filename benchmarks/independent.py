"""A second opinion: evaluate saved nets by NumPy alone, in double precision, beside the library's own numbers.

    python benchmarks/independent.py results/binarized-mnist/sbn-200-200-vimco-50 ... [--json FILE]

Reads the arrays of `net.safetensors` by their names and knows the formulas of dense nets of binary, categorical or
normal latents; of the library it takes nothing but the data, and what it is compared with. Both draw particles of
their own: the difference of the bounds, row by row, is noise around zero.
"""

import argparse
import json
import struct
import tomllib
from pathlib import Path

import jax
import numpy as np

from beliefnet.data import load
from beliefnet.evaluation import particle_bounds
from beliefnet.runs import load_run


def arrays_of(file: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a safetensors file: a header of JSON, then the numbers."""
    content = file.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    found = {}
    for name, about in header.items():
        start, end = (8 + length + offset for offset in about["data_offsets"])
        assert about["dtype"] == "F32", name
        found[name] = np.frombuffer(content[start:end], "<f4").reshape(about["shape"]).astype(np.float64)
    return found


class Conditional:
    """One layer given the one below it in the order of drawing: dense, or a network of tanh layers."""

    def __init__(self, arrays: dict[str, np.ndarray], place: str, *, sees_signs: bool):
        self.sees_signs = sees_signs
        own = {name.removeprefix(place): array for name, array in arrays.items() if name.startswith(place)}
        self.bias, self.offset = own.get("bias", own.get("parameters")), own.get("view.offset.array", 0.0)
        if "network.weight" in own:
            self.hidden, self.weight = [], own["network.weight"]
        else:
            depth = sum(name.startswith("network.layers") and name.endswith("weight") for name in own)
            layers = [(own[f"network.layers[{n}].weight"], own.get(f"network.layers[{n}].bias")) for n in range(depth)]
            self.hidden, self.weight = layers[:-1], layers[-1][0] if layers else None

    def __call__(self, parent: np.ndarray | None) -> np.ndarray:
        """Return the parameters of the layer."""
        if parent is None or self.weight is None:
            return self.bias
        value = 2 * parent - 1 if self.sees_signs else parent - self.offset
        for weight, bias in self.hidden:
            value = np.tanh(value @ weight + bias)
        return value @ self.weight + self.bias


def log_sigmoid(value: np.ndarray) -> np.ndarray:
    return -np.logaddexp(0, -value)


class Bits:
    """Binary units by their logits."""

    def draw(self, logits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw values."""
        return (rng.random(logits.shape) < np.exp(log_sigmoid(logits))).astype(float)

    def log_prob(self, logits: np.ndarray, value: np.ndarray) -> np.ndarray:
        """Return the log-probability of all units together, in nats."""
        return (value * logits + log_sigmoid(-logits)).sum(axis=-1)


class Categories:
    """Categorical variables in one-hot form by their logits."""

    def __init__(self, number: int):
        self.number = number

    def draw(self, logits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw values."""
        grouped = logits.reshape(*logits.shape[:-1], -1, self.number)
        best = (grouped + rng.gumbel(size=grouped.shape)).argmax(axis=-1)
        return np.eye(self.number)[best].reshape(logits.shape)

    def log_prob(self, logits: np.ndarray, value: np.ndarray) -> np.ndarray:
        """Return the log-probability of all units together, in nats."""
        grouped = logits.reshape(*logits.shape[:-1], -1, self.number)
        log_p = grouped - np.logaddexp.reduce(grouped, axis=-1, keepdims=True)
        return (value * log_p.reshape(logits.shape)).sum(axis=-1)


class Normal:
    """Normal units: means, and what the softplus of is the standard deviation, less its floor."""

    floor = 1e-3

    def _split(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean, raw = np.split(parameters, 2, axis=-1)
        return mean, self.floor + np.logaddexp(0, raw)

    def draw(self, parameters: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw values."""
        mean, scale = self._split(parameters)
        return mean + scale * rng.standard_normal(mean.shape)

    def log_prob(self, parameters: np.ndarray, value: np.ndarray) -> np.ndarray:
        """Return the log-probability of all units together, in nats."""
        mean, scale = self._split(parameters)
        return (-0.5 * ((value - mean) / scale) ** 2 - np.log(scale) - 0.5 * np.log(2 * np.pi)).sum(axis=-1)


def family_of(name: str) -> Bits | Categories | Normal:
    """Return the latents of a folder, by the words in its name."""
    if name.startswith("vae"):
        return Normal()
    return Categories(int(name.split("-")[1].split("x")[1])) if name.startswith("categorical") else Bits()


def bounds(file: Path, x: np.ndarray, num_particles: int, *, seed: int) -> np.ndarray:
    """Return log-mean-exp of the log-weights of each row, in nats."""
    arrays, family, rng = arrays_of(file), family_of(file.parent.name), np.random.default_rng(seed)
    depth = len({name.split("[")[1].split("]")[0] for name in arrays if ".recognition." in name})
    signs = tomllib.loads((file.parent / "config.toml").read_text()).get("signs", False)

    def conditional(chain: str, index: int) -> Conditional:
        # The first of each chain sees the data, or nothing.
        return Conditional(arrays, f".best.net.{chain}.conditionals[{index}].", sees_signs=signs and index > 0)

    up = [conditional("recognition", n) for n in range(depth)]
    down = [conditional("generative", n) for n in range(depth + 1)]
    found = []
    for row in x.astype(float):
        below, latents, log_q = row, [], 0.0
        for layer in up:
            parameters = layer(below)
            parameters = np.broadcast_to(parameters, (num_particles, parameters.shape[-1]))
            below = family.draw(parameters, rng)
            latents.append(below)
            log_q += family.log_prob(parameters, below)
        parents = [None, *latents[::-1]]
        log_p = sum(family.log_prob(down[n](parents[n]), parents[n + 1]) for n in range(depth))
        weights = log_p + Bits().log_prob(down[depth](latents[0]), row) - log_q
        found.append(np.logaddexp.reduce(weights) - np.log(num_particles))
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="folders with a net.safetensors")
    parser.add_argument("--rows", type=int, default=200, help="test rows, the first ones")
    parser.add_argument("--particles", type=int, default=1000)
    parser.add_argument("--json", type=Path, help="where the numbers go")
    options = parser.parse_args()
    record = {}
    for folder in options.folders:
        run = load_run(folder)
        rows = load(run.record.name).test[: options.rows]
        own = bounds(folder / "net.safetensors", rows.means(), options.particles, seed=0)
        key = jax.random.key(1)
        library = np.asarray(particle_bounds(run.net, rows, num_particles=options.particles, key=key).bound)
        difference = library - own
        error = difference.std(ddof=1) / np.sqrt(len(difference))
        record[folder.name] = {
            "rows": len(own),
            "particles": options.particles,
            "nll": round(-float(own.mean()), 4),
            "nll_of_the_library": round(-float(library.mean()), 4),
            "difference": round(float(difference.mean()), 4),
            "standard_error": round(float(error), 4),
        }
        print(folder.name, record[folder.name], flush=True)
    if options.json:
        options.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
