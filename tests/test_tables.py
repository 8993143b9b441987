"""Tables of mixed columns: their units against enumeration, what columns are taken for, and from a file back to one."""

import csv
import itertools
import json
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas
import pytest
from cases import randomise
from commands import fails
from laws import assert_mean
from scipy import stats

import beliefnet
from beliefnet import cli
from beliefnet._errors import OptionError
from beliefnet.catalogue import DataShape, TrainConfig
from beliefnet.cli._tables import save_columns
from beliefnet.data import DataError, Dataset, load, read_like
from beliefnet.distributions import (
    MixedFamily,
    UnitKind,
    bernoulli,
    categorical,
    discretised_logistic,
    normal,
    poisson,
)
from beliefnet.estimators import Reinforce
from beliefnet.evaluation import Search, exact_elbo, exact_log_likelihood, impute, row_scores, surprise
from beliefnet.nets import (
    Convolution,
    LatentLayer,
    VisibleLayer,
    completed,
    family_of,
    incomplete,
    layered_net,
    sigmoid_belief_net,
    vae,
)
from beliefnet.plots import plot_marginals
from beliefnet.refiners import AIR
from beliefnet.tables import (
    Column,
    Frame,
    Schema,
    cell_errors,
    filled,
    frame_of,
    infer_schema,
    like,
    read_toml,
    to_toml,
    with_columns,
)

NAN = np.nan
FAMILY = MixedFamily(((bernoulli, 1), (categorical(3), 1), (discretised_logistic(4), 1), (poisson, 1), (normal, 1)))
ROWS = np.array([[1.0, 0, 1, 0, 1 / 3, 2.0, 0.5], [0.0, 1, 0, 0, 1.0, 0.0, -1.2]], np.float32)
GROUPS = [[0], [1, 2, 3], [4], [5], [6]]
"""The units of each variable."""


@pytest.fixture(scope="module")
def net():
    mean = [0.4, 0.3, 0.3, 0.4, 0.5, 1.5, 0.1]
    visible = VisibleLayer(5, FAMILY, mean=mean, input_mean=mean)
    return incomplete(randomise(layered_net(visible, [LatentLayer(bernoulli, 2)], key=jax.random.key(0)), 0.5))


def with_holes(rows, missing):
    """Return rows without the variables that are missing."""
    rows = np.array(rows)
    for group in missing:
        rows[:, GROUPS[group]] = NAN
    return rows


def reference(net, rows):
    """Log-mass of the latent states `[states]`, and log p of each variable given each, `[states, rows, variables]`."""
    states = np.array(list(itertools.product((0.0, 1.0), repeat=2)))
    prior = np.asarray(net.generative.conditionals[0].parameters_given(), np.float64)
    log_mass = stats.bernoulli.logpmf(states, 1 / (1 + np.exp(-prior))).sum(axis=1)
    parameters = np.asarray(net.generative.conditionals[-1].parameters_given(jnp.asarray(states)), np.float64)
    terms = []
    for p in parameters:
        logits = p[1:4] - np.log(np.exp(p[1:4]).sum())
        scale = lambda raw, least: least + np.log1p(np.exp(raw))  # noqa: E731
        level, edges = stats.logistic(p[4], scale(p[5], 0.1 / 3)), np.array([-np.inf, 1 / 6, 1 / 2, 5 / 6, np.inf])
        known = np.nan_to_num(rows)
        index = np.rint(known[:, 4] * 3).astype(int)
        terms.append(
            np.stack(
                [
                    stats.bernoulli.logpmf(known[:, 0], 1 / (1 + np.exp(-p[0]))),
                    (known[:, 1:4] * logits).sum(axis=1),
                    np.log(level.cdf(edges[index + 1]) - level.cdf(edges[index])),
                    stats.poisson.logpmf(known[:, 5], np.exp(p[6])),
                    stats.norm.logpdf(known[:, 6], p[7], scale(p[8], 1e-3)),
                ],
                axis=-1,
            )
        )
    observed = np.stack([~np.isnan(rows[:, group]).any(axis=1) for group in GROUPS], axis=-1)
    return log_mass, np.where(observed, np.stack(terms), 0.0)


PATTERNS = [(), (0,), (1,), (2, 3), (4,), (1, 4), (0, 1, 2, 3, 4)]


@pytest.mark.parametrize("missing", PATTERNS, ids=str)
def test_log_p_of_what_was_observed_is_that_of_enumeration(net, missing):
    rows = with_holes(ROWS, missing)
    log_mass, terms = reference(net, rows)
    exact = np.log(np.exp(log_mass[:, None] + terms.sum(axis=-1)).sum(axis=0))
    np.testing.assert_allclose(exact_log_likelihood(net, rows), exact, rtol=2e-5, atol=2e-5)


def test_the_encoder_is_told_what_is_missing():
    made = vae(4, (2,), visible=normal, deterministic=(), mark_missing=True, key=jax.random.key(0))
    first = incomplete(made, span=(-np.ones(4), np.ones(4))).recognition.conditionals[0]
    rows, middle = jnp.array([[1.0, NAN, 0.5, NAN]]), jnp.array([[1.0, 0.0, 0.5, 0.0]])
    np.testing.assert_array_equal(first.parameters_given(rows), first.parameters_given(middle))
    marked = eqx.tree_at(lambda first: first.conditional.network.marks, first, replace_fn=jnp.ones_like)
    change = marked.parameters_given(rows) - marked.parameters_given(middle)
    np.testing.assert_allclose(change, 2.0, rtol=1e-5)
    gradient = eqx.filter_grad(lambda first: first.parameters_given(rows).sum())(first)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(gradient))
    assert gradient.conditional.network.marks.any(axis=1).tolist() == [False, True, False, True]
    with pytest.raises(ValueError, match="expected dense networks for mark_missing, got Convolution"):
        vae(16, (2,), bottom=Convolution((4, 4), (2,)), mark_missing=True, key=jax.random.key(0))


def test_runs_of_before_marks_are_read_without_them():
    config = {"visible": "mixed", "net": "vae", "hidden": [10], "deterministic": [100], "estimator": "iwae"}
    assert not TrainConfig.from_dict(config).net.values["mark_missing"]
    assert TrainConfig(visible="mixed").net.values["mark_missing"]


