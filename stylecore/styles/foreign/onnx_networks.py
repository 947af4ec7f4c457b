"""ONNX networks of others as graphs of free size, in operators of opset 11 or newer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from stylecore.errors import StyleError
from stylecore.styles.foreign.building import INTERLEAVED, PLANAR
from stylecore.styles.foreign.graph import Graph, Node, read_graph
from stylecore.styles.foreign.shapes import Tensor, check_operators, trace

OPSET = 11  # the first whose padding, cutting and enlarging take sizes as inputs
FREE_SIDE = 224  # px, of a free side when sizes are traced
Weigh = Callable[[np.ndarray], str]  # adds a weight and returns its name
ENLARGING = {"mode", "coordinate_transformation_mode", "nearest_mode", "cubic_coeff_a", "exclude_outside"}


def read_onnx_network(data: bytes) -> tuple[Graph, tuple[int, ...]]:
    """The network of an ONNX file, and the order of its axes.

    Raises:
        StyleError: Damaged, not a painting network, or with what `graph` and `shapes` refuse.
    """
    graph = read_graph(data)
    check_operators(graph)
    size = graph.size
    if len(size) != 4 or 3 not in (size[1], size[3]):
        raise StyleError(f"its input is {size}: a picture with 3 channels is needed")
    order = PLANAR if size[1] == 3 else INTERLEAVED
    shape = tuple(side or (1 if axis == 0 else FREE_SIDE) for axis, side in enumerate(size))
    tensors = trace(graph, shape)
    return _renew(graph, tensors), order


def _renew(graph: Graph, tensors: dict[str, Tensor]) -> Graph:
    """The graph in newer operators; sizes that enlarging has fixed become factors."""
    weights = dict(graph.initializers)

    def weight(values: np.ndarray) -> str:
        name = f"renewed_{len(weights)}"
        while name in tensors or name in weights:
            name += "_"
        weights[name] = np.asarray(values)
        return name

    nodes = []
    for node in graph.nodes:
        node = replace(node, outputs=node.outputs[:1])
        if node.op in RENEWED:
            node = RENEWED[node.op](node, tensors, weight, graph.opset)
        nodes.append(node)
    batch = None if graph.size[0] is None else 1
    return replace(
        graph,
        nodes=tuple(nodes),
        initializers=weights,
        size=(batch, *(None for _ in graph.size[1:])),
        opset=max(graph.opset, OPSET),
    )


def _renew_enlarging(node: Node, tensors: dict[str, Tensor], weight: Weigh, opset: int) -> Node:
    before, after = tensors[node.inputs[0]].shape, tensors[node.outputs[0]].shape
    factors = np.divide(after, before).astype(np.float32)
    attributes = {name: value for name, value in node.attributes.items() if name in ENLARGING}
    if opset < OPSET:  # Upsample, and Resize as it began, repeat pixels from the corner
        attributes |= {"coordinate_transformation_mode": b"asymmetric", "nearest_mode": b"floor"}
    if attributes.get("coordinate_transformation_mode") == b"tf_crop_and_resize":
        raise StyleError("the network crops while it resizes, which painting networks do not")
    region = weight(np.zeros(0, np.float32)) if opset < 13 else ""
    return Node("Resize", (node.inputs[0], region, weight(factors)), node.outputs, attributes)


def _renew_padding(node: Node, tensors: dict[str, Tensor], weight: Weigh, opset: int) -> Node:
    if opset >= OPSET:
        return node
    inputs = [node.inputs[0], weight(np.array(node.attributes["pads"], np.int64))]
    if "value" in node.attributes:
        inputs.append(weight(np.float32(node.attributes["value"])))
    mode = node.attributes.get("mode", b"constant")
    return Node("Pad", tuple(inputs), node.outputs, {"mode": mode})


def _renew_cutting(node: Node, tensors: dict[str, Tensor], weight: Weigh, opset: int) -> Node:
    if opset >= 10:
        return node
    starts, ends = node.attributes["starts"], node.attributes["ends"]
    axes = node.attributes.get("axes", list(range(len(starts))))
    bounds = (weight(np.array(values, np.int64)) for values in (starts, ends, axes))
    return Node("Slice", (node.inputs[0], *bounds), node.outputs)


def _renew_clipping(node: Node, tensors: dict[str, Tensor], weight: Weigh, opset: int) -> Node:
    if opset >= OPSET:
        return node
    limits = (node.attributes.get(name) for name in ("min", "max"))
    bounds = ("" if limit is None else weight(np.float32(limit)) for limit in limits)
    return Node("Clip", (node.inputs[0], *bounds), node.outputs)


def _renew_norm(node: Node, tensors: dict[str, Tensor], weight: Weigh, opset: int) -> Node:
    if node.attributes.get("training_mode") or node.attributes.get("spatial", 1) != 1:
        raise StyleError("the network has a batch normalization in training: export it for use")
    epsilon = node.attributes.get("epsilon", 1e-5)
    return replace(node, attributes={"epsilon": epsilon})


def _drop(node: Node, tensors: dict[str, Tensor], weight: Weigh, opset: int) -> Node:
    return Node("Identity", node.inputs[:1], node.outputs)


RENEWED = {
    "Resize": _renew_enlarging,
    "Upsample": _renew_enlarging,
    "Pad": _renew_padding,
    "Slice": _renew_cutting,
    "Clip": _renew_clipping,
    "BatchNormalization": _renew_norm,
    "Dropout": _drop,
}
