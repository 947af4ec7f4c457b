"""Graphs written as ONNX, by the `onnx` package of the extra `import`."""

from __future__ import annotations

import numpy as np

from stylecore.host.extras import import_extra
from stylecore.styles.foreign.graph import Attribute, Graph

IR_VERSION = 8  # of ONNX files, which every ONNX Runtime of the project reads
FREE = ("batch", "channels", "height", "width")  # names of free sizes


def encode_graph(graph: Graph) -> bytes:
    """The ONNX file of a graph, checked by ONNX's own checker.

    Raises:
        MissingExtraError: `onnx` is not installed.
    """
    onnx = import_extra("onnx")
    helper = onnx.helper
    size = [FREE[place] if side is None else side for place, side in enumerate(graph.size)]
    nodes = [
        helper.make_node(
            node.op,
            node.inputs,
            node.outputs,
            **{name: _attribute(onnx, value) for name, value in node.attributes.items()},
        )
        for node in graph.nodes
    ]
    weights = [
        onnx.numpy_helper.from_array(np.ascontiguousarray(values).reshape(values.shape), name)
        for name, values in graph.initializers.items()
    ]
    made = helper.make_graph(
        nodes,
        "painting",
        [helper.make_tensor_value_info(graph.image, onnx.TensorProto.FLOAT, size)],
        [helper.make_tensor_value_info(graph.output, onnx.TensorProto.FLOAT, size)],
        weights,
    )
    opset = helper.make_opsetid("", graph.opset)
    model = helper.make_model(made, opset_imports=[opset], ir_version=IR_VERSION, producer_name="impasto")
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _attribute(onnx: object, value: Attribute) -> object:
    return onnx.numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
