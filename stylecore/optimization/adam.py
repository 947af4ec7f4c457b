"""Adam on one picture, whose moments go on at another size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


class Adam:
    """Adam on one picture, as `torch.optim.Adam`, which imports 150 MB of a compiler.

    Args:
        batch: The picture, with gradient.
        learning_rate: Step size; may be changed between steps.
        earlier: The optimizer of the scale before, whose moments go on, resized.
        beta2: Decay of the mean of squared gradients.
    Source: Kingma and Ba (2015), algorithm 1.
    """

    BETA1, EPSILON = 0.9, 1e-8

    def __init__(
        self, batch: Tensor, learning_rate: float, earlier: Adam | None = None, *, beta2: float = 0.999
    ) -> None:
        self.batch, self.learning_rate, self.beta2 = batch, learning_rate, beta2
        self.steps = earlier.steps if earlier else 0
        self.mean = resized(earlier.mean, batch.shape) if earlier else torch.zeros_like(batch.data)
        self.square = (
            resized(earlier.square, batch.shape).clamp_(min=0) if earlier else torch.zeros_like(batch.data)
        )

    def step(self, closure: Callable[[], Tensor]) -> None:
        closure()
        self.steps += 1
        first, second = self.BETA1, self.beta2
        gradient = self.batch.grad
        self.mean.lerp_(gradient, 1 - first)
        self.square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        spread = (self.square / (1 - second**self.steps)).sqrt_().add_(self.EPSILON)
        rate = self.learning_rate / (1 - first**self.steps)
        self.batch.data.addcdiv_(self.mean, spread, value=-rate)


def resized(batch: Tensor, shape: Sequence[int]) -> Tensor:
    height, width = shape[2:]
    return F.interpolate(batch.detach(), (height, width), mode="bicubic", antialias=True)
