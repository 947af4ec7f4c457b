"""Write the graphs of `weights/variants/`: the painting networks in other forms, without their weights.

    python -m export.variants

The weights of a network, and its noise, are added when a variant is loaded
(`stylecore.instant.variants`), so that one graph serves all networks of one width, and those of learned
styles.
"""

from __future__ import annotations

import hashlib
import json
from functools import partial

import numpy as np
import onnx
from onnx import TensorProto, helper
from torch import Tensor

from export.graph import GraphWriter, add_network, make_model, noisy_stem, styled_norms
from stylecore.instant.variants import variant_file
from stylecore.learning.networks import TWO_CONVS, TransformerNetwork
from stylecore.learning.trunk import graph_weights
from stylecore.styles.records import VARIANTS_FOLDER

WIDTHS = ((32, 5), (64, 5))  # channels and blocks of the networks in `weights/`


RESIDUAL = {
    "residual": TensorProto.FLOAT16,
    "norm_scale": TensorProto.FLOAT,
    "norm_shift": TensorProto.FLOAT,
}
MEASURED = {"means": TensorProto.FLOAT, "squares": TensorProto.FLOAT}


class VariantWriter(GraphWriter):
    """Collects a graph whose weights are `weight_0`, `weight_1` and so on, to be given at loading."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def weight(self, value: Tensor | np.ndarray) -> str:
        is_noise = isinstance(value, np.ndarray)
        name = "noise" if is_noise else f"weight_{self.count}"
        self.count += not is_noise
        data_type = TensorProto.UINT8 if is_noise else self.FLOAT
        tensor = TensorProto(name=name, dims=value.shape, data_type=data_type)
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="given")
        self.constants.append(tensor)
        return name


class HalfWriter(VariantWriter):
    """Collects a graph of float16 features for GPUs."""

    FLOAT = TensorProto.FLOAT16

    def depth_to_space(self, phases: str, channels: int) -> str:
        return self.node("DepthToSpace", phases, blocksize=2, mode="CRD")


class LayerWriter(VariantWriter):
    """Collects the graph of one layer, which runs over some rows of a picture.

    Features come and go as float16 of shape (H, C, W), so that rows lie together.
    """

    def read(self, name: str) -> str:
        """Features as float32 of shape (1, C, H, W)."""
        features = self.node("Cast", self.node("Transpose", name, perm=[1, 0, 2]), to=TensorProto.FLOAT)
        return self.node("Unsqueeze", features, self.constant([0]))

    def scaled(self, features: str, norm: str) -> str:
        """Normalized and styled: times `<norm>_scale` plus `<norm>_shift`, each (1, C, 1, 1)."""
        return self.node("Add", self.node("Mul", features, f"{norm}_scale"), f"{norm}_shift")

    def sides_reflected(self, features: str) -> str:
        """Columns padded by reflection; rows come with their border."""
        return self.node("Pad", features, self.constant([0, 0, 0, TWO_CONVS] * 2), mode="reflect")

    def write(self, features: str, name: str) -> None:
        half = self.node("Squeeze", self.node("Cast", features, to=TensorProto.FLOAT16), self.constant([0]))
        self.nodes.append(helper.make_node("Transpose", [half], [name], perm=[1, 0, 2]))

    def measure(self, features: str) -> None:
        """Outputs `means` and `squares`: of each channel's values and of their squares, (C,)."""
        axes = self.constant([0, 2, 3])
        self.nodes.append(helper.make_node("ReduceMean", [features, axes], ["means"], keepdims=0))
        squares = self.node("Mul", features, features)
        self.nodes.append(helper.make_node("ReduceMean", [squares, axes], ["squares"], keepdims=0))

    def model(self, inputs: dict[str, int], outputs: dict[str, int]) -> onnx.ModelProto:
        """The model, with inputs and outputs by name and data type."""
        infos = (
            [helper.make_tensor_value_info(name, data_type, None) for name, data_type in group.items()]
            for group in (inputs, outputs)
        )
        return make_model(self, *infos)


def build_stem(network: TransformerNetwork) -> onnx.ModelProto:
    """The stem: padded rows of the picture and of the noise to raw features, not yet normalized."""
    graph = LayerWriter()
    photo_weight, noise_weight, *_ = graph_weights(network)
    features = noisy_stem(graph, "image", photo_weight, noise_weight, "noise")
    graph.measure(features)
    graph.write(features, "raw")
    inputs = {"image": TensorProto.FLOAT, "noise": TensorProto.UINT8}
    return graph.model(inputs, {"raw": TensorProto.FLOAT16} | MEASURED)


def build_first(network: TransformerNetwork, *, is_entrance: bool) -> onnx.ModelProto:
    """The first convolution of a block, of the normalized stem at the entrance, else of the sum so far.

    Outputs `features`, what enters the block, and `raw`, what the convolution makes of it.
    """
    graph = LayerWriter()
    features = graph.scaled(graph.read("residual"), "norm")
    into = graph.node("Relu", features) if is_entrance else graph.node("Add", graph.read("sum"), features)
    graph.write(into, "features")
    raw = graph.conv(graph.sides_reflected(into), network.blocks[0].first.conv.weight)
    graph.measure(raw)
    graph.write(raw, "raw")
    inputs = ({} if is_entrance else {"sum": TensorProto.FLOAT16}) | RESIDUAL
    return graph.model(inputs, {"features": TensorProto.FLOAT16, "raw": TensorProto.FLOAT16} | MEASURED)


