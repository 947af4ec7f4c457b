"""3x3 convolutions with frozen weights, by what is fastest on the device and in the precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylecore import packing, winograd

_is_plain: ContextVar[bool] = ContextVar("is_plain", default=False)


@contextmanager
def plain_convolutions() -> Iterator[None]:
    """Within this context all convolutions are torch's own, for comparisons."""
    token = _is_plain.set(True)
    try:
        yield
    finally:
        _is_plain.reset(token)


class FrozenConv3x3(nn.Module):
    """A 3x3 convolution whose weights never change.

    On the CPU float32 goes by Winograd's algorithm, which agrees with the plain convolution to some
    1e-5, and bfloat16 with weights that lie as the processor's matrix units want them; all else goes
    to torch as it is.

    Args:
        weight: Shape (O, C, 3, 3).
        bias: Shape (O,).
        padding: Zeros round the activations, 0 or 1 px.
    """

    def __init__(self, weight: Tensor, bias: Tensor, *, padding: int = 1) -> None:
        super().__init__()
        self.padding = padding
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = nn.Parameter(bias, requires_grad=False)
        self._prepared: dict[Callable[[Tensor], Tensor], Tensor] = {}

    def forward(self, features: Tensor, *, is_rectified: bool = False) -> Tensor:
        """Activations (N, C, H, W) to (N, O, H, W), with a padding of 0 to (N, O, H - 2, W - 2).

        `is_rectified` adds a ReLU.
        """
        is_plain = features.device.type != "cpu" or torch.compiler.is_compiling() or _is_plain.get()
        if not is_plain and packing.is_for(features, self.weight):
            return packing.convolve(
                features, self._kernel, self.bias, padding=self.padding, is_rectified=is_rectified
            )
        if not is_plain and winograd.is_for(features, self.weight):
            outputs = winograd.convolve(features, self.weight, self._kernel, self.bias, self.padding)
        else:
            outputs = F.conv2d(features, self.weight, self.bias, padding=self.padding)
        return F.relu_(outputs) if is_rectified else outputs

    def _kernel(self, prepare: Callable[[Tensor], Tensor]) -> Tensor:
        """The weights as one of the ways needs them, prepared once."""
        if prepare not in self._prepared:
            with torch.inference_mode(False):  # else later gradients could not keep it
                self._prepared[prepare] = prepare(self.weight)
        return self._prepared[prepare]
