import os

import pytest

from stylecore.errors import ImageError
from stylecore.images.files import find_pictures
from tests.conftest import encoded, make_photo


def test_a_folder_named_like_a_picture_is_none(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    make_photo(40, 40).save(tmp_path / "photo.jpg")
    assert find_pictures(tmp_path) == [tmp_path / "photo.jpg"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_named_pipe_is_found_only_when_asked_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(ImageError, match="has no pictures"):
        find_pictures(tmp_path)
    assert find_pictures(tmp_path, regular_only=False) == [tmp_path / "pipe.jpg"]


def test_find_pictures_sorts_and_filters(tmp_path, photo):
    for name in ("b.png", "a.JPG", "c.jfif", "d.HIF", "e.MPO", "notes.txt", "._b.png"):
        (tmp_path / name).write_bytes(encoded(photo))
    assert [path.name for path in find_pictures(tmp_path)] == ["a.JPG", "b.png", "c.jfif", "d.HIF", "e.MPO"]
    with pytest.raises(ImageError, match="nowhere is no folder"):
        find_pictures(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="has no pictures"):
        find_pictures(tmp_path / "empty")
