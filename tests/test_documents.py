"""Nets over word counts: likelihood, estimators, perplexity, topics, and the command line."""

import itertools
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import frozen_moments, nvil, randomise
from commands import fails
from laws import assert_mean, draws
from scipy.sparse import csr_matrix
from scipy.special import gammaln

from beliefnet import encode
from beliefnet.baselines import Order, RunningMoments
from beliefnet.cli import run
from beliefnet.conditionals import LogCounts
from beliefnet.data import SparseRows
from beliefnet.distributions import BagOfWords, bag_of_words, categorical, normal
from beliefnet.estimators import VIMCO, DisARM, LocalExpectation, ReweightedWake, Sleep
from beliefnet.evaluation import (
    evaluate,
    exact_elbo,
    exact_gradient,
    exact_log_likelihood,
    npmi,
    perplexity,
    topics,
)
from beliefnet.nets import document_net

KEY = jax.random.key(0)
LOGITS = jnp.array([0.3, -1.0, 0.9])
COUNTS = jnp.array([[2.0, 0.0, 1.0], [0.0, 3.0, 0.0], [1.0, 1.0, 4.0]])
MEAN = jnp.array([1.0, 1.5, 2.0])
SMALL = ("--net", "document", "--hidden", "3", "--nvil.baseline-units", "3", "--batch-size", "8", "--epochs", "2")


def small_document_net(*hidden: int, **options):
    means = {"input_mean": MEAN, "visible_mean": MEAN}
    return randomise(document_net(3, hidden or (3,), key=KEY, document_length=4, **means, **options))


def test_documents_of_a_length_sum_to_one():
    counts = [c for c in itertools.product(range(6), repeat=3) if sum(c) == 5]
    orders = np.exp(gammaln(6) - gammaln(np.array(counts) + 1.0).sum(axis=1))
    log_probs = BagOfWords(LOGITS, 5.0).log_prob(jnp.array(counts, float))
    np.testing.assert_allclose((orders * np.exp(log_probs)).sum(), 1, rtol=1e-5)


def test_the_log_probability_is_that_of_the_words_one_by_one():
    words = jax.nn.log_softmax(LOGITS)
    np.testing.assert_allclose(BagOfWords(LOGITS, 5.0).log_prob(COUNTS), COUNTS @ words, rtol=1e-5)


def test_drawn_documents_have_the_mean_they_should():
    layer = BagOfWords(LOGITS, 5.0)
    counts = draws(lambda key: layer.sample(key), 20_000)
    assert_mean(counts, layer.mean)
    assert_mean((counts - np.asarray(layer.mean)) ** 2, layer.variance)


def test_starting_biases_are_the_shares_of_the_words():
    net = document_net(3, (2,), key=KEY, visible_mean=MEAN)
    log_shares = net.generative.conditionals[-1].parameters_given(jnp.full(2, 0.5))
    np.testing.assert_allclose(jax.nn.softmax(log_shares), MEAN / 4.5, rtol=1e-5)
    silent = document_net(3, (2,), key=KEY, visible_mean=jnp.array([0.0, 1.0, 1.0]), signs=False)
    assert np.isfinite(exact_log_likelihood(silent, COUNTS)).all()


def test_the_recognition_net_sees_the_logarithm_of_counts():
    np.testing.assert_allclose(LogCounts()(COUNTS), jnp.log1p(COUNTS), rtol=1e-6)
    np.testing.assert_allclose(LogCounts(MEAN)(COUNTS), jnp.log1p(COUNTS) - jnp.log1p(MEAN), rtol=1e-5, atol=1e-6)
    first = document_net(3, (2,), key=KEY, input_mean=MEAN).recognition.conditionals[0]
    np.testing.assert_allclose(first.parameters_given(MEAN), 0, atol=1e-6)
    np.testing.assert_allclose(first.centre, MEAN, rtol=1e-6)


@pytest.mark.full
@pytest.mark.parametrize(
    ("make", "hidden"),
    [
        (lambda net: VIMCO(3), (3,)),
        (lambda net: DisARM(net, 1), (2, 2)),
        (lambda net: LocalExpectation(net, 1), (3,)),
    ],
)
def test_gradients_against_enumeration(make, hidden):
    net = small_document_net(*hidden)
    estimator = make(net)
    state = estimator.init(net)
    grads = draws(lambda key: estimator.estimate(net, COUNTS, state, key=key).net, 12_000)
    assert_mean(grads, exact_gradient(net, COUNTS, num_particles=estimator.bound.num_particles))


