"""Hints that name options of data, for the commands that have no flags for these."""

import re
from collections.abc import Mapping

FLAGS: Mapping[str, frozenset[str]] = {"compare": frozenset({"binarization"})}
"""The options of data that commands other than `train` have as flags."""

_INSTEAD: Mapping[str, str] = {
    "array": "numpy.save, to write one array alone",
    "binarization": "x >= 0.5, written as zeros and ones",
    "columns": "rows of numbers, as the net was trained on",
    "decimal": "writing the file with decimal points",
    "drop": "leaving the column {value} out of the file",
    "encoding": "saving it as UTF-8",
    "name_column": "writing the names of the rows first on each line",
    "text_column": "",
    "transpose": "writing the array transposed",
}
"""What works in the place of an option; nothing where no rows of the command are of this kind."""

_RUNS = {
    "binary": "the run of a net over bits",
    "counts": "the run of a net over counts (beliefnet train --visible poisson)",
    "grey": "the run of a net over grey values (beliefnet train --visible logistic)",
}
_MODELS = {
    "binary": "--models mixture",
    "counts": "--models lda",
    "grey": "dividing by the largest value, and --binarization threshold",
}
_OTHERWISE = "numpy.save, or scipy.sparse.save_npz, to write the rows in a file that needs no options"

_NAMES = (*_INSTEAD, "values", "levels", "delimiter", "first_column", "item_separator", "split_column")
_ARGUMENT = re.compile(rf"\b({'|'.join(_NAMES)})=('[^']*'|\"[^\"]*\"|True|\d+|\.\.\.)")
_OF_TRAIN = re.compile(r"(?<!train )--(?=visible |net )")


def for_command(sentence: str, command: str) -> str:
    """Return what is said of an error or in a warning with hints that work for a command.

    Args:
        sentence: What is said; its hints, after "; try ", may be options of data as Python spells them.
        command: The name of the command.
    """
    said, mark, rest = sentence.partition("; try ")
    hint, end, more = rest.partition("; ")
    if command == "train" or not (_ARGUMENT.search(hint) or _OF_TRAIN.search(hint)):
        return sentence
    hints = filter(None, dict.fromkeys(_working(one, command) for one in hint.split(", or ")))
    return f"{said}{mark}{', or '.join(hints) or _OTHERWISE}{end}{more}"


def _working(hint: str, command: str) -> str:
    """Return one hint in the words of a command; nothing if it has no meaning there."""
    found = _ARGUMENT.search(hint)
    if found is None:
        return _OF_TRAIN.sub("beliefnet train --", hint)
    name, value = found[1], found[2]
    if name in FLAGS.get(command, ()):
        return f"--{name} {value.strip(chr(39))}{hint[found.end() :].replace(chr(39), '')}"
    _, condition, reason = hint[found.end() :].partition(" if ")
    if name == "values":
        kinds = _MODELS if command == "compare" else _RUNS
        return kinds.get(value.strip("'"), _OTHERWISE) + condition + reason
    instead = _INSTEAD.get(name, _OTHERWISE).format(value=value)
    return instead and instead + condition + reason
