import json
from io import BytesIO

import pytest
from PIL import Image

from stylecore import FastStylizer, load_image
from stylecore.errors import MissingExtraError
from stylecore.styles.files import load_style_file
from tests.commands.conftest import run
from tests.conftest import make_photo
from tests.styles.foreign.networks import ExamplesNetwork, LuaNetwork, saved


@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "Starry night (2017).t7"
    path.write_bytes(LuaNetwork().encode())
    return path


def test_import_writes_a_style_file(capsys, model_file, photo_file, tmp_path):
    output = tmp_path / "starry.impasto"
    texts = ("--artist", "Vincent", "--license", "research alone", "--picture", photo_file)
    status, out, err = run(capsys, "import", model_file, "-o", output, *texts, "--json")
    assert status == 0
    style = load_style_file(output)
    report = json.loads(out)
    assert report["sha256"] == style.sha256
    assert (style.name, style.title) == ("starry_night_2017", "Starry night (2017)")
    assert (style.artist, style.license, style.input_range) == ("Vincent", "research alone", "caffe")
    assert style.foreign_network
    assert style.picture
    assert style.thumbnail
    assert "fast-neural-style for torch7, colors caffe" in err


def test_an_imported_style_paints_like_any_other(capsys, model_file, photo_file, tmp_path):
    output, painted = tmp_path / "starry.impasto", tmp_path / "painted"
    assert run(capsys, "import", model_file, "-o", output)[0] == 0
    style = load_style_file(output)
    assert not style.picture
    assert Image.open(BytesIO(style.thumbnail)).size == (160, 120)
    make_photo(90, 120).save(tmp_path / "second.jpg")
    look = ("--strength", "0.7", "--preserve-color", "--stroke-scale", "1.5")
    photos = (photo_file, tmp_path / "second.jpg")
    status, out, _ = run(capsys, "stylize", *photos, "--style", output, *look, "-o", painted, "--json")
    assert (status, json.loads(out)["errors"]) == (0, [])
    sizes = {path.name: Image.open(path).size for path in painted.iterdir()}
    assert sizes == {"holiday_starry_night_2017.jpg": (96, 64), "second_starry_night_2017.jpg": (90, 120)}
    settings = {"strength": 0.7, "preserve_color": True, "stroke_scale": 1.5}
    png = tmp_path / "a.png"
    assert run(capsys, "stylize", photo_file, "--style", output, *look, "-o", png)[0] == 0
    expected = FastStylizer().stylize(load_image(photo_file), style, **settings)
    assert Image.open(png).tobytes() == expected.tobytes()


def test_import_of_a_bad_file_is_bad_input(capsys, tmp_path):
    output = tmp_path / "a.impasto"
    (tmp_path / "cut.pth").write_bytes(saved(ExamplesNetwork().state_dict())[:5000])
    for arguments in (
        (tmp_path / "none.t7", "-o", output),
        (tmp_path / "cut.pth", "-o", output),
        (tmp_path / "cut.pth", "-o", tmp_path / "a.png"),
        (tmp_path / "cut.pth", "-o", output, "--input-range", "hdr"),
    ):
        status, out, err = run(capsys, "import", *arguments)
        assert status == 2
        assert not out
        assert err.startswith("error: ")
        assert err.count("\n") == 1
    assert not output.exists()


def test_a_missing_extra_is_named(capsys, model_file, tmp_path, monkeypatch):
    def missing(module: str) -> None:
        raise MissingExtraError(f"this needs {module}: pip install 'impasto[import]'")

    monkeypatch.setattr("stylecore.styles.foreign.writing.import_extra", missing)
    status, _, err = run(capsys, "import", model_file, "-o", tmp_path / "a.impasto")
    assert (status, err) == (1, "error: this needs onnx: pip install 'impasto[import]'\n")
