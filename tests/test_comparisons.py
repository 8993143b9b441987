"""Models that nets are compared with: exact where they say so, bounds and estimates where they say so."""

import itertools
import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import fails, files
from conftest import SMALL
from laws import MAX_Z
from scipy import sparse
from scipy.special import logsumexp, roots_jacobi
from sklearn.decomposition import LatentDirichletAllocation

from beliefnet.catalogue import TrainConfig
from beliefnet.cli import run
from beliefnet.comparisons import (
    LDA,
    RBM,
    AbstractComparison,
    BoltzmannMachine,
    MixtureOfBernoullis,
    Rows,
    document_bound,
    log_partition,
    score,
)
from beliefnet.data import available
from beliefnet.evaluation import Mean, perplexity
from beliefnet.runs import RunFolder

QUICK_RBM = "rbm:hidden=3,epochs=2,batch-size=8,temperatures=50,chains=20"


def every_row(num_visible):
    return np.array(list(itertools.product((0, 1), repeat=num_visible)), np.uint8)


def noisy_patterns(num, seed=0):
    """Rows of three patterns of six units, each unit flipped with probability 0.1."""
    random = np.random.default_rng(seed)
    patterns = np.array([[1, 1, 0, 0, 0, 1], [0, 0, 1, 1, 0, 0], [1, 0, 1, 0, 1, 1]], bool)
    return (patterns[random.integers(3, size=num)] ^ (random.random((num, 6)) < 0.1)).astype(np.uint8)


TRAIN, VALID = noisy_patterns(400), noisy_patterns(200, seed=1)


def documents(num, seed=0):
    """Counts of six words by two topics, the first with the first three words and the second with the others."""
    random = np.random.default_rng(seed)
    topics = np.array([[0.5, 0.3, 0.2, 0, 0, 0], [0, 0, 0, 0.2, 0.3, 0.5]])
    shares = random.dirichlet([0.3, 0.3], num)
    lengths = random.integers(5, 40, num)
    return sparse.csr_matrix([random.multinomial(n, share @ topics) for n, share in zip(lengths, shares, strict=True)])


@pytest.fixture(scope="module")
def mixture():
    return MixtureOfBernoullis(num_components=5, smoothing=0.5).fit(TRAIN, VALID, seed=0)


def test_a_mixture_sums_to_one(mixture):
    assert np.exp(mixture.log_likelihood(every_row(6))).sum() == pytest.approx(1, abs=1e-5)


def test_columns_that_never_change_are_no_trouble():
    random = np.random.default_rng(0)
    rows = np.concatenate([np.ones((3000, 1)), random.integers(2, size=(3000, 6)), np.zeros((3000, 1))], axis=1)
    model = MixtureOfBernoullis(num_components=7, smoothing=0.01, max_iterations=20).fit(rows, rows[:50], seed=0)
    found = model.log_likelihood(every_row(8))
    assert np.isfinite(found).all()
    assert np.exp(found).sum() == pytest.approx(1, abs=1e-5)


def test_expectation_maximisation_climbs_its_objective():
    model = MixtureOfBernoullis(num_components=5, smoothing=0.5, patience=1000, max_iterations=40)
    objective = [row["objective"] for row in model.fit(TRAIN, VALID, seed=3).history_]
    assert len(objective) == 40
    assert objective[-1] > objective[0] + 0.1
    assert np.diff(objective).min() > -2e-6


def test_the_best_mixture_of_all_iterations_is_kept(mixture):
    reached = [row["valid"] for row in mixture.history_]
    assert len(reached) - 1 - int(np.argmax(reached)) == mixture.patience
    assert mixture.findings == {"iterations": len(reached), "valid_log_likelihood": max(reached)}
    assert mixture.log_likelihood(VALID).mean() == pytest.approx(max(reached))


def test_the_best_start_is_kept():
    def reached(num_restarts, seed):
        model = MixtureOfBernoullis(num_components=5, smoothing=0.5, num_restarts=num_restarts, max_iterations=5)
        return model.fit(TRAIN, VALID, seed=seed).findings["valid_log_likelihood"]

    gains = [reached(3, seed) - reached(1, seed) for seed in range(5)]
    assert min(gains) >= 0
    assert max(gains) > 0


