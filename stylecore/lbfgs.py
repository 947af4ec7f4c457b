"""L-BFGS on one picture, an evaluation a step."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from torch import Tensor


class Lbfgs:
    """L-BFGS without a line search, as `torch.optim.LBFGS` of one iteration a step and a rate of 1.

    That one first imports 150 MB of a compiler.

    Args:
        batch: The picture, with gradient.
        history: Pairs of steps and changes of the gradient that are remembered.
    Source: Nocedal and Wright, Numerical Optimization (2006), algorithms 7.4 and 7.5.
    """

    LEAST_CURVATURE = 1e-10

    def __init__(self, batch: Tensor, history: int) -> None:
        self.batch = batch
        self.pairs: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=history)  # s, y, 1 / (s y)
        self.direction: Tensor | None = None  # of the last step, times its length
        self.gradient: Tensor | None = None  # before it
        self.scale: Tensor | float = 1.0  # of the first guess of the inverse Hessian

    def step(self, closure: Callable[[], Tensor]) -> None:
        closure()
        gradient = self.batch.grad.detach().flatten()
        if self.direction is None:
            length = gradient.abs().sum().clamp(min=1)
            self.direction = -gradient / length
        else:
            change = gradient - self.gradient
            curvature = change @ self.direction
            if curvature > self.LEAST_CURVATURE:
                self.pairs.append((self.direction, change, 1 / curvature))
                self.scale = curvature / (change @ change)
            self.direction = self._descent(gradient)
        self.gradient = gradient.clone()
        if gradient @ self.direction < 0:  # else the picture stands still
            self.batch.data.add_(self.direction.view_as(self.batch))

    def _descent(self, gradient: Tensor) -> Tensor:
        """The gradient times the guess of the inverse Hessian, downhill."""
        direction = -gradient
        shares = []
        for step, change, inverse in reversed(self.pairs):
            share = step @ direction * inverse
            direction.addcmul_(change, share, value=-1)
            shares.append(share)
        direction.mul_(self.scale)
        for (step, change, inverse), share in zip(self.pairs, reversed(shares), strict=True):
            direction.addcmul_(step, share - change @ direction * inverse)
        return direction
