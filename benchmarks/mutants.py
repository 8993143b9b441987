"""Mutation testing: break the code in one place, and see which test says so.

    python benchmarks/mutants.py [--only WORD] [--markdown FILE] [--list]

Each mutant is one line of the package changed, in a copy of the tree. The tests named with it are run; a mutant that
they let pass has survived, and the status is then 1. All of them take some minutes on one core. `docs/testing.md` has
the table that `--markdown` writes.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from _mutant import Mutant
from _mutants_of_estimators import OF_ESTIMATORS
from _mutants_of_native import OF_NATIVE
from _mutants_of_numpyro import OF_NUMPYRO
from _mutants_of_rules import OF_RULES
from _mutants_of_runs import OF_RUNS

ROOT = Path(__file__).parents[1]
MUTANTS = [*OF_RULES, *OF_ESTIMATORS, *OF_NUMPYRO, *OF_RUNS, *OF_NATIVE]


def run(mutant: Mutant, tree: Path, environment: dict[str, str]) -> str | None:
    """Apply a mutant in a copy of the tree, run its tests, and return the first that failed, None if none did."""
    path = tree / "beliefnet" / mutant.file
    source = path.read_text(encoding="utf-8")
    if source.count(mutant.old) != 1:
        raise ValueError(f"expected {mutant.old!r} once in {mutant.file}, got it {source.count(mutant.old)} times")
    path.write_text(source.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "--full",
            "-n",
            "0",
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            *mutant.tests,
        ]
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    finally:
        path.write_text(source, encoding="utf-8")
    if done.returncode == 0:
        return None
    found = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    if found is None:
        said = f"{done.stdout[-2000:]}{done.stderr}"
        raise RuntimeError(f"expected tests to pass or fail for {mutant.what!r}, got {said}")
    return found[1]


def copied_tree(folder: Path) -> Path:
    """Copy what is under version control."""
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def main() -> int:
    """Run the mutants, print what caught each, and count those that survived."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="WORD", help="mutants whose file or description has this in it")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table here")
    parser.add_argument("--list", action="store_true", help="say which there are, and run nothing")
    options = parser.parse_args()
    chosen = [m for m in MUTANTS if not options.only or options.only in m.what or options.only in m.file]
    rows, survived = [], 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = copied_tree(Path(folder))
        environment = {**os.environ, "PYTHONPATH": str(tree)}
        for mutant in chosen:
            caught = "-" if options.list else run(mutant, tree, environment)
            survived += caught is None
            print(f"{mutant.file}: {mutant.what}: {caught or 'SURVIVED'}", flush=True)
            test = "**none**" if caught is None else f"`{caught.split('::')[-1]}`"
            rows.append(f"| `{mutant.file}` | {mutant.what} | {test} |")
    if options.markdown:
        options.markdown.write_text("\n".join(["| file | mutant | caught by |", "|---|---|---|", *rows]) + "\n")
    print(f"{len(chosen)} mutants, {survived} survived")
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main())