@pytest.mark.full
def test_nvil_against_enumeration():
    net = small_document_net(2, 2)
    moments = RunningMoments(order=Order.STATISTICS_FIRST, normalise=False)
    estimator, state = nvil(net, moments=moments), frozen_moments(net)
    grads = draws(lambda key: estimator.estimate(net, COUNTS, state, key=key).net, 12_000)
    assert_mean(grads, exact_gradient(net, COUNTS))


@pytest.mark.full
def test_other_estimators_take_documents():
    net = small_document_net(2, 2)
    for estimator in (ReweightedWake(3), Sleep(2)):
        estimate = estimator.estimate(net, COUNTS, estimator.init(net), key=KEY)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(estimate.net))


def test_sparse_rows_are_the_rows():
    dense = np.random.default_rng(0).poisson(0.4, (20, 7)).astype(np.int32)
    dense[3], dense[4] = 0, 2
    rows, some = SparseRows.of(csr_matrix(dense)), jnp.array([4, 0, 3, 4, 19])
    assert rows.shape == (20, 7)
    np.testing.assert_array_equal(jax.jit(lambda r, i: r[i])(rows, some), dense[np.asarray(some)])


def test_a_sparse_matrix_is_evaluated_as_its_rows():
    net = small_document_net()
    sparse, dense = (evaluate(net, x, num_particles=5, key=KEY) for x in (csr_matrix(COUNTS), COUNTS))
    assert sparse == dense


def test_empty_documents_are_refused_before_anything_is_computed():
    with pytest.raises(ValueError, match="at least one word in data, got 1 empty ones of 2, the first being row 2"):
        evaluate(small_document_net(), jnp.array([[1.0, 0.0, 2.0], [0.0, 0.0, 0.0]]), num_particles=2, key=KEY)


def test_evaluation_gives_perplexities_that_enumeration_confirms():
    net = small_document_net()
    result = evaluate(net, COUNTS, num_particles=200_000, key=KEY)
    lengths, elbo = np.asarray(COUNTS.sum(axis=1)), np.asarray(exact_elbo(net, COUNTS))
    exact = np.asarray(exact_log_likelihood(net, COUNTS))
    assert result.perplexity.per_document.mean == pytest.approx(math.exp(np.mean(-exact / lengths)), rel=0.02)
    assert result.perplexity.per_token.mean == pytest.approx(math.exp(-exact.sum() / lengths.sum()), rel=0.02)
    assert result.elbo_perplexity.per_token.mean == pytest.approx(math.exp(-elbo.sum() / lengths.sum()), rel=0.02)


def test_no_perplexity_of_images(trained):
    from beliefnet.catalogue import load_named_run

    loaded = load_named_run(trained)
    assert evaluate(loaded.net, np.zeros((3, 7), np.uint8), num_particles=2, key=KEY).perplexity is None


def test_perplexity_by_hand():
    scored = perplexity([-3.0, -8.0], [1, 4])
    assert scored.per_document.mean == pytest.approx(math.exp((3 + 2) / 2))
    assert scored.per_token.mean == pytest.approx(math.exp(11 / 5))
    assert scored.per_document.stderr == pytest.approx(math.exp(2.5) * 0.5)
    with pytest.raises(ValueError, match="at least one token, got 1 empty"):
        perplexity([-3.0, 0.0], [1, 0])
    with pytest.raises(ValueError, match="one length per document"):
        perplexity([-3.0], [1, 2])


def test_the_error_of_perplexity_per_token_is_that_of_resampling():
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 80, 400)
    nats = lengths * rng.normal(6, 0.5, 400) + rng.normal(0, 10, 400)
    chosen = rng.integers(0, 400, (4000, 400))
    resampled = np.exp(nats[chosen].sum(axis=1) / lengths[chosen].sum(axis=1))
    assert perplexity(-nats, lengths).per_token.stderr == pytest.approx(resampled.std(), rel=0.05)


