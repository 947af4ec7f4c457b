"""3x3 convolutions on the CPU by Winograd's minimal filtering: the sums of VGG19 in half the time.

torch's own convolutions multiply every tap on CPUs. Winograd's algorithm needs a quarter of the
products; NNPACK, which comes with torch, has it for one picture at a time. Small pictures of 512
channels are faster as 36 matrix products.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

TILE = 4  # px, side of the output tiles of F(4x4, 3x3); the input tiles overlap by 2 px
DEEP = 512  # output channels from which on the matrix products are faster than NNPACK
DEEP_POSITIONS = 48**2  # pixels up to which they are
# Numbers of activations that NNPACK gets at once, which limits the room for its transformed tiles:
# 64 channels of 512 x 128 px.
BAND = 2**22
FEW = 4  # channels; below, as in the first layer, nothing is gained

# Lavin and Gray (2016), section 4.3: input, kernel and output transform of F(4, 3).
_INPUT = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
_KERNEL = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
_OUTPUT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


@functools.cache
def has_nnpack() -> bool:
    """Whether this torch brings NNPACK and the processor has what it needs; starts it."""
    return hasattr(torch, "_nnpack_spatial_convolution") and torch.backends.nnpack.is_available()


def is_for(features: Tensor, weight: Tensor) -> bool:
    """Whether a convolution of these activations and weights (O, C, 3, 3) can go this way, and gains."""
    is_float = features.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    return is_float and min(weight.shape[:2]) >= FEW and has_nnpack()


def convolve(
    features: Tensor,
    weight: Tensor,
    kernel: Callable[[Callable[[Tensor], Tensor]], Tensor],
    bias: Tensor,
    padding: int,
) -> Tensor:
    """Convolution that agrees with torch's own to some 1e-5.

    Args:
        features: Activations (N, C, H, W).
        weight: Shape (O, C, 3, 3).
        kernel: Gives the weights as a function prepares them.
        bias: Shape (O,).
        padding: Zeros round the activations, 0 or 1 px.
    Source: Lavin and Gray (2016), Fast Algorithms for Convolutional Neural Networks.
    """
    is_deep = weight.shape[0] >= DEEP and padding == 1
    if is_deep and features.shape[2:].numel() <= DEEP_POSITIONS:
        return _MatrixConvolution.apply(features, kernel(_deep_kernel)) + bias[:, None, None]
    return _NnpackConvolution.apply(features, weight, bias, kernel(mirrored), padding)


def mirrored(weight: Tensor) -> Tensor:
    """Kernel of the gradient: the convolution's own, turned by 180 degrees, channels exchanged."""
    return weight.flip(2, 3).transpose(0, 1).contiguous()


class _NnpackConvolution(torch.autograd.Function):
    """Convolution and gradient by NNPACK, a picture at a time: its own batches are slower."""

    @staticmethod
    def forward(
        ctx, features: Tensor, weight: Tensor, bias: Tensor, mirrored: Tensor, padding: int
    ) -> Tensor:
        ctx.save_for_backward(mirrored)
        ctx.padding = padding
        return _by_nnpack(features, weight, bias, padding)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:
        (mirrored,) = ctx.saved_tensors
        return _by_nnpack(gradient, mirrored, None, 2 - ctx.padding), None, None, None, None


