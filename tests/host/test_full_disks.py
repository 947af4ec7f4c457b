"""A disk that is full in the middle of a file: an error in words, the old file as it was, and no half one."""

import resource
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from pages.shared.clip_files import PaintedClip, clip_file
from stylecore import ClipError, FastStylizer, PhotoLook, PhotoLookConfig, encode_style, stylize_clip
from stylecore.cli import main
from stylecore.images.encoding import write_image
from stylecore.learning.checkpoints import write_checkpoint
from stylecore.styles.files import save_style_file
from tests.conftest import make_photo
from tests.learning.test_checkpoints import CONFIG, checkpoint_of, new_network
from tests.video.making import panning, write_clip

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
ROOM = 3000  # bytes that still fit into a file
OLD = b"the file before"


@contextmanager
def full_disk():
    """The system refuses to write more into a file, also to libraries in C."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", panning(6))


@pytest.fixture(scope="module")
def look() -> PhotoLook:
    return PhotoLook.fit(make_photo(64, 48), make_photo(64, 64, seed=3), PhotoLookConfig(method="instant"))


def check_unchanged(path: Path, write, error: type[Exception]) -> None:
    path.write_bytes(OLD)
    with full_disk(), pytest.raises(error):
        write()
    assert path.read_bytes() == OLD
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_picture_stays_as_it_was(tmp_path):
    path = tmp_path / "painting.png"
    check_unchanged(path, lambda: write_image(make_photo(300, 200), path), OSError)


def test_a_style_file_stays_as_it_was(tmp_path):
    path, style = tmp_path / "cat.impasto", encode_style(make_photo(96, 96))
    check_unchanged(path, lambda: save_style_file(style, path), OSError)


def test_a_look_stays_as_it_was(tmp_path, look):
    path = tmp_path / "light.look"
    check_unchanged(path, lambda: look.save(path), OSError)


def test_a_color_table_stays_as_it_was(tmp_path, look):
    path = tmp_path / "light.cube"
    check_unchanged(path, lambda: look.save_cube(path), OSError)


def test_a_checkpoint_stays_as_it_was(tmp_path):
    path, contents = tmp_path / "checkpoint.pt", checkpoint_of(new_network(CONFIG, 2), ["dots", "lines"])
    check_unchanged(path, lambda: write_checkpoint(path, contents), Exception)


@pytest.mark.parametrize("name", ["out.mp4", "out.webm", "out.gif", "out.webp"])
def test_a_painted_clip_stays_as_it_was(tmp_path, clip, name):
    path, stylizer = tmp_path / name, FastStylizer("cpu")
    check_unchanged(path, lambda: stylize_clip(clip, path, "ink", fine=False, stylizer=stylizer), ClipError)


def test_a_visitor_is_told_that_the_host_cannot_keep_a_clip(tmp_path, clip):
    refused = pytest.raises(ClipError, match="cannot keep the clip")
    with full_disk(), refused, clip_file(bytes(9999), "a", ".mp4"):
        pass
    result = stylize_clip(clip, tmp_path / "out.mp4", "ink", fine=False, stylizer=FastStylizer("cpu"))
    with full_disk(), pytest.raises(ClipError, match="cannot keep the painted clip"):
        PaintedClip(result)


def test_a_command_reports_it_in_one_line(tmp_path, capsys):
    photo, output = tmp_path / "photo.png", tmp_path / "painting.png"
    make_photo(96, 64).save(photo)
    with full_disk():
        status = main(["stylize", str(photo), "--style", "ink", "--fast", "-o", str(output)])
    (line,) = capsys.readouterr().err.splitlines()
    assert status == 1
    assert line.startswith("error: ")
    assert "File too large" in line
    assert not output.exists()
