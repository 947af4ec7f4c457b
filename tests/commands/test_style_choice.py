import json

import pytest
from PIL import Image

from stylecore import FastStylizer, encode_style, load_image
from stylecore.commands.style_choice import choose_styles
from tests.commands.conftest import run
from tests.conftest import make_photo


@pytest.fixture
def style_file(tmp_path):
    path = tmp_path / "My drawing, 1.png"
    make_photo(120, 90, seed=4).save(path)
    return path


def test_a_picture_is_a_style(capsys, photo_file, style_file, tmp_path):
    folder = tmp_path / "out"
    status, out, _ = run(capsys, "stylize", photo_file, "--style", style_file, "-o", folder, "--json")
    assert status == 0
    (painted,) = json.loads(out)["pictures"]
    assert painted["output"] == str(folder / "holiday_my_drawing_1.jpg")
    assert "my_drawing_1" in Image.open(painted["output"]).getexif()[0x010E]
    png = tmp_path / "out.png"
    assert run(capsys, "stylize", photo_file, "--style", style_file, "-o", png)[0] == 0
    style = encode_style(style_file, title=style_file.stem)
    assert Image.open(png).tobytes() == FastStylizer().stylize(load_image(photo_file), style).tobytes()


def test_pictures_and_ready_made_styles_blend(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_photo(64, 64, seed=1).save("one.png")
    chosen = choose_styles("one.png:3,mosaic:1")
    assert chosen.by_name() == {"one": 3, "mosaic": 1}
    assert [str(path) for path in chosen.pictures] == ["one.png"]


def test_a_ready_made_style_wins_over_a_file_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_photo(64, 64).save("mosaic", "PNG")
    assert choose_styles("mosaic").pictures == ()


def test_a_style_picture_is_not_painted_over(capsys, photo_file, style_file):
    before = style_file.read_bytes()
    status, _, err = run(capsys, "stylize", photo_file, "--style", style_file, "-o", style_file)
    assert status == 2
    assert "one of the pictures that are read" in err
    assert style_file.read_bytes() == before


@pytest.mark.parametrize(
    ("style", "message"),
    [("nowhere.jpg", "nowhere.jpg does not exist"), ("nowhere", "unknown style 'nowhere'")],
)
def test_a_style_that_is_not_there_is_named(capsys, photo_file, style, message):
    status, _, err = run(capsys, "stylize", photo_file, "--style", style)
    assert status == 2
    assert message in err