def _by_nnpack(features: Tensor, weight: Tensor, bias: Tensor | None, padding: int) -> Tensor:
    """A picture at a time, and large ones in bands of rows."""
    count, _, height, width = features.shape
    rows_out, columns_out = height + 2 * padding - 2, width + 2 * padding - 2
    bands = -(-max(weight.shape[:2]) * rows_out * columns_out // BAND)
    if count == bands == 1:
        return _convolved(features, weight, bias, padding)
    outputs = features.new_empty(count, len(weight), rows_out, columns_out)
    rows = -(-rows_out // bands)
    for picture, output in zip(features.split(1), outputs.split(1), strict=True):
        for first in range(0, rows_out, rows):
            end = min(first + rows, rows_out)
            above = max(0, first - padding)  # row r of the output sums r - padding to r + 2 - padding
            band = picture[:, :, above : end + 2 - padding]
            band = _convolved(band, weight, bias, padding)
            output[:, :, first:end] = band[:, :, first - above : end - above]
    return outputs


def _convolved(picture: Tensor, weight: Tensor, bias: Tensor | None, padding: int) -> Tensor:
    return torch._nnpack_spatial_convolution(picture.contiguous(), weight, bias, [padding, padding])


def _deep_kernel(weight: Tensor) -> Tensor:
    """Kernels (O, C, 3, 3) in Winograd's domain, (36, O, C)."""
    kernel = weight.new_tensor(_KERNEL)
    return torch.einsum("ai,bj,ocij->aboc", kernel, kernel, weight).flatten(0, 1).contiguous()


class _MatrixConvolution(torch.autograd.Function):
    """F(4x4, 3x3) as matrix products over all tiles of all pictures, and its adjoint."""

    @staticmethod
    def forward(ctx, features: Tensor, kernel: Tensor) -> Tensor:
        ctx.save_for_backward(kernel)
        count, channels, height, width = ctx.shape = features.shape
        rows, columns = -(-height // TILE), -(-width // TILE)
        padded = F.pad(features, (1, 1 + TILE * columns - width, 1, 1 + TILE * rows - height))
        tiles = padded.unfold(2, TILE + 2, TILE).unfold(3, TILE + 2, TILE)  # (N, C, rows, columns, 6, 6)
        tiles = tiles.permute(4, 5, 1, 0, 2, 3).reshape(36, -1)
        products = torch.bmm(kernel, (_both_axes(features, _INPUT) @ tiles).view(36, channels, -1))
        outputs = _both_axes(features, _OUTPUT) @ products.view(36, -1)
        outputs = outputs.view(TILE, TILE, -1, count, rows, columns).permute(3, 2, 4, 0, 5, 1)
        return outputs.reshape(count, -1, rows * TILE, columns * TILE)[:, :, :height, :width]

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        (kernel,) = ctx.saved_tensors
        count, channels, height, width = ctx.shape
        rows, columns = -(-height // TILE), -(-width // TILE)
        gradient = F.pad(gradient, (0, TILE * columns - width, 0, TILE * rows - height))
        tiles = gradient.view(count, -1, rows, TILE, columns, TILE).permute(3, 5, 1, 0, 2, 4).reshape(16, -1)
        products = (_both_axes(gradient, _OUTPUT).T @ tiles).view(36, kernel.shape[1], -1)
        tiles = _both_axes(gradient, _INPUT).T @ torch.bmm(kernel.mT, products).view(36, -1)
        tiles = tiles.view(TILE + 2, TILE + 2, channels, count, rows, columns).permute(3, 2, 4, 0, 5, 1)
        # Tiles overlap by 2 px: what sticks out goes to the neighbor on the right and below.
        total = gradient.new_zeros(count, channels, rows + 1, TILE, columns + 1, TILE)
        total[:, :, :-1, :, :-1] = tiles[:, :, :, :TILE, :, :TILE]
        total[:, :, :-1, :, 1:, :2] += tiles[:, :, :, :TILE, :, TILE:]
        total[:, :, 1:, :2, :-1] += tiles[:, :, :, TILE:, :, :TILE]
        total[:, :, 1:, :2, 1:, :2] += tiles[:, :, :, TILE:, :, TILE:]
        total = total.view(count, channels, (rows + 1) * TILE, (columns + 1) * TILE)
        return total[:, :, 1 : height + 1, 1 : width + 1], None


def _both_axes(like: Tensor, transform: tuple[tuple[float, ...], ...]) -> Tensor:
    """A transform of rows and columns at once, as one matrix for flattened tiles."""
    matrix = like.new_tensor(transform)
    return torch.kron(matrix, matrix)
