"""ONNX files as other projects write them, for the tests of their import."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.styles.foreign.networks import ExamplesNetwork

ZOO_SIDE = 224  # px, which the files of the model zoo have fixed


class ZooWriter:
    """Writes the network of pytorch/examples as the model zoo has it.

    Args:
        network: Its weights.
        opset: 8 or 9, of which the first has the scale of `Upsample` as an attribute.
        is_traced: The scale is calculated from the sizes, as torch 1.0 exported it.
    """

    def __init__(self, network: ExamplesNetwork, opset: int = 9, *, is_traced: bool = False) -> None:
        self.weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}
        self.opset, self.is_traced = opset, is_traced
        self.nodes: list[onnx.NodeProto] = []

    def add(self, op: str, *inputs: str, **attributes: object) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def constant(self, values: object) -> str:
        return self.add("Constant", value=numpy_helper.from_array(np.asarray(values)))

    def conv(self, x: str, name: str, stride: int = 1) -> str:
        pad = self.weights[f"{name}.conv2d.weight"].shape[2] // 2
        x = self.add("Pad", x, mode="reflect", pads=[0, 0, pad, pad, 0, 0, pad, pad])
        return self.add("Conv", x, f"{name}.conv2d.weight", f"{name}.conv2d.bias", strides=[stride, stride])

    def norm(self, x: str, name: str) -> str:
        return self.add("InstanceNormalization", x, f"{name}.weight", f"{name}.bias", epsilon=1e-5)

    def upsample(self, x: str) -> str:
        if self.opset == 8:
            return self.add("Upsample", x, mode="nearest", scales=[1.0, 1.0, 2.0, 2.0])
        scales = self.traced_scales(x) if self.is_traced else self.constant(np.float32([1, 1, 2, 2]))
        return self.add("Upsample", x, scales, mode="nearest")

    def traced_scales(self, x: str) -> str:
        """Twice the size, rounded down, divided by the size."""
        sides = self.add(
            "Cast", self.add("Slice", self.add("Shape", x), axes=[0], starts=[2], ends=[4]), to=1
        )
        doubled = self.add("Floor", self.add("Mul", sides, self.constant(np.float32([2, 2]))))
        return self.add("Concat", self.constant(np.float32([1, 1])), self.add("Div", doubled, sides), axis=0)

    def encode(self, *, height: int | str = ZOO_SIDE, width: int | str = ZOO_SIDE) -> bytes:
        x = "input1"
        for place, stride in ((1, 1), (2, 2), (3, 2)):
            x = self.add("Relu", self.norm(self.conv(x, f"conv{place}", stride), f"in{place}"))
        for block in ("res1", "res2"):
            inner = self.add("Relu", self.norm(self.conv(x, f"{block}.conv1"), f"{block}.in1"))
            x = self.add("Add", self.norm(self.conv(inner, f"{block}.conv2"), f"{block}.in2"), x)
        for place in (1, 2):
            x = self.conv(self.upsample(x), f"deconv{place}")
            x = self.add("Relu", self.norm(x, f"in{place + 3}"))
        x = self.conv(x, "deconv3")
        weights = [numpy_helper.from_array(value, name) for name, value in self.weights.items()]
        return make_model(self.nodes, "input1", x, [1, 3, height, width], weights, opset=self.opset)


def make_model(nodes, image, output, size, weights=(), *, opset=13, ir_version=3, **more: object) -> bytes:
    """A file with its weights among the inputs, as the first versions have them."""
    inputs = [helper.make_tensor_value_info(image, TensorProto.FLOAT, size)]
    if ir_version == 3:
        inputs += [helper.make_tensor_value_info(one.name, one.data_type, one.dims) for one in weights]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, size)]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, list(weights))
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=ir_version, **more).SerializeToString()
