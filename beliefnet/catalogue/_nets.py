"""Ready-made nets by name, with their options."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from beliefnet._errors import OptionError, suggestion
from beliefnet._net import BeliefNet
from beliefnet._types import Key, ValueKind
from beliefnet.distributions import AbstractFamily, bernoulli, discretised_logistic, grey_normal, normal, poisson
from beliefnet.nets import (
    Convolution,
    categorical_belief_net,
    darn,
    document_net,
    fully_visible_net,
    nade,
    sigmoid_belief_net,
    vae,
)


@dataclass(frozen=True, kw_only=True)
class NetOptions:
    """Which net, and how large.

    Attributes:
        net: Kind of net: sbn (binary latents), fdarn (latents of a layer depend on each other), darn (and so do visible
            units), categorical (one-hot latents), vae (normal latents), document (word counts); or without latents,
            with an exact likelihood: fvsbn (fully visible sigmoid belief net) and nade (each visible unit depends on
            those before it through hidden units).
        hidden: Numbers of latent variables per layer, from the one next to the data upward; of a nade, its number of
            hidden units.
        deterministic: Widths of deterministic layers between stochastic ones, going up; by default none, and 500 in a
            vae.
        deterministic_recognition: Those of the recognition net, where it is to have others than the generative net.
        activation: Function of the deterministic layers.
        convolution: Channels of convolutions between an image and the bottom latent layer, each halving height and
            width, such as 32 64; the generative net has them the other way round. By default none.
        visible: Visible units of an sbn, fdarn, categorical or vae net: bernoulli for bits; for grey values logistic
            (discretised, a probability for each grey level) or normal (a density); poisson for counts.
        levels: Grey levels of logistic visible units; by default those of the data.
        categories: Categories of each variable of a categorical net.
        autoregressive_recognition: Let the units of a recognition layer depend on each other, too, in a darn or fdarn.
        nade_units: Let the units of a layer of a darn or fdarn depend on each other through so many hidden units (NADE
            layers), not linearly.
        latents: Latents of a document net: binary or normal.
        document_length: Mean number of words of documents that are drawn from a document net; by default that of the
            training data.
        signs: Let the layers of binary nets see the binary latents that feed them as -1 and 1, not as 0 and 1; deep
            nets gain most.
        latent_mean: Probability of binary latents at the start; wake-sleep is faster with a small one, such as 0.0025.
        center_input: Let the recognition net see the data minus its mean.
        data_bias: Start the visible biases at the data's mean (bits: at its logits).
    """

    net: str = "sbn"
    hidden: tuple[int, ...] = (200,)
    deterministic: tuple[int, ...] | None = None
    deterministic_recognition: tuple[int, ...] | None = None
    activation: Literal["softplus", "tanh", "relu"] = "softplus"
    convolution: tuple[int, ...] = ()
    visible: Literal["bernoulli", "logistic", "normal", "poisson"] = "bernoulli"
    levels: int | None = None
    categories: int = 10
    autoregressive_recognition: bool = False
    nade_units: int | None = None
    latents: Literal["binary", "normal"] = "binary"
    document_length: float | None = None
    signs: bool = True
    latent_mean: float = 0.5
    center_input: bool = True
    data_bias: bool = True

    @property
    def _widths(self) -> tuple[int, ...]:
        return NETS[self.net].deterministic if self.deterministic is None else self.deterministic

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the convolutions of the chosen net; none where it does not have any."""
        return () if "convolution" in NETS[self.net].ignored else self.convolution

    @property
    def _has_activations(self) -> bool:
        return bool(self._widths or self.deterministic_recognition or self.channels)

    def check_net(self) -> None:
        """Check that there is such a net, and that its sizes can be.

        Raises:
            OptionError: If not.
        """
        for name, known in (("net", NETS), ("activation", _ACTIVATIONS), ("latents", _LATENTS), ("visible", _VISIBLE)):
            given = getattr(self, name)
            if given not in known:
                raise OptionError(
                    f"expected {name} to be one of {', '.join(known)}, got {given!r}" + suggestion(given, known)
                )
        if not self.hidden or any(size < 1 for size in self.hidden):
            raise OptionError(
                f"expected hidden to be one positive layer size or more, got "
                f"{' '.join(map(str, self.hidden)) or 'none'}; try --hidden 200 200"
            )
        for name in ("deterministic", "deterministic_recognition"):
            if any(size < 1 for size in getattr(self, name) or ()):
                option, given = name.replace("_", "-"), " ".join(map(str, getattr(self, name)))
                raise OptionError(f"expected {option} to be positive sizes, got {given}; try --{option} 200")
        if any(not 1 <= count <= _MOST_CHANNELS for count in self.convolution):
            given = " ".join(map(str, self.convolution))
            raise OptionError(
                f"expected convolution to be numbers of channels from 1 to {_MOST_CHANNELS}, got {given}; try "
                "--convolution 32 64"
            )
        if not 0 < self.latent_mean < 1:
            raise OptionError(f"expected latent-mean between 0 and 1, got {self.latent_mean}; try 0.5")
        if self.visible != "bernoulli" and not NETS[self.net].takes_visible:
            nets = ", ".join(name for name, kind in NETS.items() if kind.takes_visible)
            raise OptionError(
                f"expected a net that takes --visible {self.visible} ({nets}), got {self.net}; try --net vae, or "
                "leaving --visible out"
            )
        if self.levels is not None and self.levels < 2:
            raise OptionError(f"expected levels of at least 2, got {self.levels}; try leaving it out")
        if self.net == "nade" and len(self.hidden) > 1:
            raise OptionError(
                f"expected hidden to be one number of hidden units for a nade, got {' '.join(map(str, self.hidden))}; "
                "try --hidden 500, or layers of latents with --net darn --nade-units 100"
            )
        if self.nade_units is not None and self.nade_units < 1:
            raise OptionError(f"expected nade-units of at least 1, got {self.nade_units}; try 100")
        if self.document_length is not None and not 0 < self.document_length < math.inf:
            raise OptionError(
                f"expected document-length of a positive number of words, got {self.document_length}; try leaving it "
                "out"
            )
        if self.net == "categorical" and self.categories < 2:
            raise OptionError(f"expected categories of at least 2, got {self.categories}; try 10")

    def unused_by_net(self) -> list[str]:
        """Return the names of options that were set and that the chosen net does not have."""
        own = {option for kind in NETS.values() for option in kind.options} - set(NETS[self.net].options)
        idle = sorted(own | NETS[self.net].ignored) + ([] if self._has_activations else ["activation"])
        idle += [] if self.visible == "logistic" else ["levels"]
        return [name for name in idle if getattr(self, name) != getattr(type(self), name)]

    @property
    def values(self) -> ValueKind:
        """What the chosen net is a model of."""
        kind = NETS[self.net]
        return _VISIBLE[self.visible].values if kind.takes_visible else kind.values

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of hidden variables per layer of the chosen net; none of a fully visible one."""
        return () if "hidden" in NETS[self.net].ignored else self.hidden

    def describe(self, num_visible: int) -> str:
        """Return the net in a few words, such as `784-200 sigmoid belief net`."""
        times = f"x{self.categories}" if self.net == "categorical" else ""
        sizes = "-".join([str(num_visible), *(f"{size}{times}" for size in self.sizes)])
        if not NETS[self.net].has_latents:
            return f"{sizes} {NETS[self.net].title}"
        channels = f", convolutions of {'-'.join(map(str, self.channels))} channels" if self.channels else ""
        between = f", {'-'.join(map(str, self._widths))} {self.activation} units between" if self._widths else ""
        upward = "-".join(map(str, self.deterministic_recognition or ())) or "no"
        others = "" if self.deterministic_recognition is None else f", {upward} units between in the recognition net"
        grey = f" of {self.levels} levels" if self.levels is not None and self.visible == "logistic" else ""
        visible = f", {self.visible} visible units{grey}" if self.visible != "bernoulli" else ""
        return f"{sizes} {NETS[self.net].title}{channels}{between}{others}{visible}"

    def build_net(self, data_mean: np.ndarray, image_shape: tuple[int, int] | None, *, key: Key) -> BeliefNet:
        """Make the net with its initial parameters.

        Args:
            data_mean: Mean of the training data, `[visible]`; its length is the width of the observation.
            image_shape: Height and width, if the data are images.
            key: Random key for the weights.

        Raises:
            OptionError: If there are to be convolutions of what is no image, or a smaller one.
        """
        mean = jnp.asarray(data_mean, jnp.float32)
        settings: dict[str, Any] = {
            "key": key,
            "deterministic": self._widths,
            "deterministic_recognition": self.deterministic_recognition,
            "activation": _ACTIVATIONS[self.activation],
            "input_mean": mean if self.center_input else None,
            "visible_mean": mean if self.data_bias else None,
        }
        kind = NETS[self.net]
        settings |= {argument: getattr(self, option) for option, argument in kind.options.items()}
        if self.channels:
            settings["bottom"] = _convolution(image_shape, self.channels)
        if kind.takes_visible:
            settings["visible"] = _VISIBLE[self.visible].make(self.levels)
        if not kind.has_latents:
            return kind.make(len(data_mean), self.hidden[0], settings["key"], settings["visible_mean"])
        return kind.make(len(data_mean), self.hidden, **settings)


@dataclass(frozen=True)
class NetKind:
    """A ready-made net.

    Attributes:
        make: Makes it.
        title: What to call it.
        estimator: Name of the estimator that it is trained with by default.
        deterministic: Widths of its deterministic layers by default.
        options: Options that not every net has, and the arguments that take them.
        has_latents: Whether it has latents; if not, it is made of its width, `hidden`, a key and the visible mean.
        ignored: Options that other nets share and that it does not have.
        values: What it is a model of, if visible units cannot be chosen.
        takes_visible: Whether they can.
    """

    make: Callable[..., BeliefNet]
    title: str
    estimator: str
    deterministic: tuple[int, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    has_latents: bool = True
    ignored: frozenset[str] = frozenset()
    values: ValueKind = "binary"
    takes_visible: bool = False


@dataclass(frozen=True)
class VisibleKind:
    """Visible units that nets can be given.

    Attributes:
        make: Makes their family; its argument is a number of grey levels, or None for the default.
        values: What they are a model of.
    """

    make: Callable[[int | None], AbstractFamily]
    values: ValueKind


def _document_net(num_words: int, hidden: tuple[int, ...], *, latents: str, length: float | None, **settings: Any):
    if length is None:
        return document_net(num_words, hidden, latents=_LATENTS[latents], **settings)
    return document_net(num_words, hidden, latents=_LATENTS[latents], length=length, **settings)


def _convolution(image_shape: tuple[int, int] | None, channels: tuple[int, ...]) -> Convolution:
    if image_shape is None:
        raise OptionError(
            f"expected images for convolution {' '.join(map(str, channels))}, got data without height and width; try "
            "bits or grey values in an array of shape [n, height, width], or leaving it out"
        )
    try:
        return Convolution(image_shape, channels)
    except ValueError as error:
        raise OptionError(f"convolution cannot be used: {error}") from None


_MOST_CHANNELS = 4096
_BINARY = {"signs": "signs", "latent_mean": "latent_mean"}
_CONNECTED = _BINARY | {"autoregressive_recognition": "autoregressive_recognition", "nade_units": "nade_units"}
_OF_LATENTS = frozenset({"deterministic", "deterministic_recognition", "center_input", "convolution"})

NETS = {
    "sbn": NetKind(sigmoid_belief_net, "sigmoid belief net", "nvil", options=_BINARY, takes_visible=True),
    "fdarn": NetKind(
        partial(darn, autoregressive_visible=False), "fDARN", "nvil", options=_CONNECTED, takes_visible=True
    ),
    "darn": NetKind(darn, "deep autoregressive network", "nvil", options=_CONNECTED),
    "categorical": NetKind(
        categorical_belief_net,
        "categorical belief net",
        "nvil",
        options={"categories": "num_categories"},
        takes_visible=True,
    ),
    "vae": NetKind(vae, "variational autoencoder", "sgvb", (500,), takes_visible=True),
    "document": NetKind(
        _document_net,
        "document net",
        "nvil",
        options=_BINARY | {"latents": "latents", "document_length": "length"},
        ignored=frozenset({"convolution"}),
        values="counts",
    ),
    "fvsbn": NetKind(
        lambda num_visible, hidden, key, mean: fully_visible_net(num_visible, visible_mean=mean),
        "fully visible sigmoid belief net",
        "likelihood",
        has_latents=False,
        ignored=_OF_LATENTS | {"hidden"},
    ),
    "nade": NetKind(
        lambda num_visible, hidden, key, mean: nade(num_visible, hidden, key=key, visible_mean=mean),
        "neural autoregressive distribution estimator",
        "likelihood",
        has_latents=False,
        ignored=_OF_LATENTS,
    ),
}

_VISIBLE = {
    "bernoulli": VisibleKind(lambda _: bernoulli, "binary"),
    "logistic": VisibleKind(lambda levels: discretised_logistic(levels or 256), "grey"),
    "normal": VisibleKind(lambda _: grey_normal, "grey"),
    "poisson": VisibleKind(lambda _: poisson, "counts"),
}
_LATENTS = {"binary": bernoulli, "normal": normal}
_ACTIVATIONS = {"softplus": jax.nn.softplus, "tanh": jnp.tanh, "relu": jax.nn.relu}
