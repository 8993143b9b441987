"""The tables of results say what the records beside them say."""

import importlib
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pages import ROOT, links

RESULTS = ROOT / "results"
PAGE = (RESULTS / "README.md").read_text()
FIGURE = r"(\d[\d,]*\.\d+)\*{0,2} \+- (\d+\.\d+)(?!\d| †)"


def measured(record: Any) -> Iterator[tuple[float, float]]:
    """Yield every mean in a record with its standard error."""
    if isinstance(record, dict):
        if record.keys() >= {"mean", "stderr"} and None not in (record["mean"], record["stderr"]):
            yield abs(record["mean"]), record["stderr"]
        record = list(record.values())
    if isinstance(record, list):
        for part in record:
            yield from measured(part)


def records(text: str) -> list[tuple[float, float]]:
    """Return what is measured in the files, and the folders of files, that a text links to."""
    places = [(RESULTS / link.text.partition("#")[0]).resolve() for link in links(text)]
    places = [path.parent if path.suffix == ".png" else path for path in places if RESULTS in path.parents]
    files = [file for path in places for file in ([path] if path.is_file() else sorted(path.glob("*.json")))]
    return [pair for file in files for pair in measured(json.loads(file.read_text()))]


def is_measured(figure: tuple[str, str], known: list[tuple[float, float]]) -> bool:
    mean, stderr = (text.replace(",", "") for text in figure)
    digits = [len(text.partition(".")[2]) for text in (mean, stderr)]
    return any(f"{m:.{digits[0]}f}" == mean and f"{s:.{digits[1]}f}" == stderr for m, s in known)


def tables() -> Iterator[tuple[str, str]]:
    """Yield each row of a table that has figures, with the text whose links hold its records: its own, or above it."""
    for section in re.split(r"^(?=## |\*\*)", PAGE, flags=re.MULTILINE):
        lines = section.splitlines()
        for number, line in enumerate(lines):
            if line.startswith("|") and re.search(FIGURE, line):
                has_own = any(RESULTS.joinpath(link.text).exists() for link in links(line + "\n"))
                # Links of prose count only outside of tables, so a row's own are read as prose.
                yield line, line if has_own else "\n".join(lines[: number + 1])


ROWS = list(tables())


def test_there_are_figures():
    assert len(ROWS) > 40


@pytest.mark.parametrize(("row", "source"), ROWS, ids=[str(n) for n in range(len(ROWS))])
def test_figures_are_those_of_the_records(row: str, source: str):
    known = records(source)
    ours = "|".join(cell for cell in row.split("|") if not re.search(r"\((?:Mnih|Born|Hjelm|Gu)\b", cell))
    assert [figure for figure in re.findall(FIGURE, ours) if not is_measured(figure, known)] == []


