"""What an optimization will cost, before it starts: time, memory, settings that fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from stylecore.errors import OutOfMemoryError
from stylecore.host.devices import available_memory
from stylecore.host.memory import MEBIBYTE
from stylecore.images.sizes import MIN_SIDE, size_at
from stylecore.optimization.config import (
    OptimizationConfig,
    check_config,
    scales,
    step_work,
    stroke_size_at,
)
from stylecore.optimization.objective import is_mixed
from stylecore.perception.features import BLOCKS, CONVOLUTIONS
from stylecore.perception.losses import PATCH_PART

# Measured by `python -m stylecore bench --optimizer`, part memory.
BASE_BYTES = 90 * MEBIBYTE  # VGG19's weights and buffers of the convolutions
PACKED_BYTES = 60 * MEBIBYTE  # weights as `stylecore.perception.packing` lays them out
WINOGRAD_BYTES = 100 * MEBIBYTE  # kernels and tiles of `stylecore.perception.winograd`, in float32
MIXED_PIXEL_BYTES = 950  # activations and gradients for one pixel in 16 bits
FLOAT_PIXEL_BYTES = 1500  # the same in float32
HOLE_PIXEL_BYTES, MOST_HOLES = 2200, 300 * MEBIBYTE  # freed blocks that later ones do not fit into
READING_PIXEL_BYTES = 680  # activations for one pixel without gradients
PICTURE_BYTES = 12  # of one pixel, float32 RGB
SMALLEST_SIDE = 128  # px, to which a picture may be stepped down
RESERVED_BYTES = 300 * MEBIBYTE  # of free memory, left to the rest of the process


@dataclass(frozen=True)
class Plan:
    """Settings that fit into memory.

    Attributes:
        config: Settings to run with.
        changes: What was stepped down, for people; empty when nothing was.
    """

    config: OptimizationConfig
    changes: tuple[str, ...]


def run_work(size: tuple[int, int], config: OptimizationConfig) -> float:
    """What the time of a run is proportional to, see `step_work`.

    Args:
        size: Width and height of the photo.
        config: Settings.
    """
    side = min(max(size), config.max_side)
    return sum(steps * step_work(s, size) for s, steps in scales(side, config))


def work_left(scales: Sequence[tuple[int, int]], step: int, size: tuple[int, int]) -> float:
    """Work that is left as a multiple of the work done."""
    done = total = 0.0
    for side, steps in scales:
        total += steps * step_work(side, size)
        done += max(0, min(step, steps)) * step_work(side, size)
        step -= steps
    return (total - done) / done


def peak_memory(size: tuple[int, int], config: OptimizationConfig, *, styles: int = 1) -> int:
    """Bytes that a run takes at its peak, on top of what the process holds after importing torch.

    Args:
        size: Width and height of the photo.
        config: Settings.
        styles: Number of style pictures.
    """
    side = min(max(size), config.max_side)
    pixels = math.prod(size_at(side, size))
    style_pixels = stroke_size_at(side, config) ** 2
    per_pixel = MIXED_PIXEL_BYTES if is_mixed(config) else FLOAT_PIXEL_BYTES
    remembered = config.history + 4 if config.method == "lbfgs" else 2  # pairs in 16 bits
    step = pixels * (per_pixel + remembered * PICTURE_BYTES) + min(pixels * HOLE_PIXEL_BYTES, MOST_HOLES)
    reading = style_pixels * READING_PIXEL_BYTES  # of the style picture, before the first step
    patches = _patches_of_a_pixel(config) if config.style_loss == "patches" else []
    if patches:
        counts, sizes = zip(*patches, strict=True)
        read = styles * style_pixels
        # Of all layers the style's patches and the picture's errors; of one at a time the style's
        # normalized, the picture's, their matches, and how well each of a part fits.
        step += sum(sizes) * (read + pixels) + max(sizes) * (read + 2 * pixels)
        step += max(counts) * 4 * PATCH_PART * read
        reading += 2 * sum(sizes) * read  # each style's and all together
    base = BASE_BYTES + (PACKED_BYTES if is_mixed(config) else WINOGRAD_BYTES)
    return int(base + max(step, reading))


def _patches_of_a_pixel(config: OptimizationConfig) -> list[tuple[float, float]]:
    """Number of patches and their bytes, 9 * C in float32, by layer; VGG19 refuses layers it has not."""
    blocks = [int(layer[4]) for layer in config.patch_layers if "conv" + layer[4:] in CONVOLUTIONS]
    shares = [4.0 ** (1 - block) for block in blocks]
    channels = [BLOCKS[block - 1][0] for block in blocks]
    return [(share, 4 * 9 * width * share) for share, width in zip(shares, channels, strict=True)]


def free_budget(device: str, jobs: int) -> int:
    """Bytes that a run may take now, as one of so many that run at once on `auto`, `cpu` or `cuda`."""
    return max(0, available_memory(device) - RESERVED_BYTES) // jobs


def fit_to_memory(size: tuple[int, int], config: OptimizationConfig, budget: int, *, styles: int = 1) -> Plan:
    """Step settings down until they fit: L-BFGS to Adam first, then the size by sqrt(2).

    Args:
        size: Width and height of the photo.
        config: Settings that are wanted.
        budget: Bytes that may be used, see `free_budget`.
        styles: Number of style pictures.
    Raises:
        ValueError: Settings that do not exist or are out of range.
        OutOfMemoryError: Not even 128 px fit.
    """
    check_config(config)
    wanted = config
    changes = []
    if peak_memory(size, config, styles=styles) > budget and config.method == "lbfgs":
        config = replace(config, method="adam")
        changes.append("Adam instead of L-BFGS")
    side = min(max(size), config.max_side)
    while peak_memory(size, config, styles=styles) > budget:
        smaller = round(config.max_side / math.sqrt(2)) if config.max_side <= side else side
        if smaller < SMALLEST_SIDE:
            needed = peak_memory(size, config, styles=styles) // MEBIBYTE
            raise OutOfMemoryError(
                f"{needed} MB of free memory are needed even at {config.max_side} px, "
                f"{budget // MEBIBYTE} MB are free: close something, or try again later"
            )
        stroke_size = config.stroke_size and max(
            MIN_SIDE, round(config.stroke_size * smaller / config.max_side)
        )
        config = replace(config, max_side=smaller, stroke_size=stroke_size)
    if config.max_side < min(wanted.max_side, side):
        changes.append(f"{config.max_side} px instead of {min(wanted.max_side, side)} px")
    return Plan(config, tuple(changes))
