"""Nets of dense layers as ONNX models, which run without Python: an encoder of data, and a decoder of codes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from beliefnet._errors import ArgumentError
from beliefnet._net import BeliefNet, check_net
from beliefnet.conditionals import MLP, AsIs, Centred, Dense, Feedforward, LogCounts, Signs, Stacked
from beliefnet.distributions import (
    BagOfWordsFamily,
    BernoulliFamily,
    CategoricalFamily,
    DiscretisedLogisticFamily,
    GreyNormalFamily,
    NormalFamily,
    PoissonFamily,
)
from beliefnet.distributions._poisson import LARGEST_LOG_RATE

_OPSET, _IR_VERSION = 17, 8
"""What runtimes from 2022 on can read."""
_ACTIVATIONS = {jax.nn.softplus: "Softplus", jnp.tanh: "Tanh", jax.nn.relu: "Relu", jax.nn.sigmoid: "Sigmoid"}


def to_onnx(net: BeliefNet) -> dict[str, bytes]:
    """Return a net's encoder and decoder as ONNX models, of 32-bit floats and any number of rows.

    The encoder takes `x` `[rows, visible]`, means of bits, grey values from 0 to 1 or counts, and gives the means `h1`,
    `h2` and so on of the latent layers, as `encode` does. The decoder takes `h1` and gives the means `x`, as `decode`
    does.

    Args:
        net: A net of dense layers, with latents.

    Returns:
        What the files `encoder.onnx` and `decoder.onnx` hold, under `"encoder"` and `"decoder"`.

    Raises:
        ArgumentError: If the net has layers of another kind, or no latents, or the package onnx is not there.
    """
    check_net(net)
    if not net.layer_sizes or net.num_condition:
        raise ArgumentError(
            f"expected a net with latents and without a condition to write as ONNX, got {type(net).__name__} "
            f"{(net.num_visible, *net.layer_sizes)}",
            "beliefnet.to_numpy(net)",
        )
    if net.generative.conditionals[-1].takes_missing:
        raise ArgumentError(
            "expected a net of whole rows to write as ONNX, got one of rows with missing entries, as a table has",
            "beliefnet.to_numpy(net)",
            "beliefnet export DIR, a safetensors file",
        )
    encoder, parent = _Graph("x", net.num_visible), "x"
    for layer, conditional in enumerate(net.recognition.conditionals, start=1):
        parent = encoder.output(_mean(encoder, conditional, parent), f"h{layer}", conditional.num_units)
    decoder, visible = _Graph("h1", net.layer_sizes[0]), net.generative.conditionals[-1]
    decoder.output(_mean(decoder, visible, "h1"), "x", visible.num_units)
    return {"encoder": encoder.model("encoder"), "decoder": decoder.model("decoder")}


class _Graph:
    """The nodes and constants of a model that is being written.

    Args:
        name: Of its input.
        width: Number of columns of the input.
    """

    def __init__(self, name: str, width: int):
        try:
            # Imported here because it is an extra.
            import onnx  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise ArgumentError(
                "expected the package onnx, which writes ONNX models, got none", 'pip install "beliefnet[onnx]"'
            ) from error
        self.onnx: Any = onnx
        self.inputs, self.outputs = [self._described(name, width)], []
        self.nodes, self.constants = [], []

    def add(self, operator: str, *inputs: str | np.ndarray, **attributes: Any) -> str:
        """Add a node, whose inputs are names of values or constants; return the name of what it gives."""
        result = f"value_{len(self.nodes)}"
        names = [self._constant(given) if type(given) is np.ndarray else given for given in inputs]
        self.nodes.append(self.onnx.helper.make_node(operator, names, [result], **attributes))
        return result

    def output(self, value: str, name: str, width: int) -> str:
        """Give a value out under a name, by which it is known from then on."""
        self.nodes.append(self.onnx.helper.make_node("Identity", [value], [name]))
        self.outputs.append(self._described(name, width))
        return name

    def model(self, name: str) -> bytes:
        """Return the model, checked."""
        helper = self.onnx.helper
        graph = helper.make_graph(self.nodes, name, self.inputs, self.outputs, self.constants)
        opsets = [helper.make_opsetid("", _OPSET)]
        made = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="beliefnet")
        self.onnx.checker.check_model(made, full_check=True)
        return made.SerializeToString()

    def _constant(self, array: np.ndarray) -> str:
        name = f"constant_{len(self.constants)}"
        plain = np.ascontiguousarray(array, np.float32 if array.dtype.kind == "f" else np.int64)
        self.constants.append(self.onnx.numpy_helper.from_array(plain, name))
        return name

    def _described(self, name: str, width: int) -> Any:
        return self.onnx.helper.make_tensor_value_info(name, self.onnx.TensorProto.FLOAT, ["rows", width])


def _mean(graph: _Graph, conditional: Any, parent: str) -> str:
    """Add the means of a layer given its parent."""
    match conditional:
        case Feedforward(network=network, family=family, view=view, bias=bias):
            given = _network(graph, network, _seen(graph, view, parent))
            parameters = given if bias is None else graph.add("Add", given, np.asarray(bias))
            return _mean_of(graph, family, parameters, conditional.num_units)
    raise _unfit(conditional)


def _seen(graph: _Graph, view: Any, parent: str) -> str:
    match view:
        case AsIs():
            return parent
        case Signs():
            return graph.add("Sub", graph.add("Mul", parent, _number(2)), _number(1))
        case Centred(offset=offset):
            return graph.add("Sub", parent, np.asarray(offset.value))
        case LogCounts(offset=offset):
            logs = graph.add("Log", graph.add("Add", parent, _number(1)))
            return logs if offset is None else graph.add("Sub", logs, np.asarray(offset.value))
    raise _unfit(view)


def _network(graph: _Graph, network: Any, values: str) -> str:
    match network:
        case Dense(weight=weight, bias=bias):
            product = graph.add("MatMul", values, np.asarray(weight))
            return product if bias is None else graph.add("Add", product, np.asarray(bias))
        case MLP(layers=layers, activation=activation):
            if activation not in _ACTIVATIONS:
                raise _unfit(activation)
            for layer in layers[:-1]:
                values = graph.add(_ACTIVATIONS[activation], _network(graph, layer, values))
            return _network(graph, layers[-1], values)
        case Stacked(networks=networks):
            for part in networks:
                values = _network(graph, part, values)
            return values
    raise _unfit(network)


def _mean_of(graph: _Graph, family: Any, parameters: str, size: int) -> str:
    """Add the means of units of a family, given their parameters."""
    match family:
        case BernoulliFamily():
            return graph.add("Sigmoid", parameters)
        case CategoricalFamily(num_categories=count):
            grouped = graph.add("Reshape", parameters, np.array([0, -1, count]))
            return graph.add("Reshape", graph.add("Softmax", grouped, axis=-1), np.array([0, size]))
        case NormalFamily() | GreyNormalFamily():
            return _part(graph, parameters, 0, size)
        case PoissonFamily():
            below = graph.add("Softplus", graph.add("Sub", _number(LARGEST_LOG_RATE), parameters))
            return graph.add("Exp", graph.add("Sub", _number(LARGEST_LOG_RATE), below))
        case BagOfWordsFamily(length=length):
            return graph.add("Mul", graph.add("Softmax", parameters, axis=-1), _number(length))
        case DiscretisedLogisticFamily(levels=levels, smallest_scale=smallest):
            place = graph.add("Unsqueeze", _part(graph, parameters, 0, size), np.array([2]))
            scale = graph.add("Softplus", _part(graph, parameters, size, 2 * size))
            scale = graph.add("Unsqueeze", graph.add("Add", scale, _number(smallest)), np.array([2]))
            edges = (np.arange(levels - 1, dtype=np.float32) + 0.5) / (levels - 1)
            reached = graph.add("Sigmoid", graph.add("Div", graph.add("Sub", place, edges), scale))
            return graph.add("ReduceMean", reached, axes=[2], keepdims=0)
    raise _unfit(family)


def _number(value: float) -> np.ndarray:
    return np.array([value], np.float32)


def _part(graph: _Graph, values: str, start: int, end: int) -> str:
    return graph.add("Slice", values, np.array([start]), np.array([end]), np.array([1]))


def _unfit(part: Any) -> ArgumentError:
    name = getattr(part, "__name__", type(part).__name__)
    return ArgumentError(
        f"expected a net of dense layers, whose activations are softplus, tanh, relu or sigmoid, to write as ONNX, got "
        f"one with {name}",
        "beliefnet.to_numpy(net)",
        "beliefnet export DIR, a safetensors file",
    )
