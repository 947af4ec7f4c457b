import contextlib
import io
import os
import pickle
import stat
import subprocess
import sys
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageCms

from stylecore.errors import ImageError
from stylecore.images.loading import (
    encode_image,
    find_pictures,
    flatten_content,
    from_batch,
    load_image,
    resize_long_side,
    save_format,
    size_at,
    to_batch,
    write_image,
)
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


def test_load_image_keeps_alpha():
    image = Image.new("RGBA", (40, 40), (200, 100, 50, 0))
    image.putpixel((3, 4), (1, 2, 3, 128))
    assert np.array_equal(load_image(encoded(image)), image)


def test_load_image_keeps_alpha_that_hides_nothing():
    assert load_image(encoded(Image.new("RGBA", (40, 40), "red"))).mode == "RGBA"


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


def test_load_image_keeps_palette_transparency():
    image = Image.new("P", (40, 40), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.paste(1, (0, 0, 20, 40))
    loaded = load_image(encoded(image, "PNG", transparency=1))
    assert loaded.getpixel((30, 5)) == (255, 0, 0, 255)
    assert loaded.getpixel((5, 5))[3] == 0


def test_load_image_keeps_a_transparent_color():
    image = Image.new("RGB", (40, 40), (250, 10, 20))
    image.paste((1, 2, 3), (0, 0, 20, 40))
    loaded = load_image(encoded(image, "PNG", transparency=(250, 10, 20)))
    assert loaded.getpixel((30, 5)) == (250, 10, 20, 0)
    assert loaded.getpixel((5, 5)) == (1, 2, 3, 255)


@pytest.mark.parametrize("mode", ["La", "RGBa"])
def test_load_image_takes_colors_times_alpha(mode):
    image = Image.new("RGBA", (40, 40), (200, 200, 200, 128))
    image = image.convert("LA").convert("La") if mode == "La" else image.convert(mode)
    red, _, _, alpha = load_image(image).getpixel((0, 0))
    assert (red, alpha) == (pytest.approx(200, abs=1), 128)


def test_hidden_colors_become_the_mean_of_the_visible_ones():
    image = Image.new("RGBA", (40, 40), (255, 0, 255, 0))
    image.paste((10, 20, 30, 255), (0, 0, 10, 40))
    image.paste((40, 80, 120, 128), (10, 0, 20, 40))
    flat = flatten_content(image)
    expected = [(a * 255 + b * 128) // 383 for a, b in zip((10, 20, 30), (40, 80, 120), strict=True)]
    assert flat.getpixel((30, 5)) == tuple(expected)
    assert flat.getpixel((5, 5)) == (10, 20, 30)
    assert flatten_content(Image.new("RGBA", (40, 40), (9, 9, 9, 0))).getextrema() == ((0, 0),) * 3


def test_a_large_transparent_photo_takes_few_bytes_a_pixel():
    image = Image.new("RGBA", (1500, 1500), (200, 100, 50, 7))
    tracemalloc.start()
    flatten_content(image)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * 1500 * 1500  # as floats it would be 28 bytes a pixel


def test_grey_of_more_bits_keeps_its_transparent_color():
    values = np.full((40, 40), 30_000, np.uint16)
    values[:, :10] = 7
    image = load_image(encoded(Image.fromarray(values), transparency=7))
    assert image.mode == "RGBA"
    assert [image.getpixel((x, 0))[3] for x in (9, 10)] == [0, 255]


@pytest.mark.parametrize("full_scale", [1, 255, 65535])
def test_grey_in_floats_is_read_in_its_scale(full_scale):
    values = np.tile(np.linspace(0, full_scale, 40, dtype=np.float32), (40, 1))
    values[0, 0] = np.nan
    image = load_image(encoded(Image.fromarray(values), "TIFF"))
    assert [image.getpixel((x, 1))[0] for x in (0, 39)] == [0, 255]


def test_load_image_scales_16_bit_grey():
    values = np.full((40, 40), 32768, np.uint16)
    loaded = load_image(encoded(Image.fromarray(values)))
    assert loaded.getpixel((0, 0)) == (128, 128, 128)


@pytest.mark.parametrize("mode", ["L", "LA", "1", "CMYK", "P"])
def test_load_image_takes_every_common_mode(mode, photo):
    image_format = "TIFF" if mode == "CMYK" else "PNG"
    loaded = load_image(encoded(photo.convert(mode), image_format))
    assert loaded.mode == ("RGBA" if mode == "LA" else "RGB")
    assert loaded.size == photo.size


def test_load_image_converts_the_color_profile():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # The same profile with the primaries of red and blue exchanged.
    swapped = srgb.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
    red = Image.new("RGB", (40, 40), (250, 10, 20))
    same = load_image(encoded(red, "PNG", icc_profile=srgb)).getpixel((0, 0))
    converted = load_image(encoded(red, "PNG", icc_profile=swapped)).getpixel((0, 0))
    assert max(abs(a - b) for a, b in zip(same, (250, 10, 20), strict=True)) <= 1
    assert max(abs(a - b) for a, b in zip(converted, (20, 10, 250), strict=True)) <= 3


def test_load_image_survives_a_broken_profile(photo):
    assert np.array_equal(load_image(encoded(photo, "PNG", icc_profile=b"nonsense")), photo)


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
    with pytest.raises(ImageError, match="is damaged: missing image item"):
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


def test_load_image_limits_the_long_side():
    assert load_image(make_photo(400, 100), max_side=200).size == (200, 50)
    assert load_image(encoded(make_photo(400, 100), "JPEG"), max_side=200).size == (200, 50)
    assert load_image(make_photo(100, 50), max_side=200).size == (100, 50)


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


def test_a_folder_named_like_a_picture_is_none(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    make_photo(40, 40).save(tmp_path / "photo.jpg")
    assert find_pictures(tmp_path) == [tmp_path / "photo.jpg"]


def test_load_image_names_the_file(tmp_path):
    with pytest.raises(ImageError, match=r"nowhere\.jpg does not exist"):
        load_image(tmp_path / "nowhere.jpg")


def test_batch_round_trip_is_exact(photo):
    batch = to_batch(photo)
    assert batch.shape == (1, 3, 64, 96)
    assert batch.dtype == np.float32
    assert np.array_equal(from_batch(batch), photo)


def test_resize_long_side_keeps_the_proportions():
    assert resize_long_side(make_photo(300, 200), 150).size == (150, 100)
    assert resize_long_side(make_photo(1600, 100), 256).size == (512, 32)  # no side under 32 px
    assert resize_long_side(make_photo(300, 200), 600).size == (600, 400)


def test_narrow_strips_keep_the_least_height():
    assert size_at(384, (20_000, 50)) == (12_800, 32)
    assert size_at(384, (4000, 3000)) == (384, 288)
    assert load_image(Image.new("RGB", (3000, 40)), max_side=512).size == (2400, 32)


def test_encode_image_puts_white_behind_a_jpeg():
    data = encode_image(Image.new("RGBA", (40, 40), (0, 0, 0, 0)), "JPEG")
    assert load_image(data).getpixel((5, 5)) == (255, 255, 255)


def test_encode_image_names_the_way_out_of_format_limits():
    with pytest.raises(ImageError, match=r"WEBP cannot hold 17000 x 40 px: use PNG"):
        encode_image(Image.new("RGB", (17000, 40)), "WEBP")


def test_save_format_refuses_unknown_endings():
    assert save_format("a/b.JPG") == "JPEG"
    with pytest.raises(ImageError, match=r"\.xyz: use one of \.png"):
        save_format("picture.xyz")


def test_write_image_leaves_nothing_beside_its_file(photo, tmp_path):
    (tmp_path / "a.png.partial").write_text("somebody's")
    write_image(photo, tmp_path / "a.png")
    write_image(photo, tmp_path / "new" / "a.webp")
    assert np.array_equal(load_image(tmp_path / "a.png"), photo)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a.png.partial", "new"]
    assert (tmp_path / "a.png.partial").read_text() == "somebody's"
    assert os.listdir(tmp_path / "new") == ["a.webp"]


def test_write_image_keeps_the_permissions_of_a_file(photo, tmp_path):
    fresh, private = tmp_path / "fresh.png", tmp_path / "private.png"
    private.touch(mode=0o600)
    mask = os.umask(0o027)
    try:
        for path in (fresh, private):
            write_image(photo, path)
    finally:
        os.umask(mask)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (fresh, private)] == [0o640, 0o600]


def test_one_file_can_be_written_by_many_at_once(photo, tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write_image, [photo] * 40, [tmp_path / "a.png"] * 40))
    assert os.listdir(tmp_path) == ["a.png"]
    assert np.array_equal(load_image(tmp_path / "a.png"), photo)


def test_find_pictures_sorts_and_filters(tmp_path, photo):
    for name in ("b.png", "a.JPG", "c.jfif", "notes.txt", "._b.png"):
        (tmp_path / name).write_bytes(encoded(photo))
    assert [path.name for path in find_pictures(tmp_path)] == ["a.JPG", "b.png", "c.jfif"]
    with pytest.raises(ImageError, match="nowhere is no folder"):
        find_pictures(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="has no pictures"):
        find_pictures(tmp_path / "empty")


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
def test_the_description_is_in_the_metadata(image_format):
    data = encode_image(Image.new("RGB", (40, 40)), image_format, description="style mosaic:1.00")
    with Image.open(io.BytesIO(data)) as image:
        assert image.getexif()[0x010E] == "style mosaic:1.00"
    with Image.open(io.BytesIO(encode_image(Image.new("RGB", (40, 40)), image_format))) as image:
        assert not image.getexif()
