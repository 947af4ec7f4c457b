"""Values of TIFF pages as pictures of 8 bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from stylecore.images.problems import PictureProblem
from stylecore.images.profiles import D50, SRGB, rgb_to_d50, srgb_curve

# Photometric interpretation. Source: TIFF 6.0, section 8; ICCLab: TIFF technical note of Adobe Photoshop.
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, CIELAB, ICCLAB = 0, 1, 2, 3, 5, 8, 9
_CHANNELS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, CMYK: 4, CIELAB: 3, ICCLAB: 3}
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
ASSOCIATED, UNASSOCIATED = 1, 2  # kinds of alpha; colors are multiplied with the first
_STRIP = 2**20  # values that are converted at once
# Floats up to this are on a scale of 1: what exceeds 1 in such pictures is light, not another scale.
_BRIGHTEST = 16.0


def to_image(
    values: np.ndarray,
    *,
    photometric: int,
    bits: int,
    extra_samples: tuple[int, ...],
    color_map: np.ndarray | None,
) -> Image.Image:
    """Convert a page's values to an image: mode L, RGB or CMYK, or with alpha LA, RGBA, La or RGBa.

    Args:
        values: Shape (H, W, samples), integers or floats.
        photometric: Interpretation of the values.
        bits: Of a value.
        extra_samples: Kinds of the samples behind the colors.
        color_map: Table of a palette, shape (3, 2**bits).
    Raises:
        PictureProblem: Colors of a kind that is not read.
    """
    channels = _CHANNELS.get(photometric)
    if channels is None or values.shape[2] < channels:
        raise PictureProblem("is a TIFF with colors of a kind that is not read: save it in RGB or grey")
    colors = values[..., :channels]
    if photometric == PALETTE:
        if color_map is None or colors.dtype.kind != "u":
            raise PictureProblem("is a TIFF with a palette that is missing")
        table = (color_map // 257 if color_map.max() > 255 else color_map).astype(np.uint8).T
        return Image.fromarray(np.take(table, colors[..., 0], axis=0, mode="clip"))
    if photometric in (CIELAB, ICCLAB):
        return _lab_image(colors, has_offset=photometric == ICCLAB)
    image = _image(to_8_bit(colors, bits), _MODES[channels])
    if photometric == WHITE_IS_ZERO:
        image = image.point([255 - level for level in range(256)])
    kinds = extra_samples or ((UNASSOCIATED,) if photometric == RGB and values.shape[2] == 4 else ())
    if photometric == CMYK or not kinds or kinds[0] not in (ASSOCIATED, UNASSOCIATED):
        return image
    alpha = _image(to_8_bit(values[..., channels : channels + 1], bits), "L")
    mode = {("L", 1): "La", ("L", 2): "LA", ("RGB", 1): "RGBa", ("RGB", 2): "RGBA"}[image.mode, kinds[0]]
    return Image.merge(mode, (*image.split(), alpha))


def _image(pixels: np.ndarray, mode: str) -> Image.Image:
    return Image.frombytes(mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes())


def to_8_bit(values: np.ndarray, bits: int) -> np.ndarray:
    """Scale integers or floats to 8 bits, a strip at a time."""
    low, high = value_range(values, bits)
    scale = 255 / (high - low)
    return _in_strips(values, lambda strip: (strip - low) * scale)


def value_range(values: np.ndarray, bits: int) -> tuple[float, float]:
    """Values of black and white.

    Unsigned integers of up to 16 bits have their whole range. Longer ones, signed ones and floats are often
    written on a smaller scale, so that the next larger scale of 1 (floats), 255, 65535 and the whole range
    counts. Signed integers with negative values have their whole range.
    """
    kind = values.dtype.kind
    if kind == "u" and bits <= 16:
        return 0.0, 2.0**bits - 1
    largest = max(float(np.max(strip, initial=0, where=np.isfinite(strip))) for strip in _strips(values))
    if kind == "f":
        return 0.0, 1.0 if largest <= _BRIGHTEST else 255.0 if largest <= 255 else 65535.0
    end = 2.0**bits - 1 if kind == "u" else 2.0 ** (bits - 1) - 1
    if kind == "i" and values.min() < 0:
        return -end - 1, end
    return 0.0, next(scale for scale in (255.0, 65535.0, end) if largest <= scale <= end or scale == end)


def _lab_image(values: np.ndarray, *, has_offset: bool) -> Image.Image:
    """Convert CIELab under D50 to sRGB; with `has_offset` a and b are stored with an offset of 128.

    Source: TIFF 6.0, section 23; for ICCLab ICC.1:2022, 6.3.4.2: 16 bits have a lightness of 100 at 0xFF00.
    """
    if values.dtype not in (np.uint8, np.uint16, np.int8, np.int16):
        raise PictureProblem("is a TIFF in CIELab with values of a kind that is not read: save it in RGB")
    step = 256 if values.dtype.itemsize == 2 else 1
    white = 65280.0 if step == 256 and has_offset else 256.0 * step - 1
    unsigned = values.view(values.dtype.str.replace("i", "u"))

    def to_srgb(strip: np.ndarray) -> np.ndarray:
        chroma = strip[..., 1:] / step
        chroma = chroma - 128 if has_offset else np.where(chroma >= 128, chroma - 256, chroma)
        return lab_to_srgb(np.concatenate([strip[..., :1] * (100 / white), chroma], axis=2)) * 255

    return _image(_in_strips(unsigned, to_srgb), "RGB")


def lab_to_srgb(lab: np.ndarray) -> np.ndarray:
    """Values of sRGB, in [0, 1] if it has the color, of CIELab under D50. Source: CIE 15:2004, 8.2.1."""
    y = (lab[..., 0] + 16) / 116
    cubes = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    xyz = D50 * np.where(cubes > 6 / 29, cubes**3, 3 * (6 / 29) ** 2 * (cubes - 4 / 29))
    return srgb_curve(np.clip(xyz @ np.linalg.inv(rgb_to_d50(SRGB)).T, 0, 1))


def _in_strips(values: np.ndarray, scale: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Round scaled values to 8 bits; what is no number becomes 0."""
    pixels = np.empty(values.shape, np.uint8)
    with np.errstate(all="ignore"):  # about huge values, which are clipped
        for source, target in zip(_strips(values), _strips(pixels), strict=True):
            target[:] = np.nan_to_num(np.clip(scale(source.astype(np.float64)), 0, 255)) + 0.5
    return pixels


def _strips(values: np.ndarray) -> Iterator[np.ndarray]:
    rows = max(1, _STRIP // max(1, values.shape[1] * values.shape[2]))
    return (values[row : row + rows] for row in range(0, len(values), rows))
