"""What is said of the package in several places agrees."""

import re
import tomllib

from pages import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_version_is_one():
    said = f"{PROJECT['version']}"
    assert re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)[1] == said  # pyright: ignore
    assert f'version: "{said}"' in (ROOT / "packaging/conda/recipe.yaml").read_text()
    assert f"## {said}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_recipe_asks_for_what_the_package_does():
    text = (ROOT / "packaging/conda/recipe.yaml").read_text()
    asked = re.findall(r"^    - (\S+) (>=\S+)$", text.partition("  run:\n")[2].partition("tests:")[0], re.MULTILINE)
    found = {f"{name.removesuffix('-base')}{version}" for name, version in asked}
    assert found == {*PROJECT["dependencies"], f"python{PROJECT['requires-python']}"}


def test_the_workflow_runs_the_same_checks():
    workflow = (ROOT / ".github/workflows/check.yml").read_text()
    assert "- run: .ci/run\n" in workflow
    for version in re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"])):
        assert f'"{version}"' in workflow
