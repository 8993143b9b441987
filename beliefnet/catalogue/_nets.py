"""Ready-made nets by name, and how their options become what their functions take."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from beliefnet import nets
from beliefnet._docstrings import arguments_of
from beliefnet._errors import ArgumentError, OptionError
from beliefnet._net import BeliefNet
from beliefnet._options import Option
from beliefnet._types import Key
from beliefnet._values import AbstractValues, Choices, Several, Single, Truth, Whole
from beliefnet.catalogue._entries import Choice, Entry, entries
from beliefnet.catalogue._families import LATENTS, MIXED, VISIBLE, family
from beliefnet.data import Dataset, Record
from beliefnet.distributions import MixedFamily, bernoulli
from beliefnet.nets import Convolution, family_of, incomplete
from beliefnet.tables import Schema

ACTIVATIONS = {"softplus": jax.nn.softplus, "tanh": jnp.tanh, "relu": jax.nn.relu}


@dataclass(frozen=True)
class DataShape:
    """What a net takes from the data.

    Attributes:
        num_visible: Width of the observation.
        mean: Mean of the training data, `[num_visible]`, or None.
        image_shape: Height and width, if the data are images.
        schema: What the columns are taken for, if the data are a table.
        span: The least and the largest value of each unit of a table in the training rows, `[num_visible]` each.
    """

    num_visible: int
    mean: np.ndarray | None = None
    image_shape: tuple[int, int] | None = None
    schema: Schema | None = None
    span: tuple[np.ndarray, np.ndarray] | None = None

    @classmethod
    def of(cls, dataset: Dataset) -> "DataShape":
        """Return what a net takes from a data set."""
        shape = cls.like(dataset.record, np.asarray(dataset.train.average()))
        return shape if shape.schema is None else replace(shape, span=_span_of(dataset.train.means()))

    @classmethod
    def like(cls, record: Record, mean: np.ndarray | None = None) -> "DataShape":
        """Return what a net takes from data with a record: where the mean is not given, halves in its place."""
        mean = np.full(record.num_features, 0.5) if mean is None else mean
        span = None if record.schema is None else (mean, mean)
        return cls(record.num_features, mean, record.image_shape, record.schema, span)

    @property
    def mixed(self) -> MixedFamily:
        """The units of a table; bits, where it is only to be seen whether a net can be made."""
        return MixedFamily(((bernoulli, self.num_visible),)) if self.schema is None else family_of(self.schema)


def _span_of(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the largest value of each column `[columns]`, zeros of one without any."""
    known = ~np.isnan(rows)
    least, largest = rows.min(0, initial=np.inf, where=known), rows.max(0, initial=-np.inf, where=known)
    return np.where(known.any(axis=0), least, 0), np.where(known.any(axis=0), largest, 0)


@dataclass(frozen=True)
class _Adapted:
    """An argument of nets that is no plain value, and the option that it is made from.

    Attributes:
        name: Of the option.
        values: What the option can be.
        default: Where nothing is said.
        make: Makes the argument from the option's value, the choice and the data.
        text: What the option means; by default what is said of the argument.
    """

    name: str
    values: AbstractValues
    default: Any
    make: Callable[[Any, Choice, DataShape], Any]
    text: str = ""


def _of_family(known: Mapping[str, Entry], what: str) -> dict[str, Any]:
    """Return how one of the families is chosen."""
    values = Choices({name: entry.make for name, entry in known.items()})
    listed = ", ".join(f"{name} ({entry.summary.partition(';')[0].partition(',')[0]})" for name, entry in known.items())
    return {
        "values": values,
        "default": "bernoulli",
        "make": lambda name, choice, data: data.mixed if name == MIXED else family(name, known, choice.given),
        "text": f"{what}: {listed}.",
    }


def _convolution(channels: tuple[int, ...], choice: Choice, data: DataShape) -> Any:
    if not channels:
        return OMITTED
    given = " ".join(map(str, channels))
    if data.image_shape is None:
        raise OptionError(
            f"expected images for convolution {given}, got data without height and width",
            "bits or grey values in an array of shape [n, height, width], or leaving it out",
        )
    try:
        return Convolution(data.image_shape, channels)
    except ArgumentError as error:
        raise OptionError.of(error, about=f"convolution {given}") from None


def _mean(is_wanted: bool, choice: Choice, data: DataShape) -> Any:
    return data.mean if is_wanted else None


OMITTED = inspect.Parameter.empty
"""In the place of an argument that is left to the net."""

