import json
from dataclasses import replace

import pytest
from PIL import Image

from stylecore import FastStylizer, encode_style, load_image, save_style_file
from stylecore.commands.style_choice import choose_styles
from stylecore.styles.catalog import get_style
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
    assert [str(path) for path in chosen.files] == ["one.png"]


def test_a_ready_made_style_wins_over_a_file_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_photo(64, 64).save("mosaic", "PNG")
    assert choose_styles("mosaic").files == ()


def test_a_style_picture_is_not_painted_over(capsys, photo_file, style_file):
    before = style_file.read_bytes()
    status, _, err = run(capsys, "stylize", photo_file, "--style", style_file, "-o", style_file)
    assert status == 2
    assert "one of the pictures that are read" in err
    assert style_file.read_bytes() == before


def test_a_style_file_is_a_style_alone_and_in_a_blend(capsys, photo_file, style_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    style = replace(get_style("ink"), name="my_ink", fine_model="", title="My ink")
    save_style_file(style, "My ink.impasto")
    for text, blend in (("My ink.impasto", style), ("My ink.impasto:3,mosaic:1", {style: 3, "mosaic": 1})):
        assert run(capsys, "stylize", photo_file, "--style", text, "-o", "out.png")[0] == 0
        expected = FastStylizer().stylize(load_image(photo_file), blend)
        assert Image.open("out.png").tobytes() == expected.tobytes()
    assert run(capsys, "stylize", photo_file, "--style", "My ink.impasto", "-o", "painted")[0] == 0
    assert [path.name for path in (tmp_path / "painted").iterdir()] == ["holiday_my_ink.jpg"]


def test_a_style_file_of_a_former_network_is_painted_and_named(capsys, photo_file, style_file, tmp_path):
    former = replace(encode_style(style_file, stroke_size=128), networks={"general": "0" * 64})
    save_style_file(former, tmp_path / "old.impasto")
    status, _, err = run(capsys, "stylize", photo_file, "--style", tmp_path / "old.impasto", "-o", tmp_path)
    assert status == 0
    assert "old.impasto: Your own style was made for an earlier network" in err


@pytest.mark.parametrize("contents", [b"", b"cut", bytes(500), b"\x60" + bytes(7) + b"{" * 96])
def test_a_damaged_style_file_is_bad_input(capsys, photo_file, tmp_path, contents):
    path = tmp_path / "bad.impasto"
    path.write_bytes(contents)
    status, _, err = run(capsys, "stylize", photo_file, "--style", path)
    assert status == 2
    assert err.startswith("error: bad.impasto cannot be read: ")
    assert err.count("\n") == 1


def test_the_styles_of_the_host_are_listed_and_painted(capsys, photo_file, tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO_STYLES", str(tmp_path))
    save_style_file(replace(get_style("ink"), name="house", title="House ink"), tmp_path / "a.impasto")
    assert "house            House ink" in run(capsys, "styles")[1]
    assert run(capsys, "stylize", photo_file, "--style", "house:1,mosaic:1", "-o", tmp_path / "a.png")[0] == 0


@pytest.mark.parametrize(
    ("style", "message"),
    [
        ("nowhere.jpg", "nowhere.jpg does not exist"),
        ("nowhere.impasto", "nowhere.impasto does not exist"),
        ("nowhere", "unknown style 'nowhere'"),
    ],
)
def test_a_style_that_is_not_there_is_named(capsys, photo_file, style, message):
    status, _, err = run(capsys, "stylize", photo_file, "--style", style)
    assert status == 2
    assert message in err
