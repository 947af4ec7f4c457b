"""Colors that a file names by number: PNG's cICP, and the box nclx of AVIF and HEIC."""

import itertools

import numpy as np
import pytest

from stylecore.images.color_codes import HLG, PQ
from stylecore.images.high_range import WHITE, hlg_light, pq_light
from stylecore.images.loading import load_image
from tests.conftest import encoded
from tests.images.quadrants import (
    COLORS,
    TO_BT2020,
    TO_P3,
    assert_colors,
    curved,
    linear,
    middles,
    nclx_file,
    png_chunk,
    png_file,
    quadrant_image,
    quadrants,
)
from tests.images.test_color_profiles import named_profile

P3 = curved(linear() @ TO_P3.T)
BT2020 = curved(linear() @ TO_BT2020.T)
STORED = {1: np.array(COLORS), 2: np.array(COLORS), 12: P3, 9: BT2020}
LOSSLESS = {"AVIF": {"quality": 100, "subsampling": "4:4:4"}, "HEIF": {"quality": 100, "chroma": 444}}


def coded_file(container: str, stored: np.ndarray, *, primaries: int, transfer: int, **options) -> bytes:
    stored = np.round(stored)
    if container == "PNG":
        chunk = png_chunk(b"cICP", bytes((primaries, transfer, 0, 1)))
        return png_file(quadrants(stored), chunks=chunk)
    data = encoded(quadrant_image(stored), container, **LOSSLESS[container], **options)
    return nclx_file(data, primaries=primaries, transfer=transfer)


@pytest.mark.parametrize("container", ["PNG", "AVIF", "HEIF"])
@pytest.mark.parametrize(("primaries", "transfer"), [*itertools.product((1, 2, 9, 12), (1, 2, 6, 13))])
def test_primaries_by_number_are_applied(container, primaries, transfer):
    data = coded_file(container, STORED[primaries], primaries=primaries, transfer=transfer)
    # Rounding of the encoder's YUV grows in the conversion from the widest space.
    assert_colors(load_image(data), levels=5 if primaries == 9 and container != "PNG" else 3)


@pytest.mark.parametrize(("transfer", "exponent"), [(4, 2.2), (5, 2.8), (8, 1.0)])
def test_curves_by_number_are_applied(transfer, exponent):
    stored = linear() ** (1 / exponent) * 255
    assert_colors(load_image(coded_file("PNG", stored, primaries=1, transfer=transfer)))


@pytest.mark.parametrize("container", ["PNG", "AVIF", "HEIF"])
@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_high_dynamic_range_up_to_white_keeps_its_colors(container, transfer):
    light = linear() * WHITE @ TO_BT2020.T
    stored = 255 * (pq_signal(light) if transfer == PQ else hlg_signal(light))
    image = load_image(coded_file(container, stored, primaries=9, transfer=transfer))
    assert_colors(image, levels=10)  # 8 bits of such a curve are coarse


def test_brighter_light_stays_brighter_and_in_range():
    greys = [pq_signal(np.full(3, light)) * 255 for light in (150.0, 203.0, 1000.0, 10_000.0)]
    image = load_image(coded_file("PNG", np.array(greys), primaries=9, transfer=PQ))
    levels = [red for red, _, _ in middles(image)]
    assert levels == sorted(set(levels))
    assert levels[1] in range(235, 250)
    assert levels[3] == 255


def test_alpha_stays_with_high_dynamic_range():
    stored = np.round(quadrants(pq_signal(linear() * WHITE @ TO_BT2020.T) * 255))
    alpha = quadrants((0, 90, 180, 255))
    chunk = png_chunk(b"cICP", bytes((9, PQ, 0, 1)))
    image = load_image(png_file(np.dstack([stored, alpha]), chunks=chunk))
    assert [pixel[3] for pixel in middles(image)] == [0, 90, 180, 255]
    assert_colors(image.convert("RGB"), levels=9)


def test_the_codes_of_a_png_win_over_its_profile():
    chunks = png_chunk(b"cICP", bytes((12, 13, 0, 1))) + png_chunk(b"gAMA", (100_000).to_bytes(4, "big"))
    assert_colors(load_image(png_file(quadrants(np.round(P3)), chunks=chunks)))


def test_the_profile_of_an_avif_wins_over_its_codes():
    options = LOSSLESS["AVIF"] | {"icc_profile": named_profile("P3")}
    data = encoded(quadrant_image(np.round(P3)), "AVIF", **options)
    assert_colors(load_image(data))


def test_pq_and_hlg_have_the_known_values():
    assert pq_light(np.array([0.0, 0.508078, 1.0])) == pytest.approx([0, 100, 10_000], rel=1e-3, abs=1e-6)
    grey = hlg_light(np.array([[0.75] * 3, [1.0] * 3]), luma=np.array((0.2627, 0.6780, 0.0593)))
    assert grey[:, 0] == pytest.approx([203, 1000], rel=5e-3)


def pq_signal(light: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084, the inverse curve."""
    power = (light / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg_signal(light: np.ndarray) -> np.ndarray:
    """ARIB STD-B67 behind the inverse of BT.2100's system gamma of 1.2 for 1,000 cd/m2."""
    luminance = (light @ (0.2627, 0.6780, 0.0593))[:, None] / 1000
    scene = light / 1000 * luminance ** (1 / 1.2 - 1)
    return np.where(
        scene <= 1 / 12,
        np.sqrt(3 * scene),
        0.17883277 * np.log(np.maximum(12 * scene, 1) - 0.28466892) + 0.55991073,
    )
