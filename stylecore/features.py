"""VGG19 activations by name, the space in which style transfer measures its losses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylecore.convolutions import FrozenConv3x3
from stylecore.errors import WeightsError
from stylecore.folders import WEIGHTS_FOLDER
from stylecore.memory import MEBIBYTE, return_freed_memory
from stylecore.tensor_files import read_tensors

VGG19_WEIGHTS = WEIGHTS_FOLDER / "vgg19.safetensors"

# Output channels and number of the 3x3 convolutions of each block (Simonyan and Zisserman
# 2015, configuration E). Blocks are separated by 2x2 pooling.
BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
CONVOLUTIONS = tuple(
    f"conv{block}_{number}"
    for block, (_, count) in enumerate(BLOCKS, start=1)
    for number in range(1, count + 1)
)
# Of a gradient in float32 that is about to be allocated, 512 px of 64 channels: what the layers behind it
# freed goes back first. At 512 px a run peaks 50 to 100 MB lower and takes 3 % longer; in 16 bits, where
# there is room, it would take 8 % longer.
LARGE_BYTES = 64 * MEBIBYTE
POOLINGS = {"max": F.max_pool2d, "average": F.avg_pool2d}


def convolution_shapes() -> dict[str, tuple[int, int, int, int]]:
    """Weight shape (out, in, 3, 3) of every convolution, conv1_1 to conv5_4."""
    shapes = {}
    in_channels = 3
    for block, (out_channels, count) in enumerate(BLOCKS, start=1):
        for number in range(1, count + 1):
            shapes[f"conv{block}_{number}"] = (out_channels, in_channels, 3, 3)
            in_channels = out_channels
    return shapes


def deepest(layers: Iterable[str]) -> str:
    """The layer that comes last in the network."""
    return max(layers, key=lambda layer: CONVOLUTIONS.index("conv" + layer[4:]))


class Vgg19Features(nn.Module):
    """The convolutional part of VGG19 with frozen weights, cut after the last wanted layer.

    The input normalization of the original network is folded into conv1_1, so pictures go in
    as they are. Borders are replicated in front of conv1_1 and zero-padded behind it:
    a black frame round the picture would be seen as an edge of the painting.

    Args:
        layers: Names such as `relu4_1` or `conv4_2`.
        weights: Safetensors file made by `export/vgg19.py`.
        pooling: `max` as the network was trained, or `average` (Gatys et al. 2016, section 2).
    Raises:
        ValueError: A layer or pooling that does not exist.
        WeightsError: The weights are missing or damaged.
    Source: Simonyan and Zisserman (2015); layer names as in Gatys et al. (2016).
    """

    def __init__(
        self,
        layers: Sequence[str],
        *,
        weights: Path = VGG19_WEIGHTS,
        pooling: str = "max",
    ) -> None:
        super().__init__()
        known = {kind + name[4:] for name in CONVOLUTIONS for kind in ("conv", "relu")}
        if unknown := [layer for layer in layers if layer not in known]:
            raise ValueError(
                f"VGG19 has no layer {', '.join(unknown)}: use relu1_1 to relu5_4 or conv1_1 to conv5_4"
            )
        if not layers:
            raise ValueError("at least one VGG19 layer is needed, none was given")
        if pooling not in POOLINGS:
            raise ValueError(f"pooling is {pooling!r}: use one of {', '.join(POOLINGS)}")
        self.layers = tuple(layers)
        self.pool = POOLINGS[pooling]
        last = CONVOLUTIONS.index("conv" + deepest(layers)[4:])
        self.convolutions = CONVOLUTIONS[: last + 1]

        tensors = read_vgg19_weights(weights)
        for name in self.convolutions:
            weight, bias = (tensors[f"{name}.{part}"].float() for part in ("weight", "bias"))
            # conv1_1 finds its border replicated already.
            self.add_module(name, FrozenConv3x3(weight, bias, padding=0 if name == "conv1_1" else 1))

    def forward(
        self,
        batch: Tensor,
        *,
        last: str | None = None,
        each: Callable[[str, Tensor], tuple[Tensor, Any]] | None = None,
    ) -> dict[str, Any]:
        """Activations of pictures.

        Args:
            batch: Pictures, shape (N, 3, H, W), RGB in [0, 1]. H and W of at least 32 leave
                something of every layer.
            last: Stop behind this layer; by default behind the deepest one asked for.
            each: Called with a layer's name and its activations as soon as they are there. Gives
                the activations for the layers behind, and what to return in their place. Losses that
                are computed so need less memory: backward meets each beside its layer, in place of
                all at first.
        Returns:
            One tensor of shape (N, C, H / s, W / s) for each layer asked for, in the type of the
            weights; s is 1, 2, 4, 8 and 16 in the five blocks. Or what `each` made of them.
        Raises:
            ValueError: The batch does not have three channels or is too small for the layers.
        """
        scale = 2 ** (int(self.convolutions[-1][4]) - 1)
        if batch.ndim != 4 or batch.shape[1] != 3 or min(batch.shape[2:]) < scale:
            raise ValueError(
                f"pictures of shape (N, 3, H, W) with H and W of at least {scale} are needed for "
                f"{self.convolutions[-1]}, got {tuple(batch.shape)}"
            )
        each = each or (lambda _, features: (features, features))
        found = {}
        # On GPUs torch's own order of the memory stays, and a compiler finds one of its own.
        is_on_cpu = batch.device.type == "cpu" and not torch.compiler.is_compiling()
        is_frugal = self.pool is F.max_pool2d and is_on_cpu
        weight_type = next(self.parameters()).dtype
        features = with_replicated_border(batch.to(weight_type))
        for name, following in zip(self.convolutions, (*self.convolutions[1:], ""), strict=True):
            convolution = self.get_submodule(name)
            is_pooled = following.endswith("_1")
            relu = "relu" + name[4:]
            if is_pooled and is_frugal and not {name, relu} & {*self.layers, last}:
                features = ReluMaxPool.apply(convolution(features))
                continue
            if name in self.layers:
                features = convolution(features)
                features, found[name] = each(name, features)
                features = F.relu(features)
            else:
                features = convolution(features, is_rectified=True)
            if relu in self.layers:
                features, found[relu] = each(relu, features)
            if last is not None and last[4:] == name[4:]:
                break
            if is_pooled:
                features = self.pool(features, 2)
        return found


class ReluMaxPool(torch.autograd.Function):
    """ReLU and 2x2 max pooling, of which the places of the maxima are kept for the gradient.

    torch's own two keep the activations as well: in front of VGG19's four poolings 150 MB more at 512 px.
    Frozen convolutions keep nothing of what goes into them.
    """

    @staticmethod
    def forward(ctx, features: Tensor) -> Tensor:
        """Activations (N, C, H, W) to (N, C, H // 2, W // 2)."""
        pooled, places = F.max_pool2d(features, 2, return_indices=True)
        pooled.relu_()
        ctx.save_for_backward(places.int(), pooled > 0)
        ctx.size = features.shape[2:]
        return pooled

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        places, is_left = ctx.saved_tensors
        if gradient.dtype == torch.float32 and ctx.size.numel() * gradient.shape[1] * 4 >= LARGE_BYTES:
            return_freed_memory()
        return F.max_unpool2d(gradient * is_left, places.long(), 2, output_size=ctx.size)


def with_replicated_border(batch: Tensor) -> Tensor:
    """A batch (N, C, H, W) with one more pixel at each side.

    As `F.pad` replicates, whose gradient on CUDA is summed in an order that changes.
    """
    batch = torch.cat((batch[..., :1], batch, batch[..., -1:]), -1)
    return torch.cat((batch[..., :1, :], batch, batch[..., -1:, :]), -2)


def read_vgg19_weights(path: Path) -> dict[str, Tensor]:
    """Weights and biases of all 16 convolutions by name, `conv1_1.weight` to `conv5_4.bias`.

    Raises:
        WeightsError: The file is missing, damaged, or lacks a tensor.
    """
    tensors = read_tensors(path)
    for name, shape in convolution_shapes().items():
        weight = tensors.get(f"{name}.weight")
        bias = tensors.get(f"{name}.bias")
        if weight is None or bias is None or tuple(weight.shape) != shape:
            raise WeightsError(
                f"{path.name} is not a VGG19: {name} of shape {shape} is needed, "
                f"got {None if weight is None else tuple(weight.shape)}"
            )
    return tensors