@pytest.mark.full
def test_a_mixed_layer_is_its_parts_side_by_side():
    parameters = jax.random.normal(jax.random.key(0), (4, FAMILY.num_parameters(5)))
    layer = FAMILY(parameters)
    drawn = np.asarray(layer.sample(jax.random.key(1), (20_000,)))
    assert (FAMILY.kind, FAMILY.values, UnitKind.of(layer)) == (UnitKind.OTHER, "mixed", UnitKind.OTHER)
    assert drawn.shape == (20_000, 4, 7)
    FAMILY.check(drawn[0])
    spread = np.sqrt(np.asarray(layer.variance) / 20_000)
    assert (np.abs(drawn.mean(axis=0) - np.asarray(layer.mean)) < 5 * spread + 1e-6).all()
    # Independent parts: nothing is drawn with the same random numbers.
    residual = drawn - drawn.mean(axis=0)
    for one, other in itertools.combinations((0, 1, 4, 5, 6), 2):
        correlation = (residual[..., one] * residual[..., other]).mean(axis=0) / np.sqrt(
            drawn[..., one].var(axis=0) * drawn[..., other].var(axis=0) + 1e-12
        )
        assert (np.abs(correlation) < 5 / np.sqrt(20_000)).all(), (one, other)
    np.testing.assert_allclose(layer.unit_log_probs(drawn[0]).sum(axis=-1), layer.log_prob(drawn[0]), rtol=1e-5)


def test_the_recognition_net_sees_values_within_the_span_and_log_p_is_of_the_values(net):
    least, largest = np.array([0.0, 0, 0, 0, 0, 0, -2]), np.array([1.0, 1, 1, 1, 1, 5, 2])
    spanned = incomplete(completed(net), span=(least, largest))
    far = ROWS.copy()
    far[:, 5:] = [[400, -90.0], [3, NAN]]
    plain, within = net.recognition.conditionals[0], np.clip(far, least, largest)
    first = spanned.recognition.conditionals[0]
    np.testing.assert_array_equal(first.parameters_given(far), plain.parameters_given(within))
    assert (np.abs(plain.parameters_given(far) - plain.parameters_given(within))[0] > 0.1).any()
    states = (jnp.ones((2, 2)),)
    np.testing.assert_array_equal(spanned.log_joint(far, states), net.log_joint(far, states))


def test_gradients_on_rows_with_holes_are_unbiased(net):
    rows = with_holes(ROWS, (1, 4))
    exact = jax.grad(lambda leaves: exact_elbo(jax.tree.unflatten(structure, leaves), rows).mean())
    leaves, structure = jax.tree.flatten(net)
    estimator = Reinforce(2)
    state = estimator.init(net)

    @jax.jit
    def draw(key):
        found = estimator.estimate(net, jnp.asarray(rows), state, key=key)
        return jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(found.net)])

    drawn = jax.lax.map(draw, jax.random.split(jax.random.key(0), 4000))
    expected = jnp.concatenate([leaf.ravel() for leaf in exact(leaves)])
    assert np.isfinite(drawn).all()
    assert_mean(drawn, expected)


@pytest.mark.full
def test_what_is_filled_in_is_the_expectation_given_the_rest(net):
    rows = np.repeat(with_holes(ROWS[:1], (0, 1, 4)), 2, axis=0)
    log_mass, terms = reference(net, rows)
    posterior = np.exp(log_mass[:, None] + terms.sum(axis=-1))
    posterior /= posterior.sum(axis=0)
    states = np.array(list(itertools.product((0.0, 1.0), repeat=2)))
    means = np.asarray(net.generative.conditionals[-1].mean_given(jnp.asarray(states)), np.float64)
    expected = posterior.T @ means
    search = Search(4000, num_starts=4, num_rounds=1, refiner=AIR(2, 10))
    found = impute(net, rows, key=jax.random.key(0), search=search, num_draws=400)
    missing = np.isnan(rows)
    np.testing.assert_allclose(np.asarray(found.means)[missing], expected[missing], atol=0.03)
    np.testing.assert_array_equal(np.asarray(found.means)[~missing], rows[~missing])
    draws = np.asarray(found.draws).reshape(-1, rows.shape[1])
    assert (draws[:, 1:4].sum(axis=1) == 1).all()
    counts = draws[:, 1:4].sum(axis=0)
    assert stats.chisquare(counts, expected[0, 1:4] * len(draws) / expected[0, 1:4].sum()).pvalue > 1e-4
    # Draws go together: the bit and the category as the states above say, not each by itself.
    bits, first = means[:, 0], means[:, 1]
    together = (posterior[:, 0] * bits * first).sum()
    error = np.sqrt(together * (1 - together) / len(draws))
    assert abs((draws[:, 0] * draws[:, 1]).mean() - together) < 5 * error


def test_the_surprise_of_a_column_is_that_of_enumeration(net):
    rows = with_holes(ROWS, (2,))
    log_mass, terms = reference(net, rows)
    whole = np.log(np.exp(log_mass[:, None] + terms.sum(axis=-1)).sum(axis=0))
    rest = np.log(np.exp(log_mass[:, None, None] + terms.sum(axis=-1, keepdims=True) - terms).sum(axis=0))
    groups = np.zeros((5, 7), bool)
    for group, units in zip(groups, GROUPS, strict=True):
        group[units] = True
    found = surprise(net, rows, groups=groups, num_particles=20_000, key=jax.random.key(0))
    assert np.isnan(found[:, 2]).all()
    known = [0, 1, 3, 4]
    np.testing.assert_allclose(found[:, known], (rest - whole[:, None])[:, known], atol=0.05)
    scores, errors = row_scores(net, rows, num_particles=20_000, key=jax.random.key(1))
    assert (np.abs(scores - whole) < 5 * errors + 1e-4).all()


