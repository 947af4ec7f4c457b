"""Builds the style encoder as an ONNX graph: VGG19, statistics of its layers, and a small network to rows.

VGG19's weights stay in `weights/vgg19.safetensors`: the graph names their places in that file, as external
data. `export.export_encoder` checks that the graph agrees with torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from export.graph import IR_VERSION, OPSET, GraphWriter
from stylecore.errors import WeightsError
from stylecore.learning.encoder import DEVIATION_FLOOR, INPUT_LIMIT, StyleEncoder
from stylecore.perception.constants import STYLE_LAYERS
from stylecore.perception.features import CONVOLUTIONS, VGG19_WEIGHTS
from stylecore.styles.container import TensorEntry, read_container


def build_encoder(encoder: StyleEncoder, vgg19: Path = VGG19_WEIGHTS) -> onnx.ModelProto:
    """Build an ONNX model with input `picture` (1, 3, H, W) in [0, 1] and output `rows` (1, R).

    Args:
        encoder: From statistics to rows; its weights are stored as float16.
        vgg19: VGG19's weights, which must lie next to the model's file when it is loaded.
    Raises:
        WeightsError: The file of VGG19 is not of float16 tensors, as `export/vgg19.py` writes it.
    """
    graph = GraphWriter()
    entries, _ = read_container(vgg19.read_bytes())
    features = graph.node("Pad", "picture", graph.constant([0, 0, 1, 1] * 2), mode="edge")
    statistics = []
    for name in CONVOLUTIONS[: CONVOLUTIONS.index("conv5_1") + 1]:
        if name.endswith("_1") and name != "conv1_1":
            features = graph.node("MaxPool", features, kernel_shape=[2, 2], strides=[2, 2])
        weight, bias = (
            _external(graph, f"{name}.{part}", entries, vgg19.name) for part in ("weight", "bias")
        )
        pads = [0] * 4 if name == "conv1_1" else [1] * 4  # conv1_1 finds its border replicated
        features = graph.node("Conv", features, weight, bias, kernel_shape=[3, 3], pads=pads)
        features = graph.node("Relu", features)
        if name.replace("conv", "relu") in STYLE_LAYERS:
            statistics += _statistics(graph, features)
    rows = _rows(graph, graph.node("Concat", *statistics, axis=1), encoder)
    graph.nodes.append(helper.make_node("Identity", [rows], ["rows"]))
    return _model(graph, rows=len(encoder.base))


def _external(graph: GraphWriter, name: str, entries: dict[str, TensorEntry], file: str) -> str:
    """Add a tensor of another file as float32; ONNX Runtime converts it once, when it loads the model."""
    entry = entries.get(name)
    if entry is None or entry.dtype != "F16":
        raise WeightsError(f"{file} has no float16 tensor {name}")
    tensor = TensorProto(name=name, dims=entry.shape, data_type=TensorProto.FLOAT16)
    tensor.data_location = TensorProto.EXTERNAL
    place = {"location": file, "offset": entry.start, "length": entry.end - entry.start}
    for key, value in place.items():
        tensor.external_data.add(key=key, value=str(value))
    graph.constants.append(tensor)
    return graph.node("Cast", name, to=TensorProto.FLOAT)


def _statistics(graph: GraphWriter, features: str) -> Sequence[str]:
    """Add the channel means and logarithms of the standard deviations of (1, C, H, W), each (1, C)."""
    flat = graph.node("Reshape", features, graph.constant([0, 0, -1]))
    axis, one = graph.constant([2]), graph.constant(torch.ones(1))
    mean = graph.node("ReduceMean", flat, axis)  # (1, C, 1)
    squares = graph.node("ReduceSumSquare", graph.node("Sub", flat, mean), axis, keepdims=0)
    count = graph.node("Cast", graph.node("Shape", flat, start=2, end=3), to=TensorProto.FLOAT)
    variance = graph.node("Div", squares, graph.node("Sub", count, one))
    floor = graph.constant(torch.tensor([DEVIATION_FLOOR]))
    deviation = graph.node("Log", graph.node("Add", graph.node("Sqrt", variance), floor))
    return graph.node("Squeeze", mean, axis), deviation


def _rows(graph: GraphWriter, statistics: str, encoder: StyleEncoder) -> str:
    limits = [graph.constant(torch.tensor(value)) for value in (-INPUT_LIMIT, INPUT_LIMIT)]
    values = graph.node("Sub", statistics, graph.constant(encoder.mean))
    values = graph.node("Clip", graph.node("Div", values, graph.constant(encoder.deviation)), *limits)
    first, *others = [layer for layer in encoder.mlp if isinstance(layer, nn.Linear)]
    values = _linear(graph, values, first)
    for layer in others:
        values = _linear(graph, graph.node("Relu", values), layer)
    return graph.node("Add", values, _half(graph, encoder.base))


def _linear(graph: GraphWriter, values: str, layer: nn.Linear) -> str:
    return graph.node("Gemm", values, _half(graph, layer.weight), _half(graph, layer.bias), transB=1)


def _half(graph: GraphWriter, value: Tensor) -> str:
    """Add a constant that is stored as float16 and computed with as float32."""
    return graph.node("Cast", graph.constant(value.half()), to=TensorProto.FLOAT)


def _model(graph: GraphWriter, *, rows: int) -> onnx.ModelProto:
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, "height", "width"])
    output = helper.make_tensor_value_info("rows", TensorProto.FLOAT, [1, rows])
    return helper.make_model(
        helper.make_graph(graph.nodes, "style_encoder", [picture], [output], graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="stylecore",
    )