def test_rungs_of_the_ladder_are_finite_where_a_later_particle_outweighs_all():
    # A long document: log-weights differ by far more than single precision can exponentiate.
    net = randomise(document_net(3, (6,), key=KEY), scale=3.0)
    result = evaluate(net, 200 * COUNTS, num_particles=1000, key=KEY)
    values = [result.ladder[count].mean for count in (10, 100, 1000)]
    assert np.isfinite(values).all()
    # A sum of more terms is no smaller.
    assert values[1] <= values[0] + np.log(10)
    assert values[2] <= values[1] + np.log(10)
    assert values[2] == pytest.approx(result.nll.mean)


def test_npmi_by_hand():
    # Words 0 and 1 occur together only, 0 and 2 never, 3 everywhere.
    documents = csr_matrix(np.array([[1, 2, 0, 1], [3, 1, 0, 1], [0, 0, 1, 1], [0, 0, 1, 2]]))
    np.testing.assert_allclose(npmi([[0, 1], [0, 2], [0, 3]], documents), [1, -1, 0], atol=1e-12)
    pairs = [npmi([pair], documents)[0] for pair in ([0, 1], [0, 3], [1, 3])]
    np.testing.assert_allclose(npmi([[0, 1, 3]], documents), np.mean(pairs))


@pytest.mark.parametrize("latents", [None, normal, categorical(2)])
def test_topics_name_the_words_that_a_unit_turns_on(latents):
    options = {} if latents is None else {"latents": latents}
    net = document_net(6, (2,), key=KEY, signs=False, **options)
    width = net.layer_sizes[0]
    # Each unit speaks for words of its own.
    weight = jnp.zeros((width, 6)).at[0, :2].set(3.0).at[1, 3:5].set(3.0)
    net = jax.tree.map(lambda leaf: weight if leaf.shape == (width, 6) else leaf, net)
    documents = csr_matrix(np.random.default_rng(0).poisson(1.0, (50, 6)))
    found = topics(net, documents, num_words=2)
    assert len(found) == width
    assert set(found[0].words) == {0, 1}
    assert set(found[1].words) == {3, 4}
    assert found[0].strengths[0] > 0
    means = np.asarray(encode(net, documents)[0])
    assert found[1].activity == pytest.approx(means[:, 1].mean(), rel=1e-4)