def test_one_component_is_the_smoothed_average():
    model = MixtureOfBernoullis(num_components=1, smoothing=2.0).fit(TRAIN, VALID, seed=0)
    average = (TRAIN.sum(axis=0) + 0.5) / (len(TRAIN) + 1)
    means = (TRAIN.sum(axis=0) + 2 * average) / (len(TRAIN) + 2)
    expected = (np.log(means) * VALID + np.log(1 - means) * (1 - VALID)).sum(axis=1)
    np.testing.assert_allclose(model.log_likelihood(VALID), expected, rtol=1e-5)


def test_mixtures_see_what_columns_have_in_common(mixture):
    alone = MixtureOfBernoullis(num_components=1).fit(TRAIN, VALID, seed=0)
    assert score(mixture, VALID).nll.mean < score(alone, VALID).nll.mean - 0.5


def small_machine(num_visible=6, num_hidden=4, scale=1.5):
    keys = jax.random.split(jax.random.key(7), 3)
    shapes = ((num_hidden, num_visible), (num_visible,), (num_hidden,))
    return BoltzmannMachine(*(scale * jax.random.normal(key, s) for key, s in zip(keys, shapes, strict=True)))


def exact_log_z(machine):
    energies = machine.free_energy(jnp.asarray(every_row(len(machine.visible_bias)), jnp.float32))
    return float(logsumexp(-np.asarray(energies, np.float64)))


def test_the_free_energy_sums_hidden_units_out():
    machine = small_machine()
    hidden = every_row(4).astype(np.float64)
    weights, visible_bias, hidden_bias = (np.asarray(part, np.float64) for part in jax.tree.leaves(machine))
    by_hidden = logsumexp(hidden @ hidden_bias + np.logaddexp(0, hidden @ weights + visible_bias).sum(axis=1))
    assert exact_log_z(machine) == pytest.approx(by_hidden, abs=1e-4)


@pytest.mark.parametrize("num_temperatures", [30, 300])
def test_the_weights_of_annealing_are_unbiased(num_temperatures: int):
    machine, base_bias = small_machine(), jnp.linspace(-1.0, 1.0, 6)
    found = log_partition(machine, base_bias, num_temperatures=num_temperatures, num_chains=5000, key=jax.random.key(0))
    assert abs(np.expm1(found.log_z - exact_log_z(machine))) < MAX_Z * found.stderr
    assert found.low < exact_log_z(machine) < found.high
    assert 0 < found.stderr < 0.1


def test_annealing_from_the_machine_itself_is_exact():
    machine = small_machine()
    machine = BoltzmannMachine(jnp.zeros_like(machine.weights), machine.visible_bias, machine.hidden_bias)
    found = log_partition(machine, machine.visible_bias, num_temperatures=100, num_chains=2, key=jax.random.key(0))
    assert found.log_z == pytest.approx(exact_log_z(machine), abs=1e-4)
    assert found.stderr < 1e-5


def test_a_boltzmann_machine_sums_to_one_and_learns():
    model = RBM(num_hidden=6, num_epochs=60, learning_rate=0.3, batch_size=20, num_temperatures=300, num_chains=1000)
    model.fit(TRAIN, VALID, seed=0)
    log_z = exact_log_z(model.machine_)
    assert model.findings["low"] < log_z < model.findings["high"]
    assert model.findings["stderr"] < 0.05
    assert model.findings["valid_log_likelihood"] == model.log_likelihood(VALID).mean()
    exact = model.log_likelihood(every_row(6)) + model.findings["log_z"] - log_z
    assert np.exp(exact).sum() == pytest.approx(1, abs=1e-5)
    alone = MixtureOfBernoullis(num_components=1).fit(TRAIN, VALID, seed=0)
    assert score(model, VALID).nll.mean < score(alone, VALID).nll.mean - 0.3


def test_visible_biases_start_at_the_data():
    model = RBM(3, 1, learning_rate=1e-6, batch_size=20, num_temperatures=50).fit(TRAIN, VALID, seed=0)
    average = (TRAIN.sum(axis=0) + 0.5) / (len(TRAIN) + 1)
    np.testing.assert_allclose(jax.nn.sigmoid(model.machine_.visible_bias), average, atol=1e-4)


def test_the_same_seed_gives_the_same_model(mixture):
    again = MixtureOfBernoullis(num_components=5, smoothing=0.5).fit(TRAIN, VALID, seed=0)
    np.testing.assert_array_equal(again.log_likelihood(VALID), mixture.log_likelihood(VALID))
    machines = [RBM(3, 2, batch_size=20, num_temperatures=50).fit(TRAIN, VALID, seed=seed) for seed in (0, 0, 1)]
    first, second, third = (model.log_likelihood(VALID) for model in machines)
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - third).max() > 1e-3


