import io
import json
import struct
import zipfile
import zlib

import pytest
from PIL import Image

from export.learning_photos import CHOICE, LICENSES, attribution, cut_photo, write_photos
from export.qt_resources import read_resources
from stylecore.learning.learning_photos import PHOTOS_FOLDER, SOURCES
from tests.conftest import make_photo

PHOTO = {
    "name": "lake",
    "package": "some-photos",
    "version": "1.2",
    "file": "pictures/lake.png",
    "author": "A. Nyone",
    "license": "CC0-1.0",
    "source": "a trip",
    "stated_in": "README",
    "box": [100, 0, 1000, 500],
}


def pack_resources(contents: dict[str, bytes]) -> bytes:
    """A resource file of one folder, its entries by turns plain and compressed."""
    names, tree, data = b"", struct.pack(">IHIIQ", 0, 2, 1, 1, 0), b""
    tree += struct.pack(">IHIIQ", 0, 2, len(contents), 2, 0)

    def packed(name: str) -> bytes:
        return struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")

    names += packed("game")
    for number, (name, content) in enumerate(contents.items()):
        stored = struct.pack(">I", len(content)) + zlib.compress(content) if number % 2 else content
        tree += struct.pack(">IHIIQ", len(names), number % 2, 0, len(data), 0)
        names += packed(name)
        data += struct.pack(">I", len(stored)) + stored
    header = struct.pack(">4s4I", b"qres", 2, 20, 20 + len(tree), 20 + len(tree) + len(data))
    return header + tree + data + names


def test_resources_are_unpacked_plain_and_compressed():
    contents = {"cat.webp": b"plain", "dög.webp": b"compressed" * 9}
    assert read_resources(pack_resources(contents)) == {
        f"/game/{name}": data for name, data in contents.items()
    }


def test_other_files_are_no_resources():
    with pytest.raises(ValueError, match="begins with qres"):
        read_resources(b"PK\3\4" + bytes(40))


def test_a_photo_is_cut_to_its_box_and_scaled_down():
    assert cut_photo(make_photo(1200, 600), (100, 0, 1000, 500)).size == (720, 400)
    assert cut_photo(make_photo(300, 200), (0, 0, 300, 200)).size == (300, 200)


def test_photos_and_records_come_from_a_package(tmp_path):
    picture = io.BytesIO()
    make_photo(1200, 600).save(picture, "PNG")
    with zipfile.ZipFile(tmp_path / "some_photos-1.2-py3-none-any.whl", "w") as wheel:
        wheel.writestr("pictures/lake.png", picture.getvalue())
    records = write_photos([PHOTO], tmp_path, tmp_path)
    with Image.open(tmp_path / "lake.webp") as image:
        assert image.size == (720, 400)
    assert records["lake.webp"]["license_text"] == LICENSES["CC0-1.0"]
    assert "| `lake.webp` | A. Nyone | [CC0-1.0]" in attribution(records)


def test_a_package_that_was_not_downloaded_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"some_photos-1\.2-\*\.whl"):
        write_photos([PHOTO], tmp_path, tmp_path)


def test_the_shipped_photos_are_those_chosen():
    choice = {f"{photo['name']}.webp": photo for photo in json.loads(CHOICE.read_text(encoding="utf-8"))}
    records = json.loads((PHOTOS_FOLDER / SOURCES).read_text(encoding="utf-8"))
    assert records.keys() == choice.keys()
    for name, record in records.items():
        assert all(
            record[key] == choice[name][key] for key in ("package", "version", "file", "box", "license")
        )
    text = (PHOTOS_FOLDER / "LICENSES.md").read_text(encoding="utf-8")
    assert text == attribution(records)
