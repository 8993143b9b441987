"""Structured prediction: fill in the lower half of a digit, given the upper half, in more than one way.

    python examples/structured_prediction.py --out predictions

A conditional net, p(lower | upper), with two layers of binary latents: completions of one upper half are drawn, and
they differ as whole digits do, which independent pixels cannot. It is trained and measured like any other net, or with
--ahead by draws that have not seen the lower half, as the literature does. The task is that of Raiko et al. 2015,
*Techniques for learning binary stochastic feedforward neural networks*.

The picture shows, per row: the digit, its upper half, the mean of many completions, and some of them.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from beliefnet import Chain, ConditionalNet, Trace, sample_means
from beliefnet.conditionals import Centred, Dense, Feedforward, Signs
from beliefnet.data import load
from beliefnet.distributions import bernoulli
from beliefnet.estimators import VIMCO, AbstractEstimator, Bound, Estimate
from beliefnet.estimators.rules import LeaveOneOutBound
from beliefnet.evaluation import Mean, evaluate
from beliefnet.plots import image_sheet
from beliefnet.proposals import AbstractProposal, Particles
from beliefnet.runs import load_run
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


class Ahead(AbstractProposal):
    """Draws the hidden layers given the condition alone: log-weights are log p(outputs | hidden)."""

    def draw(self, net: ConditionalNet, x: jax.Array, num_particles: int, *, key: jax.Array) -> Particles:
        """Draw `num_particles` configurations for every datum."""
        _, latents = net.dream_like(x, num_particles, key=key)
        return Particles(x, latents, net.log_joint_terms(x, latents)[..., 1:].sum(axis=-1))


class VIMCOAhead(AbstractEstimator[None]):
    """VIMCO of the bound whose particles are drawn ahead: the score is that of the net's own hidden layers.

    The recognition net, of no use here, learns from the same particles by their weights.
    """

    num_particles: int = eqx.field(static=True, default=5)

    @property
    def bound(self) -> Bound:
        """L_K by draws given the condition alone."""
        return Bound(self.num_particles, Ahead())

    def init(self, net: ConditionalNet) -> None:
        """Return nothing: no statistics are kept."""

    def estimate(self, net: ConditionalNet, x: jax.Array, state: None, *, key: jax.Array) -> Estimate[None]:
        """Draw, weigh, and differentiate."""
        particles = jax.lax.stop_gradient(Ahead().draw(net, x, self.num_particles, key=key))
        credit = jax.lax.stop_gradient(LeaveOneOutBound()(Trace.record(net, particles)))

        def surrogate(parts: tuple[ConditionalNet, VIMCOAhead]) -> jax.Array:
            terms = parts[0].log_joint_terms(x, particles.latents)
            learnt = terms.sum(axis=-1) + parts[0].log_recognition(x, particles.latents)
            own_score = credit.score[..., 0] * terms[..., 1:].sum(axis=-1)
            return (credit.model * learnt + own_score).sum(axis=0).mean()

        net_grads, own_grads = eqx.filter_grad(surrogate)((net, self))
        return Estimate(net_grads, own_grads, state, credit.objective.mean())


def negative_log_likelihood(net: ConditionalNet, x: np.ndarray, num_draws: int, *, key: jax.Array) -> Mean:
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
    return Mean.of(-np.concatenate(bounds).astype(np.float64))


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
    parser.add_argument("--ahead", action="store_true", help="train by draws given the condition alone")
    parser.add_argument("--folder", type=Path, help="a run folder, to be resumed if it has been begun")
    parser.add_argument("--out", type=Path, default=Path("predictions"))
    options = parser.parse_args()

    data = load(options.data)
    net_key, test_key, picture_key = jax.random.split(jax.random.key(0), 3)
    net = half_to_half(data.train.average(), tuple(options.hidden), key=net_key)
    how = FitOptions(
        epochs=options.epochs,
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        checkpoint_seconds=10,
    )
    estimator = (VIMCOAhead if options.ahead else VIMCO)(options.particles)
    fitted = fit(net, data, estimator, options=how, folder=options.folder)
    print(f"validation bound of {options.particles} particles: {fitted.best_bound:.2f} nats, epoch {fitted.best_epoch}")

    seeing = evaluate(fitted.net, data.test, num_particles=100, key=test_key).nll
    print(f"test NLL, 100 particles of the recognition net:      {seeing.mean:.2f} +- {seeing.stderr:.2f} nats")
    alone = negative_log_likelihood(fitted.net, data.test.means(), 100, key=test_key)
    print(f"test NLL, 100 draws of the net alone, as published: {alone.mean:.2f} +- {alone.stderr:.2f} nats")

    options.out.mkdir(parents=True, exist_ok=True)
    if options.folder is not None:
        load_run(options.folder, estimator=estimator).export(options.folder / "net.safetensors")
    found = {"best_epoch": fitted.best_epoch, "nll_100_of_recognition": asdict(seeing), "nll_100_alone": asdict(alone)}
    (options.out / "predictions.json").write_text(json.dumps(found, indent=2) + "\n")
    # Evenly spread over the split, which may be sorted by class.
    shown = data.test[:: max(1, len(data.test) // 10)][:10].means()
    sheet = completions(fitted.net, shown, 7, key=picture_key)
    image_sheet(
        sheet, data.record.image_shape, options.out / "completions.png", title="digit, given, mean, completions"
    )
    print(f"picture: {options.out / 'completions.png'}")


if __name__ == "__main__":
    main()
