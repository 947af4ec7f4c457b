import json
import re

import pytest
from PIL import Image

from stylecore.errors import WeightsError
from stylecore.learning.crops import read_faces
from stylecore.learning.learning_photos import FACES, PHOTOS_FOLDER, SOURCES, learning_photos

FREE_LICENSE = r"public domain|CC0-1\.0|CC-BY-(SA-)?[234]\.0"


@pytest.fixture
def folder(tmp_path):
    """A folder of two photos and their records."""
    names = sorted(learning_photos())[:2]
    records = json.loads((PHOTOS_FOLDER / SOURCES).read_text(encoding="utf-8"))
    for path in names:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / SOURCES).write_text(json.dumps({path.name: records[path.name] for path in names}))
    return tmp_path


def test_the_photos_are_many_and_small():
    photos = learning_photos()
    assert len(photos) >= 100
    assert sum(path.stat().st_size for path in PHOTOS_FOLDER.iterdir()) < 5.5e6
    for path in photos:
        with Image.open(path) as image:
            assert 350 <= min(image.size) <= 400, path.name
            assert max(image.size) <= 600, path.name
            assert not image.getexif(), path.name


def test_every_photo_has_an_author_a_free_license_and_a_source():
    records = json.loads((PHOTOS_FOLDER / SOURCES).read_text(encoding="utf-8"))
    assert {path.name for path in PHOTOS_FOLDER.glob("*.webp")} == records.keys()
    listed = (PHOTOS_FOLDER / "LICENSES.md").read_text(encoding="utf-8")
    for name, record in records.items():
        assert re.fullmatch(FREE_LICENSE, record["license"]), name
        assert all(record[key] for key in ("author", "source", "package", "version", "file", "stated_in")), (
            name
        )
        assert f"| `{name}` | {record['author']} |" in listed


def test_faces_from_several_packages_have_boxes():
    records = json.loads((PHOTOS_FOLDER / SOURCES).read_text(encoding="utf-8"))
    faces = read_faces(PHOTOS_FOLDER / FACES)
    assert len({records[name]["package"] for name in faces}) >= 3
    assert sum(map(len, faces.values())) >= 20
    assert all(0 <= edge <= 1 for boxes in faces.values() for box in boxes for edge in box)


def test_a_changed_photo_is_refused(folder):
    first = learning_photos(folder)[0]
    first.write_bytes(first.read_bytes()[:-1])
    with pytest.raises(WeightsError, match=f"{first.name} is damaged"):
        learning_photos(folder)


def test_a_missing_photo_is_refused(folder):
    first = learning_photos(folder)[0]
    first.unlink()
    with pytest.raises(WeightsError, match=f"{first.name} is missing"):
        learning_photos(folder)


@pytest.mark.parametrize("content", [None, "{", "[]", '{"a.webp": {}}', '{"a.webp": 1}'])
def test_records_of_another_form_are_refused(tmp_path, content):
    if content is not None:
        (tmp_path / SOURCES).write_text(content)
    with pytest.raises(WeightsError, match=r"SOURCES\.json with the sha256 of each photo is needed"):
        learning_photos(tmp_path)
