"""Turn a training checkpoint into `weights/*.onnx` and its records in `weights/styles.json`.

    python -m export.export_onnx runs/first/checkpoint.pt --model painter.onnx
    python -m export.export_onnx runs/first/checkpoint.pt runs/further/checkpoint.pt   # their mean

The graph is written node by node instead of traced: the style mix then feeds
InstanceNormalization directly as scale and bias, the space-to-depth stem becomes one strided
convolution, its part of the noise a constant, and upsampling is a small convolution with
depth-to-space; a traced graph has several times the nodes for the same numbers. The parity check
against torch is what makes this safe.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stylecore.checkpoints import load_network, read_checkpoint, write_checkpoint
from stylecore.errors import WeightsError
from stylecore.inference import open_session
from stylecore.networks import (
    NOISE_SIDE,
    NORM_EPSILON,
    STRIDE,
    TWO_CONVS,
    ConditionalInstanceNorm2d,
    TransformerNetwork,
    noise_tile,
)
from stylecore.style_targets import STYLE_TARGETS, pack_gram
from stylecore.styles import STYLES_FILE, WEIGHTS_FOLDER
from stylecore.tensor_files import read_tensors, write_tensors

try:
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ModuleNotFoundError as error:
    raise SystemExit("this needs onnx: pip install -r requirements-dev.txt") from error

CATALOG_FILE = Path(__file__).with_name("catalog.json")
OPSET = 21
IR_VERSION = 10  # read by ONNX Runtime 1.20 and newer
PARITY_SIZES = ((32, 32), (33, 47), (64, 301), (256, 256), (511, 385), (64, 1100))  # (height, width)
PARITY_LIMIT = 1 / 255


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
        """As many pixels more on every side as two convolutions take away."""
        pads = self.constant([0, 0, TWO_CONVS, TWO_CONVS] * 2)
        return self.node("Pad", features, pads, mode="reflect")

    def conv(self, features: str, weight: Tensor, bias: Tensor | None = None, *, stride: int = 1) -> str:
        inputs = [features, self.constant(weight)] + ([] if bias is None else [self.constant(bias)])
        return self.node("Conv", *inputs, kernel_shape=list(weight.shape[2:]), strides=[stride] * 2)

    def norm(self, features: str, scale_and_shift: tuple[str, str]) -> str:
        return self.node("InstanceNormalization", features, *scale_and_shift, epsilon=NORM_EPSILON)


def strided_stem(weight: Tensor) -> Tensor:
    """Space-to-depth and a 3x3 convolution as one strided convolution with a larger kernel.

    Args:
        weight: Shape (O, C * STRIDE**2, 3, 3).
    Returns:
        Weight of shape (O, C, 3 * STRIDE, 3 * STRIDE), for a stride and a padding of STRIDE.
    """
    out_channels, channels = weight.shape[0], weight.shape[1] // STRIDE**2
    blocks = weight.reshape(out_channels, channels, STRIDE, STRIDE, 3, 3)  # o, c, phase y, x, tap y, x
    return blocks.permute(0, 1, 4, 2, 5, 3).reshape(out_channels, channels, 3 * STRIDE, 3 * STRIDE)


def noisy_stem(graph: GraphWriter, picture: str, weight: Tensor) -> str:
    """The stem on the padded picture and the network's noise beside it as a fourth channel.

    The noise repeats, so its part is a constant that is cut, tiled and added: ONNX Runtime computes
    it once, when it loads the graph. Cut first, as most pictures need but a part of the tile.
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
    """(1, 4 * channels, H, W), ordered as for pixel_shuffle, to (1, channels, 2 * H, 2 * W).

    DepthToSpace moves both axes of phases at once, for which ONNX Runtime has no fast loop on
    CPUs; one at a time takes half as long.
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
    """The network as an ONNX model: `image` and `style_weights` in, `stylized` out."""
    graph = GraphWriter()
    norms = [module for module in network.modules() if isinstance(module, ConditionalInstanceNorm2d)]
    mixed = mixed_norms(graph, norms)

    # Sizes: everything that depends on the picture's height and width.
    height, width = (graph.node("Shape", "image", start=axis, end=axis + 1) for axis in (2, 3))
    border = graph.constant([STRIDE])

    def far_pad(length: str) -> str:  # the stem's border, and up to 3 more for a multiple of the stride
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
    """Scale and shift of every norm for the given style mix, by one product and one split."""
    rows = torch.cat([part for norm in norms for part in (norm.scale, norm.shift)], dim=1)
    sizes = [norm.scale.shape[1] for norm in norms for _ in range(2)]
    product = graph.node("MatMul", "style_weights", graph.constant(rows))
    parts = graph.node("Split", product, graph.constant(sizes), outputs=len(sizes), axis=0)
    return {norm: (parts[2 * i], parts[2 * i + 1]) for i, norm in enumerate(norms)}


@torch.no_grad()
def parity(network: TransformerNetwork, path: Path) -> float:
    """Largest difference between torch and ONNX Runtime over several sizes and style mixes."""
    session = open_session(path, "cpu")
    random = np.random.default_rng(0)
    largest = 0.0
    for i, (height, width) in enumerate(PARITY_SIZES):
        image = random.random((1, 3, height, width), dtype=np.float32)
        mix = np.eye(network.styles, dtype=np.float32)[i % network.styles]
        if i == len(PARITY_SIZES) - 1:
            mix = np.full(network.styles, 1 / network.styles, np.float32)
        (found,) = session.run(None, {"image": image, "style_weights": mix})
        expected = network(torch.from_numpy(image), torch.from_numpy(mix)[None]).numpy()
        if found.shape != expected.shape:
            raise WeightsError(f"{path.name} gives {found.shape} for {image.shape}")
        largest = max(largest, float(np.abs(found - expected).max()))
    return largest


def mean_checkpoint(paths: Sequence[Path]) -> dict:
    """The last checkpoint, its network the mean of all: one that went on from another often reads better so.

    Raises:
        CheckpointError: One cannot be read.
        WeightsError: They are of different styles or shapes.
    Source: Wortsman et al. (2022), Model soups.
    """
    checkpoints = [read_checkpoint(path) for path in paths]
    last = checkpoints[-1]
    for path, other in zip(paths, checkpoints, strict=True):
        shapes = [{name: t.shape for name, t in found["averaged"].items()} for found in (other, last)]
        if other["styles"] != last["styles"] or shapes[0] != shapes[1]:
            raise WeightsError(f"{path} and {paths[-1]} have different styles or shapes: no mean of both")
    weights = {
        name: torch.stack([other["averaged"][name] for other in checkpoints]).mean(0)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in last["averaged"].items()
    }
    return last | {"averaged": weights}


def export(
    checkpoint_paths: Sequence[Path],
    model_path: Path,
    styles_file: Path,
    *,
    scores: dict[str, dict] | None = None,
) -> float:
    """Write the network and its style records.

    Args:
        checkpoint_paths: Made by `stylecore train`, or trunks that earlier exports left; of several
            the mean, see `mean_checkpoint`.
        model_path: ONNX file to write.
        styles_file: Its records of other networks stay.
        scores: By style name, see `style_scores`. Without them those of the very same network stay.
    Returns:
        The largest difference between torch and ONNX Runtime.
    Raises:
        WeightsError: The two differ by more than 1/255, or a style is not in the catalog.
    """
    checkpoint = mean_checkpoint(checkpoint_paths)
    network = load_network(checkpoint)
    catalog = json.loads(CATALOG_FILE.read_text(encoding="utf-8"))
    if unknown := [name for name in checkpoint["styles"] if name not in catalog]:
        raise WeightsError(
            f"{', '.join(unknown)}: title, artist, year, credit and license are needed in {CATALOG_FILE.name}"
        )
    partial = model_path.with_suffix(".partial.onnx")
    onnx.save(build_model(network), partial)
    difference = parity(network, partial)
    if difference > PARITY_LIMIT:
        partial.unlink()
        raise WeightsError(
            f"torch and ONNX Runtime differ by {difference * 255:.2f}/255, at most 1/255 is accepted"
        )
    partial.replace(model_path)
    write_trunk(checkpoint, model_path.with_suffix(".pt"))
    if "targets" in checkpoint:  # not in a trunk that `write_trunk` wrote: its targets are there already
        write_targets(checkpoint, styles_file.with_name(STYLE_TARGETS.name))

    sha256 = hashlib.sha256(model_path.read_bytes()).hexdigest()
    config = checkpoint["config"]
    of_record = {"steps", "style_size", "content_factors", "style_turns"}  # said in other words
    settings = {key: value for key, value in asdict(config).items() if key not in of_record}
    known = json.loads(styles_file.read_text(encoding="utf-8")) if styles_file.exists() else []
    records = {record["name"]: record for record in known if record["model"] != model_path.name}
    old_scores = {r["name"]: r.get("scores") for r in known if r.get("sha256") == sha256}
    for index, name in enumerate(checkpoint["styles"]):
        records[name] = {
            "name": name,
            **catalog[name],
            "model": model_path.name,
            "index": index,
            "sha256": sha256,
            "stroke_size": config.style_size,
            "training": {
                "stage": "the last of the convolutions; all are in MODEL_CARD.md",
                "steps": checkpoint["step"],
                "hours": round(checkpoint["elapsed_s"] / 3600, 2),
                **settings,
                "content_weight": config.content_weight * config.content_factors.get(name, 1.0),
                "style_turns": config.style_turns.get(name, 1),
            },
            "scores": (scores or {}).get(name) or old_scores.get(name),
        }
    ordered = [records[name] for name in catalog if name in records]
    styles_file.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return difference


def style_scores(report: dict, references: dict | None = None) -> dict[str, dict]:
    """Scores by style name, as the records hold them.

    Args:
        report: Of `stylecore evaluate`.
        references: Another one, with optimized photos, in place of those of the first.
    """
    scores = {
        name: {"photos": len(report["photos"]), "side": report["side"]} | record
        for name, record in report["styles"].items()
    }
    source = references or report
    for name, record in source["styles"].items():
        if name in scores and "optimization" in record:
            scores[name].pop("network_same_photos", None)
            scores[name]["optimization"] = {
                "photos": source["reference_photos"],
                "steps": source["reference_steps"],
                **record["optimization"],
                "network": record["network_same_photos"],
            }
    return scores


def write_trunk(checkpoint: dict, path: Path) -> None:
    """The trained network alone, some hundred KB, for `stylecore train --init` on further styles."""
    kept = {key: checkpoint[key] for key in ("averaged", "styles", "step", "elapsed_s")}
    write_checkpoint(path, kept | {"config": asdict(checkpoint["config"])})


def write_targets(checkpoint: dict, path: Path) -> None:
    """Add the Gram matrices of the checkpoint's styles to the file that the evaluation reads.

    What is there already stays when it differs by rounding alone, as from one CPU to another.
    """
    tensors = read_tensors(path) if path.exists() else {}
    changed = {}
    for layer, grams in checkpoint["targets"].items():
        for name, gram in zip(checkpoint["styles"], grams, strict=True):
            key, packed = f"{name}.{layer}", pack_gram(gram.cpu())
            known = tensors.get(key, torch.zeros_like(packed)).float()
            if (known - packed.float()).abs().max() > 1e-3 * packed.float().abs().max():
                changed[key] = packed
    if changed:
        contents = "Gram matrices of the style pictures, upper triangles times channels, float16"
        write_tensors(path, tensors | changed, {"contents": contents})


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoints", type=Path, nargs="+", metavar="CHECKPOINT")
    parser.add_argument("--model", default="painter.onnx", help="file name in weights/")
    parser.add_argument("--scores", type=Path, help="JSON of `stylecore evaluate --json`")
    parser.add_argument("--references", type=Path, help="another one, with optimized photos")
    options = parser.parse_args(arguments)
    report, references = (
        json.loads(path.read_text()) if path else None for path in (options.scores, options.references)
    )
    scores = style_scores(report, references) if report else None
    path = WEIGHTS_FOLDER / options.model
    difference = export(options.checkpoints, path, STYLES_FILE, scores=scores)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, at most {difference * 255:.4f}/255 from torch")


if __name__ == "__main__":
    main()
