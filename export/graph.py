"""Builds the transformer network as an ONNX graph.

The graph is written node by node because a traced one has several times as many nodes. The rows
feed InstanceNormalization directly as scale and bias, the space-to-depth stem is one strided
convolution, and upsampling a small convolution with depth-to-space. `export.export_onnx` checks that
the graph agrees with torch. `export.variants` writes further graphs of the same network without its
weights, which are added when they are loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from stylecore.learning.networks import (
    NOISE_SIDE,
    NORM_EPSILON,
    STRIDE,
    TWO_CONVS,
    TransformerNetwork,
    noise_tile,
)
from stylecore.learning.trunk import graph_weights

OPSET = 21
IR_VERSION = 10  # read by ONNX Runtime 1.20 and newer


class GraphWriter:
    """Collects nodes and constants of one graph; every method returns its output's name."""

    FLOAT = TensorProto.FLOAT  # type of the features

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[TensorProto] = []

    def weight(self, value: Tensor | np.ndarray) -> str:
        """Add a constant that is trained, or as large as one."""
        return self.constant(value)

    def constant(self, value: Tensor | np.ndarray | list[int]) -> str:
        array = value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, op: str, *inputs: str, outputs: int = 1, **attributes: object) -> str | list[str]:
        names = [f"{op.lower()}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def reflect_borders(self, features: str) -> str:
        """Pad by reflection, on every side by as much as two convolutions remove."""
        pads = self.constant([0, 0, TWO_CONVS, TWO_CONVS] * 2)
        return self.node("Pad", features, pads, mode="reflect")

    def conv(self, features: str, weight: Tensor, bias: Tensor | None = None, *, stride: int = 1) -> str:
        inputs = [features, self.weight(weight)] + ([] if bias is None else [self.weight(bias)])
        return self.node("Conv", *inputs, kernel_shape=list(weight.shape[2:]), strides=[stride] * 2)

    def depth_to_space(self, phases: str, channels: int) -> str:
        """Rearrange (N, 4 * channels, H, W), ordered as for pixel_shuffle, to (N, channels, 2 * H, 2 * W).

        DepthToSpace moves both axes at once, for which ONNX Runtime has no fast loop on CPUs; moving one
        at a time takes half as long.
        """
        height = self.node("Shape", phases, start=2, end=3)
        width = self.node("Shape", phases, start=3, end=4)
        count = self.node("Mul", self.node("Shape", phases, start=0, end=1), self.constant([2 * channels]))
        shape = self.node("Concat", count, self.constant([2, -1]), axis=0)
        columns = self.node("Reshape", phases, shape)  # (N C y, x, H W)
        columns = self.node("Transpose", columns, perm=[0, 2, 1])
        shape = self.node("Concat", self.constant([-1, 2]), height, self.node("Add", width, width), axis=0)
        rows = self.node(
            "Transpose", self.node("Reshape", columns, shape), perm=[0, 2, 1, 3]
        )  # (N C, H, y, W x)
        doubled = self.node("Add", height, height)
        shape = self.node(
            "Concat", self.constant([-1, channels]), doubled, self.node("Add", width, width), axis=0
        )
        return self.node("Reshape", rows, shape)


def noisy_stem(
    graph: GraphWriter, picture: str, photo_weight: Tensor, noise_weight: Tensor, noise: str | None = None
) -> str:
    """Add the stem: a convolution of the padded picture with the noise as its fourth channel.

    The noise is the same for all pictures of a batch, so its part of the convolution is computed once and
    added. If it is not given, uint8 of shape (H, W), it is gathered from `noise_origin` on.
    """
    features = graph.conv(picture, photo_weight, stride=STRIDE)
    tile = noise or gathered_noise(graph, picture)
    noise = graph.node("Cast", graph.node("Unsqueeze", tile, graph.constant([0, 1])), to=graph.FLOAT)
    noise = graph.conv(noise, noise_weight, stride=STRIDE)  # (1, C, H/4, W/4)
    return graph.node("Add", features, noise)


def gathered_noise(graph: GraphWriter, picture: str) -> str:
    """Add the noise of a picture, from `noise_origin` on; it repeats every 1024 px."""
    tile = graph.weight(noise_tile())
    for axis in (0, 1):
        length = graph.node("Squeeze", graph.node("Shape", picture, start=axis + 2, end=axis + 3))
        start = graph.node("Gather", "noise_origin", graph.constant(np.int64(axis)), axis=0)
        places = graph.node("Range", start, graph.node("Add", start, length), graph.constant(np.int64(1)))
        places = graph.node("Mod", places, graph.constant(np.int64(NOISE_SIDE)))
        tile = graph.node("Gather", tile, places, axis=axis)
    return tile


def build_model(network: TransformerNetwork) -> onnx.ModelProto:
    """Build an ONNX model with inputs `image`, `rows` and `noise_origin`, and output `stylized`."""
    graph = GraphWriter()
    features = add_network(graph, network, styled_norms(graph, network.row_sizes), "image")
    graph.nodes.append(helper.make_node("Sigmoid", [features], ["stylized"]))
    picture = ["pictures", 3, "height", "width"]
    inputs = [
        helper.make_tensor_value_info("image", TensorProto.FLOAT, picture),
        helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["pictures", sum(network.row_sizes)]),
        helper.make_tensor_value_info("noise_origin", TensorProto.INT64, [2]),
    ]
    model = make_model(graph, inputs, [helper.make_tensor_value_info("stylized", TensorProto.FLOAT, picture)])
    onnx.checker.check_model(model, full_check=True)
    return model


