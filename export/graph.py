"""Builds the transformer network as an ONNX graph.

The graph is written node by node because a traced one has several times as many nodes. The style mix
feeds InstanceNormalization directly as scale and bias, the space-to-depth stem is one strided
convolution, its part of the noise a constant, and upsampling a small convolution with
depth-to-space. `export.export_onnx` checks that the graph agrees with torch.
"""

from __future__ import annotations

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from stylecore.learning.networks import (
    NOISE_SIDE,
    NORM_EPSILON,
    STRIDE,
    TWO_CONVS,
    ConditionalInstanceNorm2d,
    TransformerNetwork,
    noise_tile,
)

OPSET = 21
IR_VERSION = 10  # read by ONNX Runtime 1.20 and newer


class GraphWriter:
    """Collects nodes and constants of one graph; every method returns its output's name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[TensorProto] = []

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
        inputs = [features, self.constant(weight)] + ([] if bias is None else [self.constant(bias)])
        return self.node("Conv", *inputs, kernel_shape=list(weight.shape[2:]), strides=[stride] * 2)

    def norm(self, features: str, scale_and_shift: tuple[str, str]) -> str:
        return self.node("InstanceNormalization", features, *scale_and_shift, epsilon=NORM_EPSILON)


def strided_stem(weight: Tensor) -> Tensor:
    """Merge space-to-depth and a 3x3 convolution into one strided convolution with a larger kernel.

    Args:
        weight: Shape (O, C * STRIDE**2, 3, 3).
    Returns:
        Weight of shape (O, C, 3 * STRIDE, 3 * STRIDE), for a stride and a padding of STRIDE.
    """
    out_channels, channels = weight.shape[0], weight.shape[1] // STRIDE**2
    blocks = weight.reshape(out_channels, channels, STRIDE, STRIDE, 3, 3)  # o, c, phase y, x, tap y, x
    return blocks.permute(0, 1, 4, 2, 5, 3).reshape(out_channels, channels, 3 * STRIDE, 3 * STRIDE)


def noisy_stem(graph: GraphWriter, picture: str, weight: Tensor) -> str:
    """Add the stem: a convolution of the padded picture with the noise as its fourth channel.

    The noise repeats, so the convolution of one tile is a constant, which ONNX Runtime computes when it
    loads the graph. It is cut before it is tiled, as most pictures need only a part of the tile.
    """
    photo_weight, noise_weight = strided_stem(weight).split((3, 1), dim=1)
    side, rest = NOISE_SIDE // STRIDE, 2 * STRIDE
    tile = graph.node("Cast", graph.constant(noise_tile()[None, None]), to=TensorProto.FLOAT)
    tile = graph.node("Div", tile, graph.constant(np.float32(255)))
    tile = graph.node("Pad", tile, graph.constant([0] * 6 + [rest] * 2), mode="wrap")
    tile = graph.conv(tile, noise_weight, stride=STRIDE)  # (1, C, side, side)

    features = graph.conv(picture, photo_weight, stride=STRIDE)
    sides = graph.node("Shape", features, start=2)
    counts = graph.node("Div", graph.node("Add", sides, graph.constant([side - 1])), graph.constant([side]))
    part = graph.node("Slice", tile, graph.constant([0, 0]), sides, graph.constant([2, 3]))
    tiles = graph.node("Tile", part, graph.node("Concat", graph.constant([1, 1]), counts, axis=0))
    noise = graph.node("Slice", tiles, graph.constant([0, 0]), sides, graph.constant([2, 3]))
    return graph.node("Add", features, noise)


def depth_to_space(graph: GraphWriter, phases: str, channels: int) -> str:
    """Rearrange (1, 4 * channels, H, W), ordered as for pixel_shuffle, to (1, channels, 2 * H, 2 * W).

    DepthToSpace moves both axes at once, for which ONNX Runtime has no fast loop on CPUs; moving one
    at a time takes half as long.
    """
    height = graph.node("Shape", phases, start=2, end=3)
    columns = graph.node("Reshape", phases, graph.constant([2 * channels, 2, -1]))  # (C y, x, H W)
    columns = graph.node("Transpose", columns, perm=[0, 2, 1])
    shape = graph.node("Concat", graph.constant([channels, 2]), height, graph.constant([-1]), axis=0)
    rows = graph.node("Transpose", graph.node("Reshape", columns, shape), perm=[0, 2, 1, 3])  # (C, H, y, W x)
    doubled = graph.node("Add", height, height)
    shape = graph.node("Concat", graph.constant([1, channels]), doubled, graph.constant([-1]), axis=0)
    return graph.node("Reshape", rows, shape)


def build_model(network: TransformerNetwork) -> onnx.ModelProto:
    """Build an ONNX model with inputs `image` and `style_weights`, and output `stylized`."""
    graph = GraphWriter()
    norms = [module for module in network.modules() if isinstance(module, ConditionalInstanceNorm2d)]
    mixed = mixed_norms(graph, norms)

    # Sizes that depend on height and width of the picture.
    height, width = (graph.node("Shape", "image", start=axis, end=axis + 1) for axis in (2, 3))
    border = graph.constant([STRIDE])

    def far_pad(length: str) -> str:  # the border, and up to 3 px for a multiple of the stride
        remainder = graph.node("Mod", graph.node("Neg", length), border)
        return graph.node("Add", border, remainder)

    pads = graph.node(
        "Concat", graph.constant([0, 0, STRIDE, STRIDE, 0, 0]), far_pad(height), far_pad(width), axis=0
    )
    features = graph.node("Pad", "image", pads, mode="reflect")
    features = noisy_stem(graph, features, network.stem.conv.weight)
    features = graph.node("Relu", graph.norm(features, mixed[network.stem.norm]))
    for block in network.blocks:
        residual = graph.conv(graph.reflect_borders(features), block.first.conv.weight)
        residual = graph.node("Relu", graph.norm(residual, mixed[block.first.norm]))
        residual = graph.conv(residual, block.second.conv.weight)
        features = graph.node("Add", features, graph.norm(residual, mixed[block.second.norm]))
    features = graph.conv(graph.reflect_borders(features), network.up.phase_weight())
    features = depth_to_space(graph, features, network.up.conv.out_channels)
    features = graph.node("Relu", graph.norm(features, mixed[network.up_norm]))
    features = graph.conv(features, network.out.phase_weight(), network.out.phase_bias())
    features = depth_to_space(graph, features, network.out.conv.out_channels)
    starts = graph.constant([TWO_CONVS] * 2)
    ends = graph.node("Add", graph.node("Concat", height, width, axis=0), starts)
    features = graph.node("Slice", features, starts, ends, graph.constant([2, 3]))
    graph.nodes.append(helper.make_node("Sigmoid", [features], ["stylized"]))

    picture = [1, 3, "height", "width"]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "transformer_network",
            [
                helper.make_tensor_value_info("image", TensorProto.FLOAT, picture),
                helper.make_tensor_value_info("style_weights", TensorProto.FLOAT, [network.styles]),
            ],
            [helper.make_tensor_value_info("stylized", TensorProto.FLOAT, picture)],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="stylecore",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def mixed_norms(
    graph: GraphWriter, norms: list[ConditionalInstanceNorm2d]
) -> dict[ConditionalInstanceNorm2d, tuple[str, str]]:
    """Compute scale and shift of every norm for the style mix, by one product and one split."""
    rows = torch.cat([part for norm in norms for part in (norm.scale, norm.shift)], dim=1)
    sizes = [norm.scale.shape[1] for norm in norms for _ in range(2)]
    product = graph.node("MatMul", "style_weights", graph.constant(rows))
    parts = graph.node("Split", product, graph.constant(sizes), outputs=len(sizes), axis=0)
    return {norm: (parts[2 * i], parts[2 * i + 1]) for i, norm in enumerate(norms)}