def exact_document(counts, topics, prior):
    """Integrate over the share of the first of two topics; Gauss-Jacobi quadrature is exact for a polynomial."""
    nodes, weights = roots_jacobi(60, prior - 1, prior - 1)
    shares = np.stack([(1 + nodes) / 2, (1 - nodes) / 2])
    words = np.log(shares.T @ topics) @ counts.toarray().T
    return logsumexp(words + np.log(weights / weights.sum())[:, None], axis=0)


@pytest.mark.parametrize("prior", [0.1, 1.0, 3.0])
def test_the_bound_of_a_document_is_below_its_log_likelihood(prior: float):
    topics = np.random.default_rng(1).dirichlet(np.ones(6), 2)
    counts = documents(30)
    exact = exact_document(counts, topics, prior)
    gap = exact - document_bound(counts, topics, prior)
    assert gap.min() > 0
    assert gap.mean() < 0.02 * -exact.mean()


def test_a_bound_is_tight_where_the_posterior_is_factorial():
    counts, topics = documents(30), np.random.default_rng(1).dirichlet(np.ones(6), 2)
    one = document_bound(counts, topics[:1], 0.5)
    np.testing.assert_allclose(one, counts @ np.log(topics[0]), rtol=1e-9)
    # Where topics share no word, every token's topic is known.
    apart = np.array([[0.5, 0.3, 0.2, 0, 0, 0], [0, 0, 0, 0.2, 0.3, 0.5]]) + 1e-12
    np.testing.assert_allclose(document_bound(counts, apart, 0.5), exact_document(counts, apart, 0.5), atol=1e-3)


def test_documents_do_not_see_each_other():
    counts, topics = documents(30), np.random.default_rng(1).dirichlet(np.ones(6), 4)
    alone = np.concatenate([document_bound(counts[[i]], topics, 0.3) for i in range(30)])
    np.testing.assert_allclose(document_bound(counts, topics, 0.3), alone, atol=1e-3)


@pytest.mark.parametrize("learning", [{}, {"learning_method": "online", "batch_size": 50}])
def test_topics_are_found(learning: dict):
    model = LDA(2, num_passes=20, **learning).fit(documents(300), documents(50, 1), seed=0)
    assert {frozenset(words) for words in model.topics(3).tolist()} == {frozenset({0, 1, 2}), frozenset({3, 4, 5})}
    assert model.topics(6)[:, 0].tolist() in ([0, 5], [5, 0])
    test = documents(200, seed=2)
    scores = score(model, test)
    lengths = np.asarray(test.sum(axis=1)).ravel()
    assert scores.perplexity == perplexity(model.log_likelihood(test), lengths)
    assert scores.nll == Mean.of(-model.log_likelihood(test))
    assert model.findings["valid_log_likelihood"] == model.log_likelihood(documents(50, 1)).mean()
    alone = score(LDA(1).fit(documents(300), documents(50, 1), seed=0), test)
    assert scores.perplexity.per_token.mean < alone.perplexity.per_token.mean - 0.5


@pytest.mark.parametrize(
    ("learning", "batch_size"),
    [({"learning_method": "batch"}, 128), ({"learning_method": "online", "batch_size": 50}, 50)],
)
def test_topics_are_those_of_scikit_learn(learning: dict, batch_size: int):
    train = documents(120)
    method = learning["learning_method"]
    theirs = LatentDirichletAllocation(
        2, max_iter=3, learning_method=method, batch_size=batch_size, random_state=0
    ).fit(train)
    ours = LDA(2, num_passes=3, **learning).fit(train, train, seed=0).topics_
    np.testing.assert_allclose(ours, theirs.components_ / theirs.components_.sum(axis=1, keepdims=True), rtol=1e-12)


@pytest.mark.parametrize(
    ("model", "rows"),
    [
        (MixtureOfBernoullis(2, num_restarts=2, max_iterations=3, patience=3), TRAIN),
        (RBM(2, 2, batch_size=50, num_temperatures=600, num_chains=2), TRAIN),
        (LDA(2, num_passes=3), documents(600)),
    ],
)
def test_progress_counts_all_steps_and_rows(model: AbstractComparison, rows: Rows):
    steps, scored = [], []
    model.fit(rows, rows, seed=0, progress=steps.append)
    assert steps == list(range(1, model.num_steps + 1))
    score(model, rows, progress=scored.append)
    assert scored == sorted(set(scored))
    assert scored[-1] == rows.shape[0]