def test_mixed_units_refuse_what_they_are_no_model_of():
    for place, value, message in (
        (0, 0.5, r"zeros and ones.* in columns 1 to 1 of these rows \(bernoulli\), got 0.5"),
        (1, 1.0, r"a single one among the 3 units"),
        (4, 0.5, r"grey values k / 3"),
        (5, 0.5, r"counts"),
        (6, np.inf, r"finite values"),
    ):
        bad = ROWS.copy()
        bad[0, place] = value
        with pytest.raises(DataError, match=message):
            FAMILY.check(bad, "these rows")
    partly = ROWS.copy()
    partly[1, 2] = NAN
    with pytest.raises(DataError, match=r"all or none of the 3 units .* got 2 at row 2, column 1"):
        FAMILY.check(partly, "these rows", observed=~np.isnan(partly))
    with pytest.raises(ValueError, match="expected the 5 variables that the parts have, got 4"):
        sigmoid_belief_net(4, (2,), visible=FAMILY, key=jax.random.key(0))
    with pytest.raises(ValueError, match="expected families with a variable or more"):
        MixedFamily(())


COLUMNS = {
    "age": ([31, 45, 28, 60, 33, 51], "number", {"decimals": 0}),
    "height": ([1.7, 1.8, NAN, 1.75, 1.9, 1.6], "number", {"decimals": 2}),
    "smokes": (["no", "yes", "no", None, "no", "no"], "binary", {"values": ("no", "yes")}),
    "codes": ([1, 2, 2, 1, 1, 2], "binary", {"values": (1, 2)}),
    "truth": ([True, False, True, True, None, False], "binary", {"values": (False, True)}),
    "colour": (["red", "blue", "green", "red", "blue", "green"], "category", {"values": ("blue", "green", "red")}),
    "rating": ([1, 5, 3, 2, 4, 3], "levels", {"least": 1, "largest": 5}),
    "visits": ([0, 12, 1, 30, 2, 4], "count", {}),
    "income": ([0, 12_000, 31_000, 52_000, 18_000, 7_000], "number", {"decimals": 0}),
    "share": ([1 / 3, 2 / 7, 1 / 9, 0.5, 0.1, 0.9], "number", {"decimals": 6}),
    "born": (["1990-01-31", None, "2001-02-03", "1975-12-01", "1975-12-02", "1980-02-29"], "date", {"decimals": 0}),
    "seen": (["2024-01-31 12:30", None, *(f"2024-02-0{n} 08:00:00" for n in (1, 2, 3, 4))], "date", {"decimals": 5}),
    "wave": (["2024-01-31", "2025-01-31"] * 3, "binary", {"values": ("2024-01-31", "2025-01-31")}),
    "us": (["1/31/2024", None, "2/3/2024", "3/3/24", "4/3/24", "5/3/24"], "ignored", {}),
    "same": ([3, 3, 3, 3, 3, 3], "ignored", {"reason": "it is always 3.0"}),
    "nothing": ([None] * 6, "ignored", {"reason": "it has no values"}),
    "notes": (["a b", "c", "d", "e f", "g", "h"], "ignored", {}),
    "person_id": ([7, 12, 3, 44, 5, 6], "id", {}),
    "label": (["a", "b", "a", "b", "b", "a"], "label", {}),
}


def test_what_a_column_is_taken_for():
    schema = infer_schema({name: values for name, (values, _, _) in COLUMNS.items()})
    for column, (name, (_, kind, details)) in zip(schema.columns, COLUMNS.items(), strict=True):
        assert (column.name, column.kind) == (name, kind), column
        assert {detail: getattr(column, detail) for detail in details} == details, column
        assert f"\n{name}" in f"\n{schema}"
    assert "5 different dates that are not written as 2024-03-31, such as '1/31/2024'" in str(schema)
    assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema


def days(frame):
    """Return what a table's column of days is taken for, its units, and the texts that these stand for."""
    found = frame_of(frame)
    schema = infer_schema(found)
    units = schema.encode(found)
    return schema, units, schema.known(units)["day"].tolist()


def test_dates_are_the_same_in_every_table(tmp_path):
    polars, pyarrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    texts = [None, *(f"2024-{month:02d}-28" for month in range(1, 13))]
    frame = pandas.DataFrame({"x": np.arange(13.0), "day": pandas.to_datetime(texts)})
    (tmp_path / "days.csv").write_text(frame.to_csv(index=False))
    tables = [
        frame,
        frame.assign(day=texts),
        polars.from_pandas(frame),
        polars.from_pandas(frame).with_columns(polars.col("day").cast(polars.Date)),
        pyarrow.Table.from_pandas(frame),
        {"x": frame["x"].to_numpy(), "day": frame["day"].to_numpy()},
    ]
    expected = days(frame)
    assert expected[0].columns[1].described() == "dates, mean 2024-07-13, standard deviation 105.3 days"
    assert expected[2] == texts
    for table in tables:
        schema, units, back = days(table)
        assert (schema, back) == (expected[0], texts)
        np.testing.assert_array_equal(units, expected[1])
        # What is filled in, and what is drawn, are dates of the same type.
        day = np.array(["2024-02-29", *texts[1:]], object)
        done = with_columns(table, {"day": day}, {"day": day})
        assert days({"x": frame["x"], "day": done["day"]})[2] == day.tolist()
        if table is not tables[-1]:
            drawn = like(table[:0], {"day": day})["day"]
            kinds = [getattr(column, "dtype", getattr(column, "type", None)) for column in (done["day"], table["day"])]
            assert kinds[0] == kinds[1]
            assert days({"x": frame["x"], "day": drawn})[2] == day.tolist()
    for given, kind in ((texts, "date32[day]"), ([None, "2024-01-31 12:30:00"], "timestamp[us]")):
        save_columns(tmp_path / "days.parquet", {"day": np.array(given, object)}, ["day"])
        saved = parquet.read_table(tmp_path / "days.parquet")
        assert str(saved.schema.field("day").type) == kind
        assert frame_of(saved).columns["day"].tolist() == given
    found = load(tmp_path / "days.csv", values="mixed")
    assert found.record.schema.columns[1].kind == "date"
    with pytest.raises(
        DataError, match=r"expected dates such as 2024-03-31 in column 'day' .* got '31.3.2024' at row 1"
    ):
        expected[0].encode(frame_of({"x": [0.0], "day": ["31.3.2024"]}))
    times = [f"2024-01-01 1{hour}:15:07" for hour in range(9)]
    late = infer_schema({"at": times})
    assert late.decode(late.encode(frame_of({"at": times})))["at"].tolist() == times


