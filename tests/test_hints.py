"""Every kind of hint is followed once, as it stands, and works."""

import ast
import pickle
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import owner
from scipy import sparse

from beliefnet._errors import ArgumentError, OptionError, Refusal, Use
from beliefnet._options import options_of
from beliefnet.catalogue import ESTIMATORS, NETS, VISIBLE, TrainConfig, all_options, flatten
from beliefnet.cli import run
from beliefnet.cli._app import COMMANDS, load_all
from beliefnet.cli._flags import DataFlags, ReadingFlags
from beliefnet.cli._hints import RUN_COMMANDS, for_command
from beliefnet.data import DataError, Dataset, LoadOptions, load, read_like, read_rows
from beliefnet.runs import DiskFullError

PACKAGE = Path(__file__).parents[1] / "beliefnet"


def hint(error: object) -> str:
    return str(error).strip().rpartition("; try ")[2]


# Options: the value that a message names is one that can be used


@pytest.mark.parametrize("name", [name for name in all_options() if name != "start"])
def test_the_value_of_a_hint_can_be_used(name: str):
    option = all_options()[name]
    with pytest.raises(ValueError, match="expected") as caught:
        option.check(object())
    advice = hint(caught.value)
    if advice != "leaving it out":
        words = owner(option.flag)
        given = {flag.removeprefix("--"): value for flag, value in zip(words[::2], words[1::2], strict=True)}
        if given.get("estimator") in ("hvi", "uha", "dreg", "iwae", "sgvb", "stl"):
            given["net"] = "vae"
        value = option.read(advice)
        config = TrainConfig.from_dict({**given, name: value})
        if option.flag.removeprefix("--") not in config.idle:
            assert option.check(flatten(config.to_dict())[name]) == option.check(value)


def test_hints_of_step_sizes_are_their_defaults():
    advised = {name: all_options()[name].hint for name in ("learning_rate", "batch_size", "convolution", "hidden")}
    assert advised == {"learning_rate": "0.003", "batch_size": "100", "convolution": "32 64", "hidden": "200"}
    assert all_options()["recognition_learning_rate"].hint == ""


# The command line: a flag in a hint takes the place of the one that was given


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hints")
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (40, 2))
    (folder / "labels.csv").write_text("a,b,class\n" + "".join(f"{a},{b},{'cat' if a else 'dog'}\n" for a, b in bits))
    (folder / "comma.csv").write_text("0,5;1\n0,25;0\n1;0,125\n0;1\n")
    (folder / "latin.csv").write_bytes("é,b\n0,1\n1,0\n0,0\n1,1\n".encode("latin-1"))
    np.savez(folder / "two.npz", first=bits, second=np.vstack([bits, bits]))
    np.save(folder / "levels.npy", rng.integers(0, 5, (40, 4)))
    np.save(folder / "likert.npy", rng.integers(1, 6, (40, 4)))
    np.save(folder / "counts.npy", 300 * bits)
    sparse.save_npz(folder / "sparse.npz", sparse.csr_matrix(2 * bits + 1))
    (folder / "baskets.txt").write_text("rye bread,tea\ntea\ntea,milk\n" * 9)
    return folder


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("labels.csv", {}),
        ("labels.csv", {"drop": "klass"}),
        ("comma.csv", {}),
        ("latin.csv", {}),
        ("two.npz", {}),
        ("labels.csv", {"columns": "a", "decimal": "x"}),
        ("labels.csv", {"columns": "a", "binarization": "foo"}),
        ("labels.csv", {"columns": "a", "valid_fraction": 2.0}),
    ],
)
def test_hints_of_files_work(files: Path, name: str, options: dict[str, Any]):
    with pytest.raises(DataError, match=r"; (try|did you mean) ") as caught:
        read_rows(files / name, **options) if name == "comma.csv" else load(files / name, **options)
    advice = re.split(r"; (?:try|did you mean) ", str(caught.value))[-1]
    found = re.search(r"(\w+)=('[^']*'|True|[\d.]+)", advice)
    wrong = next((option for option in options if option != "columns"), "")
    if found:
        changed = {**options, found[1]: ast.literal_eval(found[2])}
    elif advice.startswith("leaving"):
        changed = {option: value for option, value in options.items() if option != wrong}
    else:
        changed = {**options, wrong: ast.literal_eval(advice.rstrip("?"))}
    read = read_rows if name == "comma.csv" else load
    rows = read(files / name, **changed)
    splits = [rows] if name == "comma.csv" else [rows.train, rows.valid, rows.test]
    assert sum(map(len, splits)) == {"comma.csv": 4, "latin.csv": 4}.get(name, 40)


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("labels.csv", "--drop class"),
        ("labels.csv --net nade", "--net vae --visible mixed"),
        ("comma.csv", "--decimal ,"),
        ("two.npz", "--array first"),
        ("counts.npy", "--visible poisson"),
        ("levels.npy", "--visible logistic --levels 5"),
        ("likert.npy", "--visible logistic --levels 6"),
        ("sparse.npz", "--net document"),
        ("baskets.txt", "--net document"),
        ("baskets.txt", "--visible bernoulli --item-separator ,"),
    ],
)
def test_the_command_line_says_options_as_flags(files: Path, name: str, flags: str, capsys, monkeypatch):
    monkeypatch.chdir(files)
    # Of a table of numbers and texts, what is asked for is asked.
    name = f"{name} --visible bernoulli" if name == "labels.csv" else name
    assert run(["train", "--data", *name.split()]) == 1
    assert flags in hint(capsys.readouterr().err)
    # What a hint names takes the place of what was there.
    name = name.removesuffix(" --net nade")
    # Followed, the file is read: what is wrong then is the number of epochs.
    assert run(["train", "--data", *name.split(), *shlex.split(flags), "--batch-size", "100"]) == 1
    assert "expected batch-size of at most the" in capsys.readouterr().err


