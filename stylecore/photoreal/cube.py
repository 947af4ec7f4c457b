"""Color tables of 3 dimensions, `.cube` files, which video and photo editors read.

Source: Adobe (2013), *Cube LUT Specification*, version 1.0.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np

from stylecore.errors import StyleError
from stylecore.host.whole_files import write_whole
from stylecore.images.arrays import LUMA
from stylecore.photoreal.grid import bend, tents

CUBE_ENDING = ".cube"
POINTS = 33  # along each axis, a usual number


def encode_cube(grid: np.ndarray, title: str) -> bytes:
    """Contents of a table of a grid of a single place.

    Args:
        grid: Shape (D, 1, 1, 3, 4).
        title: For the programs that read it.
    """
    lines = [f'TITLE "{_ascii(title)}"', f"LUT_3D_SIZE {POINTS}"]
    lines += [f"{red:.6f} {green:.6f} {blue:.6f}" for red, green, blue in color_table(grid)]
    return ("\n".join(lines) + "\n").encode("ascii")


def write_cube(grid: np.ndarray, path: str | PathLike) -> None:
    """Write a grid of a single place as a table; one that is there is replaced once the new one is complete.

    Args:
        grid: Shape (D, 1, 1, 3, 4).
        path: File to write, ending `.cube`.
    Raises:
        StyleError: Another ending.
        OSError: The file cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() != CUBE_ENDING:
        raise StyleError(f"{target.name}: the name of a color table ends in {CUBE_ENDING}")
    write_whole(target, encode_cube(grid, target.stem))


def color_table(grid: np.ndarray) -> np.ndarray:
    """Transform the points of a lattice of colors, red first, within [0, 1]; (POINTS ** 3, 3)."""
    steps = np.linspace(0, 1, POINTS, dtype=np.float32)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    colors = np.stack([red, green, blue], axis=-1).reshape(-1, 3)
    depth = len(grid)
    transforms = np.einsum("dp,dij->pij", tents(colors @ LUMA * (depth - 1), depth), grid[:, 0, 0])
    found = np.einsum("pij,pj->pi", transforms[:, :, :3], colors) + transforms[:, :, 3]
    bend(found, colors)
    return found.clip(0, 1)


def _ascii(name: str) -> str:
    return "".join(letter for letter in name if letter.isascii() and letter.isprintable() and letter != '"')