def test_categories_of_pandas_are_kept_with_those_that_do_not_occur():
    sizes = pandas.Categorical(["S", "L", "S", None], categories=["S", "M", "L"], ordered=True)
    schema = infer_schema(pandas.DataFrame({"size": sizes, "n": [1.5, 2.5, 3.5, 0.5]}))
    assert schema.columns[0] == Column("size", "category", ("S", "M", "L"))


def survey(num=120):
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, num)
    table = pandas.DataFrame(
        {
            "id": [f"p{n:03d}" for n in range(num)],
            "age": np.where(kind, 60, 30) + rng.integers(-5, 6, num),
            "sex": np.where(rng.random(num) < 0.5, "f", "m"),
            "job": np.array(["clerk", "nurse, senior", 'the "boss"'])[np.clip(kind + rng.integers(0, 2, num), 0, 2)],
            "children": rng.poisson(1 + kind),
            "visits": rng.poisson(4 * (1 + kind)),
            "height": np.round(rng.normal(170, 8, num), 1),
            "comment": [f"text {n}" for n in range(num)],
            "label": np.where(kind, "old", "young"),
        }
    )
    holes = rng.random((num, 5)) < 0.1
    table[["age", "sex", "job", "children", "height"]] = table[["age", "sex", "job", "children", "height"]].mask(holes)
    return table


SURVEY = survey()


def test_rows_become_units_and_units_rows():
    frame = frame_of(SURVEY)
    schema = infer_schema(frame)
    units = schema.encode(frame)
    assert units.shape == (120, schema.num_units)
    assert schema.num_units == family_of(schema).num_units(family_of(schema).num_parameters(len(schema.modelled)))
    family_of(schema).check(units, observed=~np.isnan(units))
    back = schema.known(units)
    assert list(back) == ["age", "sex", "job", "children", "visits", "height"]
    for name, values in back.items():
        own = SURVEY[name]
        assert (own.isna() == pandas.isna(values)).all()
        given = own[own.notna()].to_numpy()
        if values.dtype == object:
            assert list(values[own.notna()]) == list(given)
        else:
            np.testing.assert_allclose(values[own.notna()], given.astype(float), rtol=1e-4)
    number = next(column for column in schema.columns if column.name == "age")
    known = SURVEY["age"].dropna()
    np.testing.assert_allclose([number.location, number.scale], [known.mean(), known.std(ddof=0)], rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("job", "pilot", r"expected one of 'clerk', .* in column 'job' of rows, got 'pilot' at row 3"),
        ("age", "old", r"expected numbers in column 'age' of rows, got 'old' at row 3"),
        ("children", 99, r"expected whole numbers from 0 to \d+ in column 'children' of rows, got 99 at row 3"),
        ("visits", -1, r"expected whole numbers from 0 in column 'visits' of rows, got -1 at row 3"),
        ("visits", 1.5, r"got 1.5 at row 3"),
        ("age", np.inf, r"expected finite numbers in column 'age' of rows, got inf at row 3"),
    ],
)
def test_a_value_that_was_not_seen_in_training_is_named(name, value, message):
    record = Dataset.from_arrays(SURVEY, values="mixed").record
    bad = SURVEY.astype(object)
    bad.loc[2, name] = value
    with pytest.raises(DataError, match=message) as refused:
        beliefnet.data.rows_like(record, bad)
    assert "empty cell" in str(refused.value) or "schema" in str(refused.value)
    assert "unseen='missing' to take it as missing" in str(refused.value)
    # Each hint, followed, gives the same units.
    with pytest.warns(UserWarning, match=rf"taken as missing in rows, by column: '{name}' 1"):
        lenient = beliefnet.data.rows_like(record.read_as(unseen="missing"), bad).rows
    bad.loc[2, name] = None
    found = beliefnet.data.rows_like(record, bad).rows
    assert np.isnan(found[2, record.schema.places[name]]).all()
    np.testing.assert_array_equal(lenient, found)


def test_a_missing_column_is_named_and_others_are_passed_over():
    record = Dataset.from_arrays(SURVEY, values="mixed").record
    with pytest.raises(DataError, match="expected a column 'sex' in rows, got 'id', 'age'"):
        beliefnet.data.rows_like(record, SURVEY.drop(columns="sex"))
    more = SURVEY.assign(new=1)[["new", "visits", "sex", "job", "age", "height", "children", "id"]]
    found = beliefnet.data.rows_like(record, more)
    np.testing.assert_array_equal(found.rows, beliefnet.data.rows_like(record, SURVEY).rows)
    assert found.names[:2] == ("p000", "p001")


def test_numbers_are_standardised_by_the_training_rows_alone():
    far = SURVEY.assign(age=1e6)
    apart = Dataset.from_arrays(SURVEY, valid=far, test=far, values="mixed").record.schema
    alone = infer_schema(SURVEY)
    assert apart.columns[1] == alone.columns[1]


KINDS = {"age": "category", "children": "number", "visits": "ignored", "comment": "id", "label": "binary"}


def test_kinds_can_be_said(tmp_path):
    data = Dataset.from_arrays(SURVEY.drop(columns="id"), values="mixed", kinds=KINDS)
    found = {column.name: column.kind for column in data.record.schema.columns}
    assert found == {"sex": "binary", "job": "category", "height": "number"} | KINDS
    assert data.train.names is not None
    with pytest.raises(DataError, match=r"expected a kind out of 'binary', .* for column 'age', got 'real'"):
        Dataset.from_arrays(SURVEY, values="mixed", kinds={"age": "real"})
    with pytest.raises(DataError, match=r"expected numbers in column 'job' .* of kind 'levels', got 'the"):
        Dataset.from_arrays(SURVEY, values="mixed", kinds={"job": "levels"})
    with pytest.raises(DataError, match=r"expected a column 'agee' .* did you mean 'age'"):
        Dataset.from_arrays(SURVEY, values="mixed", kinds={"agee": "number"})
    with pytest.raises(DataError, match=r"expected two values for column 'age', got .*try kind = 'category'"):
        Dataset.from_arrays(SURVEY, values="mixed", kinds={"age": "binary"})


