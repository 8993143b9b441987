"""What a trained net is used for: codes of data, means of what it draws, and of what it has seen."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from beliefnet._errors import ArgumentError, check_axes, check_type
from beliefnet._net import BeliefNet, check_net
from beliefnet._numerics import broadcasting
from beliefnet._streams import check_key
from beliefnet._types import Key, Values
from beliefnet.data import Observations
from beliefnet.evaluation import DataLike, encode, observe
from beliefnet.samplers import Plain

__all__ = ["decode", "encode", "reconstruct", "sample_means", "to_numpy", "traverse"]

_ROWS = 1000


@broadcasting
def decode(net: BeliefNet, latents: Values) -> Float[Array, "*lead outputs"]:
    """Return the mean of the observation given the bottom latent layer; of a conditional net, that of the outputs.

    Of an autoregressive layer it is a guess: means in the place of draws are fed to later units.

    Args:
        net: The net.
        latents: Values of the latent layers, `[*lead, units]`, bottom first, of which the first counts.

    Raises:
        TypeError: If the layers are no tuple or list.
        ValueError: If the first is of another width.
    """
    check_net(net)
    check_type("latents", latents, tuple, list, good="(h1,), the bottom layer in a tuple")
    if not latents or jnp.shape(latents[0])[-1:] != net.layer_sizes[:1]:
        found = list(jnp.shape(latents[0])) if latents else "none"
        raise ArgumentError(
            f"expected a bottom latent layer of shape [..., {net.layer_sizes[0]}], got {found}", "beliefnet.encode"
        )
    return net.generative.conditionals[-1].mean_given(jnp.asarray(latents[0], float))


@broadcasting
def sample_means(
    net: BeliefNet, shape: tuple[int, ...], *, key: Key, condition: Float[Array, "batch condition"] | None = None
) -> Float[Array, "*lead visible"]:
    """Draw from the generative chain and return the mean of the observation given the latents that were drawn.

    Of an autoregressive observation it is the mean of each unit given those that were drawn before it.

    Args:
        net: The net.
        shape: Leading axes of the draws; in a conditional net the axis of the conditions follows.
        key: Random key.
        condition: What a conditional net is given, `[batch, condition]`.

    Raises:
        TypeError: If the shape is no tuple.
        ValueError: If there is a condition where there should be none, none where there should be one, or one of
            another width.
    """
    check_net(net)
    check_axes(shape)
    check_key(key)
    condition = None if condition is None else jnp.asarray(condition, float)
    return _sampled_means(net, tuple(map(int, shape)), key, condition)


@eqx.filter_jit
def _sampled_means(
    net: BeliefNet, shape: tuple[int, ...], key: Key, condition: Float[Array, "batch condition"] | None
) -> Float[Array, "*lead visible"]:
    x, latents = net.dream(shape, key=key, condition=condition)
    given, outputs = net.split(x)
    bottom = net.generative.conditionals[-1]
    layer = bottom(latents[0] if latents else given)
    return net.joined(given, jnp.broadcast_to(bottom.unit_means(layer, outputs), outputs.shape))


def reconstruct(net: BeliefNet, data: DataLike, *, key: Key) -> Float[np.ndarray, "examples visible"]:
    """Return the mean of the observation given one draw of the latents for each row of data.

    Of an autoregressive observation it is the mean of each unit given a draw of those before it. Bits of data that are
    binarised dynamically are drawn first.

    Args:
        net: The net.
        data: Rows `[examples, visible]`: anything that `observe` takes.
        key: Random key.

    Raises:
        DataError: If the data are none, of another width than the net, or not what the net is a model of.

    Examples:
        >>> from beliefnet.nets import sigmoid_belief_net
        >>> net = sigmoid_belief_net(3, (2,), key=jax.random.key(0))
        >>> reconstruct(net, [[0, 1, 1], [1, 1, 0]], key=jax.random.key(1)).shape
        (2, 3)
    """
    check_key(key)
    data, parts = observe(net, data), []
    bits_key, draw_key = jax.random.split(key)
    for start in range(0, len(data), _ROWS):
        rows: Observations = data[np.arange(start, min(start + _ROWS, len(data)))]
        x = rows.take(np.arange(len(rows)), key=bits_key)
        parts.append(np.asarray(_reconstructed(net, x, jax.random.fold_in(draw_key, start))))
    return np.concatenate(parts)


@eqx.filter_jit
@broadcasting
def _reconstructed(net: BeliefNet, x: Float[Array, "batch visible"], key: Key) -> Float[Array, "batch visible"]:
    infer_key, draw_key = jax.random.split(key)
    condition, outputs = net.split(x)
    latents = net.infer(x, 1, key=infer_key).values
    bottom = net.generative.conditionals[-1]
    layer = bottom(latents[0][0] if latents else condition)
    means = bottom.unit_means(layer, Plain()(layer, key=draw_key))
    return net.joined(condition, jnp.broadcast_to(means, outputs.shape))


def traverse(
    net: BeliefNet, code: Float[np.ndarray, " units"], *, unit: int, values: Sequence[float]
) -> Float[np.ndarray, "values outputs"]:
    """Return the means of the observation while one unit of the bottom latent layer takes one value after another.

    Args:
        net: The net.
        code: Values of the bottom latent layer, `[units]`, such as the code of a row (`encode`), which the other units
            keep.
        unit: The number of the unit that moves, from 0.
        values: What it takes, such as 0 and 1.

    Examples:
        >>> from beliefnet.nets import sigmoid_belief_net
        >>> net = sigmoid_belief_net(3, (2,), key=jax.random.key(0))
        >>> traverse(net, np.zeros(2), unit=1, values=[0, 0.5, 1]).shape
        (3, 3)
    """
    codes = np.repeat(np.asarray(code, np.float32)[None], len(values), axis=0)
    codes[:, unit] = values
    return np.asarray(decode(net, (jnp.asarray(codes),)))


def to_numpy(net: BeliefNet) -> dict[str, np.ndarray]:
    """Return all parameters of a net as arrays of NumPy, by names that say what each is for.

    A name is the chain (`model` or `recognition`), the layer that is drawn (`x`, or `h1` for the latents next to the
    data), and where the array is in that layer's conditional, as in `recognition.h1.network.weight`:

    - `network.weight` `[parents, parameters]`, `network.layers.0.weight` and so on of deterministic layers, and `bias`
      `[parameters]`: the family's parameters are network(view(parent)) + bias;
    - `parameters` `[parameters]` of a layer without parents, such as `model.h2.parameters` at the top;
    - `view.offset` `[parents]`, what is subtracted from the parent; other views have no arrays (`conditionals`).

    Args:
        net: The net; of any kind, of which the fields are the names.

    Examples:
        >>> from beliefnet.nets import sigmoid_belief_net
        >>> arrays = to_numpy(sigmoid_belief_net(5, (4, 3), key=jax.random.key(0)))
        >>> {name: array.shape for name, array in arrays.items() if name.startswith("model")}  # doctest: +ELLIPSIS
        {'model.x.network.weight': (4, 5), 'model.x.bias': (5,), 'model.h1.network.weight': (3, 4), ...}
    """
    check_net(net)
    chains = {"model": net.generative.conditionals[::-1], "recognition": ((), *net.recognition.conditionals)}
    found = {}
    for chain, conditionals in chains.items():
        for layer, conditional in enumerate(conditionals):
            for path, array in jax.tree.leaves_with_path(eqx.filter(conditional, eqx.is_array)):
                # What is frozen holds one array, and is known by its own name.
                parts = [jax.tree_util.keystr((key,), simple=True) for key in path]
                parts = parts[:-1] if len(parts) > 1 and parts[-1] == "array" else parts
                found[".".join([chain, f"h{layer}" if layer else "x", *parts])] = np.array(array)
    return found
