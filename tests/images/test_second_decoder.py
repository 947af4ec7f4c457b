"""Pictures of known colors over formats, modes, depths, profiles and orientations, next to libvips."""

import io
import itertools

import numpy as np
import pytest
import tifffile
from PIL import Image

from stylecore.images.loading import load_image
from tests.conftest import encoded
from tests.images.press_profile import press_profile
from tests.images.quadrants import COLORS, GREYS, middles, png_file, quadrant_image, quadrants
from tests.images.test_cmyk import ink_image
from tests.images.test_color_profiles import OPTIONS, color_exif, named_profile
from tests.images.test_known_pictures import STORED, UNDO

pyvips = pytest.importorskip("pyvips", reason="pyvips is not installed")
LEVELS = 3


def pictures() -> dict[str, bytes]:
    """Files by name."""
    made = {}
    for name, turn, profile in itertools.product(OPTIONS, UNDO, STORED):
        if name == "HEIF":
            continue  # libvips by pip has no HEVC
        image = quadrant_image(np.round(STORED[profile]))
        options = OPTIONS[name] | {"exif": color_exif(1, orientation=turn)}
        if profile != "none":
            options["icc_profile"] = named_profile(profile)
        made[f"{name}, orientation {turn}, profile {profile}"] = encoded(image, name, **options)
    # CMYK only with a profile: without one, libvips takes that of a press, browsers plain ink.
    for name in ("JPEG", "TIFF"):
        options = {"quality": 98, "subsampling": 0} if name == "JPEG" else {}
        made[f"{name}, CMYK"] = encoded(ink_image(), name, icc_profile=press_profile(), **options)
    for mode, name in itertools.product(("L", "RGB"), ("JPEG", "TIFF")):
        image = quadrant_image(GREYS if mode == "L" else COLORS).convert(mode)
        made[f"{name}, {mode}"] = encoded(image, name, **({"quality": 97} if name == "JPEG" else {}))
    for mode, name in itertools.product(("1", "L", "P", "RGBA"), ("PNG", "TIFF", "GIF")):
        if (mode, name) != ("RGBA", "GIF"):
            image = quadrant_image({"1": (0, 255, 255, 0), "L": GREYS}.get(mode, COLORS))
            image = image.quantize(4) if mode == "P" else image.convert(mode, dither=Image.Dither.NONE)
            made[f"{name}, {mode}"] = encoded(image, name)
    for depth, values in itertools.product((8, 16), (GREYS, COLORS)):
        scaled = quadrants(values) * (257 if depth == 16 else 1)
        kind = "grey" if values is GREYS else "color"
        made[f"PNG, {kind}, {depth} bits"] = png_file(scaled, depth=depth)
        for planar in ("contig", "separate") if values is COLORS else ("contig",):
            buffer = io.BytesIO()
            array = scaled.astype(np.uint16 if depth == 16 else np.uint8)
            array = np.moveaxis(array, -1, 0) if planar == "separate" else array
            photometric = "rgb" if values is COLORS else "minisblack"
            tifffile.imwrite(buffer, array, photometric=photometric, planarconfig=planar)
            made[f"TIFF, {kind}, {depth} bits, {planar}"] = buffer.getvalue()
    return made


def by_vips(data: bytes) -> Image.Image:
    image = pyvips.Image.thumbnail_buffer(data, 4096, size="down", output_profile="srgb")
    pixels = image.colourspace("srgb").numpy()
    return Image.fromarray(pixels[..., :3]) if pixels.ndim == 3 else Image.fromarray(pixels).convert("RGB")


@pytest.mark.soak
def test_a_second_decoder_sees_the_same_colors(record_property):
    made = pictures()
    record_property("pictures", len(made))
    assert len(made) >= 120
    differences = {}
    for name, data in made.items():
        own, other = load_image(data).convert("RGB"), by_vips(data)
        assert own.size == other.size, name
        worst = np.abs(np.array(middles(own), int) - np.array(middles(other), int)).max()
        if worst > LEVELS:
            differences[name] = worst
    assert differences == {}
