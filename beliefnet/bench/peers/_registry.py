"""What each peer can express, and how it is found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec

_NO_VIMCO = "no estimator of the K-particle bound for discrete latents: its RenyiELBO has a wrong gradient there"
_NO_REFINER = "no refinement of the posterior of each datum by adaptive importance sampling"
_NO_SBN = "no sigmoid belief net: BernoulliRBM is an undirected model"
_NO_VAE = "no variational autoencoder"


@dataclass(frozen=True)
class Peer:
    """A library to compare with.

    Attributes:
        title: Its name.
        packages: The packages it needs.
        module: The module that has its contestants; "" where it has none.
        variants: Its ways of running a workload, a row of the table each.
        notes: Where what it runs is not all that the library does: what is left out, by workload.
        cannot: Why it cannot express a workload.
    """

    title: str
    packages: tuple[str, ...]
    module: str = ""
    variants: tuple[str, ...] = ("usual",)
    notes: Mapping[str, str] = field(default_factory=dict)
    cannot: Mapping[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """The packages that it needs and that are not installed."""
        return [name for name in self.packages if find_spec(name) is None]


PEERS = {
    "pytorch": Peer("PyTorch", ("torch",), "_torch", ("eager", "compiled")),
    "pyro": Peer(
        "Pyro",
        ("torch", "pyro"),
        "_pyro",
        notes={
            "nvil": "no variance normalisation",
            "iwae": "bound by hand: its RenyiELBO weighs whole batches",
        },
        cannot={"vimco": _NO_VIMCO, "em": _NO_REFINER},
    ),
    "numpyro": Peer(
        "NumPyro",
        ("numpyro",),
        "_numpyro",
        notes={"nvil": "no baselines, no variance normalisation"},
        cannot={"vimco": _NO_VIMCO, "em": _NO_REFINER},
    ),
    "scikit-learn": Peer(
        "scikit-learn",
        ("sklearn",),
        cannot={
            **dict.fromkeys(("nvil", "vimco", "em", "nll"), _NO_SBN),
            "iwae": _NO_VAE,
            "documents": "another model: LatentDirichletAllocation mixes topics by Dirichlet shares",
        },
    ),
}
"""The peers by the names that the command line gives them."""
