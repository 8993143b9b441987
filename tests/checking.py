"""The runtime type checker of the tests: beartype, an int being a float as Python's typing rules say."""

from beartype import BeartypeConf, beartype

typechecker = beartype(conf=BeartypeConf(is_pep484_tower=True))

CHECKED = (
    "_chain",
    "_net",
    "_numerics",
    "_uses",
    "baselines",
    "conditionals",
    "data",
    "distributions",
    "estimators",
    "evaluation",
    "native",
    "nets",
    "numpyro",
    "plots",
    "runs",
    "training",
)
"""Families whose signatures are checked; in the others, leading axes broadcast in ways that jaxtyping cannot say."""