def test_priors_reach_training_and_the_bound():
    train, valid = documents(300), documents(50, 1)
    rare, plain, flat = (LDA(2, topic_word_prior=prior).fit(train, valid, seed=0) for prior in (1e-3, None, 1.0))
    assert rare.topics_.min() < plain.topics_.min() < flat.topics_.min()
    given = LDA(2, doc_topic_prior=0.9).fit(train, valid, seed=0)
    np.testing.assert_array_equal(given.log_likelihood(valid), document_bound(valid, given.topics_, 0.9))
    assert np.abs(given.topics_ - plain.topics_).max() > 1e-6


def test_scores_are_named_as_in_an_evaluation(mixture):
    found = score(mixture, VALID).to_dict()
    assert list(found) == ["num_examples", "nll", "perplexity", "method"]
    assert (found["num_examples"], found["perplexity"], found["method"]) == (200, None, "exact")
    assert found["nll"]["mean"] == -mixture.log_likelihood(VALID).mean()
    assert mixture.settings["num_components"] == 5
    assert "mixture_" not in mixture.settings


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MixtureOfBernoullis(0), "num_components of at least 1, got 0; try 500"),
        (lambda: MixtureOfBernoullis(smoothing=0.0), "smoothing above 0, got 0.0; try 1.0"),
        (lambda: MixtureOfBernoullis(smoothing=float("nan")), "smoothing above 0, got nan"),
        (
            lambda: MixtureOfBernoullis(500).fit(TRAIN, VALID, seed=0),
            "different training rows as num_components, got 500; try",
        ),
        (lambda: MixtureOfBernoullis().log_likelihood(VALID), "fitted model, got MixtureOfBernoullis before fit"),
        (lambda: MixtureOfBernoullis().findings, "fitted model"),
        (lambda: MixtureOfBernoullis(2).fit(TRAIN / 2, VALID, seed=0), "zeros and ones, got other values; try static"),
        (lambda: MixtureOfBernoullis(2).fit(TRAIN, VALID[:, :4], seed=0), r"shape \[examples, 6\], got \[200, 4\]"),
        (
            lambda: MixtureOfBernoullis(2).fit(documents(9), documents(9), seed=0),
            "got csr_matrix; try a model of counts",
        ),
        (lambda: RBM(learning_rate=-1.0), "learning_rate above 0, got -1.0; try 0.05"),
        (lambda: RBM(num_temperatures=5), "num_temperatures of at least 29, got 5"),
        (lambda: RBM(num_chains=1), "num_chains of at least 2, got 1"),
        (lambda: RBM(batch_size=1000).fit(TRAIN, VALID, seed=0), "at most the 400 training rows, got 1000; try 400"),
        (lambda: LDA(0), "num_topics of at least 1, got 0"),
        (lambda: LDA(doc_topic_prior=0.0), "doc_topic_prior above 0, got 0.0; try leaving it out"),
        (lambda: LDA(learning_method="fast"), "batch or online, got 'fast'"),
        (lambda: LDA(2).fit(TRAIN, VALID, seed=0), "sparse matrix of counts, got ndarray; try"),
        (lambda: LDA(2).fit(documents(9).tocsc(), documents(9), seed=0), "got csc_matrix; try"),
        (lambda: LDA(2).fit(documents(9) * 0.5, documents(9), seed=0), "whole counts"),
        (lambda: LDA(2).fit(documents(9), documents(9) * 0, seed=0), "at least one token, got 9 empty ones"),
        (lambda: LDA(2).topics(3), "fitted model, got LDA before fit"),
        (lambda: LDA(2, 1).fit(documents(9), documents(9), seed=0).topics(7), "num_words from 1 to 6, got 7"),
    ],
)
def test_what_cannot_work_is_refused(make, message: str):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(("temperatures", "chains"), [(28, 2), (29, 1)])
def test_annealing_needs_temperatures_and_chains(temperatures: int, chains: int):
    with pytest.raises(ValueError, match="of at least"):
        log_partition(
            small_machine(), jnp.zeros(6), num_temperatures=temperatures, num_chains=chains, key=jax.random.key(0)
        )


