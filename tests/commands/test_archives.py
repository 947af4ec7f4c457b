"""Photos in ZIP files."""

import contextlib
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from stylecore import ImageError
from stylecore.commands import archives
from stylecore.commands.archives import find_zip_photos
from tests.commands.conftest import run
from tests.conftest import encoded, make_photo


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "holiday.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("beach/IMG_1.png", encoded(make_photo(64, 48)))
        file.writestr("city/IMG_1.png", encoded(make_photo(48, 64)))
        file.writestr("../../outside.png", encoded(make_photo(40, 40)))
        file.writestr("broken.jpg", b"dear diary")
        file.writestr("notes.txt", b"dear diary")
        file.writestr("__MACOSX/._IMG_1.png", b"")
    return path


def test_the_photos_of_a_zip_are_painted_into_the_folder(capsys, archive, tmp_path):
    output = tmp_path / "out" / "painted"
    status, out, _ = run(capsys, "stylize", archive, "--style", "mosaic", "-o", output, "--json")
    report = json.loads(out)
    assert status == 2
    assert {path.name for path in output.iterdir()} == {
        "IMG_1_mosaic.png",
        "IMG_1_mosaic_2.png",
        "outside_mosaic.png",
    }
    assert not (tmp_path.parent / "outside_mosaic.png").exists()
    assert Image.open(output / "IMG_1_mosaic_2.png").size == (48, 64)
    assert report["pictures"][0]["photo"] == f"{archive}/../../outside.png"
    assert report["errors"][0]["photo"] == f"{archive}/broken.jpg"
    assert "broken.jpg is not a picture" in report["errors"][0]["error"]


@pytest.mark.parametrize("contents", [b"", b"dear diary", b"PK\5\6" + b"\0" * 18])
def test_a_file_that_is_no_zip_of_photos_is_reported(capsys, tmp_path, contents):
    path = tmp_path / "a.zip"
    path.write_bytes(contents)
    status, _, err = run(capsys, "stylize", path, "--style", "mosaic")
    assert status == 2
    assert f"error: {path} " in err


def test_a_photo_that_unpacks_to_too_much_is_refused(archive, monkeypatch):
    monkeypatch.setattr(archives, "MAX_PHOTO_BYTES", 100)
    photo = find_zip_photos(archive)[1]
    with pytest.raises(ImageError, match="has more than"):
        photo.read()


def test_a_member_without_a_name_is_skipped(archive):
    names = [str(photo) for photo in find_zip_photos(archive)]
    data = bytearray(archive.read_bytes())
    place = data.index(b"beach/IMG_1.png", data.index(b"PK\1\2"))  # in the directory at the end
    data[place] = 0  # which ends the name
    archive.write_bytes(data)
    names.remove(f"{archive}/beach/IMG_1.png")
    assert [str(photo) for photo in find_zip_photos(archive)] == names


def test_a_damaged_photo_is_named(archive):
    photo = find_zip_photos(archive)[1]
    data = bytearray(archive.read_bytes())
    data[data.index(b"\x89PNG", data.index(b"beach")) + 40] ^= 255
    archive.write_bytes(data)
    with pytest.raises(ImageError, match=r"beach/IMG_1.png cannot be unpacked: Bad CRC"):
        photo.read()


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_of_any_compression_is_one_sentence(tmp_path, method):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr("cat.png", encoded(make_photo(64, 48)))
    sound = path.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(60):
        data = bytearray(sound)
        for place in random.integers(len(data), size=3):
            data[place] = random.integers(256)
        path.write_bytes(data)
        with contextlib.suppress(ImageError):
            for photo in find_zip_photos(path):
                photo.read()
    path.write_bytes(sound[:60] + b"\xff" * 40 + sound[100:])
    with pytest.raises(ImageError, match="cannot be unpacked"):
        find_zip_photos(path)[0].read()
