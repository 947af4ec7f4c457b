"""Sizes of all tensors of a network for one size of picture, and its limits, without running it.

Every operator that a foreign network may have is in `VALUES` or `SHAPES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np

from stylecore.errors import StyleError
from stylecore.styles.foreign.graph import Graph, Node
from stylecore.styles.foreign.values import (
    COMPUTED,
    axes_of,
    reshaped,
    slice_values,
    squeeze_values,
    transpose_values,
    unsqueeze_values,
)

MAX_KNOWN = 4096  # numbers of a tensor whose values are followed, such as a size
# For each pixel of the picture: the network of Johnson et al. has 32 values in its largest tensor, 900 in
# all tensors together, and 170,000 multiplications.
MAX_VALUES = 1024
MAX_ALL_VALUES = 20_000
MAX_MULTIPLICATIONS = 2_000_000
MAX_CHANNEL_FLOOR = 4_000_000  # values of a tensor that any network may have

SAME = {  # one tensor in, of whose shape the output is
    *("Abs", "BatchNormalization", "Cast", "Ceil", "Clip", "Dropout", "Elu", "Erf", "Exp", "Floor"),
    *("HardSigmoid", "Identity", "InstanceNormalization", "LeakyRelu", "Log", "Neg", "Reciprocal", "Relu"),
    *("Selu", "Sigmoid", "Softplus", "Sqrt", "Tanh"),
}
BROADCAST = {"Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "PRelu"}
REDUCE = {"ReduceMean", "ReduceSum", "ReduceSumSquare"}
WINDOWS = {"Conv", "ConvTranspose", "AveragePool", "MaxPool"}
STRUCTURE = {
    *("Concat", "Constant", "ConstantOfShape", "DepthToSpace", "Gather", "GlobalAveragePool", "Pad"),
    *("Reshape", "Resize", "Shape", "Slice", "Squeeze", "Transpose", "Unsqueeze", "Upsample"),
}
ALLOWED = SAME | BROADCAST | REDUCE | WINDOWS | STRUCTURE


@dataclass(frozen=True)
class Tensor:
    """What is known of a tensor before it is computed; `values` are those that do not depend on pixels."""

    shape: tuple[int, ...]
    values: np.ndarray | None = None


def check_operators(graph: Graph) -> None:
    """Raise StyleError for an operator that no foreign network may have."""
    for node in graph.nodes:
        if node.op not in ALLOWED:
            raise StyleError(
                f"the network has the operator {node.op[:40]!r}, not one of those of painting networks"
            )


def trace(graph: Graph, shape: tuple[int, ...]) -> dict[str, Tensor]:
    """All tensors by name, for a picture of `shape`, (N, C, H, W) or as the network has it.

    Raises:
        StyleError: Tensors do not fit one another at this size, the network is out of proportion to the
            picture, or has an operator that it may not have.
    """
    check_operators(graph)
    tensors = {name: Tensor(value.shape, _small(value)) for name, value in graph.initializers.items()}
    tensors[graph.image] = Tensor(shape)
    pixels = prod(shape) / 3
    values = multiplications = 0
    for node in graph.nodes:
        try:
            output = _output(node, [tensors[name] if name else None for name in node.inputs], graph.opset)
            multiplications += _multiplications(node, tensors, output)
            (first, *_) = node.outputs
        except StyleError:
            raise
        except Exception as error:  # of operators that lack inputs, or of what numpy refuses
            raise StyleError(
                f"an operator {node.op} of the network does not fit a picture of {shape}: it may have its "
                "sizes fixed, or is damaged"
            ) from error
        count = prod(output.shape)
        values += count
        if count > max(MAX_VALUES * pixels, MAX_CHANNEL_FLOOR) or values > MAX_ALL_VALUES * pixels + (
            1 << 24
        ):
            raise StyleError(
                "the network would take more memory than painting networks do: a smaller one is needed"
            )
        if multiplications > MAX_MULTIPLICATIONS * pixels + (1 << 30):
            raise StyleError(
                "the network would take longer than painting networks do: a smaller one is needed"
            )
        tensors[first] = output
    if graph.output not in tensors:
        raise StyleError("the network does not compute its output: it is damaged")
    return tensors


def _small(value: np.ndarray) -> np.ndarray | None:
    return value if value.size <= MAX_KNOWN else None


def _output(node: Node, inputs: list[Tensor | None], opset: int) -> Tensor:
    has_values = all(entry is None or entry.values is not None for entry in inputs)
    if node.op == "Shape":
        if node.attributes:
            raise StyleError("the network reads a part of a shape in a form that is not supported")
        return _known(np.array(inputs[0].shape, np.int64))
    if node.op == "Constant":
        return _known(_constant(node))
    if node.op == "ConstantOfShape":
        return _filled(node, inputs[0])
    if has_values and node.op in COMPUTED:
        values = COMPUTED[node.op](node, [None if entry is None else entry.values for entry in inputs])
        return _known(np.asarray(values))
    if node.op in SAME:
        return Tensor(inputs[0].shape)
    if node.op in BROADCAST:
        return Tensor(np.broadcast_shapes(*(entry.shape for entry in inputs)))
    return Tensor(SHAPES[node.op](node, inputs))


def _known(values: np.ndarray) -> Tensor:
    return Tensor(values.shape, _small(values))


def _constant(node: Node) -> np.ndarray:
    (name,) = node.attributes
    dtype = {"value": None, "value_int": np.int64, "value_ints": np.int64, "value_float": np.float32}
    return np.asarray(node.attributes[name], dtype.get(name, np.float32))


def _filled(node: Node, size: Tensor) -> Tensor:
    shape = tuple(int(side) for side in size.values)
    if prod(shape) > MAX_KNOWN:
        raise StyleError("the network fills a large tensor with one value, which painting networks do not")
    return _known(np.full(shape, node.attributes.get("value", np.zeros(1, np.float32)).reshape(-1)[0]))


def _view(compute: Callable[[Node, list], np.ndarray]) -> Callable[[Node, list], tuple[int, ...]]:
    """A shape rule of a computation that numpy does by a view: on a tensor that takes no memory."""

    def rule(node: Node, inputs: list[Tensor | None]) -> tuple[int, ...]:
        data = np.broadcast_to(np.float32(0), inputs[0].shape)
        others = [None if entry is None else entry.values for entry in inputs[1:]]
        return compute(node, [data, *others]).shape

    return rule


def _window(node: Node, inputs: list[Tensor]) -> tuple[int, ...]:
    """Output of convolutions and pools over two dimensions."""
    batch, channels, *sides = inputs[0].shape
    kernel = node.attributes.get("kernel_shape") or inputs[1].shape[2:]
    if len(sides) != 2 or len(kernel) != 2:
        raise StyleError("the network convolves over other dimensions than height and width")
    strides = node.attributes.get("strides", [1, 1])
    dilations = node.attributes.get("dilations", [1, 1])
    pads = node.attributes.get("pads", [0] * 4)
    auto_pad = node.attributes.get("auto_pad", b"NOTSET")
    if (
        min(*kernel, *strides, *dilations) < 1
        or min(pads) < 0
        or max(pads) > 1024
        or "output_shape" in node.attributes
    ):
        raise StyleError("a convolution of the network has impossible strides, padding or sizes")
    reach = [(side - 1) * dilation + 1 for side, dilation in zip(kernel, dilations, strict=True)]
    around = [pads[0] + pads[2], pads[1] + pads[3]] if auto_pad in (b"NOTSET", b"") else [0, 0]
    is_same = auto_pad in (b"SAME_UPPER", b"SAME_LOWER")
    if node.op == "ConvTranspose":
        extra = node.attributes.get("output_padding", [0, 0])
        channels = inputs[1].shape[1] * node.attributes.get("group", 1)
        sides = [
            side * stride if is_same else (side - 1) * stride + more + length - pad
            for side, stride, more, length, pad in zip(sides, strides, extra, reach, around, strict=True)
        ]
    else:
        if node.op == "Conv":
            if inputs[1].shape[1] * node.attributes.get("group", 1) != channels:
                raise StyleError("a convolution of the network does not fit its channels: it is damaged")
            channels = inputs[1].shape[0]
        rounding = 1 if node.attributes.get("ceil_mode") else 0
        sides = [
            -(-side // stride) if is_same else (side + pad - length + rounding * (stride - 1)) // stride + 1
            for side, stride, length, pad in zip(sides, strides, reach, around, strict=True)
        ]
    return _positive((batch, channels, *sides))


def _positive(shape: tuple[int, ...]) -> tuple[int, ...]:
    if min(shape, default=1) < 1:
        raise StyleError("the picture is too small for the network, or the network is damaged")
    return tuple(int(side) for side in shape)


def _pad(node: Node, inputs: list[Tensor | None]) -> tuple[int, ...]:
    pads = node.attributes.get("pads")
    pads = inputs[1].values if pads is None else pads
    shape, rank = inputs[0].shape, len(inputs[0].shape)
    if len(pads) != 2 * rank or (len(inputs) > 3 and inputs[3] is not None):
        raise StyleError("the network pads in a form that is not supported")
    mode = node.attributes.get("mode", b"constant")
    for side, before, after in zip(shape, pads[:rank], pads[rank:], strict=True):
        if min(before, after) < 0 or (mode == b"reflect" and max(before, after) >= side):
            raise StyleError("the picture is too small for the padding of the network")
    return _positive(tuple(np.add(shape, np.add(pads[:rank], pads[rank:]))))


def _resize(node: Node, inputs: list[Tensor | None]) -> tuple[int, ...]:
    shape = inputs[0].shape
    if {"axes", "keep_aspect_ratio_policy"} & node.attributes.keys():
        raise StyleError("the network resizes in a form that is not supported")
    if len(inputs) > 3 and inputs[3] is not None:
        return _positive(tuple(inputs[3].values))
    scales = node.attributes.get("scales")
    if scales is None:
        scales = inputs[1 if len(inputs) == 2 else 2].values
    if len(scales) != len(shape):
        raise StyleError("the network resizes in a form that is not supported")
    return _positive(
        tuple(int(np.floor(side * float(scale) + 1e-6)) for side, scale in zip(shape, scales, strict=True))
    )


def _concat(node: Node, inputs: list[Tensor]) -> tuple[int, ...]:
    axis = node.attributes["axis"]
    shape = list(inputs[0].shape)
    shape[axis] = sum(entry.shape[axis] for entry in inputs)
    return tuple(shape)


def _gather(node: Node, inputs: list[Tensor]) -> tuple[int, ...]:
    shape, axis = inputs[0].shape, node.attributes.get("axis", 0) % len(inputs[0].shape)
    return (*shape[:axis], *inputs[1].shape, *shape[axis + 1 :])


def _reduce(node: Node, inputs: list[Tensor | None]) -> tuple[int, ...]:
    shape = inputs[0].shape
    axes = axes_of(node, [None if entry is None else entry.values for entry in inputs])
    axes = range(len(shape)) if axes is None else [axis % len(shape) for axis in axes]
    if node.attributes.get("keepdims", 1):
        return tuple(1 if place in axes else side for place, side in enumerate(shape))
    return tuple(side for place, side in enumerate(shape) if place not in axes)


def _depth_to_space(node: Node, inputs: list[Tensor]) -> tuple[int, ...]:
    block = node.attributes["blocksize"]
    batch, channels, height, width = inputs[0].shape
    return _positive((batch, channels // block**2, height * block, width * block))


SHAPES = {
    **dict.fromkeys(WINDOWS, _window),
    **dict.fromkeys(REDUCE, _reduce),
    "Concat": _concat,
    "DepthToSpace": _depth_to_space,
    "Gather": _gather,
    "GlobalAveragePool": lambda node, inputs: (*inputs[0].shape[:2], 1, 1),
    "Pad": _pad,
    "Reshape": lambda node, inputs: reshaped(inputs[0].shape, inputs[1].values),
    "Resize": _resize,
    "Slice": _view(slice_values),
    "Squeeze": _view(squeeze_values),
    "Transpose": _view(transpose_values),
    "Unsqueeze": _view(unsqueeze_values),
    "Upsample": _resize,
}


def _multiplications(node: Node, tensors: dict[str, Tensor], output: Tensor) -> int:
    """Multiplications of a convolution; other operators have few."""
    if node.op not in ("Conv", "ConvTranspose"):
        return 0
    weight = tensors[node.inputs[1]].shape
    source = tensors[node.inputs[0]].shape
    return prod(output.shape if node.op == "Conv" else source) * prod(weight[1:])


def peak_values(graph: Graph, shape: tuple[int, ...]) -> int:
    """Most values that are in memory at once when the network runs in its order, without its weights."""
    tensors = trace(graph, shape)
    last_use = {name: place for place, node in enumerate(graph.nodes) for name in node.inputs}
    live, peak = {graph.image: prod(shape)}, 0
    for place, node in enumerate(graph.nodes):
        live[node.outputs[0]] = prod(tensors[node.outputs[0]].shape)
        peak = max(peak, sum(live.values()))
        for name in node.inputs:
            if last_use[name] == place and name != graph.output:
                live.pop(name, None)
    return peak