def test_times_in_the_readme_are_those_of_the_records():
    claims = re.findall(r"\[(\d+) minutes\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    assert len(claims) == 3
    for minutes, folder in claims:
        last = (ROOT / folder / "metrics.jsonl").read_text().splitlines()[-1]
        assert int(minutes) == pytest.approx(json.loads(last)["seconds"] / 60, abs=1)


def test_signal_to_noise_ratios_are_those_of_the_record():
    record = json.loads((RESULTS / "benchmarks" / "signal_to_noise.json").read_text())
    columns = [record["particles"].index(count) for count in (2, 10, 100, 1000)]
    page = (ROOT / "docs" / "estimators.md").read_text()
    for name, ratios in record["ratio"].items():
        first, _, rest = name.partition(",")
        row = re.search(rf"^\| `{first}`,?{re.escape(rest)}(?: \(biased\))? \|((?: \d\.\d+ \|)+)$", page, re.MULTILINE)
        assert row, name
        shown = [float(cell) for cell in row[1].split("|") if cell]
        assert shown == pytest.approx([ratios[column] for column in columns], abs=6e-4), name


def test_a_second_evaluator_finds_the_same():
    record = json.loads((RESULTS / "benchmarks" / "independent.json").read_text())
    page = (RESULTS / "README.md").read_text()
    assert len(record) == 8
    for name, found in record.items():
        assert (RESULTS / "binarized-mnist" / name / "net.safetensors").is_file()
        assert abs(found["difference"]) < 3 * found["standard_error"]
        numbers = [f"{found[key]:.2f}" for key in ("nll", "nll_of_the_library")]
        numbers += [f"{found['difference']:+.2f}", f"{found['standard_error']:.2f}"]
        assert f"| {name} | {' | '.join(numbers)} |" in page


def test_the_choice_of_an_estimator_is_that_of_the_record():
    record = json.loads((RESULTS / "benchmarks" / "choice.json").read_text())
    page = (RESULTS / "README.md").read_text()
    assert len(record) == 5
    for net, found in record.items():
        costs = {name: each["cost"] for name, each in found["candidates"].items()}
        assert found["of_the_least"] == pytest.approx(costs[found["chosen"]] / min(costs.values()), rel=2e-3)
        assert found["of_the_least"] < 1.5
        least = min(costs, key=costs.__getitem__)
        assert f"| {net} | {found['chosen']} | {least} | {found['of_the_least']:.2f} |" in page


def test_the_page_about_estimators_has_the_tables_of_the_record():
    record = json.loads((RESULTS / "benchmarks" / "choice.json").read_text())
    page = (ROOT / "docs" / "choosing_an_estimator.md").read_text()
    measured = page.split("<!-- measured: ")[1].split("<!-- end -->")[0]
    rows = [line for line in measured.splitlines() if line.startswith("| `")]
    shown = []
    for found in record.values():
        for kind in ("candidates", "particles_10"):
            best = next(iter(found[kind].values()))
            for name, each in found[kind].items():
                ratios = " | ".join(f"{each[unit] / best[unit]:.2f}" for unit in ("variance", "ms", "cost"))
                shown.append(f"| `{name}` | {ratios} |")
    assert rows == shown


def test_the_page_about_scaling_has_the_tables_of_the_record(monkeypatch):
    monkeypatch.setenv("JAX_NUM_CPU_DEVICES", "1")  # the module asks for more where nothing is said
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    scaling = importlib.import_module("scaling")
    record = json.loads((RESULTS / "benchmarks" / "scaling.json").read_text())
    page = (ROOT / "docs" / "scaling.md").read_text()
    assert scaling.with_tables(page, record) == page
    assert page.count("<!-- measured ") == len(scaling.tables(record))
    assert {row["devices"] for row in record["devices"]} == {8, 16, 32, 64}
    assert len({scaling.sent_by(row) for row in record["devices"] + record["particles"] + record["batch"]}) == 1
    assert scaling.with_tables(page.replace("| K | GFLOP |", "| K | TFLOP |"), record) == page


def test_collectives_are_read_from_a_program(monkeypatch):
    monkeypatch.setenv("JAX_NUM_CPU_DEVICES", "1")
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    scaling = importlib.import_module("scaling")
    lines = [
        "  %a = (f32[200]{0}, /*index=5*/f32[7,2]{1,0}, f32[]) all-reduce(%x), replica_groups=[2,4]<=[8], to_apply=%r",
        "  %b = u8[3,4]{1,0} all-gather(%y), replica_groups={{0,1,2},{3,4,5}}, dimensions={0}",
        "  %c = f32[5]{0} all-reduce-start(%z), replica_groups=mesh['a'=1,'b'=2,'c'=8] {'b','c'}",
        "  %d = f32[5]{0} add(%a, %all-reduce.3)",
    ]
    found = scaling.collectives("\n".join(lines))
    assert found == [("all-reduce", 4 * 215, 4), ("all-gather", 12, 3), ("all-reduce", 20, 16)]


def test_a_planted_figure_is_caught():
    known = [(99.9696, 0.2492)]
    assert is_measured(("99.97", "0.25"), known)
    assert not is_measured(("99.96", "0.25"), known)
    assert not is_measured(("99.97", "0.24"), known)


@pytest.mark.parametrize("data", ["digits", "mnist"])
def test_codes_beside_those_of_scikit_learn_are_those_of_the_record(data: str):
    record = json.loads((RESULTS / "benchmarks" / f"transformers_{data}.json").read_text())["models"]
    page = (ROOT / "docs" / "sklearn.md").read_text()
    rows = [[cell.strip().replace("`", "") for cell in line.split("|")[1:-1]] for line in page.splitlines()]
    table = {row[0]: row[2:5] if data == "digits" else row[5:8] for row in rows if len(row) == 8}
    for name, found in record.items():
        accuracy, log_p, seconds = table[name]
        shown = [accuracy, log_p] if "log_p" in found else [accuracy]
        known = [(found[key]["mean"], found[key]["stderr"]) for key in ("accuracy", "log_p") if key in found]
        for text, (mean, stderr) in zip(shown, known, strict=True):
            digits = 4 if text is accuracy else 2
            assert text == f"{mean:.{digits}f} +- {stderr:.{digits}f}", name
        assert float(seconds) == found["cpu_seconds"], name


def test_codes_at_smaller_steps_are_those_of_the_record():
    record = json.loads((RESULTS / "benchmarks" / "codes_mnist.json").read_text())["models"]
    page = (ROOT / "docs" / "sklearn.md").read_text().replace("`", "")
    for name, found in record.items():
        accuracy = found["accuracy"]
        figures = f"{accuracy['mean']:.4f} | {accuracy['spread']:.4f} | {found['cpu_seconds']:.1f}"
        assert f"| {name} | {figures} |" in page
    usual, smaller = (record[name]["accuracy"]["mean"] for name in ("DeepBeliefNet", "DeepBeliefNet, smaller steps"))
    assert usual < smaller < record["BernoulliRBM"]["accuracy"]["mean"]
    digits = json.loads((RESULTS / "benchmarks" / "codes_digits.json").read_text())["models"]
    sentence = page.partition("On digits, at the same settings")[2]
    for name in ("DeepBeliefNet, smaller steps", "DeepBeliefNet", "BernoulliRBM"):
        assert f"{digits[name]['accuracy']['mean']:.4f}" in sentence


def test_codes_of_digits_beat_those_of_a_restricted_boltzmann_machine():
    record = json.loads((RESULTS / "benchmarks" / "transformers_digits.json").read_text())["models"]
    net, machine = record["DeepBeliefNet, bits"], record["BernoulliRBM"]
    assert net["accuracy"]["mean"] > machine["accuracy"]["mean"]
    assert net["log_p"]["mean"] > machine["log_p"]["mean"]


def test_imputations_of_tables_are_those_of_the_record():
    record = json.loads((RESULTS / "benchmarks" / "imputation.json").read_text())["tables"]
    page = (ROOT / "docs" / "tables.md").read_text()
    better = 0
    for name, table in record.items():
        errors = [imputer["error"] for imputer in table["imputers"].values()]
        shown = " | ".join(f"{error:.3f}" for error in errors)
        assert f"| {name} | {table['rows']} x {len(table['columns'])} | {shown} |" in page
        assert errors[2] < errors[0]
        better += errors[2] < errors[1]
    assert (better, len(record)) == (4, 5)