@pytest.fixture(scope="module")
def binary_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("binary") / "binary.npy"
    np.save(path, noisy_patterns(60))
    return path


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory, binary_file):
    """A run folder on the binary file that was not evaluated."""
    config = TrainConfig(data=str(binary_file), hidden=(4, 3))
    return RunFolder.create(tmp_path_factory.mktemp("runs") / "not-evaluated", config.to_dict()).path


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory, binary_file):
    """A run folder with an evaluation on the binary file."""
    folder = tmp_path_factory.mktemp("evaluated") / "small-net"
    assert run(["train", "--data", str(binary_file), *SMALL, "--epochs", "1", "--out", str(folder)]) == 0
    assert run(["evaluate", str(folder), "--particles", "10"]) == 0
    return folder


@pytest.mark.full
def test_runs_alone_are_ranked_and_told_apart(evaluated, tmp_path, capsys, monkeypatch):
    other = shutil.copytree(evaluated, tmp_path / "small-net")
    config = (other / "config.toml").read_text()
    (other / "config.toml").write_text(config.replace("epochs = 1\n", "epochs = 7\n"))
    monkeypatch.setenv("COLUMNS", "40")
    capsys.readouterr()
    assert run(["compare", "--runs", str(evaluated), str(other)]) == 0
    said = capsys.readouterr().out
    # A name is never broken, and what differs is said.
    assert str(evaluated) in said
    assert str(other) in said
    assert "epochs=1" in said
    assert "epochs=7" in said
    assert "components" not in said


@pytest.mark.full
def test_models_and_runs_in_one_table(evaluated, binary_file, tmp_path, capsys):
    tokens = ["compare", "--data", str(binary_file), "--models", "mixture:components=3", QUICK_RBM]
    tokens += ["--runs", str(evaluated), "--out", str(tmp_path / "new")]
    before = files(evaluated)
    capsys.readouterr()
    assert run([*tokens, "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 1
    report = json.loads(captured.out, parse_constant=pytest.fail)
    assert report == json.loads((tmp_path / "new" / "comparisons.json").read_text())
    assert (report["split"], report["seed"], report["data"]["num_features"]) == ("test", 0, 6)
    nlls = [row["nll"]["mean"] for row in report["models"]]
    assert nlls == sorted(nlls)
    by_name = {row["model"]: row for row in report["models"]}
    first, second, third = (by_name[name] for name in ("mixture", "rbm", "small-net"))
    assert (first["settings"]["num_components"], first["method"]) == (3, "exact")
    assert second["settings"]["num_hidden"] == 3
    assert second["findings"]["low"] is None or second["findings"]["low"] < second["findings"]["high"]
    evaluation = json.loads((evaluated / "evaluation.json").read_text())
    assert all(third[name] == evaluation[name] for name in ("num_examples", "elbo", "nll"))
    assert third["method"] == "bound of 10 particles"
    assert len({row["num_examples"] for row in report["models"]}) == 1
    assert run([*tokens, "--overwrite"]) == 0
    table = capsys.readouterr().out
    assert all(word in table for word in ("mixture", "rbm", "ELBO", "exact", "comparisons.json"))
    assert "components=3" in table
    assert "perplexity" not in table
    assert files(evaluated) == before


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ("--models mixtur", "did you mean 'mixture'?"),
        ("--models mixture:component=5", "did you mean 'components'?"),
        ("--models mixture:components=five", "components to be a whole number, got 'five'"),
        ("--models mixture:components=0", "components of at least 1, got 0"),
        ("--models rbm:learning-rate=0", "learning-rate above 0"),
        ("--models lda:learning-method=slow", "one of batch, online, got 'slow'"),
        ("--models lda:doc-topic-prior=0", "expected doc-topic-prior above 0, got 0.0; try leaving it out"),
        ("--models lda:topic-word-prior=-1", "expected topic-word-prior above 0, got -1.0; try leaving it out"),
        ("--models lda:topic-word-prior=2", "expected topic-word-prior of at most 1, which is all scikit-learn takes"),
        ("--models lda:topic-word-prior=low", "expected topic-word-prior to be a finite number, got 'low'"),
        ("--models lda:doc-topic-priors=1", "did you mean 'doc-topic-prior'?"),
        ("--models lda:passes=0", "expected passes of at least 1, got 0"),
        (
            "--models lda:batch-size=64",
            "expected batch-size for online learning alone, got 64 for batch, which takes all documents",
        ),
        ("--models lda:learning-method=online,batch-size=0", "expected batch-size of at least 1, got 0"),
        ("--models mixture mixture", "expected different --models"),
        ("--models mixture lda", "data of one kind, got mixture (binary) and lda (counts)"),
        ("--models mixture:components=400", "different training rows as components, got 400"),
        ("--models mixture --data GREY", "dynamic binarization"),
        ("--models lda --data digits", "expected counts data for lda, got binary values of digits; try mixture or rbm"),
        ("--models mixture --data digts", "did you mean 'digits'?"),
        ("--models mixture --split tst", "tst"),
        ("--models mixture --drop a", "expected no drop for"),
        ("--models mixture --seed -1", "--seed from 0"),
        ("--models mixture --runs nothere", "there is no such folder"),
        ("--models mixture --runs UNSEEN", "where nothing is saved yet and nobody trains now"),
        ("--models mixture --runs RUN --split valid", "on the valid split, got"),
        ("--models mixture --data digits --runs RUN", "try beliefnet compare without --data, or beliefnet evaluate"),
        ("--models mixture --out FILE", "--out to be a file that can be written"),
    ],
)
def test_bad_use_of_compare(evaluated, run_folder, binary_file, grey_file, tmp_path, capsys, tokens, message: str):
    (tmp_path / "file").write_text("precious")
    named = {"RUN": evaluated, "UNSEEN": run_folder, "GREY": grey_file, "FILE": tmp_path / "file"}
    data = [] if "--data" in tokens else ["--data", str(binary_file)]
    assert message in fails(capsys, "compare", *data, *(named.get(token, token) for token in tokens.split()))
    assert (tmp_path / "file").read_text() == "precious"