def test_the_command_line_warns_in_flags(files: Path, capsys, monkeypatch):
    monkeypatch.chdir(files)
    bits = np.random.default_rng(0).integers(0, 2, 40)
    Path("ages.csv").write_text("age,b\n" + "".join(f"{age},{bit}\n" for age, bit in enumerate(bits)))
    assert run(["train", "--data", "ages.csv", "--visible", "poisson", "--batch-size", "100"]) == 1
    error = capsys.readouterr().err
    assert "warning: column 'age' of ages.csv counts the rows and is read as data; try --drop age if" in error
    assert run(["train", "--data", "ages.csv", "--drop", "age", "--batch-size", "100"]) == 1
    assert "warning: column" not in capsys.readouterr().err


def of_seven(text: str) -> str:
    """Return a table of two columns with five more, as the net of `trained` sees them."""
    first, *lines = text.splitlines()
    mark = ";" if ";" in first else ","
    names = mark.join("vwxyz" if first[0].isalpha() else "01010")
    return "".join(
        f"{line}{mark}{more}\n" for line, more in [(first, names), *((o, mark.join("10011")) for o in lines)]
    )


@pytest.mark.parametrize(
    ("command", "content", "advice", "followed"),
    [
        ("encode RUN FILE", "a;b\n0,5;1\n1;0\n", "--decimal , for decimal commas", "--decimal ,"),
        ("encode RUN FILE", "c,tea\n0,black\n1,green\n0,green\n", "--drop tea if it is no data", ""),
        ("encode RUN FILE", "c,tea\n0,yes\n1,no\n", "coding yes as 1 and no as 0, or --drop tea if it is no data", ""),
        (
            "encode RUN FILE",
            "é,b\n0,1\n1,1\n",
            "saving it as UTF-8, or --encoding latin-1 or what else it was written in",
            "--encoding latin-1",
        ),
        (
            "compare --models mixture:components=1 --data FILE",
            "c,tea\n" + "0,black\n1,green\n0,green\n1,black\n" * 5,
            "--drop tea if it is no data",
            "--drop tea",
        ),
    ],
)
def test_hints_of_every_command_work(
    trained: Path, tmp_path: Path, monkeypatch, capsys, command: str, content: str, advice: str, followed: str
):
    monkeypatch.chdir(tmp_path)
    words = command.replace("RUN", str(trained)).replace("FILE", "mine.csv").split()
    Path("mine.csv").write_text(of_seven(content), encoding="latin-1")
    assert run(words) == 1
    assert hint(capsys.readouterr().err) == advice
    if followed:
        assert run([*words, *followed.split()]) == 0
    else:
        # Without the column, the net misses one.
        assert run([*words, "--drop", "tea"]) == 1
        assert "expected 7 columns" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "content", "advice"),
    [
        (
            "evaluate RUN --particles 2 --data FILE",
            "0,200\n7,1\n255,0\n",
            "x / 255 if these are 8-bit grey levels, or the run of a net over counts "
            "(beliefnet train --visible poisson) if these are counts",
        ),
        (
            "compare --models mixture:components=1 --data FILE",
            "0,4\n3,1\n2,0\n1,1\n" * 5,
            "--models lda for counts, or dividing by the largest value, and --binarization threshold for 5 levels",
        ),
    ],
)
def test_hints_of_values_work(trained: Path, tmp_path: Path, monkeypatch, capsys, command: str, content: str, advice):
    monkeypatch.chdir(tmp_path)
    words = command.replace("RUN", str(trained)).replace("FILE", "mine.csv").split()
    Path("mine.csv").write_text(of_seven(content))
    assert run(words) == 1
    assert hint(capsys.readouterr().err) == advice
    if "lda" in advice:
        assert run([*words[:2], "lda:topics=2", *words[3:]]) == 0
    rows = np.loadtxt("mine.csv", delimiter=",")
    np.savetxt("mine.csv", rows / rows.max(), delimiter=",")
    assert run([*words, *(["--binarization", "threshold"] if "lda" in advice else [])]) == 0


