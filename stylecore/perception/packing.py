"""3x3 convolutions in bfloat16 on the CPU: two thirds of a step's time was the moving of memory.

torch's own lay the weights out anew for the processor's matrix units in every call, and go through
features of the usual memory order with detours. Here the weights are laid out once, for the
convolution and for its gradient, and features stay in the order of channels last.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from stylecore.perception.kernels import Kernel, mirrored

ONE = [1, 1]


@functools.cache
def has_onednn() -> bool:
    """Whether this torch brings oneDNN with bfloat16, and the processor has what it needs."""
    operators = torch.ops.mkldnn
    names = ("_is_mkldnn_bf16_supported", "_reorder_convolution_weight", "_convolution_pointwise")
    return all(hasattr(operators, name) for name in names) and operators._is_mkldnn_bf16_supported()


class PackedConvolution(Kernel):
    """Convolution and gradient by oneDNN with packed weights, in channels-last order."""

    dtype = torch.bfloat16

    def __init__(self, weight: Tensor, bias: Tensor, padding: int) -> None:
        super().__init__(weight, bias, padding)
        self._packed = _packed(weight)

    @staticmethod
    def is_for(features: Tensor, weight: Tensor) -> bool:
        return features.dtype == weight.dtype == torch.bfloat16 and has_onednn()

    def convolve(self, features: Tensor, *, is_rectified: bool) -> Tensor:
        then = "relu" if is_rectified else "none"
        return _by_onednn(features, self._packed, self.bias, self.padding, then)

    def gradient(self, gradient: Tensor) -> Tensor:
        return _by_onednn(gradient, self._packed_for_gradient, None, 2 - self.padding, "none")

    @functools.cached_property
    def _packed_for_gradient(self) -> Tensor:
        return _packed(mirrored(self.weight))


def _packed(weight: Tensor) -> Tensor:
    return torch.ops.mkldnn._reorder_convolution_weight(weight, ONE, ONE, ONE, 1)


def _by_onednn(features: Tensor, packed: Tensor, bias: Tensor | None, padding: int, then: str) -> Tensor:
    features = features.contiguous(memory_format=torch.channels_last)
    return torch.ops.mkldnn._convolution_pointwise(
        features, packed, bias, [padding, padding], ONE, ONE, 1, then, [], ""
    )
