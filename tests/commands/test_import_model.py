import json

import pytest

from stylecore.errors import MissingExtraError
from stylecore.styles.files import load_style_file
from tests.commands.conftest import run
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
