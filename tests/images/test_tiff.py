"""TIFF files as photographers and scientists write them."""

import contextlib
import io
import itertools
import struct
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image

from stylecore.errors import ImageError
from stylecore.images import tiff
from stylecore.images.loading import load_image
from stylecore.images.profiles import D50, SRGB, rgb_to_d50
from tests.conftest import encoded
from tests.images.quadrants import (
    COLORS,
    GREYS,
    HEIGHT,
    WIDTH,
    assert_colors,
    linear,
    middles,
    quadrants,
)
from tests.images.test_color_profiles import named_profile

RGB, GREY = quadrants(COLORS), quadrants(GREYS)
# Factor and offset from 8 bits, by type.
SCALES = {
    "u1": (1, 0),
    "u2": (257, 0),
    "u4": (257 * 65537, 0),
    "i1": (127 / 255, 0),
    "i2": (257, -(2**15)),
    "i4": (257 * 65537, -(2**31)),
    "f2": (1 / 255, 0),
    "f4": (1 / 255, 0),
    "f8": (1 / 255, 0),
}


def tiff_file(values: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, values, **({"metadata": None} | options))
    return file.getvalue()


def scaled(values: np.ndarray, kind: str) -> np.ndarray:
    factor, offset = SCALES[kind]
    values = values * factor + offset
    return (values if kind.startswith("f") else np.round(values)).astype(kind)


@pytest.mark.parametrize(("kind", "order"), [*itertools.product(SCALES, "<>")])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_rgb_of_every_depth(kind, order, planar):
    values = scaled(RGB, kind)
    if planar == "separate":
        values = np.moveaxis(values, -1, 0)
    data = tiff_file(values, photometric="rgb", planarconfig=planar, byteorder=order)
    assert_colors(load_image(data), levels=2)


@pytest.mark.parametrize(("kind", "order"), [*itertools.product(SCALES, "<>")])
@pytest.mark.parametrize("white", ["minisblack", "miniswhite"])
def test_grey_of_every_depth(kind, order, white):
    values = 255 - GREY if white == "miniswhite" else GREY
    data = tiff_file(scaled(values, kind), photometric=white, byteorder=order)
    assert_colors(load_image(data), GREYS, levels=2)


@pytest.mark.parametrize("kind", ["u2", "f4"])
@pytest.mark.parametrize("compression", ["lzw", "zlib", "packbits", "zstd", "lzma"])
@pytest.mark.parametrize(("predictor", "tile"), [(False, None), (True, None), (True, (32, 48))])
def test_every_compression(kind, compression, predictor, tile):
    predictor = predictor and compression != "packbits"  # which tifffile writes without
    data = tiff_file(
        np.moveaxis(scaled(RGB, kind), -1, 0),
        photometric="rgb",
        planarconfig="separate",
        compression=compression,
        predictor=predictor,
        tile=tile,
    )
    assert_colors(load_image(data), levels=1)