def test_grey_values_become_bits(grey_file, capsys):
    tokens = ["compare", "--data", str(grey_file), "--models", "mixture:components=2", "--split", "valid", "--json"]
    assert run([*tokens, "--binarization", "threshold"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["data"]["binarization"], report["split"]) == ("threshold", "valid")
    (found,) = report["models"]
    assert found["nll"]["mean"] == pytest.approx(-found["findings"]["valid_log_likelihood"])


def test_evaluations_that_lack_something_are_refused(evaluated, binary_file, tmp_path, capsys):
    copy = shutil.copytree(evaluated, tmp_path / "copy")
    # What is left is what a version that kept one result had.
    shutil.rmtree(copy / "results")
    tokens = ("compare", "--data", binary_file, "--models", "mixture:components=2", "--runs", copy)
    evaluation = json.loads((copy / "evaluation.json").read_text())
    (copy / "evaluation.json").write_text(json.dumps({k: v for k, v in evaluation.items() if k != "elbo"}))
    assert "got none of elbo; try beliefnet evaluate" in fails(capsys, *tokens)
    (copy / "evaluation.json").write_text("{")
    assert "does not parse" in fails(capsys, *tokens)


@pytest.fixture
def documents_file(tmp_path):
    path = tmp_path / "documents.npz"
    np.savez(path, **{name: documents(num).toarray() for name, num in (("train", 60), ("valid", 10), ("test", 20))})
    return path


def test_documents_have_perplexities(documents_file, capsys):
    tokens = ["compare", "--data", str(documents_file), "--models", "lda:topics=2", "lda:topics=3,doc-topic-prior=0.5"]
    assert run([*tokens, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["data"]["values"] == "counts"
    first, second = report["models"]
    assert (first["method"], first["settings"]["num_topics"], second["settings"]["num_topics"]) == ("lower bound", 2, 3)
    assert 1 < first["perplexity"]["per_token"]["mean"] < 6
    assert run(tokens) == 0
    table = capsys.readouterr().out
    assert "perplexity" in table
    assert "lower" in table


HAS_DOCUMENTS = any(listing.name == "20newsgroups" and listing.where != "absent" for listing in available())


@pytest.mark.skipif(not HAS_DOCUMENTS, reason="the documents of 20 Newsgroups are not on this machine")
def test_models_of_binary_rows_refuse_documents(capsys):
    message = fails(capsys, "compare", "--data", "20newsgroups", "--models", "mixture")
    assert "expected binary data for mixture, got counts values of 20newsgroups; try lda" in message
