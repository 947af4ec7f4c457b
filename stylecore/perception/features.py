"""VGG19 activations by name, the space in which style transfer measures its losses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylecore.errors import WeightsError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.host.memory import MEBIBYTE, return_freed_memory
from stylecore.perception.convolutions import FrozenConv3x3
from stylecore.perception.tensor_files import read_tensors

VGG19_WEIGHTS = WEIGHTS_FOLDER / "vgg19.safetensors"

# Output channels and number of the 3x3 convolutions of each block (Simonyan and Zisserman
# 2015, configuration E). Blocks are separated by 2x2 pooling.
BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
CONVOLUTIONS = tuple(
    f"conv{block}_{number}"
    for block, (_, count) in enumerate(BLOCKS, start=1)
    for number in range(1, count + 1)
)
# Size of a gradient in float32 (512 px of 64 channels) before whose allocation freed memory goes back to the
# system. At 512 px a run peaks 50 to 100 MB lower and takes 3 % longer; in 16 bits it would take 8 % longer.
LARGE_BYTES = 64 * MEBIBYTE
Layer = Callable[[Tensor], Tensor]
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


def depth(layer: str) -> tuple[str, bool]:
    """Order of the layers in the network."""
    return layer[4:], layer.startswith("relu")


def deepest(layers: Iterable[str]) -> str:
    """The layer that comes last in the network."""
    return max(layers, key=depth)


class Vgg19Features(nn.Module):
    """The convolutional part of VGG19 with frozen weights, cut after the last wanted layer.

    The input normalization of the original network is folded into conv1_1, so pictures go in
    as they are. Borders are replicated before conv1_1 and zero-padded after it:
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

    def forward(self, batch: Tensor, *, last: str | None = None) -> dict[str, Tensor]:
        """Activations of pictures.

        Args:
            batch: Pictures, shape (N, 3, H, W), RGB in [0, 1]. H and W of at least 32 leave
                something of every layer.
            last: Stop after this layer; by default after the deepest one asked for.
        Returns:
            One tensor of shape (N, C, H / s, W / s) for each layer asked for, in the type of the
            weights; s is 1, 2, 4, 8 and 16 in the five blocks.
        Raises:
            ValueError: The batch does not have three channels or is too small for the layers.
        """
        wanted = [layer for layer in self.layers if last is None or depth(layer) <= depth(last)]
        features = self.entrance(batch)
        found = {}
        for name, layer in self.table_to(wanted):
            features = layer(features)
            if name in wanted:
                found[name] = features
        return found

    def entrance(self, batch: Tensor) -> Tensor:
        """Pictures as conv1_1 takes them, see `forward`: (N, 3, H + 2, W + 2), in the weights' type."""
        scale = 2 ** (int(self.convolutions[-1][4]) - 1)
        if batch.ndim != 4 or batch.shape[1] != 3 or min(batch.shape[2:]) < scale:
            raise ValueError(
                f"pictures of shape (N, 3, H, W) with H and W of at least {scale} are needed for "
                f"{self.convolutions[-1]}, got {tuple(batch.shape)}"
            )
        return with_replicated_border(batch.to(next(self.parameters()).dtype))

    def table_to(self, wanted: Iterable[str]) -> Iterator[tuple[str, Layer]]:
        """The network's layers in their order, by name, to the deepest of some of `self.layers`.

        What stands between two layers asked for is one where that is cheaper: a convolution with its
        ReLU, and on the CPU a ReLU with a max pooling.
        """
        end = deepest(wanted) if wanted else None
        for name in self.convolutions if end else ():
            convolution, place = self.get_submodule(name), name[4:]
            relu, pool = f"relu{place}", f"pool{place[0]}"
            is_pooled = int(place[2]) == BLOCKS[int(place[0]) - 1][1]
            if is_pooled and self.pool is F.max_pool2d and not {name, relu} & {*self.layers}:
                yield name, convolution
                yield pool, relu_max_pool
                continue
            if name in self.layers:
                yield name, convolution
                if name == end:
                    return
                yield relu, F.relu
            else:
                yield relu, partial(convolution, is_rectified=True)
            if relu == end:
                return
            if is_pooled:
                yield pool, partial(self.pool, kernel_size=2)


def relu_max_pool(features: Tensor) -> Tensor:
    """ReLU and 2x2 max pooling."""
    if features.device.type == "cpu" and not torch.compiler.is_compiling():
        return ReluMaxPool.apply(features)
    # On GPUs torch's own order of the memory stays, and a compiler finds one of its own.
    return F.max_pool2d(F.relu_(features), 2)


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
