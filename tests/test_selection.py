"""Long tests run only when they are asked for, and the end of a run says so."""

from pathlib import Path

import pytest

TESTS = """
    import pytest

    def test_quick():
        pass

    @pytest.mark.full(but=["3"])
    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_long(number):
        pass
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); from selection import *")
    pytester.makepyfile(TESTS)
    return pytester


@pytest.mark.parametrize("workers", ["0", "2"])
def test_long_tests_are_left_out(suite: pytest.Pytester, workers: str):
    result = suite.runpytest_inprocess("-n", workers)
    assert result.parseoutcomes()["passed"] == 2
    result.stdout.fnmatch_lines(["2 long tests were left out; run them, too, with: pytest --full"])


@pytest.mark.parametrize(("options", "passed"), [(["--full"], 4), (["--full", "-m", "full"], 2)])
def test_long_tests_run_when_asked_for(suite: pytest.Pytester, options: list[str], passed: int):
    result = suite.runpytest_inprocess("-n", "0", *options)
    assert result.parseoutcomes()["passed"] == passed
    result.stdout.no_fnmatch_line("*left out*")


@pytest.mark.parametrize(("options", "is_refused"), [([], True), (["-k", "quick"], True), (["::test_long[2]"], False)])
def test_a_misspelt_name_is_refused(suite: pytest.Pytester, options: list[str], is_refused: bool):
    suite.makepyfile(test_misspelt=TESTS.replace('"3"', '"three"'))
    places = ["test_misspelt.py" + "".join(word for word in options if "::" in word)]
    result = suite.runpytest_inprocess("-n", "0", *places, *(word for word in options if "::" not in word))
    message = "*expected `but` of test_misspelt.py::test_long to name its parameters, got 'three'; try '1', '2', '3'"
    if is_refused:
        result.stderr.fnmatch_lines([message])
        assert result.ret == pytest.ExitCode.USAGE_ERROR
    else:
        result.stderr.no_fnmatch_line("*expected `but`*")
