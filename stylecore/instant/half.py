"""Paint pictures of 8 bits with the float16 variant of a network, as GPUs do it best.

The pictures go to the device as they are and come back as they are; what is between them stays there.
Pictures of one size that several threads paint share a run, each with its own style. The buffers of a size
are kept for the next pictures of it, and there are two of each: while one run computes, another thread copies
the next one.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stylecore.instant.sessions import is_out_of_memory
from stylecore.instant.sessions import ort as runtime
from stylecore.instant.shared_runs import SharedRuns
from stylecore.instant.variants import NetworkWeights, Variant

if TYPE_CHECKING:
    import onnxruntime as ort

STRIDE = 4  # px, the border that the network adds, and what the sides with it are multiples of
MAX_KEPT_BYTES = 500e6  # of pictures, in the buffers that are kept
COPIES = 2  # of the buffers of a size, and runs at the same time
MAX_RUN_PIXELS = 8e6  # of all pictures that share a run, for its memory
FIXED_AFTER = 8  # pictures of a size, after which a session of its own pays where many follow
MAX_COUNTED_SIZES = 100
logger = logging.getLogger(__name__)


class Size(NamedTuple):
    """What pictures have in common that share buffers."""

    pictures: int
    height: int
    width: int
    is_fixed: bool = False


@dataclass(frozen=True)
class Kind:
    """What pictures have in common that share a run."""

    height: int
    width: int
    noise_origin: tuple[int, int]
    is_repeated: bool


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
        self._kept: OrderedDict[Size, queue.SimpleQueue[Buffers]] = OrderedDict()
        self._can_fix = True  # until a session for one size fails
        self._painted: Counter[tuple[int, ...]] = Counter()  # pictures that may be repeated, by shape
        self._shared = SharedRuns(self._run_together, most=_most_pictures, at_once=COPIES)

    @property
    def row_length(self) -> int:
        """Number of scales and shifts that the network needs."""
        return self._variant.session.get_inputs()[1].shape[1]

    def paint(
        self,
        pixels: np.ndarray,
        rows: np.ndarray,
        *,
        noise_origin: tuple[int, int] = (0, 0),
        is_repeated: bool = False,
    ) -> np.ndarray:
        """Paint pictures of one size, each in its style. A single one may share its run with other threads'.

        Args:
            pixels: Shape (N, H, W, 3), uint8, H and W of at least 32.
            rows: Shape (N, R), float32.
            noise_origin: Row and column of the noise at the pictures' upper left corners.
            is_repeated: Whether many pictures of this size may follow, as in clips: once some have come, a
                session of its own is made for it, and captured as a CUDA graph. No other thread may use the
                GPU meanwhile: ONNX Runtime's capture forbids all threads what it cannot record.
        Returns:
            As `pixels`.
        Raises:
            ArithmeticError: float16 is too small for a style.
        """
        if len(pixels) > 1:
            return self._run(pixels, rows, noise_origin, is_repeated)
        _, height, width, _ = pixels.shape
        kind = Kind(height, width, noise_origin, is_repeated)
        return self._shared(kind, (pixels, rows))

    def buffers_for(self, size: Size) -> Buffers:
        """New buffers for pictures of a size."""
        variant = self._open(sizes_of(size)) if size.is_fixed else self._variant
        return Buffers(variant, self._device, size, self.row_length, self._network.noise)

    def end_profiling(self) -> str:
        """Path of the profile of all calls of sizes that are not fixed."""
        return self._variant.session.end_profiling()

    def _open(self, sizes: dict[str, int] | None = None) -> Variant:
        weights = [values.astype(np.float16) for values in self._network.values]
        return Variant("half", self._network, weights, self._device, sizes=sizes, profile=self._profile)

    def _run_together(
        self, kind: Kind, items: Sequence[tuple[np.ndarray, np.ndarray]]
    ) -> Sequence[np.ndarray]:
        pixels, rows = (np.concatenate(parts) for parts in zip(*items, strict=True))
        painted = self._run(pixels, rows, kind.noise_origin, kind.is_repeated)
        return np.split(painted, len(items))

    def _run(
        self, pixels: np.ndarray, rows: np.ndarray, noise_origin: tuple[int, int], is_repeated: bool
    ) -> np.ndarray:
        pictures, height, width, _ = pixels.shape
        is_fixed = is_repeated and self._can_fix and self._is_often(pixels.shape)
        size = Size(pictures, height, width, is_fixed)
        try:
            with self._buffers(size) as buffers:
                return buffers.run(pixels, rows, noise_origin)
        except ArithmeticError:
            raise
        except Exception as error:  # ONNX Runtime's own exceptions have no common public base
            if is_out_of_memory(error):
                if not self._free_others(size):
                    raise
            elif is_fixed:
                logger.warning("a session for one size fails, that for all sizes is used: %s", error)
                self._can_fix, size = False, size._replace(is_fixed=False)
            else:
                raise
        with self._buffers(size) as buffers:
            return buffers.run(pixels, rows, noise_origin)

    def _is_often(self, shape: tuple[int, ...]) -> bool:
        """Count a picture; returns whether many of its shape were painted."""
        with self._lock:
            if len(self._painted) > MAX_COUNTED_SIZES:  # of a camera that zooms
                self._painted.clear()
            self._painted[shape] += 1
            return self._painted[shape] > FIXED_AFTER

    @contextmanager
    def _buffers(self, size: Size) -> Iterator[Buffers]:
        """Free buffers of a size; waits while all are in use."""
        with self._lock:
            if size not in self._kept:
                free: queue.SimpleQueue[Buffers] = queue.SimpleQueue()
                for _ in range(1 if size.is_fixed else COPIES):
                    free.put(self.buffers_for(size))
                self._kept[size] = free
            self._kept.move_to_end(size)
            while len(self._kept) > 1 and sum(map(_bytes_of, self._kept)) > MAX_KEPT_BYTES:
                self._kept.popitem(last=False)
            free = self._kept[size]
        buffers = free.get()
        try:
            yield buffers
        finally:
            free.put(buffers)

    def _free_others(self, size: Size) -> bool:
        """Free the buffers of other sizes; returns whether there were any."""
        with self._lock:
            others = [other for other in self._kept if other != size]
            for other in others:
                del self._kept[other]
            return bool(others)


class Buffers:
    """Memory on the device for the inputs and the output of pictures of one size."""

    def __init__(self, variant: Variant, device: str, size: Size, row_length: int, noise: np.ndarray) -> None:
        self._variant, self._noise, self._size = variant, noise, (size.height, size.width)
        self._is_view = device == "cpu"
        self._origin: tuple[int, int] | None = None

        def buffer(shape: tuple[int, ...], dtype: type) -> ort.OrtValue:
            return runtime.OrtValue.ortvalue_from_shape_and_type(list(shape), dtype, device, 0)

        shape = size.pictures, *self._size, 3
        self._pixels, self._painted = buffer(shape, np.uint8), buffer(shape, np.uint8)
        self._rows = buffer((size.pictures, row_length), np.float32)
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


def sizes_of(size: Size) -> dict[str, int]:
    """Sizes of the inputs by the names that the graph has for them."""
    noise_height, noise_width = padded((size.height, size.width))
    names = {"pictures": size.pictures, "height": size.height, "width": size.width}
    return names | {"noise_height": noise_height, "noise_width": noise_width}


def _most_pictures(kind: Kind) -> int:
    """Pictures that share a run at most."""
    return int(MAX_RUN_PIXELS / (kind.height * kind.width))


def _bytes_of(size: Size) -> int:
    """Bytes of the pictures in the buffers of a size."""
    return COPIES * 2 * 3 * math.prod(size[:3])