def test_options_of_files_are_refused_where_no_file_is_read(trained: Path, capsys):
    assert run(["evaluate", str(trained), "--drop", "tea", "--particles", "2"]) == 1
    error = capsys.readouterr().err
    assert "expected a file of rows with --drop, got " in error
    assert hint(error) == "leaving the option out"


def test_a_net_without_topics_says_what_has_them(trained: Path, files: Path, monkeypatch, capsys):
    monkeypatch.chdir(files)
    assert run(["topics", str(trained)]) == 1
    codes, documents = hint(capsys.readouterr().err).split(", or ")
    assert codes == f"beliefnet encode {trained} DATA for the codes of rows"
    assert documents == "beliefnet train --net document --data texts.txt, with a document on each line, for topics"
    Path("texts.txt").write_text("rye bread\nrye tea\nmilk tea\n" * 9)
    assert run(["train", "--net", "document", "--data", "texts.txt", "--batch-size", "100"]) == 1
    assert "expected batch-size of at most the" in capsys.readouterr().err


def test_a_folder_of_runs_names_them(trained: Path, tmp_path: Path, capsys):
    assert run(["evaluate", str(trained.parent)]) == 1
    assert hint(capsys.readouterr().err) == f"a run in it, {trained}"
    (tmp_path / "file").touch()
    assert run(["evaluate", str(tmp_path)]) == 1
    assert hint(capsys.readouterr().err) == "the folder of a run"
    assert run(["train", str(tmp_path / "mine.toml")]) == 1
    assert hint(capsys.readouterr().err) == "checking the path"


def test_only_the_flags_of_a_command_are_hinted():
    app = load_all()
    flags = {"compare": DataFlags, "schema": DataFlags} | dict.fromkeys(RUN_COMMANDS, ReadingFlags)
    known = {f"--{name.replace('_', '-')}" for name in options_of(LoadOptions).keys() - {"seed"}}
    for name in COMMANDS.keys() - {"train", "sample"}:  # sample has --values of its own
        taken = {argument.name for argument in app[name].assemble_argument_collection()}
        given = {f"--{field.name.replace('_', '-')}" for field in fields(flags[name])} if name in flags else set()
        assert taken & known == given
        assert not taken & {"--visible", "--net"}


def test_names_in_messages_exist():
    named = {"visible": VISIBLE, "net": NETS, "estimator": {*ESTIMATORS, "auto"}}
    found = 0
    for path in [*sorted(PACKAGE.rglob("*.py")), PACKAGE.parent / "README.md"]:
        text = re.sub(r'"\s*\n\s*f?"', "", path.read_text())
        for flag, names in re.findall(
            r"--(visible|net|estimator) ([a-z][\w-]*(?:(?:, | or |, or )[a-z][\w-]*(?=\)))*)", text
        ):
            for name in re.split(r", or |, | or ", names):
                found += 1
                assert name in named[flag], (path, flag, name)
    assert found > 20


FOUR = np.arange(8).reshape(4, 2) % 3


@pytest.mark.parametrize(
    ("rows", "pattern"),
    [
        (np.full((4, 3), 255, np.uint8), r"(x / 255)"),
        (FOUR, r"values='(counts)'"),
        (FOUR, r"values='(grey)'"),
        (np.where(FOUR > 0, 1, -1), r"(\(x \+ 1\) / 2)"),
        (np.where(FOUR > 0, "1", "0"), r"(array.astype\('float32'\))"),
        (np.zeros((4, 3, 2, 2)), r"(array.reshape\(num_rows, -1\))"),
        (sparse.csr_matrix(FOUR), r"values='(counts)'"),
        (sparse.csr_matrix(FOUR), r"\((matrix > 0)\)"),
    ],
)
def test_hints_of_arrays_work(rows: Any, pattern: str):
    with pytest.raises(DataError) as caught:
        Dataset.from_arrays(rows, values="binary")
    found = re.search(pattern, hint(caught.value))
    assert found, caught.value
    names = {"x": rows, "array": rows, "matrix": rows, "num_rows": 4, "counts": "counts", "grey": "grey"}
    value = eval(found[1], names)
    if isinstance(value, str):
        Dataset.from_arrays(rows, values=value, levels=3 if value == "grey" else None)
    else:
        Dataset.from_arrays(value, values="binary")