_FAMILIES = {"visible": VISIBLE, "latents": LATENTS}
"""Families by the option that chooses one; the options of them all are the net's, too."""
_ADAPTED: dict[str, _Adapted] = {
    **{
        name: _Adapted(name, **_of_family(known, f"{name.removesuffix('s').title()} units"))
        for name, known in _FAMILIES.items()
    },
    "activation": _Adapted("activation", Choices(ACTIVATIONS), "softplus", lambda name, *_: ACTIVATIONS[name]),
    "bottom": _Adapted(
        "convolution",
        Several(Whole()),
        (),
        _convolution,
        "Channels of convolutions between an image and the bottom latent layer, each halving height and width, such as "
        "32 64; the generative net has them the other way round. By default none.",
    ),
    "input_mean": _Adapted(
        "center_input", Truth(), True, _mean, "Let the recognition net see the data minus their mean."
    ),
    "visible_mean": _Adapted(
        "data_bias", Truth(), True, _mean, "Start the visible biases at the data's mean (bits: at its logits)."
    ),
}
FROM_DATA = frozenset({"levels", "document_length"})
"""Options that are taken from the data where nothing is said."""
NEEDS = {"activation": ("deterministic", "deterministic_recognition", "convolution")}
"""Options without effect where all of the others are empty."""


def _net(entry: Entry) -> Entry:
    """Give a net the options of what is adapted and of its families; its first argument is the width of the data."""
    width, *arguments = inspect.signature(entry.make).parameters
    texts = arguments_of(entry.make)
    plain = {option.argument: option for option in entry.options.values() if option.argument != width}
    options: dict[str, Option] = {}
    for argument in arguments:
        if argument in _ADAPTED:
            adapted = _ADAPTED[argument]
            text = adapted.text or texts.get(argument, "")
            options[adapted.name] = Option(adapted.name, adapted.values, adapted.default, text, argument)
            for member in _FAMILIES.get(adapted.name, {}).values():
                options |= {name: replace(own, argument="") for name, own in member.options.items()}
        elif argument in plain:
            options[plain[argument].name] = plain[argument]
    return replace(entry, options=options)


def _nets() -> dict[str, Entry]:
    """Return the nets; one that takes one number where others take several is given a list as well."""
    found = {name: _net(entry) for name, entry in entries(nets).items()}
    options = [option for entry in found.values() for option in entry.options.values()]
    lists = {option.name for option in options if type(option.values) is Several}
    for entry in found.values():
        for name in lists & entry.options.keys():
            own = entry.options[name]
            if type(own.values) is Whole:
                single = replace(own, values=Single(own.values), default=(own.default,))
                entry.options[name] = single  # pyright: ignore[reportIndexIssue]
    return found


NETS: dict[str, Entry] = _nets()


def build_net(choice: Choice, data: DataShape, *, key: Key) -> BeliefNet:
    """Make a net with its initial parameters.

    Args:
        choice: Which net, and its options.
        data: What it takes from the data.
        key: Random key for the weights.

    Raises:
        OptionError: If an option has a value that cannot be used, or does not fit the data.
    """
    arguments: dict[str, Any] = {"key": key} if "key" in inspect.signature(choice.entry.make).parameters else {}
    for name, option in choice.entry.options.items():
        if option.argument in _ADAPTED:
            arguments[option.argument] = _ADAPTED[option.argument].make(choice.values[name], choice, data)
        elif option.argument and name in choice.given:
            arguments[option.argument] = option.values.make(choice.given[name])
    arguments = {name: value for name, value in arguments.items() if value is not OMITTED}
    is_mixed = choice.values.get("visible") == MIXED
    try:
        net = choice.entry.make(data.mixed.num_variables if is_mixed else data.num_visible, **arguments)
        # Cells of a table may be missing, here or in rows to come.
        return incomplete(net, span=data.span) if is_mixed else net
    except ArgumentError as error:
        raise choice.blamed(error) from error


def used_values(choice: Choice) -> dict[str, Any]:
    """Return the values of all options but those of families that were not chosen."""
    values = choice.values
    own = {name: value for name, value in values.items() if choice.entry.options[name].argument}
    for name, known in _FAMILIES.items():
        if name in values:
            options = known[values[name]].options.values()
            own |= {option.name: choice.given.get(option.name, option.default) for option in options}
    return own


def idle_options(choice: Choice) -> list[str]:
    """Return the names of options that were given, and that have no effect with the others as they are."""
    values = used_values(choice)
    useless = {name for name, others in NEEDS.items() if not any(values.get(other) for other in others)}
    others = [name for name in choice.given if name not in values or name in useless]
    return [name for name in others if choice.given[name] != choice.entry.options[name].default]


def describe_net(choice: Choice, num_visible: int) -> str:
    """Return a net in a few words, such as `784-200 sigmoid belief net`."""
    values = used_values(choice)
    sizes = "-".join(map(str, [num_visible, *values.get("hidden", ())]))
    title = choice.entry.title or choice.name
    left_out = {"hidden", *idle_options(choice)}
    changed = [
        f"{name.replace('_', '-')} {choice.entry.options[name].values.write(value)}"
        for name, value in choice.given.items()
        if name not in left_out and value != choice.entry.options[name].default
    ]
    return ", ".join([f"{sizes} {title}", *changed])
