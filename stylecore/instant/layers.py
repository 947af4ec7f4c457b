"""Paint pictures of any size layer by layer, a few rows at a time, in little memory.

The normalization layers of a network divide by the mean and variance of each channel over the whole picture,
and those depend on all layers before. Tiles that go through the network one by one would need its statistics
beforehand, and small errors in them change the painting. So every layer goes over the whole picture before
the next one starts: its statistics are then known exactly, and no row is computed twice. Between two layers
the features lie in memory or, if they are too many, in a temporary file, as float16.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from PIL import Image

from stylecore.images.arrays import to_batch
from stylecore.instant.rows import BORDER, RowStore, windows
from stylecore.instant.variants import NetworkWeights, Variant

STRIDE = 4  # px of a cell, the network's grid
KERNEL = 3 * STRIDE  # px that the stem sees
EPSILON = 1e-5  # of the norms, as the networks have it
LEAST_ROWS = 6  # of cells at a time; of fewer, those that are seen twice would take time
WORKING_BYTES = 50e6  # that a layer should take
WORKING_VALUES = 10  # float32 values of each channel of a cell that it takes


class LayeredNetwork:
    """The layers of a network, as sessions. Safe to use in many threads.

    Args:
        network: Contents of its ONNX file.
        device: `cpu` or `cuda`.
    """

    def __init__(self, network: bytes, device: str) -> None:
        weights = NetworkWeights(network)
        photo, noise, *convolutions, up, out, bias = weights.values

        def layer(kind: str, *values: np.ndarray) -> Variant:
            return Variant(kind, weights, values, device)

        self.channels, self.noise = weights.channels, weights.noise
        self.stem = layer("stem", photo, noise)
        self.firsts = [
            layer("first" if i else "entrance", values) for i, values in enumerate(convolutions[::2])
        ]
        self.seconds = [layer("second", values) for values in convolutions[1::2]]
        self.up, self.out = layer("up", up), layer("out", up, out, bias)


class LayeredPicture:
    """Paints one picture in the style of some rows.

    Args:
        network: The layers.
        rows: Scales and shifts of the style, shape (R,).
        picture: RGB.
        step: Rows of cells at a time, see `rows_at_once`.
        memory: Bytes that features may take; if they need more, they lie in a temporary file.
    Raises:
        OutOfMemoryError: A temporary file is needed, and there is no room.
    """

    def __init__(
        self, network: LayeredNetwork, rows: np.ndarray, picture: Image.Image, step: int, memory: float
    ) -> None:
        self._network, self._picture, self._step = network, picture, step
        channels = network.channels
        norms = [2 * channels] * (1 + 2 * len(network.firsts)) + [channels]
        self._rows = iter(np.split(rows, np.cumsum(norms)[:-1]))
        self.height, self.width = (-(-length // STRIDE) for length in picture.size[::-1])
        shape = channels, self.width + 2
        in_memory = 2 * 2 * math.prod(shape) * self.height <= memory
        self._sum, self._residual = (RowStore(self.height + 2, shape, in_memory=in_memory) for _ in range(2))
        self._norm: dict[str, np.ndarray] = {}

    def close(self) -> None:
        """Free the features."""
        self._sum.close()
        self._residual.close()

    def measure(self) -> Iterator[float]:
        """Run all layers up to the last two; yields the share of this work that each part was."""
        network, layers = self._network, 2 + 2 * len(self._network.firsts)
        yield from self._over_picture(network.stem, layers)
        for i, (first, second) in enumerate(zip(network.firsts, network.seconds, strict=True)):
            yield from self._first(first, layers, is_entrance=i == 0)
            yield from self._second(second, layers)
        statistics = _Statistics()
        for feed in self._sums_and_residuals(BORDER):
            count = len(feed["sum"]) - BORDER
            statistics.add(network.up.run(feed), count)
            yield count / self.height / layers
        scale, shift = statistics.norm(next(self._rows))
        self._up = {"up_scale": scale, "up_shift": shift}

    def paint(self) -> Iterator[np.ndarray]:
        """Yield the painting from top to bottom, rows of shape (1, 3, H, W) in [0, 1]."""
        skipped, left = BORDER, self._picture.height
        for feed in self._sums_and_residuals(BORDER + 1):
            (rows,) = self._network.out.run(feed | self._up)
            # Two small pixels of the border remain at the upper left.
            part = rows[:, :, skipped : skipped + left, BORDER : BORDER + self._picture.width]
            skipped, left = 0, left - part.shape[2]
            yield part

    def _over_picture(self, stem: Variant, layers: int) -> Iterator[float]:
        statistics = _Statistics()
        columns = _reflected(-STRIDE, STRIDE * (self.width + 1), self._picture.width)
        noise_columns = np.arange(len(columns)) % self._network.noise.shape[1]
        for start, stop in self._parts():
            top, bottom = STRIDE * (start - 1), STRIDE * (stop + 1)
            places = _reflected(top, bottom, self._picture.height)
            first, last = int(places.min()), int(places.max())
            batch = to_batch(self._picture.crop((0, first, self._picture.width, last + 1)))
            noise_rows = np.arange(top + STRIDE, bottom + STRIDE) % self._network.noise.shape[0]
            feed = {
                "image": batch[:, :, (places - first)[:, None], columns],
                "noise": self._network.noise[noise_rows[:, None], noise_columns],
            }
            raw, *measured = stem.run(feed)
            statistics.add(measured, stop - start)
            self._residual.write(start, raw)
            yield (stop - start) / self.height / layers
        self._take(statistics)

    def _first(self, first: Variant, layers: int, *, is_entrance: bool) -> Iterator[float]:
        statistics, written, done = _Statistics(), 0, 0
        feeds = self._residuals() if is_entrance else self._sums_and_residuals(BORDER)
        for feed in feeds:
            features, raw, *measured = first.run(feed)
            statistics.add(measured, len(raw))
            new = min(self._step, self.height - done)
            self._sum.write(done, features[BORDER : BORDER + new])
            self._residual.write(written, raw)
            done, written = done + new, written + len(raw)
            yield new / self.height / layers
        self._take(statistics)

    def _second(self, second: Variant, layers: int) -> Iterator[float]:
        statistics, written = _Statistics(), 0
        parts = self._read(self._residual, self.height + 2, self.width + 2)
        for residual in windows(parts, is_reflected=False):
            raw, *measured = second.run({"residual": residual} | self._norm)
            statistics.add(measured, len(raw))
            self._residual.write(written, raw)
            written += len(raw)
            yield len(raw) / self.height / layers
        self._take(statistics)

    def _residuals(self) -> Iterator[dict[str, np.ndarray]]:
        """Inputs of a layer that sees the residual, with the border that reflection adds."""
        parts = self._read(self._residual, self.height, self.width)
        for residual in windows(parts, is_reflected=True):
            yield {"residual": residual} | self._norm

    def _sums_and_residuals(self, carried: int) -> Iterator[dict[str, np.ndarray]]:
        """Inputs of a layer that sees the sum of all blocks before, and the residual of the last one."""
        parts = [
            windows(self._read(store, self.height, self.width), is_reflected=True, carried=carried)
            for store in (self._sum, self._residual)
        ]
        for summed, residual in zip(*parts, strict=True):
            yield {"sum": summed, "residual": residual} | self._norm

    def _read(self, store: RowStore, height: int, width: int) -> Iterator[np.ndarray]:
        for start, stop in self._parts(height):
            yield store.read(start, stop, width)

    def _parts(self, height: int | None = None) -> Iterator[tuple[int, int]]:
        height = self.height if height is None else height
        return ((start, min(start + self._step, height)) for start in range(0, height, self._step))

    def _take(self, statistics: _Statistics) -> None:
        scale, shift = statistics.norm(next(self._rows))
        self._norm = {"norm_scale": scale, "norm_shift": shift}


def rows_at_once(width: int, row_length: int) -> int:
    """Rows of cells that a layer runs over at a time; few are as fast as many, and take less memory.

    Args:
        width: Of the picture, in pixels.
        row_length: Length of the rows of the style, which grows with the width of the network.
    """
    channels = row_length / 2 / 11.5  # of 11 norms, and half of them of the last one
    cell_bytes = 4 * WORKING_VALUES * channels
    return max(LEAST_ROWS, int(WORKING_BYTES / (cell_bytes * (width / STRIDE + 2))))


class _Statistics:
    """Means of the values of each channel, and of their squares, over the parts of a picture."""

    def __init__(self) -> None:
        self._sums: np.ndarray | float = 0.0
        self._squares: np.ndarray | float = 0.0
        self._count = 0

    def add(self, measured: list[np.ndarray], count: int) -> None:
        means, squares = measured
        self._sums = self._sums + count * means.astype(np.float64)
        self._squares = self._squares + count * squares.astype(np.float64)
        self._count += count

    def norm(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What a norm with these rows multiplies each channel with, and what it adds, each (1, C, 1, 1)."""
        means = self._sums / self._count
        variances = np.maximum(self._squares / self._count - means**2, 0)
        scales, shifts = np.split(rows.astype(np.float64), 2)
        scales = scales / np.sqrt(variances + EPSILON)
        shifts = shifts - means * scales
        return (
            scales.astype(np.float32).reshape(1, -1, 1, 1),
            shifts.astype(np.float32).reshape(1, -1, 1, 1),
        )


def _reflected(start: int, stop: int, length: int) -> np.ndarray:
    """Places from `start` to `stop`, those outside of a picture of this length reflected into it."""
    places = np.abs(np.arange(start, stop))
    return np.where(places < length, places, 2 * (length - 1) - places)