def make_model(
    graph: GraphWriter, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]
) -> onnx.ModelProto:
    """A model of the nodes and constants of a graph."""
    return helper.make_model(
        helper.make_graph(graph.nodes, "transformer_network", inputs, outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="stylecore",
    )


def add_network(
    graph: GraphWriter,
    network: TransformerNetwork,
    norms: Iterator[Callable[[str], str]],
    image: str,
    noise: str | None = None,
) -> str:
    """Add all layers but the last sigmoid, from pictures of shape (N, 3, H, W) to as large ones.

    Args:
        graph: Where to add them.
        network: The network.
        norms: From `styled_norms`, or others.
        image: The pictures.
        noise: See `noisy_stem`.
    """
    photo_weight, noise_weight, *block_weights, up_weight, out_weight, out_bias = graph_weights(network)

    # Sizes that depend on height and width of the picture.
    height, width = (graph.node("Shape", image, start=axis, end=axis + 1) for axis in (2, 3))
    border = graph.constant([STRIDE])

    def far_pad(length: str) -> str:  # the border, and up to 3 px for a multiple of the stride
        remainder = graph.node("Mod", graph.node("Neg", length), border)
        return graph.node("Add", border, remainder)

    pads = graph.node(
        "Concat", graph.constant([0, 0, STRIDE, STRIDE, 0, 0]), far_pad(height), far_pad(width), axis=0
    )
    features = graph.node("Pad", image, pads, mode="reflect")
    features = noisy_stem(graph, features, photo_weight, noise_weight, noise)
    features = graph.node("Relu", next(norms)(features))
    for first_weight, second_weight in zip(block_weights[::2], block_weights[1::2], strict=True):
        residual = graph.conv(graph.reflect_borders(features), first_weight)
        residual = graph.node("Relu", next(norms)(residual))
        residual = graph.conv(residual, second_weight)
        features = graph.node("Add", features, next(norms)(residual))
    features = graph.conv(graph.reflect_borders(features), up_weight)
    features = graph.depth_to_space(features, network.up.conv.out_channels)
    features = graph.node("Relu", next(norms)(features))
    features = graph.conv(features, out_weight, out_bias)
    features = graph.depth_to_space(features, network.out.conv.out_channels)
    starts = graph.constant([TWO_CONVS] * 2)
    ends = graph.node("Add", graph.node("Concat", height, width, axis=0), starts)
    return graph.node("Slice", features, starts, ends, graph.constant([2, 3]))


def styled_norms(
    graph: GraphWriter, row_sizes: Sequence[int], rows: str = "rows"
) -> Iterator[Callable[[str], str]]:
    """Yield a function for each conditional norm, in the order of the layers, that adds its nodes.

    InstanceNormalization has one scale and shift per channel. For each picture of a batch to have its
    own, the channels of all pictures are joined to those of one picture, which copies nothing.
    """
    start = 0
    for size in row_sizes:
        middle, end = start + size // 2, start + size
        scale, shift = (
            graph.node(
                "Reshape",
                graph.node("Slice", rows, *map(graph.constant, ([first], [last], [1]))),
                graph.constant([-1]),
            )
            for first, last in ((start, middle), (middle, end))
        )
        yield partial(_norm, graph, scale=scale, shift=shift)
        start = end


def _norm(graph: GraphWriter, features: str, *, scale: str, shift: str) -> str:
    sizes = graph.node("Shape", features, start=2, end=4)
    shape = graph.node("Concat", graph.constant([1, -1]), sizes, axis=0)
    flat = graph.node("Reshape", features, shape)  # (1, N C, H, W)
    flat = graph.node("InstanceNormalization", flat, scale, shift, epsilon=NORM_EPSILON)
    return graph.node("Reshape", flat, graph.node("Shape", features))
