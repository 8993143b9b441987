"""Mutants of refiners, samplers, proposals, evaluation, data, training and runs."""

from _mutant import Mutant, in_tests

REFINED = in_tests("test_refiners", "climb or marginals or patience or no_number or closed or moments")
POSTERIORS = in_tests("test_posteriors")
SAMPLED = in_tests("test_samplers")
BOUNDS = in_tests("test_evaluation")

OF_RUNS = [
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
    Mutant("The momentum is lost", "refiners/_gradient.py", "self.momentum * v + g", "g", in_tests("test_refiners")),
    Mutant(
        "A refined ELBO has no entropy",
        "refiners/_structured.py",
        "top, latents[-1]) + self.entropies(latents)",
        "top, latents[-1])",
        REFINED,
    ),
    Mutant(
        "A mean-field ELBO has no entropy",
        "refiners/_mean_field.py",
        "return total + self.entropies(latents)",
        "return total",
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
        in_tests("test_evaluation", "mean_weight"),
    ),
    Mutant(
        "A dream is scored by the recognition net",
        "proposals/_dream.py",
        "net.log_joint(dreamt, latents))",
        "net.log_recognition(dreamt, latents))",
        in_tests("test_evaluation", "dream"),
    ),
    Mutant(
        "Hamiltonian momenta are not scored",
        "proposals/_hamiltonian.py",
        "log_proposal += norm.logpdf(noise).sum(axis=-1) - log_reverse",
        "log_proposal += -log_reverse",
        in_tests("test_estimators", "hvi"),
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
        in_tests("test_estimators", "mean_of_many and (semi-amortised or hvi)"),
    ),
    # Data
    Mutant(
        "A subset's rows are numbered anew",
        "data/_observations.py",
        "names=names, numbers=numbers)",
        "names=names, numbers=np.zeros(0, np.int32))",
        in_tests("test_observe"),
    ),
    Mutant(
        "Bytes are not scaled",
        "data/_observations.py",
        "return values if largest == 1 else values / np.float32(largest)",
        "return values",
        (*in_tests("test_observe"), "tests/test_data.py"),
    ),
    # Training, runs
    Mutant(
        "The validation bound is of other rows",
        "training/_validation.py",
        "jnp.arange(start, min(start + _VALIDATION_ROWS, num_rows))",
        "jnp.zeros(min(start + _VALIDATION_ROWS, num_rows) - start, int)",
        in_tests("test_training", "validation"),
    ),
    Mutant(
        "The validation bound is of the training rows",
        "training/_loop.py",
        "observe(net, dataset.valid)",
        "observe(net, dataset.train)",
        in_tests("test_training", "validation"),
    ),
    Mutant(
        "Every epoch has the same order",
        "training/_step.py",
        "jax.random.fold_in(order_key, learner.step // epoch_steps)",
        "order_key",
        in_tests("test_training", "epoch or step"),
    ),
    Mutant(
        "Every step has the same random numbers",
        "training/_step.py",
        "key=jax.random.fold_in(step_key, learner.step)",
        "key=step_key",
        in_tests("test_training", "epoch or step"),
    ),
    Mutant(
        "The gradient of the estimator is lost",
        "training/_step.py",
        "Learnable(estimate.net, estimate.estimator)",
        "Learnable(estimate.net, jax.tree.map(jnp.zeros_like, estimate.estimator))",
        in_tests("test_training", "learns_and_remembers"),
    ),
    Mutant(
        "The state of the estimator is lost",
        "training/_step.py",
        "estimator_state=estimate.state",
        "estimator_state=learner.estimator_state",
        in_tests("test_training", "learns_and_remembers"),
    ),
    Mutant(
        "A damaged checkpoint pushes an intact one out",
        "runs/_checkpoint.py",
        "kept >= self.keep or (step > saved and not _intact(folder))",
        "kept >= self.keep",
        in_tests("test_checkpoint"),
    ),
    Mutant(
        "Checkpoints are never pruned",
        "runs/_checkpoint.py",
        "stale = step in seen or kept >= self.keep",
        "stale = step in seen",
        in_tests("test_checkpoint", "keeps"),
    ),
]
