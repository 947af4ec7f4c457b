"""Measures of flaws that feed-forward networks leave in flat areas and at borders."""

from __future__ import annotations

import numpy as np
from PIL import Image

from stylecore.images.arrays import LUMA, to_batch

PERIODS = (2, 4)  # px; the network upsamples twice by 2
BAND = 6  # px, width of the compared bands at the border
LEAST_SIDE = 64  # px, of pictures that are measured
UNSEEN_AMPLITUDE = 0.5 / 255  # of a grid that is invisible even in flat areas
WINDOW = 32  # px, side of the windows in which stairs are measured
SURROUNDINGS = 6  # bins on each side of a grid frequency that it is compared with


def grid_excess(image: Image.Image) -> float:
    """Energy at the network's grid frequencies, relative to that around them plus an invisible grid's.

    A pattern that repeats every 2 or 4 px is a sharp peak in the spectrum, whatever the picture;
    texture of the same fineness is spread out.

    Args:
        image: At least 64 px a side.
    Returns:
        The largest mean ratio among grids of rows, of columns, and of both. Without a grid it is up to
        about 2, by chance.
    Raises:
        ValueError: The image is too small.
    Source: Odena et al. (2016), "Deconvolution and checkerboard artifacts", for the flaw.
    """
    _check_size(image)
    luma = _luma(image)
    step = max(PERIODS)
    height, width = (length // step * step for length in luma.shape)
    window = np.hanning(height)[:, None] * np.hanning(width)
    unseen = np.square(UNSEEN_AMPLITUDE / 2 * window.sum()) / 4  # of a wave, mean of the peak's 3x3 bins
    luma = luma[:height, :width]
    power = np.abs(np.fft.fft2((luma - luma.mean()) * window)) ** 2
    power = np.roll(power, (height // 8, width // 8), (0, 1))  # no peak at an edge of the array
    ratios: dict[str, list[float]] = {"rows": [], "columns": [], "both": []}
    for row in range(0, step):
        for column in range(0, step):
            if row == column == 0:
                continue
            y, x = height // 8 + row * height // step, width // 8 + column * width // step
            peak = power[y - 1 : y + 2, x - 1 : x + 2]
            # Edges of the picture spread along lines through the peak, so compare along lines.
            around = np.r_[-SURROUNDINGS:-1, 2 : SURROUNDINGS + 1]
            rest = max(power[y - 1 : y + 2, x + around].mean(), power[y + around, x - 1 : x + 2].mean())
            kind = "rows" if column == 0 else "columns" if row == 0 else "both"
            ratios[kind].append(peak.mean() / (rest + unseen))
    return float(max(np.mean(values) for values in ratios.values()))


def stairs_energy(image: Image.Image) -> float:
    """Energy of rows and columns that alternate from pixel to pixel, relative to slightly coarser ones.

    Nearest upsampling turns an even slope into stairs of 2 px. Their sign follows the slope, so that
    they cancel over a whole picture and `grid_excess` misses them; small windows show them.

    Args:
        image: At least 64 px a side.
    Returns:
        The larger ratio, of rows or of columns, in the median window. Photos have about 0.1; stairs are
        visible at 300 % zoom from 0.3.
    Raises:
        ValueError: The image is too small.
    Source: Welch (1967) for the mean of spectra in overlapping windows; the median, as flat windows show
        stairs and those with edges do not.
    """
    _check_size(image)
    windows = np.lib.stride_tricks.sliding_window_view(_luma(image), (WINDOW, WINDOW))
    windows = windows[:: WINDOW // 2, :: WINDOW // 2].reshape(-1, WINDOW, WINDOW)
    taper = np.hanning(WINDOW)[:, None] * np.hanning(WINDOW)
    power = np.abs(np.fft.fft2((windows - windows.mean((1, 2), keepdims=True)) * taper)) ** 2
    nyquist = WINDOW // 2
    ratios = []
    for axis in (power[:, :, 0], power[:, 0, :]):  # along rows, along columns
        finest = axis[:, nyquist]
        rest = axis[:, nyquist - SURROUNDINGS : nyquist - 2].mean(1)
        ratios.append(float(np.median(finest / (rest + 1e-9))))
    return max(ratios)


def border_excess(image: Image.Image) -> float:
    """Difference between the two outermost bands, relative to that of bands further inside.

    Args:
        image: At least 64 px a side.
    Returns:
        About 1 without a visible border, several with zero padding.
    Raises:
        ValueError: The image is too small.
    """
    _check_size(image)
    pixels = to_batch(image)[0]
    steps = []
    for turn in range(4):  # each side on top once
        turned = np.rot90(pixels, turn, axes=(1, 2))
        bands = np.stack([turned[:, i * BAND : (i + 1) * BAND].mean(1) for i in range(5)])
        steps.append(np.abs(np.diff(bands, axis=0)).mean((1, 2)))
    outer, *inner = np.mean(steps, axis=0)
    return float(outer / (np.mean(inner) + 1e-3))


def _luma(image: Image.Image) -> np.ndarray:
    return np.tensordot(LUMA, to_batch(image)[0].astype(np.float64), 1)


def _check_size(image: Image.Image) -> None:
    if min(image.size) < LEAST_SIDE:
        size = f"{image.width} x {image.height} px"
        raise ValueError(f"the image has {size}: at least {LEAST_SIDE} a side are needed")
