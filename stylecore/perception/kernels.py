"""Interface of a fast 3x3 convolution: prepared once from frozen weights, then called with features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor


class TorchConvolution:
    """A 3x3 convolution by torch itself.

    Args:
        weight: Shape (O, C, 3, 3).
        bias: Shape (O,).
        padding: Zeros around the activations, 0 or 1 px.
    """

    def __init__(self, weight: Tensor, bias: Tensor, padding: int) -> None:
        self.weight, self.bias, self.padding = weight, bias, padding

    def __call__(self, features: Tensor, *, is_rectified: bool = False) -> Tensor:
        """Activations (N, C, H, W) to (N, O, H, W), with a padding of 0 to (N, O, H - 2, W - 2).

        `is_rectified` adds a ReLU.
        """
        outputs = F.conv2d(features, self.weight, self.bias, padding=self.padding)
        return F.relu_(outputs) if is_rectified else outputs


class Kernel(ABC):
    """A faster convolution for some processors and types; arguments as of `TorchConvolution`.

    Only the features get a gradient; the input is not kept for it.
    """

    dtype: ClassVar[torch.dtype]  # of features and weights
    small_positions: ClassVar[int] = 0  # pixels of features up to which its gain depends on the layer

    def __init__(self, weight: Tensor, bias: Tensor, padding: int) -> None:
        self.weight, self.bias, self.padding = weight, bias, padding

    @staticmethod
    @abstractmethod
    def is_for(features: Tensor, weight: Tensor) -> bool:
        """Whether this machine can convolve these activations and weights this way."""

    @abstractmethod
    def convolve(self, features: Tensor, *, is_rectified: bool) -> Tensor:
        """As `__call__`, without a gradient."""

    @abstractmethod
    def gradient(self, gradient: Tensor) -> Tensor:
        """Gradient for the features of that for the outputs of a convolution without a ReLU."""

    def __call__(self, features: Tensor, *, is_rectified: bool = False) -> Tensor:
        """See `TorchConvolution`."""
        return _Differentiable.apply(features, self, is_rectified)


def mirrored(weight: Tensor) -> Tensor:
    """Weights of the gradient: the convolution's own, turned by 180 degrees, channels exchanged."""
    return weight.flip(2, 3).transpose(0, 1).contiguous()


class _Differentiable(torch.autograd.Function):
    """A kernel's convolution and its gradient."""

    @staticmethod
    def forward(ctx, features: Tensor, kernel: Kernel, is_rectified: bool) -> Tensor:
        outputs = kernel.convolve(features, is_rectified=is_rectified)
        ctx.kernel = kernel
        ctx.save_for_backward(*[outputs] * is_rectified)
        return outputs

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        for outputs in ctx.saved_tensors:
            gradient = torch.ops.aten.threshold_backward(gradient, outputs, 0)
        return ctx.kernel.gradient(gradient), None, None