@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
@pytest.mark.parametrize("alpha", ["unassalpha", "assocalpha", "unspecified"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("channels", [1, 3])
def test_alpha_of_every_kind(kind, alpha, planar, channels):
    opacity = np.array((255, 204, 102, 51))
    colors = np.array(GREYS)[:, None] if channels == 1 else np.array(COLORS)
    stored = np.round(colors * opacity[:, None] / 255) if alpha == "assocalpha" else colors
    values = scaled(quadrants(np.column_stack([stored, opacity])), kind)
    values = np.moveaxis(values, -1, 0) if planar == "separate" else values
    photometric = "rgb" if channels == 3 else "minisblack"
    data = tiff_file(values, photometric=photometric, planarconfig=planar, extrasamples=[alpha])
    expected = colors if channels == 3 else colors.repeat(3, axis=1)
    image = load_image(data)
    if alpha == "unspecified":
        assert image.mode == "RGB"
        assert_colors(image, expected, levels=1)
    else:
        # Colors that were multiplied with little alpha were rounded coarsely.
        levels = 3 if alpha == "assocalpha" else 1
        assert_colors(image, np.column_stack([expected, opacity]), levels=levels)


@pytest.mark.parametrize("factor", [1, 256, 257])
def test_palettes_with_tables_of_8_and_16_bits(factor):
    table = np.zeros((3, 256), np.uint16)
    table[:, :4] = np.array(COLORS).T * factor
    indices = quadrants((0, 1, 2, 3)).astype(np.uint8)
    assert_colors(load_image(tiff_file(indices, photometric="palette", colormap=table)), levels=1)


@pytest.mark.parametrize("kind", ["u1", "u2"])
@pytest.mark.parametrize("photometric", ["cielab", "icclab"])
def test_cielab_in_8_and_16_bits(kind, photometric):
    xyz = linear() @ rgb_to_d50(SRGB).T / D50
    cubes = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * 841 / 108 + 4 / 29)
    lab = np.stack(
        [116 * cubes[:, 1] - 16, 500 * (cubes[:, 0] - cubes[:, 1]), 200 * (cubes[:, 1] - cubes[:, 2])], axis=1
    )
    step = 256 if kind == "u2" else 1
    white = {"u1": 255, "u2": 65280 if photometric == "icclab" else 65535}[kind]
    offset = 128 * step if photometric == "icclab" else 0
    stored = np.column_stack([lab[:, 0] / 100 * white, lab[:, 1:] * step + offset])
    values = np.round(quadrants(stored)).astype(np.int64).astype(kind)
    assert_colors(load_image(tiff_file(values, photometric=photometric)), levels=1 if kind == "u2" else 4)


@pytest.mark.parametrize("kind", ["u1", "u2"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_cmyk_in_8_and_16_bits(kind, planar):
    inks = quadrants(((0, 200, 200, 20), (200, 0, 200, 20), (200, 200, 0, 20), (0, 0, 0, 127)))
    expected = middles(Image.fromarray(inks.astype(np.uint8), "CMYK").convert("RGB"))
    values = scaled(inks, kind)
    values = np.moveaxis(values, -1, 0) if planar == "separate" else values
    data = tiff_file(values, photometric="separated", planarconfig=planar)
    assert_colors(load_image(data), expected, levels=1)


@pytest.mark.parametrize("kind", ["u2", "f4"])
def test_the_color_profile_is_applied(kind):
    values = scaled(quadrants(linear() * 255), kind)
    data = tiff_file(
        np.moveaxis(values, -1, 0),
        photometric="rgb",
        planarconfig="separate",
        iccprofile=named_profile("linear"),
    )
    assert_colors(load_image(data))


@pytest.mark.parametrize("kind", ["i2", "i4", "u4", "f4"])
def test_small_scales_of_long_types_are_found(kind):
    assert_colors(load_image(tiff_file(GREY.astype(kind), photometric="minisblack")), GREYS, levels=1)


def test_light_above_white_is_clipped_and_no_number_is_black():
    values = scaled(RGB, "f4")
    values[0, :4] = (np.nan, np.inf, 4.0)
    image = load_image(tiff_file(values, photometric="rgb"))
    assert_colors(image, levels=1)
    assert image.getpixel((1, 0)) == (0, 255, 255)


@pytest.mark.parametrize("channels", [3, 4])
def test_webp_inside_a_tiff(channels):
    values = np.dstack([RGB, np.full_like(GREY, 200)])[..., :channels].astype(np.uint8)
    data = tiff_file(values, photometric="rgb", compression="webp", compressionargs={"lossless": True})
    assert_colors(load_image(data), [(*color, 200)[:channels] for color in COLORS], levels=1)


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_values_of_odd_bits_have_their_whole_range(bits):
    values = np.round(GREY * ((2**bits - 1) / 255)).astype(np.uint16)
    data = tiff_file(values, photometric="minisblack", bitspersample=bits)
    assert_colors(load_image(data), GREYS, levels=1)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_orientation_and_time_of_rarer_kinds_are_read(orientation):
    turn = {3: 2, 6: 1, 8: 3}[orientation]  # quarters, against the clock
    values = np.moveaxis(scaled(np.rot90(RGB, turn), "u2"), -1, 0)
    data = tiff_file(
        np.ascontiguousarray(values),
        photometric="rgb",
        planarconfig="separate",
        extratags=[(ExifTags.Base.Orientation, "H", 1, orientation, True)],
    )
    assert_colors(load_image(data), levels=1)


def preview_and_picture(**options: object) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        small = np.full((40, 40, 3), 9, np.uint8)
        if "subifds" in options:
            writer.write(small, photometric="rgb", subfiletype=1, subifds=1, metadata=None)
        else:
            writer.write(small, photometric="rgb", subfiletype=1, metadata=None)
        writer.write(scaled(RGB, options.get("kind", "u1")), photometric="rgb", metadata=None)
    return file.getvalue()


@pytest.mark.parametrize("options", [{}, {"kind": "f4"}, {"subifds": 1}, {"subifds": 1, "kind": "u2"}])
def test_the_picture_behind_a_preview_is_read(options):
    image = load_image(preview_and_picture(**options))
    assert image.size == (WIDTH, HEIGHT)
    assert_colors(image, levels=1)


def test_a_preview_alone_is_refused():
    data = tiff_file(RGB.astype(np.uint8), photometric="rgb", subfiletype=1)
    with pytest.raises(ImageError, match="is a TIFF with a preview alone"):
        load_image(data)


@pytest.mark.parametrize(
    "options", [{"photometric": "cfa"}, {"extratags": [(50706, "B", 4, (1, 4, 0, 0), True)]}]
)
def test_a_raw_photo_is_refused_by_name(options):
    data = tiff_file(GREY.astype(np.uint16), **options)
    with pytest.raises(ImageError, match="is a raw photo of a camera: develop it"):
        load_image(data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"photometric": "rgb", "compression": "jpeg2000"},
            r"compression that is not read here \(JPEG2000\)",
        ),
        ({"photometric": "logluv"}, "colors of a kind that is not read"),
    ],
)
def test_kinds_that_are_not_read_are_named(options, message):
    with pytest.raises(ImageError, match=message):
        load_image(tiff_file(scaled(RGB, "u2"), **options))


