"""The ranges of a network's colors, read from its first and last operators, or judged by its painting."""

from __future__ import annotations

import numpy as np

from stylecore.errors import StyleError
from stylecore.host.extras import import_extra
from stylecore.styles.foreign.graph import Graph, Node
from stylecore.styles.foreign.shapes import Tensor, trace
from stylecore.styles.foreign.writing import encode_graph

MAX_STEPS = 12  # operators that are followed from either end
TRIAL_SIDE = 128  # px of the picture that is painted to judge the output
PASSING = {"Identity", "Transpose", "Slice", "Cast", "Dropout", "Pad", "Squeeze", "Unsqueeze"}


def recognize(core: Graph, order: tuple[int, ...]) -> tuple[str, str]:
    """Names of the ranges of input and output, see `ranges.RANGES`.

    The range of an input that does not show is that of the output, as in all known kinds of networks.
    """
    shape = tuple((1, 3, TRIAL_SIDE, TRIAL_SIDE)[axis] for axis in order)
    tensors = trace(core, shape)
    painted = _painted_range(core, tensors) or _judged_range(core, order)
    return _given_range(core, tensors) or painted, painted


def _constant(node: Node, tensors: dict[str, Tensor]) -> tuple[int, float] | None:
    """Which input is a number, or one for each channel, and that number or their mean."""
    for place, name in enumerate(node.inputs):
        values = tensors[name].values if name else None
        if values is not None and values.size in (1, 3):
            return place, float(np.mean(values))
    return None


def _painted_range(core: Graph, tensors: dict[str, Tensor]) -> str:
    """Range by the last operators: those that limit values, and what is done to these afterwards."""
    producers = {node.outputs[0]: node for node in core.nodes}
    name, scale, shift = core.output, 1.0, 0.0
    for _ in range(MAX_STEPS):
        node = producers.get(name)
        if node is None:
            return ""
        if node.op in ("Tanh", "Sigmoid"):
            low = -1 if node.op == "Tanh" else 0
            return _named(scale * low + shift, scale + shift)
        if node.op == "Clip":
            limits = [tensors[limit].values for limit in node.inputs[1:] if limit]
            if len(limits) == 2 and all(limit is not None for limit in limits):
                return _named(*(scale * float(limit) + shift for limit in limits))
            return ""
        if node.op in ("Add", "Sub", "Mul", "Div"):
            constant = _constant(node, tensors)
            if constant is None or (node.op in ("Sub", "Div") and constant[0] == 0):
                return ""
            place, number = constant
            if node.op in ("Add", "Sub"):
                shift += scale * (number if node.op == "Add" else -number)
            else:
                scale *= number if node.op == "Mul" else 1 / (number or 1)
            name = node.inputs[1 - place]
        elif node.op in PASSING:
            name = node.inputs[0]
        else:
            return ""
    return ""


def _named(low: float, high: float) -> str:
    """Name of the range of about these limits."""
    if abs(low) < 0.1 and abs(high - 1) < 0.1:
        return "unit"
    if abs(low + 1) < 0.1 and abs(high - 1) < 0.1:
        return "signed"
    if high >= 100 and abs(low + high) < 2:
        return "caffe"
    return "bytes" if high >= 200 else ""


def _given_range(core: Graph, tensors: dict[str, Tensor]) -> str:
    """Range by the first operator that calculates with the picture, where it brings it to another one."""
    name = core.image
    for _ in range(MAX_STEPS):
        node = next((node for node in core.nodes if name in node.inputs), None)
        if node is None:
            return ""
        if node.op in PASSING:
            name = node.outputs[0]
            continue
        constant = _constant(node, tensors) if node.op in ("Add", "Sub", "Mul", "Div") else None
        number = abs(constant[1]) if constant else 0
        if (node.op == "Div" and number >= 50) or (node.op == "Mul" and 0 < number <= 0.02):
            return "bytes"
        if node.op in ("Add", "Sub") and number >= 50:
            return "bytes"
        if (node.op == "Mul" and number >= 100) or (node.op in ("Add", "Sub") and 0.3 < number < 0.7):
            return "unit"
        return ""
    return ""


def _judged_range(core: Graph, order: tuple[int, ...]) -> str:
    """Range by the colors of a painting; norms make it nearly the same whatever the input's range is."""
    y, x = np.mgrid[0:TRIAL_SIDE, 0:TRIAL_SIDE].astype(np.float32) / TRIAL_SIDE
    picture = np.stack([x, y, 0.5 + 0.5 * np.sin(40 * x * y)])[None].transpose(order)
    painted = _run(core, np.ascontiguousarray(picture))
    low, high = np.percentile(painted, (2, 98))
    if high <= 2:
        return "unit" if low > -0.5 else "signed"
    return "caffe" if low < -50 and painted.mean() < 45 else "bytes"


def _run(core: Graph, picture: np.ndarray) -> np.ndarray:
    runtime = import_extra("onnxruntime")
    import_extra("onnx")
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = runtime.InferenceSession(encode_graph(core), options, providers=["CPUExecutionProvider"])
        (painted,) = session.run(None, {core.image: picture})
    except Exception as error:  # of onnx and ONNX Runtime, whose errors have no common base
        raise StyleError("the network cannot be run by ONNX Runtime: it is damaged") from error
    if not np.isfinite(painted).all():
        raise StyleError("the network paints values that are not finite: it is damaged")
    return painted