def test_kinds_make_a_table_of_any_frame(tmp_path):
    """Also of one that would be read as bits; where that cannot be, what is tried instead works."""
    bits, kinds = pandas.DataFrame(np.eye(4, dtype=int).repeat(5, 0), columns=list("abcd")), {"a": "category"}
    found = Dataset.from_arrays(bits, kinds=kinds)
    assert [column.kind for column in found.record.schema.columns] == ["category", "binary", "binary", "binary"]
    with pytest.raises(DataError, match=r"no kinds of columns for binary values, got {'a': 'category'}; try leaving"):
        beliefnet.fit(bits, kinds=kinds, visible="bernoulli")
    with pytest.raises(TypeError, match=r"expected kinds to be of type Mapping, got 'a'; try {'visits': 'count'}"):
        beliefnet.fit(bits, kinds="a")  # pyright: ignore
    with pytest.raises(OptionError, match=r"no kinds for a Dataset, .*, got {'a': 'category'}; try leaving it out"):
        beliefnet.fit(found, kinds=kinds)
    path, schema = tmp_path / "bits.csv", tmp_path / "schema.toml"
    bits.to_csv(path, index=False)
    with pytest.raises(OptionError, match=r"with a data frame, got a file or name; try schema='schema.toml'"):
        beliefnet.fit(path, kinds=kinds)
    schema.write_text('[columns.a]\nkind = "category"\n')
    config = TrainConfig(data=str(path), schema=str(schema), visible="mixed")
    assert config.load_data().record.schema == found.record.schema


def test_a_schema_survives_toml(tmp_path):
    schema = infer_schema(SURVEY)
    path = tmp_path / "schema.toml"
    path.write_text(to_toml(schema))
    again = Dataset.from_arrays(SURVEY, values="mixed", kinds=read_toml(path)).record.schema
    assert [column.kind for column in again.columns] == [column.kind for column in schema.columns]
    assert [column.values for column in again.columns] == [column.values for column in schema.columns]
    for text, message in (
        ("[columns.age]\nkind = 'real'\n", "expected a kind out of"),
        ("age = 'number'\n", "expected a table for each column"),
        ("[columns.age\n", "expected TOML"),
        ("[columns.sex]\nkind = 'binary'\nvalues = 'fm'\n", "expected a list of values for column 'sex'"),
        (
            "[columns.sex]\nkind = 'binary'\nshape = 3\n",
            "of column 'sex', got 'shape'; try one of",
        ),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=message):
            read_toml(path)
    with pytest.raises(DataError, match=r"expected a TOML file with a schema, got .*none.toml"):
        read_toml(tmp_path / "none.toml")


def as_csv(table, **options):
    return table.to_csv(index=False, **options)


CSV = {
    "as it comes": (lambda t: as_csv(t), {}),
    "semicolons and decimal commas": (lambda t: as_csv(t, sep=";", decimal=","), {"decimal": ","}),
    "a byte order mark and Windows line ends": (lambda t: "\ufeff" + as_csv(t, lineterminator="\r\n"), {}),
    "tabs": (lambda t: as_csv(t, sep="\t"), {}),
    "NA": (lambda t: as_csv(t, na_rep="NA"), {}),
    "quotes everywhere": (lambda t: as_csv(t, quoting=csv.QUOTE_ALL), {}),
    "pandas writes its index": (lambda t: t.drop(columns="id").to_csv(), {}),
}


@pytest.mark.parametrize("name", CSV)
def test_a_csv_as_it_comes(name, tmp_path):
    write, options = CSV[name]
    path = tmp_path / ("survey.tsv" if name == "tabs" else "survey.csv")
    path.write_text(write(SURVEY), newline="", encoding="utf-8")
    found = load(path, values="mixed", **options)
    expected = Dataset.from_arrays(SURVEY, values="mixed")
    kinds = {column.name: column.kind for column in found.record.schema.columns}
    assert {name: kind for name, kind in kinds.items() if kind != "id"} == {
        column.name: column.kind for column in expected.record.schema.columns if column.kind != "id"
    }
    np.testing.assert_allclose(found.train.rows, expected.train.rows, rtol=1e-5, atol=1e-5)
    assert found.train.names is not None
    assert len(set(found.train.names)) == len(found.train)


def test_a_table_without_a_header_is_found_by_the_places_of_its_columns(tmp_path):
    path = tmp_path / "survey.csv"
    path.write_text(as_csv(SURVEY.drop(columns=["comment", "label"]), header=False))
    data = load(path, values="mixed")
    assert [column.name for column in data.record.schema.columns][:2] == ["column 1", "column 2"]
    rows = read_like(data.record, path).rows
    known = np.isfinite(SURVEY["age"].to_numpy())
    assert (np.isnan(rows[:, data.record.schema.places["column 2"]])[:, 0] == ~known).all()
    path.write_text(as_csv(SURVEY[["id", "visits"]], header=False))
    with pytest.raises(DataError, match=r"expected the 7 columns of the table .* got 2 without names; try a header"):
        read_like(data.record, path)


def test_columns_that_say_more(tmp_path):
    table = SURVEY.assign(part=["train"] * 100 + ["test"] * 20, weight=1.5)
    path = tmp_path / "survey.csv"
    path.write_text(as_csv(table))
    columns = {"split_column": "part", "label_column": "sex", "name_column": "comment"}
    found = load(path, values="mixed", drop=("id", "age"), **columns)
    kinds = {column.name: column.kind for column in found.record.schema.columns}
    assert (kinds["sex"], kinds["comment"], kinds["id"], kinds["age"]) == ("label", "id", "ignored", "ignored")
    assert found.record.splits["test"] == 20
    assert found.test.names[0] == "text 100"
    few = load(path, values="mixed", columns=("age", "sex"))
    assert list(few.record.schema.places) == ["sex", "age"]
    with pytest.raises(DataError, match="expected a column 'shoe'"):
        load(path, values="mixed", drop=("shoe",))
    with pytest.raises(DataError, match="expected no transpose for the columns of"):
        load(path, values="mixed", transpose=True)
    with pytest.raises(DataError, match=r"expected no binarization for .*, which holds a table"):
        load(path, values="mixed", binarization="static")
    with pytest.raises(DataError, match=r"expected no schema for .*, which holds binary values"):
        load("bars", schema="x.toml")


