"""Mutants of the drivers of credit rules, and of estimators that weigh units."""

from _mutant import Mutant, in_tests

DRIVER = in_tests("test_estimators", "expected_estimate or wrong_shape or path or descends")
UNITS = in_tests("test_estimators", "mean_of_many and (arm or rebar or relax or muprop or local)")
ARMS = in_tests("test_estimators", "mean_of_many and arms and two or coupled_bits")
CATEGORIES = in_tests("test_estimators", "mean_of_many and arms and categorical or coupled_categories")
DOUBLE_CV = in_tests("test_estimators", "mean_of_many and double-cv and two")
RODEO = in_tests("test_estimators", "mean_of_many and rodeo")
PER_LAYER = in_tests("test_estimators", "mean_of_many and per and layer and below and disarm")

OF_ESTIMATORS = [
    Mutant(
        "The path goes through the parameters too",
        "estimators/_driver_particles.py",
        "path_log_weight(proposal, lax.stop_gradient(net), drawn)",
        "path_log_weight(proposal, net, drawn)",
        DRIVER,
    ),
    Mutant(
        "All chunks have the same draws",
        "estimators/_driver_particles.py",
        "net, x, size, key=chunk_key)",
        "net, x, size, key=draw_key)",
        in_tests("test_chunks", "gradients and vimco"),
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
        in_tests("test_estimators", "mean_of_many and wake-sleep"),
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
        "ARMS forgets that its draws are correlated",
        "estimators/_antithetic.py",
        "* self.weight / self.count",
        "/ self.count",
        ARMS,
    ),
    Mutant(
        "The copula's numbers are shares",
        "estimators/_antithetic.py",
        "return (1 - rest) ** count",
        "return 1 - rest",
        ARMS,
    ),
    Mutant(
        "Draws around another do not know it",
        "estimators/_arms.py",
        "antithetic_to(first, count, key=others_key))",
        "antithetic_to(1 - first, count, key=others_key))",
        ARMS,
    ),
    Mutant(
        "Coupled categories are weighed as independent ones",
        "estimators/_antithetic.py",
        "weight * (signals[:, None] - signals)[..., None]",
        "(signals[:, None] - signals)[..., None]",
        CATEGORIES,
    ),
    Mutant(
        "A category's number may lie beyond its break",
        "estimators/_antithetic.py",
        "jnp.where(position == chosen, here, v)",
        "v",
        CATEGORIES,
    ),
    Mutant(
        "Double CV does not add back what it explains",
        "estimators/_double_cv.py",
        "return LayerCredit((score, explained),",
        "return LayerCredit((score,),",
        DOUBLE_CV,
    ),
    Mutant(
        "Double CV's slope is that of the draw that it serves",
        "estimators/_double_cv.py",
        "slope = leave_one_out_sum(layer.slope) / num_others",
        "slope = layer.slope",
        DOUBLE_CV,
    ),
    Mutant(
        "RODEO's score of a flipped unit is that of the draw",
        "estimators/_rodeo.py",
        "stein = change[..., 1:] * score + rate[..., 0] * flipped[..., 1] * (1 - 2 * value)",
        "stein = change[..., 1:] * score",
        RODEO,
    ),
    Mutant(
        "RODEO's surrogate knows the draw that it serves",
        "estimators/_rodeo.py",
        "own_slope = leave_one_out_sum(slope) / num_others",
        "own_slope = slope",
        RODEO,
    ),
    Mutant(
        "The path ends below a layer that is credited",
        "estimators/_per_layer.py",
        "for values in (live, fixed))",
        "for values in (fixed, fixed))",
        PER_LAYER,
    ),
    Mutant(
        "Layers see the net below them",
        "estimators/_per_layer.py",
        "Layer(held.above(index), above,",
        "Layer(held.above(0), above,",
        PER_LAYER,
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
        in_tests("test_estimators", "mean_of_many and local"),
    ),
]
