"""Paint pictures of 8 bits with the float16 variant of a network, as GPUs do it best.

The pictures go to the device as they are and come back as they are; what is between them stays there. The
buffers of a size are kept for the next pictures of it, and there are two of each: while one picture is
painted, another thread copies the next one.
"""

from __future__ import annotations

import queue
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stylecore.instant.sessions import ort as runtime
from stylecore.instant.variants import NetworkWeights, Variant

if TYPE_CHECKING:
    import onnxruntime as ort

STRIDE = 4  # px, the border that the network adds, and what the sides with it are multiples of
MAX_SIZES = 4  # whose buffers are kept
COPIES = 2  # of the buffers of a size


class HalfNetwork:
    """A network in float16. Safe to use in many threads.

    Args:
        network: Contents of its ONNX file.
        device: `cuda`, or `cpu`, where it is slow, for tests.
        profile: See `open_session`.
    """

    def __init__(self, network: bytes, device: str, *, profile: Path | None = None) -> None:
        self._network, self._device, self._profile = NetworkWeights(network), device, profile
        self._variant = self._open()
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple, queue.SimpleQueue[Buffers]] = OrderedDict()

    def paint(
        self,
        pixels: np.ndarray,
        rows: np.ndarray,
        *,
        noise_origin: tuple[int, int] = (0, 0),
        is_fixed: bool = False,
    ) -> np.ndarray:
        """Paint pictures of one size, each in its style.

        Args:
            pixels: Shape (N, H, W, 3), uint8, H and W of at least 32.
            rows: Shape (N, R), float32.
            noise_origin: Row and column of the noise at the pictures' upper left corners.
            is_fixed: Whether many pictures of this size follow, as in clips: a session of its own is made
                for it, and captured as a CUDA graph.
        Returns:
            As `pixels`.
        Raises:
            ArithmeticError: float16 is too small for the style.
        """
        with self._buffers(pixels.shape, rows.shape, is_fixed) as buffers:
            return buffers.run(pixels, rows, noise_origin)

    def buffers_for(self, shape: tuple[int, ...], rows_shape: tuple[int, ...], *, is_fixed: bool) -> Buffers:
        """New buffers for pictures and rows of these shapes."""
        variant = self._open(sizes_of(shape)) if is_fixed else self._variant
        return Buffers(variant, self._device, shape, rows_shape, self._network.noise)

    def end_profiling(self) -> str:
        """Path of the profile of all calls of sizes that are not fixed."""
        return self._variant.session.end_profiling()

    def _open(self, sizes: dict[str, int] | None = None) -> Variant:
        weights = [values.astype(np.float16) for values in self._network.values]
        return Variant("half", self._network, weights, self._device, sizes=sizes, profile=self._profile)

    @contextmanager
    def _buffers(
        self, shape: tuple[int, ...], rows_shape: tuple[int, ...], is_fixed: bool
    ) -> Iterator[Buffers]:
        """Free buffers of a size; waits while all are in use."""
        key = (*shape[:3], is_fixed)
        with self._lock:
            if key not in self._kept:
                free: queue.SimpleQueue[Buffers] = queue.SimpleQueue()
                for _ in range(COPIES):
                    free.put(self.buffers_for(shape, rows_shape, is_fixed=is_fixed))
                self._kept[key] = free
            self._kept.move_to_end(key)
            if len(self._kept) > MAX_SIZES:
                self._kept.popitem(last=False)
            free = self._kept[key]
        buffers = free.get()
        try:
            yield buffers
        finally:
            free.put(buffers)


class Buffers:
    """Memory on the device for the inputs and the output of pictures of one size."""

    def __init__(
        self,
        variant: Variant,
        device: str,
        shape: tuple[int, ...],
        rows_shape: tuple[int, ...],
        noise: np.ndarray,
    ) -> None:
        self._variant, self._noise, self._size = variant, noise, shape[1:3]
        self._is_view = device == "cpu"
        self._origin: tuple[int, int] | None = None

        def buffer(shape: tuple[int, ...], dtype: type) -> ort.OrtValue:
            return runtime.OrtValue.ortvalue_from_shape_and_type(list(shape), dtype, device, 0)

        self._pixels, self._painted = buffer(shape, np.uint8), buffer(shape, np.uint8)
        self._rows = buffer(rows_shape, np.float32)
        self._padded_noise = buffer(padded(self._size), np.uint8)
        self._binding = variant.session.io_binding()
        for name, value in (("pixels", self._pixels), ("rows", self._rows), ("noise", self._padded_noise)):
            self._binding.bind_ortvalue_input(name, value)
        self._total = buffer((), np.float32)
        self._binding.bind_ortvalue_output("painted", self._painted)
        self._binding.bind_ortvalue_output("total", self._total)

    def run(self, pixels: np.ndarray, rows: np.ndarray, noise_origin: tuple[int, int]) -> np.ndarray:
        self.fill(pixels, rows, noise_origin)
        self.compute()
        if not np.isfinite(self._total.numpy()):
            raise ArithmeticError("float16 is too small for the numbers of this style")
        painted = self._painted.numpy()
        return painted.copy() if self._is_view else painted

    def fill(self, pixels: np.ndarray, rows: np.ndarray, noise_origin: tuple[int, int] = (0, 0)) -> None:
        """Copy the inputs to the device; noise only if it moved."""
        self._pixels.update_inplace(np.ascontiguousarray(pixels))
        self._rows.update_inplace(np.ascontiguousarray(rows, np.float32))
        if noise_origin != self._origin:
            self._padded_noise.update_inplace(noise_at(self._noise, self._size, noise_origin))
            self._origin = noise_origin

    def compute(self) -> None:
        """Paint what is on the device, and leave it there."""
        self._variant.session.run_with_iobinding(self._binding)


def noise_at(noise: np.ndarray, size: tuple[int, ...], origin: tuple[int, int]) -> np.ndarray:
    """The noise at a padded picture of this height and width from an origin on, repeated."""
    rows, columns = (
        (np.arange(length) + start) % side
        for length, start, side in zip(padded(size), origin, noise.shape, strict=True)
    )
    return noise[rows[:, None], columns]


def padded(size: tuple[int, ...]) -> tuple[int, int]:
    """Height and width with the border that the network adds."""
    height, width = (2 * STRIDE + length + -length % STRIDE for length in size)
    return height, width


def sizes_of(shape: tuple[int, ...]) -> dict[str, int]:
    """Sizes of the inputs by the names that the graph has for them."""
    noise_height, noise_width = padded(shape[1:3])
    names = {"pictures": shape[0], "height": shape[1], "width": shape[2]}
    return names | {"noise_height": noise_height, "noise_width": noise_width}
