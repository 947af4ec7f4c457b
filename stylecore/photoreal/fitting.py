"""Optimization of an affine bilateral grid on VGG19, by Adam."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylecore.errors import DivergenceError
from stylecore.host.devices import autocast_dtype, select_device
from stylecore.host.memory import kept_memory
from stylecore.images.arrays import LUMA, from_batch, to_batch
from stylecore.perception.features import Vgg19Features
from stylecore.photoreal.config import CONTENT_LAYER, METHODS, STYLE_LAYERS, Method, PhotoLookConfig
from stylecore.photoreal.grid import places, tents
from stylecore.photoreal.objective import Objective

RISING_STEPS = 4  # at the start, in which it rises
# The change of the grid is a sum of grids from coarse to fine, with shares of the learning rate: Adam steps
# equally far in all cells, however small a gradient, and would roughen a fine grid alone.
COARSE_CELLS = ((1, 1, 1), (4, 4, 4))
RATE_SHARES = (1.0, 0.5, 0.25)
BETAS = (0.9, 0.99)


@dataclass(frozen=True)
class LookProgress:
    """State of the fitting of a look after a step.

    Attributes:
        step: Steps done.
        steps: Steps planned.
        style_loss: Of the photo as the step found it.
        total_loss: Weighted sum of all losses.
        elapsed_s: Seconds since the start.
        remaining_s: Seconds left.
        image: The photo as the step found it, at working size.
        grid: The grid as the step found it, (D, rows, columns, 3, 4), for other sizes.
    """

    step: int
    steps: int
    style_loss: float
    total_loss: float
    elapsed_s: float
    remaining_s: float
    image: Image.Image
    grid: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class Problem:
    """What a grid is fitted to, at working size; masks have mode L.

    Attributes:
        photo: RGB.
        reference: RGB.
        regions: Pairs of masks of photo and reference, each of its picture's size.
        skin: What keeps its colors, float32 in [0, 1], (H, W).
        start: The first grid, (D, rows, columns, 3, 4).
    """

    photo: Image.Image
    reference: Image.Image
    regions: Sequence[tuple[Image.Image, Image.Image]]
    skin: np.ndarray
    start: np.ndarray


def fit_grid(
    problem: Problem,
    config: PhotoLookConfig,
    *,
    on_progress: Callable[[LookProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> np.ndarray:
    """Optimize a grid.

    Args:
        problem: Pictures and start.
        config: Settings, checked.
        on_progress: Called after every step.
        should_stop: Asked after every step; True ends the run.
    Returns:
        The best grid that was judged, (D, rows, columns, 3, 4), float32.
    Raises:
        DivergenceError: The first loss is not a number.
        DeviceError: The device does not start.
        WeightsError: VGG19's weights are missing or damaged.
    """
    method = METHODS[config.method]
    steps = config.steps or method.steps
    objective = _objective(problem, method, config)
    slicing = Slicing(objective.photo, problem.start.shape[:3])
    layered = LayeredGrid(problem.start, objective.photo.device)
    optimizer = torch.optim.Adam([{"params": [part]} for part in layered.parts], betas=BETAS)
    best, best_loss = layered.start, float("inf")
    started = time.monotonic()
    with kept_memory():
        for step in range(steps):
            rate = method.learning_rate * rate_at(step, steps, method.falling_share)
            for group, share in zip(optimizer.param_groups, RATE_SHARES, strict=True):
                group["lr"] = rate * share
            grid = layered.grid()
            batch = slicing(grid)
            losses = objective(batch)
            total = losses.total + objective.grid_penalty(grid)
            loss = float(total.detach())
            if step == 0 and not np.isfinite(loss):
                raise DivergenceError(f"the loss is {loss} in the first step: other pictures are needed")
            if loss < best_loss:
                best, best_loss = grid.detach().clone(), loss
            optimizer.zero_grad(set_to_none=True)
            total.backward()
            optimizer.step()
            if on_progress is not None:
                elapsed = time.monotonic() - started
                on_progress(
                    LookProgress(
                        step=step + 1,
                        steps=steps,
                        style_loss=float(losses.style.detach()),
                        total_loss=loss,
                        elapsed_s=elapsed,
                        remaining_s=elapsed / (step + 1) * (steps - step - 1),
                        image=from_batch(batch.detach().cpu().numpy()),
                        grid=_to_array(grid),
                    )
                )
            if should_stop is not None and should_stop():
                break
    return _to_array(best)


def _to_array(grid: Tensor) -> np.ndarray:
    """A grid (3, 4, D, rows, columns) as (D, rows, columns, 3, 4)."""
    return grid.detach().permute(2, 3, 4, 0, 1).cpu().numpy().copy()


def rate_at(step: int, steps: int, falling_share: float) -> float:
    """Share of the learning rate at a step, counted from 0: it rises, stays, and falls to nothing."""
    return min(1, (step + 1) / RISING_STEPS, (steps - step) / (steps * falling_share))


class LayeredGrid:
    """A grid as its start and a sum of changes from coarse to fine, (3, 4, D, rows, columns).

    Args:
        start: Shape (D, rows, columns, 3, 4).
        device: Where the parts lie.
    """

    def __init__(self, start: np.ndarray, device: torch.device) -> None:
        self.start = torch.from_numpy(start.transpose(3, 4, 0, 1, 2).copy()).to(device)
        self.cells = start.shape[:3]
        self.parts = [
            torch.zeros(3, 4, *cells, device=device, requires_grad=True)
            for cells in (*COARSE_CELLS, self.cells)
        ]

    def grid(self) -> Tensor:
        *coarse, fine = self.parts
        enlarged = [F.interpolate(part, self.cells, mode="trilinear", align_corners=True) for part in coarse]
        return self.start + sum(enlarged) + fine


class Slicing:
    """Applies grids (3, 4, D, rows, columns) to one photo (1, 3, H, W), as `grid.apply_grid` does.

    By matrix products, whose gradients are the same in every run; those of `F.grid_sample` on CUDA are not.
    """

    def __init__(self, photo: Tensor, cells: tuple[int, int, int]) -> None:
        depth, rows, columns = cells
        height, width = photo.shape[2:]
        device = photo.device
        self.photo = photo
        self.down = torch.from_numpy(tents(places(height, rows), rows)).to(device)  # (rows, H)
        self.across = torch.from_numpy(tents(places(width, columns), columns)).to(device)  # (columns, W)
        luma = np.tensordot(LUMA, photo[0].cpu().numpy(), 1)
        self.over = torch.from_numpy(tents(luma * (depth - 1), depth)).to(device)  # (D, H, W)

    def __call__(self, grid: Tensor) -> Tensor:
        wide = torch.einsum("ijdyx,xw->ijdyw", grid, self.across)
        large = torch.einsum("ijdyw,yh->ijdhw", wide, self.down)
        transforms = (large * self.over).sum(2)  # (3, 4, H, W)
        return ((transforms[:, :3] * self.photo).sum(1) + transforms[:, 3])[None]


def load_vgg(device: str, precision: str) -> Vgg19Features:
    """VGG19 with the layers that looks are measured at, see `PhotoLookConfig` for device and precision."""
    selected = select_device(device)
    dtype = autocast_dtype(selected, precision)
    # Gradients vanish in float16, which older GPUs have instead of bfloat16.
    dtype = torch.bfloat16 if dtype == torch.bfloat16 else torch.float32
    return Vgg19Features(sorted({*STYLE_LAYERS, CONTENT_LAYER})).to(selected, dtype)


def _objective(problem: Problem, method: Method, config: PhotoLookConfig) -> Objective:
    device = select_device(config.device)

    def tensor(image: Image.Image) -> Tensor:
        return torch.from_numpy(to_batch(image)).to(device)

    return Objective(
        load_vgg(config.device, config.precision),
        tensor(problem.photo),
        tensor(problem.reference),
        method,
        regions=[(tensor(own)[:, :1], tensor(other)[:, :1]) for own, other in problem.regions],
        skin=torch.from_numpy(problem.skin).to(device)[None, None],
    )
