"""Mutation testing: break the code in one place, and see which test says so.

    python benchmarks/mutants.py [--only WORD] [--markdown FILE] [--list]

Each mutant is one line of the package changed, in a copy of the tree. The tests named with it are run; a mutant that
they let pass has survived, and the status is then 1. All of them take some minutes on one core. `docs/testing.md` has
the table that `--markdown` writes.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Mutant:
    """One change of the package.

    Attributes:
        what: What is wrong then.
        file: Where, below the package.
        old: Text that occurs there once.
        new: What it becomes.
        tests: Arguments of pytest.
    """

    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def _in(path: str, words: str = "") -> tuple[str, ...]:
    return (f"tests/{path}.py", *(("-k", words) if words else ()))


RULES = _in("test_estimators", "expected_credit and one")
NAN = _in("test_estimators", "no_number or zero")
SIGNALS = _in("test_estimators", "reach or local or no_chain")
DRIVER = _in("test_estimators", "expected_estimate or wrong_shape or path or descends")
UNITS = _in("test_estimators", "mean_of_many and (arm or rebar or relax or muprop or local)")
REFINED = _in("test_refiners", "climb or marginals or patience or no_number or closed or moments")
POSTERIORS = _in("test_posteriors")
SAMPLED = _in("test_samplers")
BOUNDS = _in("test_evaluation")

MUTANTS = [
    # Credit rules
    Mutant(
        "VIMCO's weight has the wrong sign",
        "estimators/rules/_vimco.py",
        "score=gain - weights",
        "score=gain + weights",
        RULES,
    ),
    Mutant(
        "VIMCO's baseline is a mean over all particles",
        "estimators/rules/_vimco.py",
        "num_others = signal.shape[0] - 1",
        "num_others = signal.shape[0]",
        (*RULES, "-k", "expected and vimco or formula"),
    ),
    Mutant(
        "VIMCO's replacement forgets what was settled",
        "estimators/rules/_vimco.py",
        "return trace.settled_signal + self._mean_of_others",
        "return self._mean_of_others",
        _in("test_estimators", "loop_says"),
    ),
    Mutant(
        "VIMCO takes a NaN for a weight of zero",
        "estimators/rules/_vimco.py",
        "jnp.where(jnp.isneginf(without), 0, without)",
        "jnp.where(jnp.isfinite(without), without, 0)",
        NAN,
    ),
    Mutant(
        "VIMCO's baseline of nothing is -inf",
        "estimators/rules/_vimco.py",
        "without = jnp.where(jnp.isneginf(without), 0, without)",
        "without = without + 0",
        NAN,
    ),
    Mutant(
        "OVIS's baseline forgets the share of the auxiliary draw",
        "estimators/rules/_optimal_control.py",
        "- jnp.log(len(own)) - share).mean",
        "- jnp.log(len(own)) + share).mean",
        _in("test_estimators", "loop_says"),
    ),
    Mutant(
        "OVIS's baseline contains the draw that it serves",
        "estimators/rules/_optimal_control.py",
        "jnp.logaddexp(leave_one_out_log_sum_exp(own)[None], auxiliary[:, None])",
        "jnp.logaddexp(own[None], auxiliary[:, None])",
        _in("test_estimators", "expected and ovis and one"),
    ),
    Mutant(
        "The asymptotic control variate knows one limit only",
        "estimators/rules/_optimal_control.py",
        "(1 - self.gamma) * (weights",
        "(0 * self.gamma) * (weights",
        _in("test_estimators", "expected and asymptotic and one"),
    ),
    Mutant(
        "The log-variance is that of the weights",
        "estimators/_log_variance.py",
        "f = trace.log_p.sum(axis=-1) - trace.log_q.sum(axis=-1)",
        "f = trace.log_weight",
        _in("test_estimators", "expected and log-variance"),
    ),
    Mutant(
        "REINFORCE's baseline contains its own draw",
        "estimators/rules/_leave_one_out.py",
        "leave_one_out_sum(signal) / (count - 1)",
        "signal.mean(axis=0)",
        RULES,
    ),
    Mutant(
        "REINFORCE is not divided by K",
        "estimators/rules/_leave_one_out.py",
        "(count - 1)) / count",
        "(count - 1))",
        RULES,
    ),
    Mutant(
        "NVIL's score is not divided by K",
        "estimators/rules/_centred.py",
        "score = centred / trace.num_particles",
        "score = centred",
        RULES,
    ),
    Mutant(
        "NVIL's baseline is added",
        "estimators/rules/_centred.py",
        "self.signal.read(trace) - prediction",
        "self.signal.read(trace) + prediction",
        DRIVER,
    ),
    Mutant(
        "NVIL's baseline descends",
        "estimators/rules/_centred.py",
        "own = SurrogateTerm(score, prediction)",
        "own = SurrogateTerm(-score, prediction)",
        DRIVER,
    ),
    Mutant(
        "TVO's path starts at the wrong end",
        "estimators/rules/_thermodynamic.py",
        "weights * (1 + left * excess)",
        "weights * (1 + (1 - left) * excess)",
        RULES,
    ),
    Mutant(
        "TVO counts particles of weight zero",
        "estimators/rules/_thermodynamic.py",
        "jnp.where(is_out, -jnp.inf, left * f)",
        "left * f",
        NAN,
    ),
    Mutant(
        "TVO takes a NaN for a weight of zero",
        "estimators/rules/_thermodynamic.py",
        "is_out = jnp.isneginf(trace.log_weight)",
        "is_out = ~jnp.isfinite(trace.log_weight)",
        NAN,
    ),
    Mutant(
        "SGVB adds the score, whose mean is zero",
        "estimators/rules/_shares.py",
        "SGVB = UniformShares(model=1, score=-1, path=1)",
        "SGVB = UniformShares(model=1, score=1, path=1)",
        _in("test_estimator_fixtures", "loops"),
    ),
    Mutant(
        "DReG does not square the weights",
        "estimators/rules/_shares.py",
        "DREG = WeightedShares(model=1, path=1, path_power=2)",
        "DREG = WeightedShares(model=1, path=1)",
        DRIVER,
    ),
    Mutant(
        "Wake-phi descends",
        "estimators/rules/_shares.py",
        "REWEIGHTED_WAKE = WeightedShares(model=1, score=1)",
        "REWEIGHTED_WAKE = WeightedShares(model=1, score=-1)",
        RULES,
    ),
    Mutant(
        "Weighted wake is not weighted",
        "estimators/rules/_shares.py",
        "WEIGHTED_WAKE = WeightedShares(model=1)",
        "WEIGHTED_WAKE = UniformShares(model=1)",
        RULES,
    ),
    Mutant(
        "The surrogate is a sum over the batch",
        "estimators/rules/_base.py",
        "return total / trace.log_proposal.shape[1]",
        "return total",
        RULES,
    ),
    Mutant(
        "Credits are differentiated",
        "estimators/rules/_base.py",
        "jnp.sum(lax.stop_gradient(credit.score) * trace.log_q)",
        "jnp.sum(credit.score * trace.log_q)",
        _in("test_estimators"),
    ),
    # The trace, baselines and numerics
    Mutant(
        "The local signal includes the layer below",
        "_trace.py",
        "jnp.flip(jnp.cumsum(jnp.flip(steps, axis=-1), axis=-1), axis=-1)",
        "jnp.broadcast_to(steps.sum(axis=-1, keepdims=True), steps.shape)",
        SIGNALS,
    ),
    Mutant(
        "The local signal forgets the prior",
        "_trace.py",
        ".at[..., -1:].add(self.log_p[..., -1:])",
        ".at[..., -1:].add(0)",
        SIGNALS,
    ),
    Mutant(
        "Terms out of reach are counted",
        "_trace.py",
        "return self._sum_where(self.reach != 0)",
        "return self._sum_where(self.reach == 0)",
        SIGNALS,
    ),
    Mutant(
        "The baseline of a layer sees its draw",
        "baselines/_networks.py",
        "below = trace.values[:-1]",
        "below = trace.values[1:]",
        _in("test_estimators", "baseline"),
    ),
    Mutant(
        "Moments are used before the update in the paper's order",
        "baselines/_moments.py",
        "used = updated if self.order is Order.PAPER else moments",
        "used = moments",
        RULES,
    ),
    Mutant(
        "The past weighs 1 - smoothing",
        "baselines/_moments.py",
        "keep = self.smoothing",
        "keep = 1 - self.smoothing",
        _in("test_estimators", "moments or algorithm or statistics"),
    ),
    Mutant(
        "A small variance is blown up",
        "baselines/_moments.py",
        "jnp.maximum(1.0, jnp.sqrt(used.variance))",
        "jnp.sqrt(used.variance)",
        _in("test_estimators", "blown or algorithm"),
    ),
    Mutant(
        "A NaN leaves the other weights alone",
        "_numerics.py",
        "jnp.where(jnp.isneginf(largest), 0, largest))\n    total = weights.sum(axis=0)\n"
        "    return weights / jnp.where(total == 0, 1, total)",
        "jnp.where(jnp.isfinite(largest), largest, 0))\n    total = weights.sum(axis=0)\n"
        "    return weights / jnp.where(total > 0, total, 1)",
        NAN,
    ),
    # Drivers and unit estimators
    Mutant(
        "The path goes through the parameters too",
        "estimators/_driver_particles.py",
        "path_surrogate(estimator.proposal, lax.stop_gradient(net), drawn, credit.path)",
        "path_surrogate(estimator.proposal, net, drawn, credit.path)",
        DRIVER,
    ),
    Mutant(
        "Draws are differentiated on every route",
        "estimators/_driver_particles.py",
        "Trace.record(net, lax.stop_gradient(drawn))",
        "Trace.record(net, drawn)",
        DRIVER,
    ),
    Mutant(
        "A sum leaves its last part out",
        "estimators/_combine.py",
        "jax.tree.map(lambda *leaves: sum(leaves),",
        "jax.tree.map(lambda *leaves: sum(leaves[:1]),",
        _in("test_estimators", "mean_of_many and wake-sleep"),
    ),
    Mutant(
        "DisARM's slope is doubled", "estimators/_arm.py", "return 0.5 * (self.partner", "return (self.partner", UNITS
    ),
    Mutant(
        "ARM's uniform numbers are not given the draw",
        "estimators/_arm.py",
        "u = jnp.where(layer.value > 0.5, v * p, p + v * (1 - p))",
        "u = v",
        UNITS,
    ),
    Mutant(
        "Multi-sample DisARM's gain is that of the log-weight",
        "estimators/_arm.py",
        "jnp.logaddexp(surroundings, swapped) - jnp.logaddexp(surroundings, drawn)",
        "surroundings * 0 + swapped - drawn",
        UNITS,
    ),
    Mutant(
        "REBAR adds its control variate once",
        "estimators/_rebar.py",
        "amount = score + scale * (slope - slope_given)",
        "amount = score + scale * slope",
        UNITS,
    ),
    Mutant(
        "MuProp forgets the expansion",
        "estimators/_muprop.py",
        "return LayerCredit((score, expansion))",
        "return LayerCredit((score,))",
        UNITS,
    ),
    Mutant(
        "Local expectations are not centred",
        "estimators/_local_expectation.py",
        "signals - jnp.sum(probs * signals, axis=-1, keepdims=True)",
        "signals",
        _in("test_estimators", "mean_of_many and local"),
    ),
    # Refiners and samplers
    Mutant(
        "AIR takes a NaN for an impossible datum",
        "refiners/_adaptive_importance.py",
        "is_impossible = weights.sum(axis=0) == 0",
        "is_impossible = ~(weights.sum(axis=0) > 0)",
        REFINED,
    ),
    Mutant(
        "AIR's weights are by the model alone",
        "refiners/_adaptive_importance.py",
        " - posterior.log_probs(latents).sum(axis=-1)",
        "",
        REFINED,
    ),
    Mutant(
        "A refiner's patience is one too long",
        "refiners/_base.py",
        "is_active = watched.num_idle < self.patience",
        "is_active = watched.num_idle <= self.patience",
        REFINED,
    ),
    Mutant("The momentum is lost", "refiners/_gradient.py", "self.momentum * v + g", "g", _in("test_refiners")),
    Mutant(
        "A refined ELBO has no entropy",
        "refiners/_structured.py",
        "top, latents[-1]) + self._entropies(latents)",
        "top, latents[-1])",
        REFINED,
    ),
    Mutant(
        "A mean-field ELBO has no entropy",
        "refiners/_mean_field.py",
        "total += model.expected_log_prob(parent, own, drawn) + family.entropy(own)",
        "total += model.expected_log_prob(parent, own, drawn)",
        REFINED,
    ),
    Mutant(
        "A refined posterior is kept as it comes",
        "refiners/_base.py",
        "if self.num_checks and self.num_steps:",
        "if False:",
        POSTERIORS,
    ),
    Mutant(
        "Offsets are not scored",
        "refiners/_structured.py",
        "return self.chain.log_probs(self.x, latents)",
        "return self.recognition.log_probs(self.x, latents)",
        POSTERIORS,
    ),
    Mutant(
        "AIR moves away from what was drawn",
        "refiners/_structured.py",
        "after = before + share * (means.drawn - before)",
        "after = before - share * (means.drawn - before)",
        POSTERIORS,
    ),
    Mutant(
        "AIR does not shrink what is not significant",
        "refiners/_adaptive_importance.py",
        "jnp.maximum(1 - noise / jnp.where(surplus == 0, 1, surplus), 0)",
        "jnp.maximum(1 - 0 * noise / jnp.where(surplus == 0, 1, surplus), 0)",
        POSTERIORS,
    ),
    Mutant(
        "The 1/2 estimator's slope is that of the mean",
        "samplers/_relaxed.py",
        "(drawn - 0.5) * (drawn - jax.nn.sigmoid(logits))",
        "jax.nn.sigmoid(logits) * (1 - jax.nn.sigmoid(logits))",
        SAMPLED,
    ),
    Mutant(
        "ReinMax is of first order",
        "samplers/_reinmax.py",
        "like = 2 * linear(middle, logits)",
        "like = 1.5 * linear(middle, logits)",
        SAMPLED,
    ),
    Mutant(
        "The noise of Gumbel-Rao does not know the draw",
        "samplers/_gumbel_rao.py",
        "return jnp.where(drawn > 0, largest, others)",
        "return jnp.where(drawn > 0, largest, logits - jnp.log(noise))",
        SAMPLED,
    ),
    Mutant(
        "Concrete noise is normal",
        "samplers/_relaxed.py",
        "noise = jax.random.logistic(key, shape + logits.shape)",
        "noise = jax.random.normal(key, shape + logits.shape)",
        SAMPLED,
    ),
    # Proposals and evaluation
    Mutant(
        "Draws of a refined posterior are scored as less likely",
        "proposals/_refined.py",
        "log_layers = self.posterior.log_probs(latents)",
        "log_layers = 1.1 * self.posterior.log_probs(latents)",
        _in("test_evaluation", "mean_weight"),
    ),
    Mutant(
        "A dream is scored by the recognition net",
        "proposals/_dream.py",
        "net.log_joint(dreamt, latents))",
        "net.log_recognition(dreamt, latents))",
        _in("test_evaluation", "dream"),
    ),
    Mutant(
        "Hamiltonian momenta are not scored",
        "proposals/_hamiltonian.py",
        "log_proposal += norm.logpdf(noise).sum(axis=-1) - log_reverse",
        "log_proposal += -log_reverse",
        _in("test_estimators", "hvi"),
    ),
    Mutant(
        "The bound is a mean of log-weights",
        "evaluation/_exact.py",
        "bounds = log_mean_exp(states.log_weight[members], axis=1)",
        "bounds = states.log_weight[members].mean(axis=1)",
        BOUNDS,
    ),
    Mutant(
        "Quadrature weights are not normalised",
        "distributions/_family.py",
        "math.sqrt(2 * math.pi)",
        "math.sqrt(math.pi)",
        _in("test_estimators", "mean_of_many and (semi-amortised or hvi)"),
    ),
    # Data
    Mutant(
        "A subset's rows are numbered anew",
        "data/_observations.py",
        "names=names, numbers=numbers)",
        "names=names, numbers=np.zeros(0, np.int32))",
        _in("test_observe"),
    ),
    Mutant(
        "Bytes are not scaled",
        "data/_observations.py",
        "return values if largest == 1 else values / np.float32(largest)",
        "return values",
        (*_in("test_observe"), "tests/test_data.py"),
    ),
    # Training, runs
    Mutant(
        "The validation bound is of other rows",
        "training/_validation.py",
        "jnp.arange(start, min(start + _VALIDATION_ROWS, num_rows))",
        "jnp.zeros(min(start + _VALIDATION_ROWS, num_rows) - start, int)",
        _in("test_training", "validation"),
    ),
    Mutant(
        "The validation bound is of the training rows",
        "training/_loop.py",
        "observe(net, dataset.valid)",
        "observe(net, dataset.train)",
        _in("test_training", "validation"),
    ),
    Mutant(
        "Every epoch has the same order",
        "training/_step.py",
        "jax.random.fold_in(order_key, learner.step // epoch_steps)",
        "order_key",
        _in("test_training", "epoch or step"),
    ),
    Mutant(
        "Every step has the same random numbers",
        "training/_step.py",
        "key=jax.random.fold_in(step_key, learner.step)",
        "key=step_key",
        _in("test_training", "epoch or step"),
    ),
    Mutant(
        "The gradient of the estimator is lost",
        "training/_step.py",
        "Learnable(estimate.net, estimate.estimator)",
        "Learnable(estimate.net, jax.tree.map(jnp.zeros_like, estimate.estimator))",
        _in("test_training", "learns_and_remembers"),
    ),
    Mutant(
        "The state of the estimator is lost",
        "training/_step.py",
        "estimator_state=estimate.state",
        "estimator_state=learner.estimator_state",
        _in("test_training", "learns_and_remembers"),
    ),
    Mutant(
        "A damaged checkpoint pushes an intact one out",
        "runs/_checkpoint.py",
        "kept >= self.keep or (step > saved and not _intact(folder))",
        "kept >= self.keep",
        _in("test_checkpoint"),
    ),
    Mutant(
        "Checkpoints are never pruned",
        "runs/_checkpoint.py",
        "stale = step in seen or kept >= self.keep",
        "stale = step in seen",
        _in("test_checkpoint", "keeps"),
    ),
]


def run(mutant: Mutant, tree: Path, environment: dict[str, str]) -> str | None:
    """Apply a mutant in a copy of the tree, run its tests, and return the first that failed, None if none did."""
    path = tree / "beliefnet" / mutant.file
    source = path.read_text(encoding="utf-8")
    if source.count(mutant.old) != 1:
        raise ValueError(f"expected {mutant.old!r} once in {mutant.file}, got it {source.count(mutant.old)} times")
    path.write_text(source.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "--full",
            "-n",
            "0",
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            *mutant.tests,
        ]
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    finally:
        path.write_text(source, encoding="utf-8")
    if done.returncode == 0:
        return None
    found = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    if found is None:
        said = f"{done.stdout[-2000:]}{done.stderr}"
        raise RuntimeError(f"expected tests to pass or fail for {mutant.what!r}, got {said}")
    return found[1]


def copied_tree(folder: Path) -> Path:
    """Copy what is under version control."""
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def main() -> int:
    """Run the mutants, print what caught each, and count those that survived."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="WORD", help="mutants whose file or description has this in it")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table here")
    parser.add_argument("--list", action="store_true", help="say which there are, and run nothing")
    options = parser.parse_args()
    chosen = [m for m in MUTANTS if not options.only or options.only in m.what or options.only in m.file]
    rows, survived = [], 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = copied_tree(Path(folder))
        environment = {**os.environ, "PYTHONPATH": str(tree)}
        for mutant in chosen:
            caught = "-" if options.list else run(mutant, tree, environment)
            survived += caught is None
            print(f"{mutant.file}: {mutant.what}: {caught or 'SURVIVED'}", flush=True)
            test = "**none**" if caught is None else f"`{caught.split('::')[-1]}`"
            rows.append(f"| `{mutant.file}` | {mutant.what} | {test} |")
    if options.markdown:
        options.markdown.write_text("\n".join(["| file | mutant | caught by |", "|---|---|---|", *rows]) + "\n")
    print(f"{len(chosen)} mutants, {survived} survived")
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main())