def test_topics_refuse_other_nets(trained):
    from beliefnet.catalogue import load_named_run

    with pytest.raises(ValueError, match="net over word counts"):
        topics(load_named_run(trained).net, csr_matrix(np.ones((2, 7))))
    with pytest.raises(ValueError, match="num_words of at least 2, got 1"):
        topics(small_document_net(), csr_matrix(COUNTS), num_words=1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: document_net(0, (2,), key=KEY), "at least 1 visible unit, got 0"),
        (lambda: document_net(3, (2,), key=KEY, document_length=0), "positive mean length, got 0"),
        (lambda: document_net(3, (2,), key=KEY, visible_mean=-MEAN), "visible_mean in"),
        (lambda: bag_of_words(float("inf")), "positive mean length"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Sixty short texts about two subjects, one a line."""
    subjects = ["ship sea captain harbour sail", "king crown castle throne sword"]
    rng = np.random.default_rng(0)
    lines = [" ".join(rng.choice(subjects[index % 2].split(), 8)) for index in range(60)]
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def document_run(corpus):
    folder = corpus.parent / "run"
    assert run(["train", "--data", str(corpus), *SMALL, "--out", str(folder)]) == 0
    return folder


@pytest.mark.full
def test_from_texts_to_topics(document_run, corpus, tmp_path, capsys):
    assert (document_run / "plots" / "topics.png").exists()
    assert not (document_run / "plots" / "samples.png").exists()
    words = (document_run / "vocabulary.txt").read_text().split()
    assert "captain" in words
    capsys.readouterr()
    assert run(["evaluate", str(document_run), "--particles", "20", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert 1 < report["perplexity"]["per_document"]["mean"] <= report["elbo_perplexity"]["per_document"]["mean"] < 20
    assert run(["topics", str(document_run), "--words", "3", "--out", str(tmp_path / "t.png"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert sorted(topic["unit"] for topic in shown["topics"]) == [1, 2, 3]
    assert all(set(topic["words"]) <= set(words) for topic in shown["topics"])
    assert (tmp_path / "t.png").exists()
    assert run(["topics", str(document_run)]) == 0
    assert "mean coherence (NPMI) of 3 topics" in capsys.readouterr().out
    assert run(["sample", str(document_run), "--num", "4", "--out", str(tmp_path / "s.txt")]) == 0
    drawn = (tmp_path / "s.txt").read_text().splitlines()
    assert len(drawn) == 4
    assert set(" ".join(drawn).split()) <= set(words)
    assert run(["encode", str(document_run), str(corpus), "--out", str(tmp_path / "codes.npy")]) == 0
    assert np.load(tmp_path / "codes.npy").shape == (60, 3)
    assert run(["gaps", str(document_run), "--limit", "5", "--particles", "5", "--out", str(tmp_path / "g.png")]) == 0


@pytest.mark.full
def test_documents_drawn_are_as_long_as_those_trained_on(document_run):
    from beliefnet.catalogue import load_named_run

    loaded = load_named_run(document_run)
    assert loaded.config.net.values["document_length"] == pytest.approx(8, abs=0.01)
    assert loaded.net.generative.conditionals[-1].units == bag_of_words(loaded.config.net.values["document_length"])


@pytest.mark.full
@pytest.mark.parametrize("suffix", [".npz", ".mtx"])
def test_a_sparse_matrix_trains_and_resumes(suffix, tmp_path, capsys):
    from scipy.io import mmwrite
    from scipy.sparse import save_npz

    counts = csr_matrix(np.random.default_rng(0).poisson(0.5, (60, 9)) + np.eye(60, 9, dtype=int))
    path, folder = tmp_path / f"counts{suffix}", str(tmp_path / "run")
    save_npz(path, counts) if suffix == ".npz" else mmwrite(path, counts)
    options = ["--net", "document", "--hidden", "3", "--batch-size", "8", "--epochs", "2", "--latents", "normal"]
    assert run(["train", "--data", str(path), *options, "--out", folder]) == 0
    assert "sgvb" in capsys.readouterr().out
    assert run(["train", "--resume", folder, "--epochs", "3"]) == 0
    assert run(["topics", folder, "--words", "2"]) == 0


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (
            ("train", "--data", "digits", "--net", "document"),
            "counts for a document net or poisson",
        ),
        (("train", "--data", "{corpus}"), "--net document"),
        (("train", "--data", "{corpus}", "--net", "document", "--latents", "one"), "normal"),
        (
            ("train", "--data", "{corpus}", "--net", "document", "--document-length", "-2"),
            "expected documents of a positive mean length, got -2.0 (document-length -2.0)",
        ),
        (("train", "--data", "{corpus}", "--net", "document", "--binarization", "static"), "no binarization for"),
        (("topics", "{trained}"), "expected a run of a document net"),
        (("topics", "{run}", "--words", "1"), "--words from 2"),
        (("topics", "{run}", "--out", "t.pdf"), "--out to end in .png"),
        (("sample", "{run}", "--out", "s.png"), "--out to end in .txt, .csv, .npy or .npz"),
        (("sample", "{run}", "--out", "s.txt", "--values", "means"), "--values draws"),
        (("impute", "{run}", "{grey}"), "try beliefnet encode, with 0 for missing words"),
    ],
)
def test_bad_use_of_documents(tokens, message, document_run, corpus, trained, grey_file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    places = {"corpus": corpus, "run": document_run, "trained": trained, "grey": grey_file}
    assert message in fails(capsys, *(token.format(**places) for token in tokens))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([[0, 9]], "indices of words from 0 to 2, got 9"),
        ([[0, -1]], "indices of words from 0 to 2, got -1"),
        ([[0]], "topics of as many words each, two or more"),
        ([[0, 1], [0, 1, 2]], "topics of as many words each"),
    ],
)
def test_coherence_refuses_words_that_there_are_not(words, message: str):
    with pytest.raises(ValueError, match=message):
        npmi(words, csr_matrix(np.eye(3)))
    assert npmi([[0, 1]], np.eye(3)) == -1


def test_perplexity_refuses_what_is_no_number():
    with pytest.raises(ValueError, match="expected log-likelihoods that are numbers, got NaN for 1 documents"):
        perplexity([np.nan, -1.0], [3, 4])