def test_a_table_where_nothing_can_be_learnt_is_refused():
    with pytest.raises(DataError, match=r"expected a column that a net can be a model of .* got none \(a: left out"):
        Dataset.from_arrays({"a": [1, 1, 1], "b": ["x", "y", "z"]}, values="mixed")
    for bad, message in (
        ({"a": [1, 2], "b": [1]}, "expected columns of one length"),
        ({}, "expected columns of one length"),
        (pandas.DataFrame([[1, 2]], columns=["a", "a"]), "expected one column of each name"),
        (np.zeros(3), "expected a table"),
    ):
        with pytest.raises(DataError, match=message):
            Dataset.from_arrays(bad, values="mixed")


def test_parquet_holds_what_a_csv_does(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "survey.parquet"
    SURVEY.assign(job=SURVEY["job"].astype("category")).to_parquet(path)
    found, expected = load(path, values="mixed"), Dataset.from_arrays(SURVEY, values="mixed")
    np.testing.assert_allclose(found.train.rows, expected.train.rows, rtol=1e-5, atol=1e-5)
    bits = pandas.DataFrame({"a": [0, 1, 1, 0, 1], "b": [True, False, True, True, False]})
    bits.to_parquet(path)
    assert load(path, values="auto").record.values == "binary"
    assert load(path).columns == ("a", "b")
    SURVEY.to_parquet(path)
    with pytest.raises(DataError, match=r"expected numbers in every column of .*, got texts .* in 'id'; try drop='id'"):
        load(path)
    assert load(path, values="auto").record.values == "mixed"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataError, match="expected a complete Parquet file, got a damaged"):
        load(path, values="mixed")


def test_a_table_of_bits_stays_one_of_bits():
    bits = pandas.DataFrame((np.random.default_rng(0).random((20, 4)) < 0.5).astype(int), columns=list("abcd"))
    assert Dataset.from_arrays(bits, values="auto").record.values == "binary"
    assert Dataset.from_arrays(bits / 2, values="auto").record.values == "binary"
    assert Dataset.from_arrays(bits.mask(np.eye(20, 4) > 0), values="auto").record.values == "mixed"
    assert Dataset.from_arrays(bits * 7.5, values="auto").record.values == "mixed"


