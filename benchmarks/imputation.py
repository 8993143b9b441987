"""Missing cells of mixed tables: beliefnet against scikit-learn's SimpleImputer and IterativeImputer.

A fifth of the cells of each table is hidden at random; every imputer is fitted on what is left, and fills in what was
hidden. Errors: of binary and categorical columns the share of wrong values, of others the root-mean-square error in
standard deviations of the column; the mean over columns, and the time, over some seeds. IterativeImputer sees
categories one-hot, as its users do, and takes the largest.

    python benchmarks/imputation.py TABLE.csv [...] --seeds 3 --json FILE
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, SimpleImputer

import beliefnet
from beliefnet.tables import Schema, cell_errors, frame_of, infer_schema, missing

_HIDDEN = 0.2


def hide(table: pd.DataFrame, schema: Schema, seed: int) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Return a table with a fifth of the cells hidden, and which these are."""
    rng = np.random.default_rng(seed)
    frame, kept, hidden = frame_of(table), table.copy(), {}
    for name in schema.places:
        hidden[name] = (rng.random(len(table)) < _HIDDEN) & ~missing(frame.columns[name])
        kept[name] = kept[name].mask(hidden[name])
    return kept, hidden


def with_sklearn(make: Callable[[Schema], Any]) -> Callable[[pd.DataFrame, Schema], dict[str, np.ndarray]]:
    """Return an imputer of one-hot units, decoded."""

    def fill(table: pd.DataFrame, schema: Schema) -> dict[str, np.ndarray]:
        units = schema.encode(frame_of(table)).astype(np.float64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return schema.decode(make(schema).fit_transform(units))

    return fill


def with_beliefnet(**options: Any) -> Callable[[pd.DataFrame, Schema], dict[str, np.ndarray]]:
    """Return the imputer of `beliefnet.fit`, which leaves no rows for testing: the table itself is to be filled in."""

    def fill(table: pd.DataFrame, schema: Schema) -> dict[str, np.ndarray]:
        model = beliefnet.fit(table, **options)
        return dict(frame_of(model.impute(table)).columns)

    return fill


IMPUTERS: dict[str, Callable[[pd.DataFrame, Schema], dict[str, np.ndarray]]] = {
    "SimpleImputer (mean, mode)": with_sklearn(lambda _: SimpleImputer()),
    "IterativeImputer": with_sklearn(lambda _: IterativeImputer(random_state=0)),
    "beliefnet": with_beliefnet(test_fraction=0),
}


def measure(path: Path, seeds: int, imputers: dict[str, Any]) -> dict[str, Any]:
    """Return the errors of all imputers on a table, for each seed and column."""
    table = pd.read_csv(path)
    unnamed = [name for name in table.columns if str(name).startswith("Unnamed") or name == "rownames"]
    table = table.drop(columns=unnamed)
    schema = infer_schema(table)
    table = table[list(schema.places)]
    found: dict[str, Any] = {"rows": len(table), "columns": {c.name: c.kind for c in schema.modelled}, "imputers": {}}
    for name, fill in imputers.items():
        runs = []
        for seed in range(seeds):
            kept, hidden = hide(table, schema, seed)
            start = time.perf_counter()
            values = fill(kept, schema)
            seconds = time.perf_counter() - start
            errors = cell_errors(schema, frame_of(table), values, hidden)
            runs.append({"seconds": seconds, "errors": {column: error.error for column, error in errors.items()}})
        means = [np.mean(list(run["errors"].values())) for run in runs]
        found["imputers"][name] = {"error": float(np.mean(means)), "spread": float(np.std(means)), "runs": runs}
        print(f"{path.stem:14} {name:28} {np.mean(means):.4f}  {np.mean([run['seconds'] for run in runs]):6.1f} s")
    return found


def main() -> None:
    """Measure, show and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found = {path.stem: measure(path, args.seeds, IMPUTERS) for path in args.tables}
    if args.json is not None:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps({"hidden": _HIDDEN, "seeds": args.seeds, "tables": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
