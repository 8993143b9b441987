"""Nets of rows with missing entries."""

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike

from beliefnet._chain import Chain
from beliefnet._net import BeliefNet
from beliefnet.conditionals import AbstractConditional, Filled, Incomplete


def incomplete(
    net: BeliefNet, fill: ArrayLike | None = None, *, span: tuple[ArrayLike, ArrayLike] | None = None
) -> BeliefNet:
    """Return a net of rows in which NaN is missing: it shares the parameters of a net of whole rows.

    Its log_joint is log p(observed part of x, h), summed over what is missing, and its recognition net sees `fill` in
    the place of missing entries, or is told which they are where its first map is `conditionals.Marked`. Any estimator
    trains it on incomplete rows, by the bound of their observed parts; what is trained is the parameters of the net of
    whole rows, which `completed` returns.

    Args:
        net: A net with latents, over units that are independent given them.
        fill: What the recognition net sees where an entry is missing, `[visible]`; by default the centre of its input,
            such as the mean of the data, or zeros.
        span: The least and the largest value of each entry in training, `[visible]` each: the recognition net sees
            these in the place of what lies beyond, so that an outlier in one entry does not make nonsense of what is
            said of the others. Log-likelihoods are those of the values themselves. By default it sees all as it is.

    Examples:
        >>> import jax, numpy as np
        >>> from beliefnet.evaluation import exact_log_likelihood
        >>> from beliefnet.nets import sigmoid_belief_net
        >>> net = sigmoid_belief_net(2, (3,), key=jax.random.key(0))
        >>> part = exact_log_likelihood(incomplete(net), [[1.0, np.nan]])
        >>> both = exact_log_likelihood(net, [[1.0, 0.0], [1.0, 1.0]])
        >>> bool(np.isclose(part[0], np.logaddexp(*both)))
        True
    """
    first = net.recognition.conditionals[0]
    centre = 0.0 if first.centre is None else first.centre
    fill = jnp.broadcast_to(jnp.asarray(centre if fill is None else fill, float), (net.num_visible,))
    if span is not None:
        least, largest = (jnp.broadcast_to(jnp.asarray(end, float), (net.num_visible,)) for end in span)
        span = (least, largest)
    return _with_ends(net, Incomplete(net.generative.conditionals[-1]), Filled(first, fill, span))


def completed(net: BeliefNet) -> BeliefNet:
    """Return the net of whole rows that an `incomplete` one shares its parameters with."""
    return _with_ends(net, net.generative.conditionals[-1].whole, net.recognition.conditionals[0].whole)


def _with_ends(net: BeliefNet, bottom: AbstractConditional, first: AbstractConditional) -> BeliefNet:
    generative = Chain((*net.generative.conditionals[:-1], bottom))
    recognition = Chain((first, *net.recognition.conditionals[1:]))
    return eqx.tree_at(lambda n: (n.generative, n.recognition), net, (generative, recognition))
