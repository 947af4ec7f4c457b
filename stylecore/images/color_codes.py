"""Color spaces by number, as video, AVIF, HEIC and PNG name them (CICP, the box nclx)."""

from __future__ import annotations

from PIL import Image

from stylecore.images.profiles import SRGB, matrix_profile

# x and y of the white point, red, green and blue, by number. Source: ITU-T H.273 (07/2021), table 2.
PRIMARIES = {
    1: SRGB,
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (0.3127, 0.3290, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (0.3127, 0.3290, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (0.3127, 0.3290, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    9: (0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    22: (0.3127, 0.3290, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}
# Exponents of tone curves, by number, ibid., table 3. Those of television (1, 6, 14, 15) count as sRGB's, as
# in browsers: nearly every file that names them holds sRGB.
EXPONENTS = {4: 2.2, 5: 2.8, 8: 1.0}
PQ, HLG = 16, 18  # the curves of high dynamic range
HIGH_RANGE = "high_range"  # key of `Image.info`: primaries and PQ or HLG, see `stylecore.images.high_range`


def note_color_codes(image: Image.Image, *, primaries: int, transfer: int) -> None:
    """Write into `info` what a pair of numbers means: a color profile, or `HIGH_RANGE`; nothing for sRGB.

    Args:
        image: An opened picture; its color profile is replaced.
        primaries: Number in `PRIMARIES`; others count as those of sRGB.
        transfer: Number of the tone curve; unknown ones count as that of sRGB.
    """
    image.info.pop("icc_profile", None)
    chromaticities, exponent = PRIMARIES.get(primaries, SRGB), EXPONENTS.get(transfer)
    if transfer in (PQ, HLG):
        image.info[HIGH_RANGE] = (chromaticities, transfer)
    elif chromaticities != SRGB or exponent:
        image.info["icc_profile"] = matrix_profile(chromaticities, exponent=exponent)
