"""Nets as transformers: of binary codes, of normal codes, and of documents."""

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any

import equinox as eqx
from sklearn.utils.validation import check_non_negative

from beliefnet._errors import OptionError, shown, whole_number
from beliefnet._net import BeliefNet
from beliefnet.distributions import AbstractFamily, bernoulli, normal
from beliefnet.nets import LatentLayer
from beliefnet.nets._widths import widths
from beliefnet.sklearn._base import BaseBeliefNet
from beliefnet.sklearn._incomplete import IncompleteRowsNet
from beliefnet.sklearn._rows import DOCUMENT, Visible

LATENTS: dict[str, AbstractFamily] = {"binary": bernoulli, "normal": normal}


class DeepBeliefNet(IncompleteRowsNet):
    """A sigmoid belief net: layers of binary units, of which a row has a code.

    It is a model of any matrix: what the values are taken for follows from them, or is said. Rows may have missing
    entries, NaN, in training and in use.

    Args:
        hidden: Widths of the latent layers, from the bottom up, or of the one that there is.
        visible: What values are taken for: `"bernoulli"` for bits, and for numbers from 0 to 1 as means of bits that
            are drawn at every use; `"grey-normal"` for numbers from 0 to 1 as they are; `"poisson"` for counts;
            `"normal"` for real numbers, which are standardised; `"auto"` for the one that suits the training rows.
        deterministic: Widths of deterministic layers between latent ones; none makes the maps affine.
        estimator: Estimator of gradients in the words of the command line, such as `"vimco:particles=5"`; `"auto"` for
            the usual one.
        learning_rate: Step size at the start; by default 0.01 in runs of fewer than 5,000 steps, and else what suits
            the net. In `fit` it falls to zero, in `partial_fit` it stays.
        epochs: Passes over the training rows.
        batch_size: Rows per step; by default 100, and 50 or less where there are fewer than 5,000.
        patience: End when the bound of the rows held out has not improved for so many epochs; 0 never does.
        validation_fraction: Share of the rows that are held out: the net of the epoch with their best bound is kept. 0
            trains on all rows, and keeps the last net. Fewer than 10 rows are not divided.
        layer: Which latent layer is the code: 0 is the one next to the data, -1 the top.
        codes: `"means"` of the units, or `"draws"`.
        num_particles: Particles per row by which log p is estimated, K.
        random_state: Seed, or generator of NumPy.

    Attributes:
        net_: The trained `BeliefNet`, for all that the library does with one; of real numbers it sees them
            standardised.
        visible_: What the values were taken for.
        history_: One dictionary per epoch, with the bounds of training and held-out rows.
        n_iter_: Passes over the data.
        n_features_in_: Number of features.
        feature_names_in_: Their names, where the rows had them.

    Reference:
        Neal 1992, *Connectionist learning of belief networks*; Mnih & Gregor 2014, *Neural variational inference and
        learning in belief networks*.

    Examples:
        >>> from sklearn.datasets import load_digits
        >>> bits = load_digits().data[:200] > 8
        >>> model = DeepBeliefNet((10,), epochs=2, random_state=0).fit(bits)
        >>> model.transform(bits).shape, model.visible_
        ((200, 10), 'bernoulli')
    """

    def __init__(
        self,
        hidden: Sequence[int] | int = (200,),
        *,
        visible: str = "auto",
        deterministic: Sequence[int] = (),
        estimator: str = "auto",
        learning_rate: float | None = None,
        epochs: int = 100,
        batch_size: int | None = None,
        patience: int = 0,
        validation_fraction: float = 0.1,
        layer: int = -1,
        codes: str = "means",
        num_particles: int = 100,
        random_state: Any = None,
    ):
        self.hidden = hidden
        self.visible = visible
        self.deterministic = deterministic
        self.estimator = estimator
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.layer = layer
        self.codes = codes
        self.num_particles = num_particles
        self.random_state = random_state

    _family = bernoulli

    def _latent_layers(self) -> list[LatentLayer]:
        return _layers(self._family, self.hidden, self.deterministic)

    def _taken(self, X: Any) -> Visible:
        return Visible.of(X, self.visible)


