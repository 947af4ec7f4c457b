import io
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from stylecore.errors import ImageError
from stylecore.images.encoding import encode_image, save_format, write_image
from stylecore.images.loading import load_image
from stylecore.images.metadata import Description


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


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
def test_the_description_is_in_the_metadata(image_format):
    data = encode_image(
        Image.new("RGB", (40, 40)), image_format, description=Description("style mosaic:1.00")
    )
    with Image.open(io.BytesIO(data)) as image:
        assert image.getexif()[0x010E] == "style mosaic:1.00"
    with Image.open(io.BytesIO(encode_image(Image.new("RGB", (40, 40)), image_format))) as image:
        assert not image.getexif()
