"""The networks between the data and the bottom latent layer: dense, convolutional, or the user's own."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jax import Array

from beliefnet._errors import ArgumentError
from beliefnet._streams import split_key
from beliefnet._types import Key
from beliefnet.conditionals import (
    MLP,
    AbstractNetwork,
    Convolutions,
    Dense,
    EquinoxNetwork,
    Marked,
    Stacked,
    TransposedConvolutions,
)
from beliefnet.distributions import AbstractFamily
from beliefnet.nets._widths import widths

Activation = Callable[[Array], Array]


class AbstractBottom(ABC):
    """Makes the two networks between the data and the bottom latent layer of a ready-made net."""

    @abstractmethod
    def encoder(self, sizes: Sequence[int], activation: Activation, *, key: Key) -> AbstractNetwork:
        """Return the network from the data to the parameters of the latent layer.

        Args:
            sizes: Number of visible units, widths of deterministic layers, number of parameters.
            activation: Function of the deterministic layers.
            key: Random key for the weights.
        """

    @abstractmethod
    def decoder(self, sizes: Sequence[int], activation: Activation, *, key: Key) -> AbstractNetwork:
        """Return the network from the latent layer to the parameters of the visible units, as `encoder`."""

    def check(self, visible: AbstractFamily) -> None:
        """Check that the networks suit a family of visible units: they do, if nothing else is said.

        Raises:
            ValueError: If they do not.
        """
        del visible


def dense_network(sizes: Sequence[int], activation: Activation, *, key: Key) -> Dense | MLP:
    """Return an affine map, or several with an activation between them."""
    if len(sizes) == 2:
        return Dense(*sizes, key=key)
    return MLP(tuple(sizes), activation, key=key)


class _DenseLayers(AbstractBottom):
    """Dense networks, as between the other layers."""

    def encoder(self, sizes: Sequence[int], activation: Activation, *, key: Key) -> AbstractNetwork:
        """Return a dense network."""
        return dense_network(sizes, activation, key=key)

    def decoder(self, sizes: Sequence[int], activation: Activation, *, key: Key) -> AbstractNetwork:
        """Return a dense network."""
        return dense_network(sizes, activation, key=key)


class _MarkedLayers(AbstractBottom):
    """Dense networks, of which the encoder is told which entries are missing."""

    def encoder(self, sizes: Sequence[int], activation: Activation, *, key: Key) -> AbstractNetwork:
        """Return a dense network whose first map is marked."""
        match dense_network(sizes, activation, key=key):
            case Dense() as dense:
                return Marked(dense)
            case MLP() as network:
                return network.with_part(0, Marked(network.layers[0]))

    def decoder(self, sizes: Sequence[int], activation: Activation, *, key: Key) -> AbstractNetwork:
        """Return a dense network."""
        return dense_network(sizes, activation, key=key)


DENSE_LAYERS = _DenseLayers()
MARKED_LAYERS = _MarkedLayers()


@dataclass(frozen=True)
class Convolution(AbstractBottom):
    """Convolutions of images: each layer of the encoder halves height and width, each of the decoder doubles them.

    Kernels are 4 by 4 with a stride of 2, those of the decoder transposed. Dense maps, with the deterministic layers if
    there are any, connect the smallest image and the latents.

    Args:
        image_shape: Height and width.
        channels: Numbers of channels of the encoder's layers, for example `(32, 64)`; the decoder has them the other
            way round.

    Raises:
        ValueError: If a number of channels is not positive, or the image is too small to be halved so often.

    Reference:
        Radford, Metz & Chintala 2016, *Unsupervised representation learning with deep convolutional generative
        adversarial networks*, for the shape of the decoder.

    Examples:
        >>> import jax
        >>> from beliefnet.nets import vae
        >>> vae(64, (10,), bottom=Convolution((8, 8), (4, 8)), key=jax.random.key(0)).layer_sizes
        (10,)
    """

    image_shape: tuple[int, int]
    channels: tuple[int, ...]

    def __post_init__(self):
        widths("channels", self.channels, good="(32, 64)")
        if not self.channels or any(count < 1 for count in self.channels):
            raise ArgumentError(
                f"expected positive numbers of channels, got {' '.join(map(str, self.channels)) or 'none'}", "32 64"
            )
        most = (min(self.image_shape) - 1).bit_length()
        if len(self.channels) > most:
            raise ArgumentError(
                f"expected at most {most} convolutions, each halving the {self.image_shape[0]} x "
                f"{self.image_shape[1]} image, got {len(self.channels)}",
                "fewer",
            )

    def encoder(self, sizes: Sequence[int], activation: Activation, *, key: Key) -> AbstractNetwork:
        """Return convolutions, then a dense network."""
        num_visible, *rest = sizes
        image_key, dense_key = split_key(key)
        image = Convolutions(self.image_shape, self._depths(num_visible), activation, key=image_key)
        return Stacked((image, dense_network((image.num_outputs, *rest), activation, key=dense_key)))

    def decoder(self, sizes: Sequence[int], activation: Activation, *, key: Key) -> AbstractNetwork:
        """Return a dense network, then transposed convolutions; a bias per pixel is to be added."""
        *rest, num_visible = sizes
        image_key, dense_key = split_key(key)
        image = TransposedConvolutions(self.image_shape, self._depths(num_visible), activation, key=image_key)
        return Stacked((dense_network((*rest, image.num_inputs), activation, key=dense_key), image))

    def check(self, visible: AbstractFamily) -> None:
        """Check that the visible units are one per pixel.

        Raises:
            ValueError: If they are several.
        """
        if visible.units_per_variable > 1:
            raise ArgumentError(
                f"expected visible units of one value per pixel for convolutions, got {visible.name} ones",
                "discretised_logistic, or dense networks",
            )

    def _depths(self, num_values: int) -> tuple[int, ...]:
        """Return the numbers of channels from the data up: of the data, how many values each pixel has."""
        height, width = self.image_shape
        if num_values % (height * width):
            raise ArgumentError(
                f"expected images of {height} x {width} pixels, got {num_values} values", "the data's image_shape"
            )
        return num_values // (height * width), *self.channels


@dataclass(frozen=True)
class OwnNetworks(AbstractBottom):
    """The user's own networks; deterministic layers of the ready-made net then go between the other layers only.

    Args:
        up: From the data to the parameters of the bottom latent layer, all of a unit's first parameters first: for
            normal units their means, then their scales before a softplus. An `AbstractNetwork`, or an Equinox module
            that maps a vector; one that maps an image is wrapped by `conditionals.EquinoxNetwork`.
        down: From the latent layer to the parameters of the visible units, logits for binary ones; biases are added, by
            which the result for an input of zeros starts where the data's mean is.

    Examples:
        >>> import equinox as eqx, jax
        >>> from beliefnet.nets import vae
        >>> up_key, down_key, key = jax.random.split(jax.random.key(0), 3)
        >>> up = eqx.nn.MLP(64, 2 * 10, width_size=50, depth=1, key=up_key)
        >>> down = eqx.nn.MLP(10, 64, width_size=50, depth=1, key=down_key)
        >>> vae(64, (10,), bottom=OwnNetworks(up, down), key=key).layer_sizes
        (10,)
    """

    up: Callable[..., Array]
    down: Callable[..., Array]

    def encoder(self, sizes: Sequence[int], activation: Activation, *, key: Key) -> AbstractNetwork:
        """Return the user's network."""
        return _checked("up", self.up, sizes[0], sizes[-1])

    def decoder(self, sizes: Sequence[int], activation: Activation, *, key: Key) -> AbstractNetwork:
        """Return the user's network."""
        return _checked("down", self.down, sizes[0], sizes[-1])


def _checked(name: str, module: Callable[..., Array], num_inputs: int, num_outputs: int) -> AbstractNetwork:
    network = module if isinstance(module, AbstractNetwork) else EquinoxNetwork(module, num_inputs)
    if (network.num_inputs, network.num_outputs) != (num_inputs, num_outputs):
        raise ArgumentError(
            f"expected {name} to be a network of {num_inputs} inputs and {num_outputs} outputs, as many as the layer "
            f"has parameters, got one of {network.num_inputs} and {network.num_outputs}",
            "those sizes",
        )
    return network