def test_without_tifffile_the_message_has_the_command(monkeypatch):
    monkeypatch.setattr(tiff, "has_extra", lambda module: False)
    assert_colors(load_image(encoded(Image.fromarray(RGB.astype(np.uint8)), "TIFF")), levels=0)
    with pytest.raises(ImageError, match=r"rarer kind: .* pip install 'impasto\[tiff\]'"):
        load_image(tiff_file(scaled(RGB, "f4"), photometric="rgb"))


@pytest.mark.parametrize(("compression", "place", "length"), [(None, 0, 300), ("lzw", 330, None)])
def test_damaged_tiffs_print_no_warning(compression, place, length):
    data = bytearray(tiff_file(RGB.astype(np.uint8), photometric="rgb", compression=compression))
    data[place : place + 20] = bytes(20) if place else data[:20]
    code = (
        "import sys\n"
        "from stylecore import ImageError, load_image\n"
        "try:\n"
        "    load_image(sys.stdin.buffer.read())\n"
        "except ImageError:\n"
        "    print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=bytes(data[:length]), capture_output=True)
    assert (done.stdout, done.stderr) == (b"refused\n", b"")


def with_tag(data: bytes, tag: int, value: int) -> bytes:
    """The file with another value of a tag, which has one value, in a little-endian TIFF."""
    (directory,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, directory)
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        number, kind = struct.unpack_from("<HH", data, entry)
        if number == tag:
            packed = struct.pack("<I" if kind == 4 else "<HH", *((value,) if kind == 4 else (value, 0)))
            return data[: entry + 8] + packed + data[entry + 12 :]
    raise AssertionError(f"no tag {tag}")


@pytest.mark.parametrize(
    "changes",
    [
        {256: 9_000, 257: 9_000, 277: 8},  # 2.6 GB of floats
        {322: 65_520, 323: 65_520},  # a tile
        {256: 100_000, 257: 100_000},
    ],
)
def test_a_tiff_that_promises_gigabytes_allocates_little(changes):
    data = tiff_file(scaled(RGB, "f4"), photometric="rgb", tile=(64, 96), compression="zlib")
    for tag, value in changes.items():
        data = with_tag(data, tag, value)
    tracemalloc.start()
    with pytest.raises(ImageError, match=r"MB when decoded: at most|megapixels|damaged|cut off"):
        load_image(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * 2**20


def test_a_tiff_without_most_of_its_pixels_is_refused_with_how_much_is_there():
    data = tiff_file(scaled(RGB, "f4"), photometric="rgb")
    with pytest.raises(ImageError, match="is cut off: at most 1% of the picture is there"):
        load_image(with_tag(data, 257, 100 * HEIGHT))


def test_sizes_that_are_no_numbers_are_an_error():
    data = bytearray(tiff_file(scaled(RGB, "f4"), photometric="rgb"))
    (directory,) = struct.unpack_from("<I", data, 4)
    width = data.index(struct.pack("<H", 256), directory)
    struct.pack_into("<I", data, width + 4, 3)
    with pytest.raises(ImageError, match="header cannot be read"):
        load_image(bytes(data))


def test_a_compressed_strip_stops_at_its_size():
    rows = np.zeros((2_000, 4_000), np.uint32)  # 32 MB in some kilobytes
    data = tiff_file(rows, photometric="minisblack", compression="zlib", rowsperstrip=2_000)
    data = with_tag(with_tag(with_tag(data, 256, 40), 257, 40), 278, 40)
    tracemalloc.start()
    with pytest.raises(ImageError, match="damaged"):
        load_image(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 2**20


@pytest.mark.filterwarnings("ignore")  # pytest shows those that `stylecore.images.opening` hides
@pytest.mark.parametrize("place", range(8, 240, 7))
def test_damaged_tiffs_of_rarer_kinds_raise_nothing_else(place, capfd):
    data = bytearray(tiff_file(scaled(RGB, "f4")[:40, :40], photometric="rgb", compression="zlib"))
    (directory,) = struct.unpack_from("<I", data, 4)
    data[directory - 8 + place if directory + place < len(data) else place] ^= 0xFF
    with contextlib.suppress(ImageError):
        load_image(bytes(data))
    assert capfd.readouterr().err == ""
