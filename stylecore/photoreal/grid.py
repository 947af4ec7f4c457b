"""Affine bilateral grid: a color transform in each cell of place and brightness, applied at any size.

A grid has the shape (D, rows, columns, 3, 4). Its corners lie on the corners of the picture, its first and
last layer on black and white. A pixel takes the transform that is interpolated for its place and its luma.

Source: Chen et al. (2007), *Real-time edge-aware image processing with the bilateral grid*; Gharbi et al.
(2017), *Deep bilateral learning for real-time image enhancement*.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from PIL import Image

from stylecore.host.cgroups import thread_limit
from stylecore.images.arrays import LUMA

IDENTITY = np.eye(3, 4, dtype=np.float32)
STRIP_ROWS = 16  # rows of the photo that a thread computes at a time
MAX_THREADS = 4
SHOULDER = 0.05  # of [0, 1], next to black and white, in which colors bend
TINY = np.float32(1e-9)  # against 0 / 0


def constant_grid(transform: np.ndarray, cells: tuple[int, int, int] = (1, 1, 1)) -> np.ndarray:
    """Return a grid with one transform (3, 4) in all of its cells (D, rows, columns)."""
    return np.broadcast_to(transform, (*cells, 3, 4)).astype(np.float32)


def weaken(grid: np.ndarray, strength: float, keep_light: float = 0.0) -> np.ndarray:
    """Return the grid whose result lies between that of a grid and the photo. Both changes are exact.

    Args:
        grid: Any grid.
        strength: 0 gives the photo, 1 the result of the grid.
        keep_light: Share of the photo's luma that stays, 0 to 1.
    """
    kept = LUMA @ (IDENTITY - grid)  # what brings back the luma, (..., 4), the same for all channels
    lightened = grid + np.float32(keep_light) * kept[..., None, :]
    return (IDENTITY + np.float32(strength) * (lightened - IDENTITY)).astype(np.float32)


def apply_grid(grid: np.ndarray, image: Image.Image) -> Image.Image:
    """Apply a grid to a picture, in strips of rows.

    Args:
        grid: Shape (D, rows, columns, 3, 4).
        image: Mode RGB, of any size.
    Returns:
        A new RGB image of the same size.
    """
    result = Image.new("RGB", image.size)
    cells = grid.transpose(1, 2, 4, 3, 0)  # (rows, columns, 4, 3, D)
    cells = np.pad(cells, [(0, int(length == 1)) for length in cells.shape], mode="edge")
    pairs = np.concatenate([cells[:, :-1], cells[:, 1:]], axis=-1)  # of neighboring columns, (..., 2 D)
    pairs = pairs.reshape(*pairs.shape[:2], 12, -1)
    down, across = places(image.height, len(cells)), places(image.width, cells.shape[1])
    edges = np.searchsorted(across, np.arange(cells.shape[1]))
    edges[-1] = image.width

    def fill(top: int) -> None:
        bottom = min(top + STRIP_ROWS, image.height)
        strip = np.asarray(image.crop((0, top, image.width, bottom)))
        pixels = np.empty_like(strip)
        transforms = _interpolated(pairs, down[top:bottom])
        for column, (left, right) in enumerate(pairwise(edges)):
            pixels[:, left:right] = _apply_to_tile(
                transforms[:, column], across[left:right] - column, strip[:, left:right]
            )
        result.paste(Image.fromarray(pixels), (0, top))

    threads = min(MAX_THREADS, os.cpu_count() or 1, thread_limit() or MAX_THREADS)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fill, range(0, image.height, STRIP_ROWS)))
    return result


def places(length: int, cells: int) -> np.ndarray:
    """Where the centers of pixels along a side lie between its cells, from 0 to cells - 1; float32."""
    return ((np.arange(length) + 0.5) / length * (cells - 1)).astype(np.float32)


def tents(positions: np.ndarray, cells: int, axis: int = 0) -> np.ndarray:
    """Weights of linear interpolation between cells, on a new axis, for positions from 0 to cells - 1."""
    positions = np.expand_dims(positions, axis)
    steps = np.arange(cells, dtype=np.float32).reshape(-1, *[1] * (positions.ndim - axis - 1))
    weights = positions - steps
    np.abs(weights, out=weights)
    np.subtract(1, weights, out=weights)
    return np.maximum(weights, 0, out=weights)


def global_part(grid: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Average a grid over places: what it does to a color wherever that is, for other photos and for LUTs.

    Args:
        grid: Shape (D, rows, columns, 3, 4).
        pixels: The photo that the grid belongs to, RGB in [0, 1], (H, W, 3). A cell counts as many of its
            pixels as fall in, and a little in any case.
    Returns:
        Shape (D, 1, 1, 3, 4).
    """
    depth, rows, columns = grid.shape[:3]
    height, width = pixels.shape[:2]
    down, across = tents(places(height, rows), rows), tents(places(width, columns), columns)
    over = tents(pixels @ LUMA * (depth - 1), depth)
    counts = np.einsum("dhw,yh,xw->dyx", over, down, across, optimize=True) / (height * width)
    counts += 1e-3 / counts.size
    shares = counts / counts.sum(axis=(1, 2), keepdims=True)
    return np.einsum("dyx,dyxij->dij", shares, grid)[:, None, None].astype(np.float32)


