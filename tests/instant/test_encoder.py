import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import onnx
import pytest
from PIL import Image

from stylecore import FastStylizer, encode_style, load_style_file, save_style_file
from stylecore.errors import ImageError, WeightsError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.images.loading import load_style
from stylecore.images.sizes import resize_long_side
from stylecore.instant import encoder
from tests.browsing import ROOT
from tests.conftest import encoded, make_photo


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return make_photo(160, 120, seed=7)


@pytest.fixture
def weights_folder(tmp_path, monkeypatch):
    """A copy of the encoder's files that tests may damage."""
    for name in ("encoder.onnx", "encoder.json", "general.onnx", "vgg19.safetensors"):
        shutil.copyfile(WEIGHTS_FOLDER / name, tmp_path / name)
    monkeypatch.setattr(encoder, "WEIGHTS_FOLDER", tmp_path)
    return tmp_path


def test_a_picture_becomes_a_style_that_paints(picture, photo):
    style = encode_style(picture, stroke_size=128, title="Aunt Mary's quilt")
    assert (style.name, style.title) == ("aunt_mary_s_quilt", "Aunt Mary's quilt")
    stylizer = FastStylizer("cpu")
    painted = stylizer.stylize(photo, style)
    assert painted.size == photo.size
    assert np.abs(np.asarray(painted, int) - np.asarray(photo, int)).mean() > 5
    assert stylizer.stylize(photo, style, fine=False).tobytes() == painted.tobytes()


def test_an_encoded_style_can_be_kept(picture, tmp_path):
    style = encode_style(picture, stroke_size=128, title="Größe")
    save_style_file(style, tmp_path / "own.impasto")
    loaded = load_style_file(tmp_path / "own.impasto")
    assert (loaded, loaded.notice, loaded.name) == (style, "", "grosse")
    sizes = [Image.open(BytesIO(part)).size for part in (style.picture, style.thumbnail)]
    assert sizes == [(160, 120), (160, 120)]


def test_a_painting_follows_the_colors_of_the_style_picture(photo):
    pixels = np.asarray(make_photo(160, 120), np.float32)
    stylizer = FastStylizer("cpu")
    red, blue = (
        stylizer.stylize(
            photo, encode_style(Image.fromarray((pixels * tint).astype(np.uint8)), stroke_size=128)
        )
        for tint in ((1, 0.3, 0.3), (0.3, 0.3, 1))
    )
    difference = np.asarray(red, float).mean((0, 1)) - np.asarray(blue, float).mean((0, 1))
    assert difference[0] > 20
    assert difference[2] < -20


def test_a_style_blends_with_a_ready_made_one_of_another_network(picture, photo):
    style, stylizer = encode_style(picture, stroke_size=128), FastStylizer("cpu")
    blend = stylizer.stylize(photo, {style: 1, "mosaic": 1}, stroke_size=320)  # at its own size
    alone = [
        np.asarray(stylizer.stylize(photo, each, stroke_size=size), float)
        for each, size in ((style, 128), ("mosaic", 512))
    ]
    assert np.abs(np.asarray(blend, float) - sum(alone) / 2).max() <= 1.5


def test_path_bytes_and_image_give_the_same_style(picture, tmp_path):
    picture.save(tmp_path / "style.png")
    styles = [
        encode_style(source, stroke_size=128)
        for source in (picture, encoded(picture), tmp_path / "style.png")
    ]
    assert styles[0] == styles[1] == styles[2]


def test_the_stroke_size_is_the_size_at_which_the_picture_is_read(picture):
    style = encode_style(picture, stroke_size=256)
    assert style.stroke_size == 256
    whole = encoder.StyleEncoder().encode(resize_long_side(load_style(picture), 256), stroke_size=256)
    assert np.allclose(style.rows["general"], whole, atol=1e-4)
    assert np.abs(style.rows["general"] - encode_style(picture).rows["general"]).max() > 0.01


@pytest.mark.parametrize("size", [127, 1025])
def test_a_stroke_size_out_of_range_is_refused(picture, size):
    with pytest.raises(ValueError, match=f"stroke_size is {size}: use 128 to 1024 px"):
        encode_style(picture, stroke_size=size)


def test_pictures_without_a_style_are_refused(tmp_path):
    with pytest.raises(ImageError, match="single color"):
        encode_style(Image.new("RGB", (64, 64), "red"))
    with pytest.raises(ImageError, match="too narrow a strip"):
        encode_style(make_photo(4000, 40))
    with pytest.raises(ImageError, match="does not exist"):
        encode_style(tmp_path / "nowhere.jpg")


def test_many_threads_read_pictures_with_one_session(monkeypatch, picture):
    made = []
    monkeypatch.setattr(encoder, "_encoders", [])
    open_session = encoder.open_session
    monkeypatch.setattr(encoder, "open_session", lambda *a, **k: made.append(a) or open_session(*a, **k))
    pictures = [make_photo(96, 64, seed=seed) for seed in range(4)]
    alone = [encode_style(each, stroke_size=128) for each in pictures]
    monkeypatch.setattr(encoder, "_encoders", [])
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda each: encode_style(each, stroke_size=128), pictures))
    assert all(
        np.allclose(a.rows["general"], b.rows["general"], atol=1e-4)
        for a, b in zip(alone, together, strict=True)
    )
    assert len(made) == 2


@pytest.mark.parametrize("name", ["encoder.onnx", "general.onnx", "vgg19.safetensors"])
def test_damaged_weights_are_refused_before_they_are_loaded(weights_folder, monkeypatch, name):
    monkeypatch.setattr(encoder, "open_session", lambda *a, **k: pytest.fail("it was loaded"))
    path = weights_folder / name
    contents = bytearray(path.read_bytes())
    contents[-100] ^= 1
    path.write_bytes(contents)
    with pytest.raises(WeightsError, match=rf"{name} is damaged"):
        encoder.StyleEncoder()
    path.unlink()
    with pytest.raises(WeightsError, match=rf"{name} is missing"):
        encoder.StyleEncoder()


@pytest.mark.parametrize("record", ["{}", '{"made_for": 3}', "no JSON"])
def test_a_damaged_record_is_refused(weights_folder, monkeypatch, record):
    monkeypatch.setattr(encoder, "check_weights_file", lambda *a, **k: None)
    (weights_folder / "encoder.json").write_text(record)
    with pytest.raises(WeightsError, match=r"encoder\.json does not list the files"):
        encoder.StyleEncoder()


def test_the_encoder_reads_no_file_outside_its_folder():
    model = onnx.load(WEIGHTS_FOLDER / "encoder.onnx", load_external_data=False)
    entries = [entry for tensor in model.graph.initializer for entry in tensor.external_data]
    assert {entry.value for entry in entries if entry.key == "location"} == {encoder.VGG19}
    assert (WEIGHTS_FOLDER / "encoder.onnx").stat().st_size < 8_000_000


def test_encoding_needs_no_torch(picture, tmp_path):
    picture.save(tmp_path / "style.png")
    code = f"""
import sys
from stylecore import encode_style
encode_style({str(tmp_path / "style.png")!r}, stroke_size=128)
assert not {{"torch", "onnx"}} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