def calls_of_errors() -> Iterator[tuple[Path, ast.Call]]:
    """Yield the calls of classes of errors of the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS:
                yield path, node


ERRORS = {error.__name__ for error in (Refusal, *Refusal.__subclasses__(), *DataError.__subclasses__())}


def test_every_error_has_a_hint():
    found = list(calls_of_errors())
    # What the reader of pickled arrays says to itself is caught there.
    plain = {path.name for path in PACKAGE.rglob("*.py") if re.search(r"raise (Value|Type)Error\(", path.read_text())}
    assert plain == {"_tokens.py"}, "ArgumentError and ArgumentTypeError hold what to try"
    for path, call in found:
        text = ast.unparse(call)
        assert len(call.args) > 1 or "suggestion(" in text, (path, text)
        assert "; try " not in text, (path, text)
        assert ("{option}" in ast.unparse(call.args[0])) <= any(word.arg == "option" for word in call.keywords), text
    assert len(found) > 350


@pytest.mark.parametrize(
    "error",
    [
        DataError("expected no {option}, got 1", Use("drop", "c", "if it is no data"), "others", option="name_column"),
        ArgumentError("expected AIR to have a {option} in (0, 1], got 2", "0.1", option="rate"),
        OptionError.of(ArgumentError("expected 2 layers, got 1", "2"), about="hidden 3"),
        DiskFullError("expected room for x, got a full disk", "freeing space"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_pickling(error: Refusal):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.hints) == (type(error), str(error), error.hints)


def test_a_command_words_the_fields_of_an_error():
    error = DataError("expected no {option}, got 1", Use("name_column", "a b", "for names"), "b", option="num_words")
    assert str(error) == "expected no num_words, got 1; try name_column='a b' for names, or b"
    assert for_command(error, "encode") == "expected no words, got 1; try --name-column 'a b' for names, or b"
    turned = DataError("expected rows", Use("transpose", False), Use("first_column", 0))
    assert for_command(turned, "encode") == "expected rows; try --no-transpose, or --first-column 0"
    counts = DataError("expected bits, got 2", Use("values", "counts", "for counts", "--net document"))
    said = {name: for_command(counts, name).partition("; try ")[2] for name in ("train", "compare", "encode")}
    assert said == {
        "train": "--net document for counts",
        "compare": "--models lda for counts",
        "encode": "the run of a net over counts (beliefnet train --net document) for counts",
    }


def test_levels_that_do_not_start_from_0_are_counted_from_there():
    rows = np.arange(1, 6).repeat(8).reshape(8, 5)
    with pytest.raises(DataError) as caught:
        Dataset.from_arrays(rows, values="binary")
    assert hint(caught.value).endswith("or values='grey' and levels=6 for 6 levels from 0 on; x - 1 has 5")
    assert Dataset.from_arrays(rows, values="grey", levels=6).record.levels == 6
    with pytest.raises(DataError) as caught:
        Dataset.from_arrays(rows, values="grey", levels=5)
    assert hint(caught.value) == "x - 1, which starts from 0, or levels=6"
    assert Dataset.from_arrays(rows - 1, values="grey", levels=5).record.levels == 5


@pytest.mark.parametrize(
    ("x", "advice"),
    [
        (np.arange(0, 256, 8, dtype=np.uint8).reshape(8, 4), "x >= 128 if these are 8-bit grey levels"),
        (np.linspace(0, 1, 32).reshape(8, 4), "binarization='threshold'"),
        (np.where(np.arange(32) % 3, 1, -1).reshape(8, 4), "(x + 1) / 2 if these are -1 and 1"),
    ],
)
def test_the_first_hint_for_a_model_of_bits_makes_bits(x: np.ndarray, advice: str, tmp_path: Path):
    path = tmp_path / "rows.npy"
    np.save(path, x)
    record = Dataset.from_arrays(np.eye(8, 4)).record
    assert record.binarization == "none"
    with pytest.raises(DataError) as caught:
        read_like(record, path)
    assert hint(caught.value).startswith(advice)
    change = advice.partition(" if ")[0]
    options = {"binarization": "threshold"} if "=" in change and ">" not in change else {}
    np.save(path, x if options else eval(change, {"x": x}))
    assert set(np.unique(read_like(record, path, **options).means())) == {0.0, 1.0}
