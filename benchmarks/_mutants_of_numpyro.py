"""Mutants of the losses for NumPyro."""

from _mutant import Mutant, in_tests


def law(of: str) -> tuple[str, ...]:
    """Return the arguments of pytest that choose the law of a loss on a program."""
    return (f"tests/test_numpyro.py::test_the_expected_gradient_is_the_claimed_one[{of}]",)


def tests(words: str) -> tuple[str, ...]:
    """Return the arguments of pytest that choose tests by words in their names."""
    return in_tests("test_numpyro", words)


OF_NUMPYRO = [
    Mutant(
        "A cell has the mean of its terms",
        "numpyro/_cells.py",
        "total = jnp.sum(term, axis=others, keepdims=True)",
        "total = jnp.mean(term, axis=others, keepdims=True)",
        law("vimco of nested"),
    ),
    Mutant(
        "The share of a particle is taken off its score twice",
        "numpyro/_weighted.py",
        "credit.score + credit.model[..., None])",
        "credit.score)",
        law("vimco, local of plate"),
    ),
    Mutant(
        "A datum is a cell of the innermost plate",
        "numpyro/_weighted.py",
        "cells = tuple(common[-1:])",
        "cells = tuple(common[:1])",
        law("vimco, local of crossed"),
    ),
    Mutant(
        "The objective of a subsample is that of the whole",
        "numpyro/_weighted.py",
        "objective = rest + data.unit * found.credit.objective.sum()",
        "objective = rest + found.credit.objective.sum()",
        tests("subsampling_is_unbiased and vimco"),
    ),
    Mutant(
        "The score of a subsample is scaled twice",
        "numpyro/_local.py",
        "return unit * num_cells(cells)",
        "return unit * unit * num_cells(cells)",
        tests("subsampling_is_unbiased and reinforce"),
    ),
    Mutant(
        "A masked draw has no score",
        "numpyro/_call.py",
        'if not is_masked(site["fn"]):',
        "if True:",
        tests("masked_latent"),
    ),
    Mutant(
        "Draws without a derivative are differentiated",
        "numpyro/_call.py",
        '(self.all_of_them or not msg["fn"].has_rsample)',
        "self.all_of_them",
        tests("continuous_latents"),
    ),
    Mutant(
        "DReG's path has the direct derivative, too",
        "numpyro/_bounds.py",
        "(trace.log_weight - direct.log_weight)",
        "trace.log_weight",
        tests("normal_latents"),
    ),
    Mutant(
        "All dreams are the same",
        "numpyro/_dreams.py",
        "dream = call.dream(batch.params, dream_key)",
        "dream = call.dream(batch.params, jax.random.key(0))",
        tests("dreams"),
    ),
    Mutant(
        "Dependence ends at the next draw",
        "numpyro/_sites.py",
        'msg["value"] = 0 * msg["value"] + self.values',
        'msg["value"] = self.values',
        law("vimco, local of no plate"),
    ),
    Mutant(
        "Dependence within a loop is lost",
        "numpyro/_sites.py",
        " or guide[latent].in_loop",
        "",
        law("reinforce of pair"),
    ),
    Mutant(
        "Dependence ends at a later latent outside the plate",
        "numpyro/_cells.py",
        "if not program.is_crossed(plate, name, layers))",
        ")",
        law("nvil of late"),
    ),
    Mutant(
        "Cells with terms in common are each other's baselines",
        "numpyro/_nvil.py",
        "Others(self.rule.signal, _are_apart(program, site))",
        "Others(self.rule.signal, True)",
        law("nvil of late"),
    ),
    Mutant(
        "NVIL's moments are lost",
        "numpyro/_nvil.py",
        "if name in run.mutable}",
        "if False}",
        tests("moments_are_kept"),
    ),
]