def build_second(network: TransformerNetwork) -> onnx.ModelProto:
    """The second convolution of a block: raw features of the first one to its own."""
    graph = LayerWriter()
    features = graph.node("Relu", graph.scaled(graph.read("residual"), "norm"))
    raw = graph.conv(features, network.blocks[0].second.conv.weight)
    graph.measure(raw)
    graph.write(raw, "raw")
    return graph.model(RESIDUAL, {"raw": TensorProto.FLOAT16} | MEASURED)


def build_up(network: TransformerNetwork) -> onnx.ModelProto:
    """The enlarging layer, which is only measured."""
    graph = LayerWriter()
    graph.measure(_enlarged(graph, network))
    return graph.model({"sum": TensorProto.FLOAT16} | RESIDUAL, MEASURED)


def build_out(network: TransformerNetwork) -> onnx.ModelProto:
    """The enlarging layer again, and the last one: to rows of the painting, `stylized` (1, 3, H, W)."""
    graph = LayerWriter()
    features = graph.node("Relu", graph.scaled(_enlarged(graph, network), "up"))
    features = graph.conv(features, network.out.phase_weight(), network.out.phase_bias())
    features = graph.depth_to_space(features, network.out.conv.out_channels)
    graph.nodes.append(helper.make_node("Sigmoid", [features], ["stylized"]))
    norm = {"up_scale": TensorProto.FLOAT, "up_shift": TensorProto.FLOAT}
    return graph.model({"sum": TensorProto.FLOAT16} | RESIDUAL | norm, {"stylized": TensorProto.FLOAT})


def _enlarged(graph: LayerWriter, network: TransformerNetwork) -> str:
    features = graph.node("Add", graph.read("sum"), graph.scaled(graph.read("residual"), "norm"))
    features = graph.conv(graph.sides_reflected(features), network.up.phase_weight())
    return graph.depth_to_space(features, network.up.conv.out_channels)


def build_half(network: TransformerNetwork) -> onnx.ModelProto:
    """Build the variant for GPUs: float16 inside, pictures of 8 bits at the ends.

    Inputs: `pixels` uint8 (N, H, W, 3); `rows` float32 (N, R); `noise` uint8, the noise at the padded picture
    (`stylecore.instant.half.noise_at`), so that no index is computed on the CPU. Outputs: `painted`, as
    `pixels`, and `total`, the sum of all colors, which is no number if float16 was too small for the style.
    """
    graph = HalfWriter()
    pixels = graph.node("Cast", "pixels", to=TensorProto.FLOAT)
    image = graph.node("Mul", pixels, graph.constant(np.float32(1 / 255)))
    image = graph.node("Cast", graph.node("Transpose", image, perm=[0, 3, 1, 2]), to=TensorProto.FLOAT16)
    rows = graph.node("Cast", "rows", to=TensorProto.FLOAT16)
    norms = styled_norms(graph, network.row_sizes, rows)
    features = add_network(graph, network, norms, image, "noise")
    painted = graph.node("Sigmoid", graph.node("Cast", features, to=TensorProto.FLOAT))
    graph.nodes.append(helper.make_node("ReduceSum", [painted], ["total"], keepdims=0))
    painted = graph.node("Mul", painted, graph.constant(np.float32(255)))
    painted = graph.node("Add", painted, graph.constant(np.float32(0.5)))
    painted = graph.node("Transpose", graph.node("Cast", painted, to=TensorProto.UINT8), perm=[0, 2, 3, 1])
    graph.nodes.append(helper.make_node("Identity", [painted], ["painted"]))
    pictures = ["pictures", "height", "width", 3]
    value = helper.make_tensor_value_info
    inputs = [
        value("pixels", TensorProto.UINT8, pictures),
        value("rows", TensorProto.FLOAT, ["pictures", sum(network.row_sizes)]),
        value("noise", TensorProto.UINT8, ["noise_height", "noise_width"]),
    ]
    outputs = [value("painted", TensorProto.UINT8, pictures), value("total", TensorProto.FLOAT, [])]
    return make_model(graph, inputs, outputs)


BUILDERS = {
    "half": build_half,
    "stem": build_stem,
    "entrance": partial(build_first, is_entrance=True),
    "first": partial(build_first, is_entrance=False),
    "second": build_second,
    "up": build_up,
    "out": build_out,
}


def main() -> None:
    VARIANTS_FOLDER.mkdir(exist_ok=True)
    checksums = {}
    for kind, build in BUILDERS.items():
        for channels, blocks in WIDTHS:
            path = VARIANTS_FOLDER / variant_file(kind, channels, blocks)
            contents = build(TransformerNetwork(channels=channels, blocks=blocks)).SerializeToString()
            path.write_bytes(contents)
            checksums[path.name] = hashlib.sha256(contents).hexdigest()
            print(f"{path.name}: {len(contents) / 1e3:.0f} kB")
    record = VARIANTS_FOLDER / "checksums.json"
    record.write_text(json.dumps(checksums, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
