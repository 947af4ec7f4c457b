"""3x3 convolutions in float32 on the CPU by Winograd's minimal filtering.

torch's own convolutions multiply every tap on CPUs. Winograd's algorithm needs a quarter of the
products; NNPACK, which comes with torch, has it for one picture at a time.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from stylecore.perception.kernels import Kernel, mirrored

# Numbers of activations that NNPACK gets at once, which limits the room for its transformed tiles:
# 64 channels of 512 x 128 px.
BAND = 2**22
FEW = 4  # channels; below, as in the first layer, nothing is gained


@functools.cache
def has_nnpack() -> bool:
    """Whether this torch brings NNPACK and the processor has what it needs; starts it."""
    return hasattr(torch, "_nnpack_spatial_convolution") and torch.backends.nnpack.is_available()


class NnpackConvolution(Kernel):
    """Convolution and gradient by NNPACK, a picture at a time: its own batches are slower.

    It agrees with torch's own to some 1e-5.
    Source: Lavin and Gray (2016), Fast Algorithms for Convolutional Neural Networks.
    """

    dtype = torch.float32
    # It transforms the weights in every call: with 512 channels on two cores it took 1.5 times torch's time
    # at 32 px, 2.9 times at 16 px, and half of it at 64 px.
    small_positions = 48**2

    @staticmethod
    def is_for(features: Tensor, weight: Tensor) -> bool:
        is_float = features.dtype == weight.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
        return is_float and min(weight.shape[:2]) >= FEW and has_nnpack()

    def convolve(self, features: Tensor, *, is_rectified: bool) -> Tensor:
        outputs = _by_nnpack(features, self.weight, self.bias, self.padding)
        return outputs.relu_() if is_rectified else outputs

    def gradient(self, gradient: Tensor) -> Tensor:
        return _by_nnpack(gradient, self._mirrored, None, 2 - self.padding)

    @functools.cached_property
    def _mirrored(self) -> Tensor:
        return mirrored(self.weight)


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
