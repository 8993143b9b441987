"""Structured prediction: fill in the lower half of a digit, given the upper half, in more than one way.

    python examples/structured_prediction.py --out predictions

A conditional net, p(lower | upper), with two layers of binary latents: completions of one upper half are drawn, and
they differ as whole digits do, which independent pixels cannot. It is trained and measured like any other net. The
task is that of Raiko et al. 2015, *Techniques for learning binary stochastic feedforward neural networks*.

The picture shows, per row: the digit, its upper half, the mean of many completions, and some of them.
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from beliefnet import Chain, ConditionalNet, sample_means
from beliefnet.conditionals import Centred, Dense, Feedforward, Signs
from beliefnet.data import load
from beliefnet.distributions import bernoulli
from beliefnet.estimators import VIMCO
from beliefnet.evaluation import evaluate
from beliefnet.plots import image_sheet
from beliefnet.training import FitOptions, fit


def half_to_half(mean: np.ndarray, hidden: tuple[int, int], *, key: jax.Array) -> ConditionalNet:
    """Make p(lower | upper): what the first half of the units says of the second, through two layers of binary units.

    A generative chain whose first layer has a parent makes the net conditional: the parent is the first part of each
    datum. The recognition chain sees all of the datum, the answer included; it is only needed for learning.
    """
    keys = jax.random.split(key, 5)
    size, (bottom, top) = len(mean), hidden
    half = size // 2
    generative = Chain(
        (
            Feedforward(Dense(half, top, key=keys[0]), bernoulli, Centred(jnp.asarray(mean[:half]))),
            Feedforward(Dense(top, bottom, key=keys[1]), bernoulli, Signs()),
            Feedforward(Dense(bottom, size - half, key=keys[2]), bernoulli, Signs()),
        )
    )
    recognition = Chain(
        (
            Feedforward(Dense(size, bottom, key=keys[3]), bernoulli, Centred(jnp.asarray(mean))),
            Feedforward(Dense(bottom, top, key=keys[4]), bernoulli, Signs()),
        )
    )
    return ConditionalNet(generative, recognition)


def negative_log_likelihood(net: ConditionalNet, x: np.ndarray, num_draws: int, *, key: jax.Array) -> float:
    """Estimate -log p(lower | upper) in nats by hidden layers drawn from the net alone, without the recognition net."""

    @jax.jit
    def batch_bound(x: jax.Array, key: jax.Array) -> jax.Array:
        condition, lower = net.split(x)
        _, latents = net.dream((num_draws,), key=key, condition=condition)
        scores = net.generative.conditionals[-1](latents[0]).log_prob(lower)
        return jax.nn.logsumexp(scores, axis=0) - jnp.log(num_draws)

    batches = np.array_split(x, max(1, len(x) // 250))
    keys = jax.random.split(key, len(batches))
    bounds = [batch_bound(jnp.asarray(rows, jnp.float32), k) for rows, k in zip(batches, keys, strict=True)]
    return -float(jnp.concatenate(bounds).mean())


def completions(net: ConditionalNet, digits: np.ndarray, num: int, *, key: jax.Array) -> np.ndarray:
    """Return rows of pictures: a digit, its upper half, the mean of its completions, and `num` of them."""
    condition, lower = net.split(jnp.asarray(digits, jnp.float32))
    drawn = sample_means(net, (100,), key=key, condition=condition)
    upper = jnp.concatenate([condition, jnp.zeros_like(lower)], axis=-1)  # pyright: ignore
    rows = jnp.stack([jnp.asarray(digits, jnp.float32), upper, drawn.mean(axis=0), *drawn[:num]], axis=1)
    return np.asarray(rows.reshape(-1, digits.shape[1]))


def main() -> None:
    """Train, measure and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="digits", help="digits (embedded), binarized-mnist, ...")
    parser.add_argument("--hidden", type=int, nargs=2, default=(50, 50), help="units of the lower and the upper layer")
    parser.add_argument("--particles", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--weight-decay", type=float, default=0.0)
    parser.add_argument("--out", type=Path, default=Path("predictions"))
    options = parser.parse_args()

    data = load(options.data)
    net_key, test_key, picture_key = jax.random.split(jax.random.key(0), 3)
    net = half_to_half(data.train.average(), tuple(options.hidden), key=net_key)
    how = FitOptions(
        epochs=options.epochs,
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
    )
    fitted = fit(net, data, VIMCO(options.particles), options=how)
    print(f"validation bound of {options.particles} particles: {fitted.best_bound:.2f} nats, epoch {fitted.best_epoch}")

    bound = evaluate(fitted.net, data.test, num_particles=100, key=test_key).bound
    print(f"test NLL, 100 particles of the recognition net:      {-bound.mean:.2f} +- {bound.stderr:.2f} nats")
    plain = negative_log_likelihood(fitted.net, data.test.means(), 100, key=test_key)
    print(f"test NLL, 100 draws of the net alone, as published: {plain:.2f} nats")

    options.out.mkdir(parents=True, exist_ok=True)
    # Evenly spread over the split, which may be sorted by class.
    shown = data.test[:: max(1, len(data.test) // 10)][:10].means()
    sheet = completions(fitted.net, shown, 7, key=picture_key)
    image_sheet(
        sheet, data.record.image_shape, options.out / "completions.png", title="digit, given, mean, completions"
    )
    print(f"picture: {options.out / 'completions.png'}")


if __name__ == "__main__":
    main()
