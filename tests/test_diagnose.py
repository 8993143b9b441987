"""beliefnet diagnose, and estimators written in one word."""

import json

import pytest
from commands import fails, files

from beliefnet._errors import OptionError
from beliefnet.catalogue import parse_estimator
from beliefnet.cli import run


@pytest.mark.full
def test_a_table_a_picture_and_the_numbers(copy, capsys):
    tokens = ["diagnose", str(copy), "--estimators", "reinforce", "vimco:particles=2", "--draws", "16", "--parts"]
    assert run([*tokens, "--batch-size", "3"]) == 0
    captured = capsys.readouterr()
    assert all(word in captured.out for word in ("reinforce", "phi h2|h1", "SNR", "exact", "gradients.json"))
    assert (copy / "plots" / "gradients.png").read_bytes().startswith(b"\x89PNG")
    result = json.loads((copy / "gradients.json").read_text())
    assert (result["batch_size"], result["num_draws"], result["split"]) == (3, 16, "valid")
    assert result["estimators"]["vimco:particles=2"]["bound_particles"] == 2


@pytest.mark.full
def test_json_and_another_place(copy, tmp_path, capsys):
    before = files(copy)
    out = tmp_path / "picture.png"
    tokens = ["--estimators", "nvil:baseline-units=3", "--draws", "8", "--json", "--out", str(out), "--seed", "4"]
    assert run(["diagnose", str(copy), *tokens, "--split", "test"]) == 0
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 1
    result = json.loads(captured.out, parse_constant=pytest.fail)
    assert result == json.loads(out.with_suffix(".json").read_text())
    assert (result["seed"], result["split"]) == (4, "test")
    assert out.exists()
    assert files(copy) == before


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ("--draws 1", "--draws of at least 8, got 1; try 1000"),
        ("--batch-size 0", "--batch-size of at least 1, got 0"),
        ("--seed -1", "--seed from 0"),
        ("--out plot.txt", "--out to end in .png, got plot.txt; try --out plot.png"),
        ("--estimators nvl", "did you mean 'nvil'?"),
        ("--estimators nvil nvil", "got nvil twice; try"),
        ("--estimators", "--estimators"),
        ("--split tst", "tst"),
    ],
)
def test_bad_options(trained, capsys, tokens, message):
    before = files(trained)
    assert message in fails(capsys, "diagnose", trained, *tokens.split())
    assert files(trained) == before


def test_specs():
    plain = parse_estimator("wake-sleep")
    assert (plain.name, plain.values["particles"]) == ("wake-sleep", 4)
    chosen = parse_estimator("nvil:particles=2,baseline-units=7,smoothing=0.5,local_signals=false").values
    assert (chosen["particles"], chosen["baseline_units"], chosen["smoothing"]) == (2, 7, 0.5)
    assert chosen["local_signals"] is False
    assert parse_estimator("vimco:replacement=arithmetic,local-signals=True").values["replacement"] == "arithmetic"
    assert parse_estimator("rws:sleep-phi=false").values["sleep_phi"] is False
    refined = parse_estimator("rws:particles=5,refine=air:steps=3,samples=5")
    assert (refined.values["particles"], refined.values["refine"]) == (5, "air:steps=3,samples=5")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "expected the name of an estimator"),
        ("vimc:particles=5", "got 'vimc' in 'vimc:particles=5'; did you mean 'vimco'?"),
        ("vimco:particls=5", "got 'particls' in 'vimco:particls=5'; did you mean 'particles'?"),
        ("vimco:smoothing=0.5", "expected one of the options .*particles.*replacement.*, got 'smoothing'"),
        ("vimco:vimco=3", "got 'vimco'"),
        ("vimco:estimator=nvil", "got 'estimator'"),
        ("vimco:particles", "expected a value for particles, got 'particles'.*; try particles=VALUE"),
        ("vimco:particles=", "expected a value for particles"),
        ("vimco:particles=2.5", "particles to be a whole number, got '2.5'; try 4"),
        ("vimco:particles=2,particles=3", "particles once, got it twice"),
        ("vimco:particles=1", "particles of at least 2, got 1"),
        ("vimco:local-signals=perhaps", "local-signals to be true or false, got 'perhaps'"),
        (
            "vimco:replacement=geometrical",
            "replacement to be one of geometric, arithmetic, got .*; did you mean 'geometric'",
        ),
        ("nvil:smoothing=much", "smoothing to be a finite number, got 'much'"),
        ("vimco:refine=air", "got 'refine' in 'vimco:refine=air'"),
    ],
)
def test_bad_specs(spec, message):
    with pytest.raises(OptionError, match=message):
        parse_estimator(spec)
