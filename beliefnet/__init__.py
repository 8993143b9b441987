"""Deep directed latent-variable models: training, evaluation and use.

What is named here is imported when it is first asked for: the command line has to answer Ctrl-C and `--help` before JAX
is there.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from beliefnet._chain import Chain
    from beliefnet._fit import Seeds, fit, fit_seeds, load
    from beliefnet._model import LogLikelihood, Model
    from beliefnet._net import BeliefNet, ConditionalNet
    from beliefnet._onnx import to_onnx
    from beliefnet._trace import Trace
    from beliefnet._types import Key, Values
    from beliefnet._uses import decode, encode, reconstruct, sample_means, to_numpy

    __version__: str

__all__ = [
    "BeliefNet",
    "Chain",
    "ConditionalNet",
    "Key",
    "LogLikelihood",
    "Model",
    "Seeds",
    "Trace",
    "Values",
    "__version__",
    "decode",
    "encode",
    "fit",
    "fit_seeds",
    "load",
    "reconstruct",
    "sample_means",
    "to_numpy",
    "to_onnx",
]

_HOMES = {
    "BeliefNet": "_net",
    "Chain": "_chain",
    "ConditionalNet": "_net",
    "Key": "_types",
    "LogLikelihood": "_model",
    "Model": "_model",
    "Seeds": "_fit",
    "Trace": "_trace",
    "Values": "_types",
    "decode": "_uses",
    "encode": "_uses",
    "fit": "_fit",
    "fit_seeds": "_fit",
    "load": "_fit",
    "reconstruct": "_uses",
    "sample_means": "_uses",
    "to_numpy": "_uses",
    "to_onnx": "_onnx",
}
_FAMILIES = frozenset(
    {"baselines", "catalogue", "comparisons", "conditionals", "data", "distributions", "estimators", "evaluation"}
    | {"moves", "nets", "plots", "proposals", "refiners", "runs", "samplers", "sklearn", "training"}
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("beliefnet")
    if name in _FAMILIES:
        return import_module(f"beliefnet.{name}")
    if name in _HOMES:
        return getattr(import_module(f"beliefnet.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'beliefnet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_FAMILIES})
