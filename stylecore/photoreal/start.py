"""First grid of a look: transport of colors, for the whole pictures or from region to region."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stylecore.photoreal.config import INSTANT
from stylecore.photoreal.grid import constant_grid, places, tents
from stylecore.photoreal.transport import color_statistics, color_transport

CELLS = (8, 16, 16)  # of luma, rows and columns
Masks = tuple[np.ndarray, np.ndarray]


def first_grid(photo: np.ndarray, reference: np.ndarray, regions: Sequence[Masks], method: str) -> np.ndarray:
    """Return the grid from which a look is optimized, or which is the look of the method `instant`.

    Args:
        photo: RGB in [0, 1], (H, W, 3).
        reference: RGB in [0, 1], of any size.
        regions: Pairs of masks of photo and reference, each in [0, 1] and of its picture's size. Cells take
            the transforms of the regions by their shares; outside of all, that of the whole pictures.
        method: Its grid has a single cell with `instant` and without regions.
    """
    whole = color_transport(color_statistics(photo), color_statistics(reference))
    if method == INSTANT and not regions:
        return constant_grid(whole)
    grid = constant_grid(whole, CELLS)
    if not regions:
        return grid
    transforms = [
        color_transport(color_statistics(photo, own), color_statistics(reference, other))
        for own, other in regions
    ]
    shares = np.stack([_in_cells(own) for own, _ in regions], axis=-1)
    shares /= np.maximum(shares.sum(axis=-1, keepdims=True), 1)
    rest = 1 - shares.sum(axis=-1)
    mixed = np.einsum("yxr,rij->yxij", shares, np.stack(transforms)) + rest[..., None, None] * whole
    return np.broadcast_to(mixed, (CELLS[0], *mixed.shape)).astype(np.float32)


def _in_cells(mask: np.ndarray) -> np.ndarray:
    """Share of a mask in each cell of place, (rows, columns)."""
    height, width = mask.shape
    down, across = tents(places(height, CELLS[1]), CELLS[1]), tents(places(width, CELLS[2]), CELLS[2])
    totals = down.sum(1)[:, None] * across.sum(1)
    return np.einsum("hw,yh,xw->yx", mask, down, across, optimize=True) / np.maximum(totals, 1e-6)
