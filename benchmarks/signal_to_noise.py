"""The signal-to-noise ratio of the recognition net's gradient as the number of particles grows.

Of a small net, whose mean gradient is taken over the same draws: |mean| / standard deviation of each parameter's
gradient, averaged over the parameters.

    python benchmarks/signal_to_noise.py [--draws 4000] [--particles 2 5 10 50 100 500 1000] [--out FILE.json]
"""

import argparse
import json
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from beliefnet import BeliefNet
from beliefnet.estimators import OVIS, VIMCO, AbstractEstimator, AsymptoticOVIS, Replacement
from beliefnet.nets import sigmoid_belief_net

ESTIMATORS = {
    "vimco": VIMCO,
    "vimco, arithmetic": partial(VIMCO, replacement=Replacement.ARITHMETIC),
    "ovis, 1 auxiliary": OVIS,
    "ovis, 10 auxiliary": partial(OVIS, num_auxiliary=10),
    "ovis-asymptotic, gamma 1": AsymptoticOVIS,
    "ovis-asymptotic, gamma 0": partial(AsymptoticOVIS, gamma=0.0),
}


def some_net(scale: float = 1.0) -> BeliefNet:
    """A 5-4-3 net whose recognition net is not its posterior."""
    net = sigmoid_belief_net(5, (4, 3), key=jax.random.key(0))
    leaves, structure = jax.tree.flatten(net)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    return structure.unflatten([x + scale * jax.random.normal(k, x.shape) for x, k in zip(leaves, keys, strict=True)])


@eqx.filter_jit
def gradients(net: BeliefNet, estimator: AbstractEstimator, x: jax.Array, keys: jax.Array) -> jax.Array:
    """Recognition gradients, `[draws, parameters]`."""

    def one(key: jax.Array) -> jax.Array:
        found = estimator.estimate(net, x, None, key=key).net.recognition
        return jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(found)])

    return jax.lax.map(one, keys, batch_size=50)


def main() -> None:
    """Print a table, and write it where it is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--particles", type=int, nargs="+", default=[2, 5, 10, 50, 100, 500, 1000])
    parser.add_argument("--out")
    options = parser.parse_args()
    net, x = some_net(), jnp.array([[1.0, 0.0, 1.0, 1.0, 0.0]])
    keys = jax.random.split(jax.random.key(2), options.draws)
    table = {}
    for name, make in ESTIMATORS.items():
        table[name] = []
        for count in options.particles:
            found = np.asarray(gradients(net, make(count), x, keys), np.float64)
            found = found[:, found.std(axis=0) > 0]  # not the offset of the data, which is no parameter
            table[name].append(float(np.mean(np.abs(found.mean(axis=0)) / found.std(axis=0))))
        print(f"{name:26}" + "".join(f"{value:9.4f}" for value in table[name]), flush=True)
    if options.out:
        with open(options.out, "w") as file:
            json.dump({"particles": options.particles, "draws": options.draws, "ratio": table}, file, indent=1)


if __name__ == "__main__":
    main()