def bend(values: np.ndarray, colors: np.ndarray) -> None:
    """Bring transformed colors into [0, 1], in place: near black and white they bend, and are not clipped.

    A bend begins `SHOULDER` away from the end, or where the photo's own color is if that is nearer, so that
    what a grid leaves alone stays as it is.

    Args:
        values: Transformed colors, of any range.
        colors: The photo's, in [0, 1], of the same shape.
    Source: Reinhard et al. (2002), *Photographic tone reproduction for digital images*, equation 3, for the
        curve.
    """
    high = values > 1 - SHOULDER
    values[high] = 1 - _bent(1 - values[high], 1 - colors[high])
    low = values < SHOULDER
    values[low] = _bent(values[low], colors[low])


def _bent(values: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Bend values so that they stay at 0 or above."""
    room = np.minimum(colors, np.float32(SHOULDER))
    below = np.maximum(room - values, 0)
    # Where nothing is below, it is the value, and the further below, the nearer to 0.
    return np.where(below > 0, room * room / (room + below + TINY), values)


def _interpolated(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Interpolate along the first axis."""
    low = np.minimum(positions.astype(int), max(len(values) - 2, 0))
    share = (positions - low).reshape(-1, *[1] * (values.ndim - 1))
    return values[low] + share * (values[np.minimum(low + 1, len(values) - 1)] - values[low])


def _apply_to_tile(transforms: np.ndarray, shares: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Transform the pixels between two columns of cells.

    Args:
        transforms: Of each row, by the layers of the left and of the right column, (R, 4 x 3, 2 D).
        shares: Of the right column in each pixel, (W,).
        colors: uint8, (R, W, 3).
    Returns:
        The new colors, uint8, (R, W, 3).
    """
    rgb = np.multiply(colors.transpose(0, 2, 1), np.float32(1 / 255), dtype=np.float32)  # (R, 3, W)
    depth = transforms.shape[2] // 2
    layers = tents(LUMA @ rgb * (depth - 1), depth, axis=1)  # (R, D, W)
    weights = np.empty((len(rgb), 2 * depth, len(shares)), np.float32)
    np.multiply(layers, shares, out=weights[:, depth:])
    np.subtract(layers, weights[:, depth:], out=weights[:, :depth])
    found = (transforms @ weights).reshape(len(rgb), 4, 3, -1)  # (R, 4, 3, W)
    result = found[:, 3]
    for channel in range(3):
        found[:, channel] *= rgb[:, None, channel]
        result += found[:, channel]
    bend(result, rgb)
    result *= 255
    result += 0.5
    return result.astype(np.uint8).transpose(0, 2, 1)
