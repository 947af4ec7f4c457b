"""Photos with a mark that a painting of them still shows: a grid of light and dark cells."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

ROWS, COLUMNS = 4, 6
LEAST_DISTANCE = 8  # cells in which two marks differ at least, and their negatives as well
LIGHT, DARK = (225, 205, 180), (35, 45, 70)


def make_marks(count: int, seed: int = 0) -> np.ndarray:
    """Different marks, shape (count, ROWS * COLUMNS), of -1 and 1 with sum 0."""
    random = np.random.default_rng(seed)
    half = np.repeat([-1, 1], ROWS * COLUMNS // 2)
    marks: list[np.ndarray] = []
    while len(marks) < count:
        mark = random.permutation(half)
        if all(abs(mark @ other) <= ROWS * COLUMNS - 2 * LEAST_DISTANCE for other in marks):
            marks.append(mark)
    return np.array(marks)


def marked_photo(mark: np.ndarray, size: tuple[int, int], seed: int = 0) -> bytes:
    """A JPEG of a width and height with a mark, and some texture."""
    width, height = size
    rows = np.arange(height) * ROWS // height
    columns = np.arange(width) * COLUMNS // width
    is_light = mark.reshape(ROWS, COLUMNS)[np.ix_(rows, columns)] > 0
    pixels = np.where(is_light[..., None], LIGHT, DARK).astype(np.float32)
    pixels += np.random.default_rng(seed).normal(0, 6, pixels.shape)
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def read_mark(picture: bytes, marks: np.ndarray) -> int:
    """Index of the mark that a photo or painting shows best."""
    image = Image.open(io.BytesIO(picture)).convert("L")
    # The middle of each cell: strokes blur its border.
    cells = np.asarray(image.resize((COLUMNS * 4, ROWS * 4), Image.Resampling.BOX), np.float32)
    middles = cells.reshape(ROWS, 4, COLUMNS, 4)[:, 1:3, :, 1:3].mean((1, 3)).ravel()
    return int(np.abs(marks @ (middles - middles.mean())).argmax())
