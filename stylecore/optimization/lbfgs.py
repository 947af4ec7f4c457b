"""L-BFGS on one picture, an evaluation a step."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor


class Lbfgs:
    """L-BFGS without a line search, as `torch.optim.LBFGS` of one iteration a step and a rate of 1.

    torch.optim first imports 150 MB of a compiler.

    Args:
        batch: The picture, with gradient.
        history: Pairs of steps and changes of the gradient that are remembered.
        dtype: Type in which they are. Rounded to 16 bits they take half of the memory, and paintings end
            within 0.1 % of the same losses (three of them, 224 px, 200 steps).
    Source: Nocedal and Wright, Numerical Optimization (2006), algorithms 7.4 and 7.5.
    """

    LEAST_CURVATURE = 1e-10

    def __init__(self, batch: Tensor, history: int, *, dtype: torch.dtype = torch.bfloat16) -> None:
        self.batch = batch
        # In one block: spread over the memory that a step uses, they would break it up.
        self.steps, self.changes = batch.new_empty(2, history, batch.numel(), dtype=dtype).unbind()
        self.pairs: deque[tuple[int, Tensor]] = deque(maxlen=history)  # row in both, 1 / (s y)
        self.direction: Tensor | None = None  # of the last step, times its length
        self.gradient: Tensor | None = None  # before it
        self.scale: Tensor | float = 1.0  # of the first guess of the inverse Hessian

    def step(self, closure: Callable[[], Tensor]) -> None:
        closure()
        gradient = self.batch.grad.detach().flatten()
        if self.direction is None:
            length = gradient.abs().sum().clamp(min=1)
            self.direction = -gradient / length
            self.gradient = gradient.clone()
        else:
            self._remember(gradient)
            self.gradient.copy_(gradient)
            self._descend(gradient)
        if gradient @ self.direction < 0:  # else the picture stands still
            self.batch.data.add_(self.direction.view_as(self.batch))

    def _remember(self, gradient: Tensor) -> None:
        """Store the last step and the change of the gradient over it; the oldest pair goes."""
        change = gradient - self.gradient
        curvature = change @ self.direction
        if curvature <= self.LEAST_CURVATURE:
            return
        is_full = len(self.pairs) == self.pairs.maxlen
        row = self.pairs[0][0] if is_full else len(self.pairs)
        self.steps[row], self.changes[row] = self.direction, change
        self.pairs.append((row, 1 / curvature))
        self.scale = curvature / (change @ change)

    def _descend(self, gradient: Tensor) -> None:
        """Make the direction the gradient times the guess of the inverse Hessian, downhill."""
        direction = torch.neg(gradient, out=self.direction)
        shares = []
        for row, inverse in reversed(self.pairs):
            share = self.steps[row].float() @ direction * inverse
            direction.addcmul_(self.changes[row].float(), share, value=-1)
            shares.append(share)
        direction.mul_(self.scale)
        for (row, inverse), share in zip(self.pairs, reversed(shares), strict=True):
            back = self.changes[row].float() @ direction * inverse
            direction.addcmul_(self.steps[row].float(), share - back)
