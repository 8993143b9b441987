"""Mutants of credit rules, and of the trace, baselines and numerics that they read."""

from _mutant import Mutant, in_tests

RULES = in_tests("test_estimators", "expected_credit and one")
NAN = in_tests("test_estimators", "no_number or zero")
SIGNALS = in_tests("test_estimators", "reach or local or no_chain")
DRIVER = in_tests("test_estimators", "expected_estimate or wrong_shape or path or descends")

OF_RULES = [
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
        in_tests("test_estimators", "loop_says"),
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
        in_tests("test_estimators", "loop_says"),
    ),
    Mutant(
        "OVIS's baseline contains the draw that it serves",
        "estimators/rules/_optimal_control.py",
        "jnp.logaddexp(leave_one_out_log_sum_exp(own)[None], auxiliary[:, None])",
        "jnp.logaddexp(own[None], auxiliary[:, None])",
        in_tests("test_estimators", "expected and ovis and one"),
    ),
    Mutant(
        "The asymptotic control variate knows one limit only",
        "estimators/rules/_optimal_control.py",
        "(1 - self.gamma) * (weights",
        "(0 * self.gamma) * (weights",
        in_tests("test_estimators", "expected and asymptotic and one"),
    ),
    Mutant(
        "The log-variance is that of the weights",
        "estimators/_log_variance.py",
        "f = trace.log_p.sum(axis=-1) - trace.log_q.sum(axis=-1)",
        "f = trace.log_weight",
        in_tests("test_estimators", "expected and log-variance"),
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
        in_tests("test_estimator_fixtures", "loops"),
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
        in_tests("test_estimators"),
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
        "What is missing reaches the baselines",
        "_trace.py",
        "jnp.where(jnp.isnan(x), 0, x) if self.may_lack else x",
        "x",
        in_tests("test_estimators", "missing"),
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
        "(trace.observation, *trace.values[1:-1])",
        "trace.values[1:]",
        in_tests("test_estimators", "baseline"),
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
        in_tests("test_estimators", "moments or algorithm or statistics"),
    ),
    Mutant(
        "A small variance is blown up",
        "baselines/_moments.py",
        "jnp.maximum(1.0, jnp.sqrt(used.variance))",
        "jnp.sqrt(used.variance)",
        in_tests("test_estimators", "blown or algorithm"),
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
]
