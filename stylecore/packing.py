"""3x3 convolutions in bfloat16 on the CPU: two thirds of a step's time was the moving of memory.

torch's own lay the weights out anew for the processor's matrix units in every call, and go through
features of the usual memory order with detours. Here the weights are laid out once, for the
convolution and for its gradient, and features stay in the order of channels last.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from stylecore.winograd import mirrored

ONE = [1, 1]


@functools.cache
def has_onednn() -> bool:
    """Whether this torch brings oneDNN with bfloat16, and the processor has what it needs."""
    operators = torch.ops.mkldnn
    names = ("_is_mkldnn_bf16_supported", "_reorder_convolution_weight", "_convolution_pointwise")
    return all(hasattr(operators, name) for name in names) and operators._is_mkldnn_bf16_supported()


def is_for(features: Tensor, weight: Tensor) -> bool:
    """Whether a convolution of these activations and weights can go this way."""
    return features.dtype == weight.dtype == torch.bfloat16 and has_onednn()


def convolve(
    features: Tensor,
    kernel: Callable[[Callable[[Tensor], Tensor]], Tensor],
    bias: Tensor,
    *,
    padding: int,
    is_rectified: bool,
) -> Tensor:
    """Convolution in channels-last order, with a ReLU or without.

    Args:
        features: Activations (N, C, H, W).
        kernel: Gives the weights (O, C, 3, 3) as a function prepares them.
        bias: Shape (O,).
        padding: Zeros round the activations, 0 or 1 px.
        is_rectified: Whether a ReLU follows.
    """
    return _PackedConvolution.apply(
        features, kernel(_packed), kernel(_packed_for_gradient), bias, padding, is_rectified
    )


def _packed(weight: Tensor) -> Tensor:
    return torch.ops.mkldnn._reorder_convolution_weight(weight, ONE, ONE, ONE, 1)


def _packed_for_gradient(weight: Tensor) -> Tensor:
    return _packed(mirrored(weight))


class _PackedConvolution(torch.autograd.Function):
    """Convolution and its gradient, each by oneDNN with packed weights."""

    @staticmethod
    def forward(
        ctx,
        features: Tensor,
        packed: Tensor,
        packed_for_gradient: Tensor,
        bias: Tensor,
        padding: int,
        is_rectified: bool,
    ) -> Tensor:
        outputs = _by_onednn(features, packed, bias, padding, "relu" if is_rectified else "none")
        ctx.packed_for_gradient, ctx.padding = (
            packed_for_gradient,
            padding,
        )  # no tensor that autograd could save
        ctx.save_for_backward(*[outputs] * is_rectified)
        return outputs

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        for outputs in ctx.saved_tensors:
            gradient = torch.ops.aten.threshold_backward(gradient, outputs, 0)
        return _by_onednn(gradient, ctx.packed_for_gradient, None, 2 - ctx.padding, "none"), *[None] * 5


def _by_onednn(features: Tensor, packed: Tensor, bias: Tensor | None, padding: int, then: str) -> Tensor:
    features = features.contiguous(memory_format=torch.channels_last)
    return torch.ops.mkldnn._convolution_pointwise(
        features, packed, bias, [padding, padding], ONE, ONE, 1, then, [], ""
    )
