"""The visible units of a table of mixed columns."""

from beliefnet.distributions import (
    AbstractFamily,
    MixedFamily,
    bernoulli,
    categorical,
    discretised_logistic,
    normal,
    poisson,
)
from beliefnet.tables import Part, Schema


def family_of(schema: Schema) -> MixedFamily:
    """Return the units of a table, in the order in which its schema encodes rows.

    Binary columns become Bernoulli units, categories one-hot units, levels a logistic distribution cut into bins,
    counts Poisson units, numbers and dates normal units, which see them standardised.

    Args:
        schema: What each column is taken for.

    Examples:
        >>> from beliefnet.tables import infer_schema
        >>> schema = infer_schema({"smokes": ["no", "yes", "no", "no"], "height": [1.7, 1.8, 1.65, 1.75]})
        >>> [(family.name, size) for family, size in family_of(schema).parts]
        [('bernoulli', 1), ('normal', 1)]
    """
    return MixedFamily(tuple((_family(part), len(part.columns)) for part in schema.parts))


def _family(part: Part) -> AbstractFamily:
    match part.kind:
        case "category":
            return categorical(part.size)
        case "levels":
            return discretised_logistic(part.size)
        case "count":
            return poisson
        case "number" | "date":
            return normal
    return bernoulli