class VariationalAutoencoder(DeepBeliefNet):
    """A variational autoencoder: layers of normal units, of which a row has a code of real numbers.

    It is a model of any matrix, as `DeepBeliefNet` is, with the same methods.

    Args:
        hidden: Widths of the normal layers, from the bottom up, or of the one that there is.
        visible: What values are taken for, as for `DeepBeliefNet`.
        deterministic: Widths of the deterministic layers of the encoder, between one layer of codes and the next; the
            decoder has them the other way round. None makes it a factor analysis.
        estimator: As for `DeepBeliefNet`, such as `"iwae:particles=5"`.
        learning_rate: As for `DeepBeliefNet`.
        epochs: Passes over the training rows.
        batch_size: As for `DeepBeliefNet`.
        patience: As for `DeepBeliefNet`.
        validation_fraction: As for `DeepBeliefNet`.
        layer: As for `DeepBeliefNet`.
        codes: `"means"` of the units, or `"draws"`.
        num_particles: Particles per row by which log p is estimated, K.
        random_state: Seed, or generator of NumPy.

    Reference:
        Kingma & Welling 2014, *Auto-encoding variational Bayes*.

    Examples:
        >>> from sklearn.datasets import load_wine
        >>> rows = load_wine().data
        >>> model = VariationalAutoencoder(2, deterministic=(20,), epochs=2, random_state=0).fit(rows)
        >>> model.transform(rows).shape, model.visible_
        ((178, 2), 'normal')
    """

    def __init__(
        self,
        hidden: Sequence[int] | int = (20,),
        *,
        visible: str = "auto",
        deterministic: Sequence[int] = (200,),
        estimator: str = "auto",
        learning_rate: float | None = None,
        epochs: int = 100,
        batch_size: int | None = None,
        patience: int = 0,
        validation_fraction: float = 0.1,
        layer: int = -1,
        codes: str = "means",
        num_particles: int = 100,
        random_state: Any = None,
    ):
        super().__init__(
            hidden,
            visible=visible,
            deterministic=deterministic,
            estimator=estimator,
            learning_rate=learning_rate,
            epochs=epochs,
            batch_size=batch_size,
            patience=patience,
            validation_fraction=validation_fraction,
            layer=layer,
            codes=codes,
            num_particles=num_particles,
            random_state=random_state,
        )

    _family = normal


class DocumentBeliefNet(BaseBeliefNet):
    """A model of documents: latents below which every word is drawn from one softmax.

    Rows are counts of words, or weights of words such as those of TF-IDF, dense or sparse; a word may count in part. A
    document is scored given how many words it has. Documents without words are taken as they are.

    Args:
        hidden: Numbers of latents per layer, from the bottom up, or of the one layer that there is.
        latents: `"binary"` for topics that are on or off, `"normal"` for a neural variational document model.
        deterministic: Widths of deterministic layers between latent ones.
        estimator: As for `DeepBeliefNet`.
        learning_rate: As for `DeepBeliefNet`.
        epochs: Passes over the training rows.
        batch_size: As for `DeepBeliefNet`.
        patience: As for `DeepBeliefNet`.
        validation_fraction: As for `DeepBeliefNet`.
        layer: As for `DeepBeliefNet`.
        codes: `"means"` of the units, or `"draws"`.
        num_particles: Particles per document by which log p is estimated, K.
        random_state: Seed, or generator of NumPy.

    Attributes:
        net_: The trained `BeliefNet`.
        document_length_: Mean number of words of the training documents, and of those that `sample` draws.
        history_: One dictionary per epoch, with the bounds of training and held-out documents.
        n_iter_: Passes over the data.

    Reference:
        Mnih & Gregor 2014, *Neural variational inference and learning in belief networks*.

    Examples:
        >>> from sklearn.feature_extraction.text import CountVectorizer
        >>> counts = CountVectorizer().fit_transform(["a model of words", "words of a model", "gin and tonic"] * 5)
        >>> DocumentBeliefNet(2, epochs=2, random_state=0).fit_transform(counts).shape
        (15, 2)
    """

    def __init__(
        self,
        hidden: Sequence[int] | int = (50,),
        *,
        latents: str = "binary",
        deterministic: Sequence[int] = (),
        estimator: str = "auto",
        learning_rate: float | None = None,
        epochs: int = 100,
        batch_size: int | None = None,
        patience: int = 0,
        validation_fraction: float = 0.1,
        layer: int = -1,
        codes: str = "means",
        num_particles: int = 100,
        random_state: Any = None,
    ):
        self.hidden = hidden
        self.latents = latents
        self.deterministic = deterministic
        self.estimator = estimator
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.layer = layer
        self.codes = codes
        self.num_particles = num_particles
        self.random_state = random_state

    _takes_missing = False

    def _latent_layers(self) -> list[LatentLayer]:
        if self.latents not in tuple(LATENTS):
            raise OptionError(
                f"expected {{option}} to be 'binary' or 'normal', got {shown(self.latents)}",
                "'binary'",
                option="latents",
            )
        return _layers(LATENTS[self.latents], self.hidden, self.deterministic)

    def _taken(self, X: Any) -> Visible:
        return Visible.of_documents(X)

    def _checked(self, X: Any, *, reset: bool) -> Any:
        X = super()._checked(X, reset=reset)
        check_non_negative(X, type(self).__name__)
        if reset:
            self.document_length_ = max(float(X.sum()) / X.shape[0], 1e-3)
        return X

    def _decoding_net(self) -> BeliefNet:
        bottom = self.net_.generative.conditionals[-1]
        own = replace(bottom, family=replace(DOCUMENT, length=self.document_length_))  # pyright: ignore
        return eqx.tree_at(lambda net: net.generative.conditionals[-1], self.net_, own)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags


def _layers(family: AbstractFamily, hidden: Any, deterministic: Any) -> list[LatentLayer]:
    """Return latent layers of one family, of widths that may be one number."""
    kind = type(hidden)
    is_one = issubclass(kind, Integral) and kind is not bool
    sizes = widths("hidden", (hidden,) if is_one else hidden)
    between = widths("deterministic", deterministic)
    if not sizes:
        raise OptionError("expected {option} to hold one width or more, got none", "(200,)", option="hidden")
    return [LatentLayer(family, whole_number("hidden", size, good=200), between) for size in sizes]
