import contextlib
import io
import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image, ImageCms

from stylecore.errors import ImageError
from stylecore.images.loading import load_image
from tests.conftest import encoded, make_photo, png_header_of


def test_load_image_takes_path_bytes_file_and_image(photo, tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(photo))
    for source in (path, str(path), encoded(photo), io.BytesIO(encoded(photo)), photo):
        assert np.array_equal(load_image(source), photo)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_load_image_applies_exif_orientation(orientation):
    upright = Image.new("RGB", (64, 40), "white")
    upright.paste("red", (0, 0, 16, 16))  # a red upper left corner
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    loaded = load_image(encoded(stored, "PNG", exif=exif))
    assert np.array_equal(loaded, upright)


def test_an_exif_block_with_flaws_does_no_harm():
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x011A] = 72.0  # resolution, a rational number
    data = bytearray(encoded(make_photo(64, 40), "JPEG", exif=exif))
    entry = data.index(b"\x01\x1a\x00\x05")  # tag and kind of the resolution
    data[entry : entry + 4] = b"\x01\x1a\x00\x02"  # now it is text
    assert load_image(bytes(data)).size == (40, 64)


def test_the_given_picture_stays_as_it_is(tmp_path):
    make_photo(800, 600).save(tmp_path / "photo.jpg")
    with Image.open(tmp_path / "photo.jpg") as image:
        assert load_image(image, max_side=100).size == (100, 75)
        assert image.size == (800, 600)


def test_a_loaded_picture_can_be_cached_and_claims_no_profile():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.open(io.BytesIO(encoded(Image.new("RGB", (40, 40), "red"), "PNG", icc_profile=srgb)))
    image.info["depth_images"] = [threading.Lock()]  # as HEIF pictures of phones have them
    loaded = load_image(image)
    assert pickle.loads(pickle.dumps(loaded)).size == (40, 40)
    assert loaded.info == {}


def test_load_image_takes_the_first_frame_of_an_animation():
    frames = [Image.new("RGB", (40, 40), color) for color in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert load_image(data).getpixel((0, 0)) == (255, 0, 0)


def test_load_image_reads_heic(photo):
    image = load_image(encoded(photo, "HEIF", quality=95))
    assert (image.mode, image.size) == ("RGB", photo.size)
    assert np.abs(np.asarray(image, np.float32) - np.asarray(photo, np.float32)).mean() < 8


@pytest.mark.parametrize("limits", [{"max_side": float("nan")}, {"max_megapixels": float("nan")}])
def test_a_limit_that_is_no_number_is_refused(photo, limits):
    with pytest.raises(ImageError, match=r"is nan: .* needed"):
        load_image(photo, **limits)


def test_a_large_picture_is_opened_without_a_warning_and_with_the_filters_as_they_are():
    code = (
        "import sys, warnings\n"
        "from PIL import Image\n"
        "from stylecore import ImageError, load_image\n"
        "filters = warnings.filters\n"
        "open_image, seen = Image.open, []\n"
        "def note(file, formats):\n"
        "    seen.append(warnings.filters is filters)\n"
        "    return open_image(file, formats=formats)\n"
        "Image.open = note\n"
        "try:\n"
        "    load_image(sys.stdin.buffer.read(), max_megapixels=90)\n"
        "except ImageError as error:\n"
        "    print(error, seen)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], input=png_header_of(10_000, 9_500), capture_output=True
    )
    assert b"10000 x 9500 px (95 megapixels): at most 90" in done.stdout
    assert done.stdout.strip().endswith(b"[True]")
    assert done.stderr == b""


@pytest.mark.parametrize(("accepted", "limit"), [(100, 100), (200, 178), (float("inf"), 178)])
def test_what_pillow_refuses_is_refused_with_the_limit_that_holds(accepted, limit):
    with pytest.raises(ImageError, match=f"over 178 megapixels: at most {limit} megapixels"):
        load_image(png_header_of(20_000, 20_000), max_megapixels=accepted)


def test_whatever_a_decoder_raises_is_said_in_one_sentence(monkeypatch):
    def give_up(image):
        raise RuntimeError("missing image item")

    data = encoded(make_photo(64, 48))
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", give_up)
    with pytest.raises(ImageError, match=r"^the file is damaged: its pixels cannot be decoded$"):
        load_image(data)


@pytest.mark.filterwarnings("ignore")  # Pillow talks about the damage
@pytest.mark.parametrize("image_format", ["AVIF", "HEIF", "TIFF", "WEBP", "JPEG"])
def test_damaged_bytes_raise_nothing_else(image_format):
    whole = encoded(make_photo(48, 40), image_format)
    for place in range(4, min(len(whole), 400), 7):
        data = bytearray(whole)
        data[place] ^= 0xFF
        with contextlib.suppress(ImageError):
            load_image(bytes(data))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"dear diary, " * 50, "is not a picture"),
        (encoded(make_photo(96, 64))[:900], "is damaged"),
        (encoded(make_photo(31, 200)), "31 x 200 px: at least 32 px"),
        (png_header_of(2000, 1500), "3 megapixels.*at most 2 megapixels"),
    ],
)
def test_load_image_says_what_is_wrong(data, message):
    with pytest.raises(ImageError, match=message):
        load_image(data, max_megapixels=2)


def test_a_stream_that_cannot_seek_is_refused_like_a_file():
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(b"<html>not found</html>")
    with os.fdopen(reader, "rb") as pipe, pytest.raises(ImageError, match="is not a picture"):
        load_image(pipe)


def test_load_image_names_the_file(tmp_path):
    with pytest.raises(ImageError, match=r"nowhere\.jpg does not exist"):
        load_image(tmp_path / "nowhere.jpg")


def test_pixels_of_a_file_are_in_memory_once(monkeypatch, photo):
    def copy(image):
        raise AssertionError("a second picture")

    data = encoded(photo)
    monkeypatch.setattr(Image.Image, "copy", copy)
    image = load_image(data)
    assert type(image) is Image.Image
    assert np.array_equal(np.asarray(image), np.asarray(photo))
    image.putpixel((0, 0), (1, 2, 3))
    assert load_image(data).getpixel((0, 0)) == photo.getpixel((0, 0))