def test_hidden_cells_are_scored_by_column():
    frame = frame_of({"x": [1.0, 2.0, 3.0, 4.0], "c": ["a", "b", "a", "b"]})
    schema = infer_schema(frame, kinds={"x": Column("x", "number")})
    hidden = {name: np.array([True, True, False, False]) for name in ("x", "c")}
    values = {"x": np.array([2.0, 2.0, 0.0, 0.0]), "c": np.array(["b", "b", "b", "b"], object)}
    errors = cell_errors(schema, frame, values, hidden)
    assert errors["c"].error == 0.5
    np.testing.assert_allclose(errors["x"].error, np.sqrt(0.5) / np.std([1, 2, 3, 4]), rtol=1e-5)
    holes = Frame({"x": np.array([1.0, NAN, 3.0, NAN]), "c": np.array(["a", None, "a", "b"], object)})
    done = filled(holes, values).columns
    assert done["x"].tolist() == [1.0, 2.0, 3.0, 0.0]
    assert done["c"].tolist() == ["a", "b", "a", "b"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A trained run, and the file that it was trained on."""
    folder = tmp_path_factory.mktemp("survey")
    path = folder / "survey.csv"
    path.write_text(as_csv(SURVEY))
    out = folder / "run"
    words = ["train", "--data", path, "--hidden", 4, "--epochs", 2, "--batch-size", 20, "--out", out]
    assert cli.run(list(map(str, words))) == 0
    return out, path


def read(path):
    return pandas.read_csv(path, keep_default_na=False)


@pytest.mark.full
def test_training_says_what_it_understood_and_leaves_a_picture(run, capsys):
    out, path = run
    assert cli.run(["train", "--resume", str(out), "--epochs", "3"]) == 0
    said = capsys.readouterr().out
    for line in (r"age +number +whole numbers, mean \d\d", r"sex +binary +f or m", r"comment +ignored"):
        assert re.search(line, said), said
    assert (out / "plots" / "columns.png").stat().st_size > 10_000
    assert cli.run(["schema", str(path), "--out", str(out.parent / "schema.toml")]) == 0
    assert "train with --schema" in capsys.readouterr().out
    # What it wrote is what training takes.
    said = out.parent / "schema.toml"
    said.write_text(said.read_text().replace('[columns.visits]\nkind = "count"', '[columns.visits]\nkind = "number"'))
    words = ["train", "--data", path, "--schema", said, "--hidden", 4, "--epochs", 1, "--out", out.parent / "other"]
    assert cli.run(list(map(str, words))) == 0
    assert re.search(r"visits +number", capsys.readouterr().out)


def test_ids_and_labels_come_back_beside_codes(run, tmp_path, capsys):
    out, path = run
    file = tmp_path / "codes.csv"
    assert cli.run(["encode", str(out), str(path), "--out", str(file)]) == 0
    codes = read(file)
    assert list(codes.columns) == ["id", "label", "h1.1", "h1.2", "h1.3", "h1.4"]
    assert list(codes["id"]) == list(SURVEY["id"])
    assert list(codes["label"]) == list(SURVEY["label"])
    # A file of the net alone does the same, without the data that it was trained on.
    net_file = tmp_path / "net.safetensors"
    assert cli.run(["export", str(out), "--out", str(net_file)]) == 0
    new = tmp_path / "new.csv"
    new.write_text(as_csv(SURVEY.fillna({"job": "pilot"})))
    num_new = int(SURVEY["job"].isna().sum())
    said = fails(capsys, "encode", net_file, new, "--out", tmp_path / "new-codes.csv")
    assert f"got 'pilot' at line {2 + SURVEY['job'].isna().to_numpy().argmax()}, the first of {num_new} such" in said
    assert "try --unseen missing to take them as missing, or an empty cell" in said
    words = ["encode", str(net_file), str(new), "--out", str(tmp_path / "new-codes.csv"), "--unseen", "missing"]
    assert cli.run(words) == 0
    assert f"by column: 'job' {num_new}" in capsys.readouterr().err
    assert (tmp_path / "new-codes.csv").read_text() == file.read_text()
    assert "try --data" not in fails(capsys, "outliers", net_file, new, "--contamination", "0.1")
    model = beliefnet.load(net_file)
    assert model.record.schema == beliefnet.load(out).record.schema
    frame = model.encode(SURVEY.set_index("id"))
    np.testing.assert_allclose(codes[[f"h1.{n}" for n in range(1, 5)]], frame, rtol=1e-5)
    assert frame.index.name == "id"


@pytest.mark.full
def test_holes_are_filled_in_and_all_else_stays(run, tmp_path, capsys):
    out, path = run
    file = tmp_path / "completed.csv"
    quick = ["--particles", "16", "--starts", "2", "--rounds", "1", "--refine", "air:steps=2,samples=3"]
    again = ["--overwrite", *quick]
    assert cli.run(["impute", str(out), str(path), "--out", str(file), *quick]) == 0
    done = read(file)
    assert list(done.columns) == list(SURVEY.columns)
    for name in SURVEY:
        known = SURVEY[name].notna()
        assert (done[name].astype(str) != "").all()
        given = SURVEY[name][known]
        same = done[name][known].astype(given.dtype) if given.dtype != object else done[name][known]
        assert (same == given).all(), name
    assert set(done["job"]) <= set(SURVEY["job"].dropna())
    assert (done["children"].astype(float) == done["children"].astype(float).round()).all()
    assert cli.run(["impute", str(out), str(path), "--out", str(file), "--draws", "2", *again]) == 0
    drawn = read(file)
    assert list(drawn.columns) == ["draw", *SURVEY.columns]
    one, two = (part.drop(columns="draw").reset_index(drop=True) for _, part in drawn.groupby("draw"))
    known = SURVEY.notna().to_numpy()
    assert ((one == two).to_numpy() | ~known).all()
    assert (one[["sex", "age"]] != two[["sex", "age"]]).any().all()
    np.testing.assert_array_equal(one["height"], one["height"].round(1))
    capsys.readouterr()
    assert cli.run(["impute", str(out), str(path), "--out", str(file), "--hide", "0.3", "--json", *again]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report["errors"]["net"]) == {"age", "sex", "job", "children", "visits", "height"}
    assert report["num_hidden"] > 100
    assert "no --hide-half for a table" in fails(capsys, "impute", out, path, "--hide-half", "left")
    whole = tmp_path / "whole.csv"
    whole.write_text(as_csv(SURVEY.dropna()))
    assert "--hide 0.2" in fails(capsys, "impute", out, whole, "--out", file, "--overwrite")


@pytest.mark.full
def test_outliers_are_named_with_what_is_surprising(run, tmp_path, capsys):
    out, _ = run
    odd = SURVEY.iloc[:20].copy()
    odd.loc[3, "height"] = 900.0
    path, file = tmp_path / "odd.csv", tmp_path / "outliers.csv"
    path.write_text(as_csv(odd))
    assert cli.run(["outliers", str(out), str(path), "--out", str(file), "--particles", "20", "--share", "0.1"]) == 0
    assert "p003" in capsys.readouterr().out
    found = read(file)
    assert list(found.columns) == ["id", "label", "log_p", "standard_error", "is_outlier", "surprising"]
    assert found["is_outlier"].sum() == 2
    assert found["log_p"].astype(float).idxmin() == 3
    assert found.loc[3, "surprising"].startswith("height (")
    words = ["outliers", str(out), str(path), "--out", str(file), "--particles", "20", "--overwrite"]
    assert cli.run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outliers"][0]["id"] == "p003"
    # A share of the rows that it was trained on, or a log p; what is far out in one column is not so in the others.
    assert cli.run([*words, "--contamination", "0.02"]) == 0
    said = capsys.readouterr().out
    cut = float(re.search(r"log p below (-[\d.]+) nats, which is so for 2% of 96 training rows", said)[1])
    assert ((read(file)["log_p"].astype(float) < cut) == (read(file)["is_outlier"].astype(int) == 1)).all()
    assert read(file)["is_outlier"].sum() < 6
    nats = [float(said) for said in re.findall(r"\(([\d.]+)\)", read(file).loc[3, "surprising"])]
    assert nats[0] > 1000 > 20 > max(nats[1:])
    assert cli.run([*words, "--below", "-1e9"]) == 0
    assert "scores of 20 rows, 0 of them outliers" in capsys.readouterr().out
    assert "--share in (0, 0.5]" in fails(capsys, "outliers", out, path, "--share", "0.9")
    assert "try --below alone" in fails(capsys, "outliers", out, path, "--share", "0.1", "--below", "-9")
    bits = tmp_path / "bits"
    assert cli.run(["train", "--data", "bars", "--hidden", "4", "--epochs", "1", "--out", str(bits)]) == 0
    words[1:3] = [str(bits), "bars", "--split", "valid"]
    assert cli.run(words) == 0
    assert read(file)["surprising"][read(file)["is_outlier"].astype(int) == 1].str.contains("column").all()


@pytest.mark.full
def test_samples_have_the_names_and_categories(run, tmp_path, capsys):
    pytest.importorskip("pyarrow")
    out, _ = run
    for file in (tmp_path / "samples.csv", tmp_path / "samples.parquet"):
        assert cli.run(["sample", str(out), "--num", "50", "--out", str(file)]) == 0
        drawn = read(file) if file.suffix == ".csv" else pandas.read_parquet(file)
        assert list(drawn.columns) == ["age", "sex", "job", "children", "visits", "height"]
        assert set(drawn["job"]) <= set(SURVEY["job"].dropna())
        assert set(drawn["sex"]) <= {"f", "m"}
        assert (drawn["visits"].astype(int) >= 0).all()
    assert "samples.npy" in fails(capsys, "sample", out, "--values", "means", "--out", tmp_path / "means.csv")
    assert cli.run(["sample", str(out), "--values", "means", "--out", str(tmp_path / "samples.npy")]) == 0


@pytest.mark.full
def test_a_table_in_python_comes_back_in_the_frame_that_it_came_in():
    pyarrow = pytest.importorskip("pyarrow")
    model = beliefnet.fit(SURVEY.set_index("id"), kinds={"children": "number"}, hidden=(3,), epochs=1)
    assert model.record.values == "mixed"
    assert {column.name: column.kind for column in model.record.schema.columns}["children"] == "number"
    drawn = model.sample(5)
    assert type(drawn) is pandas.DataFrame
    assert list(drawn.columns) == ["age", "sex", "job", "children", "visits", "height"]
    search = Search(8, num_starts=2, num_rounds=1, refiner=AIR(1, 2))
    some = SURVEY.set_index("id").iloc[:10]
    done = model.impute(some, search=search)
    with pytest.raises(DataError, match=r"a table to fill in, got Observations.*; try the data frame or file"):
        model.impute(model.test)
    assert done.index.equals(some.index)
    assert not done.drop(columns="comment").isna().any().any()
    assert model.log_likelihood(some, num_particles=5).estimate.index.equals(some.index)
    surprises = model.surprise(some, num_particles=5)
    assert set(surprises.columns) == {"age", "sex", "job", "children", "visits", "height"}
    assert (surprises.isna() == some[list(surprises.columns)].isna()).all().all()
    table = pyarrow.Table.from_pandas(some.reset_index())
    assert type(model.impute(table, search=search)) is pyarrow.Table
    # A category that is not known counts as missing, and stays in what is filled in.
    odd = some.assign(job="pilot")
    with pytest.warns(UserWarning, match="by column: 'job' 10"):
        one, two = model.read_as(unseen="missing").impute(odd, num_draws=2, search=search)
    assert (one["job"] == "pilot").all()
    assert not one.drop(columns="comment").isna().any().any()
    assert not one.equals(two)
    with pytest.raises(DataError, match="expected an option of how files are read, got 'unsen'; did you mean 'unseen'"):
        model.read_as(unsen="missing")
    columns = {"a": ["x", "y"] * 20, "b": [1.5, 2.5, 3.5, 4.5] * 10}
    assert type(beliefnet.fit(columns, hidden=(2,), epochs=1).sample(2)) is dict


def test_what_does_not_take_tables_says_what_does(net, tmp_path):
    schema = infer_schema(SURVEY)
    shape = DataShape(schema.num_units, np.full(schema.num_units, 0.5), schema=schema)
    with pytest.raises(OptionError, match=r"in a visible layer with connections .*; try autoregressive_visible=False$"):
        TrainConfig(net="darn", visible="mixed", hidden=(2,)).build(shape)
    TrainConfig(net="darn", visible="mixed", hidden=(2,), autoregressive_visible=False).build(shape)
    with pytest.raises(ValueError, match=r"got one of rows with missing entries.* try beliefnet.to_numpy\(net\), or"):
        beliefnet.to_onnx(net)
    assert beliefnet.to_numpy(net)
    record, path = Dataset.from_arrays(np.eye(20, 4)).record, tmp_path / "bits.csv"
    path.write_text("a,b,c,d\n" + "0,1,0,1\n1,0,0,1\n" * 9)
    for name in ("unseen", "label_column"):
        with pytest.raises(DataError, match=f"expected no {name} for .*, which holds binary values, got 'missing'"):
            read_like(record, path, **{name: "missing"})


def test_pictures_of_columns_need_the_same_columns(tmp_path):
    columns = {"x": np.array([1.0, NAN, 2.5]), "c": np.array(["a", None, "b$"], object)}
    path = plot_marginals({"data": columns, "samples": columns}, tmp_path / "columns.png")
    assert path.stat().st_size > 5_000
    with pytest.raises(ValueError, match="expected versions of the same columns"):
        plot_marginals({"data": columns, "samples": {"x": columns["x"]}}, path)


def test_codes_and_long_numbers_stay_as_they_are(tmp_path):
    num = 40
    table = pandas.DataFrame(
        {
            "id": [str(10**18 + 7 * n) for n in range(num)],
            "zip": [f"0{n % 3}234" for n in range(num)],
            "x": np.linspace(0, 5, num),
        }
    )
    path = tmp_path / "codes.csv"
    path.write_text(as_csv(table))
    schema = load(path, values="mixed").record.schema
    assert [column.kind for column in schema.columns] == ["id", "category", "number"]
    assert schema.columns[1].values == ("00234", "01234", "02234")
    rows, frame = beliefnet.data.read_table_like(load(path, values="mixed").record, path)
    assert list(rows.names or ()) == list(table["id"]) == list(frame.columns["id"])
    for option in ("columns", "drop"):
        with pytest.raises(DataError, match=f"expected no {option} for .*, whose columns are those of training"):
            beliefnet.data.read_table_like(load(path, values="mixed").record, path, **{option: ("x",)})
    large = infer_schema({"x": 2.0**53 + 2 * np.arange(50), "y": [0.5, 1.5] * 25}).columns[0]
    np.testing.assert_allclose(large.scale, np.std(2.0 * np.arange(50)), rtol=1e-6)


def test_what_is_dropped_is_so_beside_a_schema(tmp_path):
    path, said = tmp_path / "survey.csv", tmp_path / "schema.toml"
    path.write_text(as_csv(SURVEY))
    said.write_text(to_toml(infer_schema(SURVEY)))
    found = load(path, values="mixed", schema=str(said), drop=("age",)).record.schema
    assert "age" not in found.places
    assert list(load(path, values="mixed", schema=str(said), columns=("age", "sex")).record.schema.places) == [
        "sex",
        "age",
    ]


def test_columns_that_are_filled_in_keep_their_types():
    some = SURVEY.assign(
        job=SURVEY["job"].astype("category"),
        day=pandas.Timestamp("2026-01-01"),
        children=SURVEY["children"].astype("Int64"),
    )
    frame = frame_of(some)
    schema = infer_schema(frame)
    done = filled(frame, schema.decode(np.nan_to_num(schema.encode(frame))))
    changed = {name: values for name, values in done.columns.items() if values is not frame.columns[name]}
    back = with_columns(some, changed, done.columns)
    assert set(changed) == {"age", "sex", "job", "children", "height"}
    assert (back.dtypes == some.dtypes).all()
    assert not back.isna().any().any()
    assert (back["day"] == some["day"]).all()
    pandas.testing.assert_frame_equal(back.where(some.notna()), some)
