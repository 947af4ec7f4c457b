import numpy as np
import pytest
import torch
from PIL import Image

from export import adain
from pages.shared.pictures import SAMPLES
from stylecore import WeightsError, load_image
from stylecore.optimization.preview import PreviewPainter
from tests.conftest import make_photo


@pytest.fixture(scope="module")
def painter() -> PreviewPainter:
    return PreviewPainter("cpu", precision="float32")


@pytest.fixture(scope="module")
def style(painter):
    return painter.read_style(make_photo(80, 120, seed=4), stroke_size=128)


def difference(first: Image.Image, second: Image.Image) -> float:
    return float(np.abs(np.asarray(first, np.float32) - np.asarray(second, np.float32)).mean())


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (150, 61)])
def test_any_size_comes_out_as_it_went_in(painter, style, size):
    assert painter.paint(make_photo(*size), style).size == size


def test_borders_are_seen_as_if_the_photo_went_on_mirrored(painter):
    photo = load_image(SAMPLES["temple"].path).convert("RGB").resize((160, 128))
    mirrored = Image.fromarray(np.pad(np.asarray(photo), ((48, 48), (48, 48), (0, 0)), mode="reflect"))
    seen, expected = painter._encode(photo), painter._encode(mirrored)[:, :, 6:-6, 6:-6]
    error = (seen - expected).square().sum(1) / expected.square().sum(1).mean()
    assert error[:, 0].mean() < 0.03  # along the upper border; 0.2 with zeros in the photo's place
    assert error[:, :, -1].mean() < 0.03


def test_strength_zero_gives_the_photo_back(painter, style):
    photo = load_image(SAMPLES["cat"].path, max_side=256)
    unchanged = difference(painter.paint(photo, style, strength=0), photo)
    painted = difference(painter.paint(photo, style), photo)
    assert unchanged < 20
    assert painted > 1.5 * unchanged


def test_the_photo_as_its_own_style_changes_nothing(painter, style):
    photo = make_photo(128, 96)
    own = painter.read_style(photo, stroke_size=128)
    unchanged = painter.paint(photo, style, strength=0)
    assert difference(painter.paint(photo, own), unchanged) < 2


def test_statistics_agree_with_numpy(painter):
    photo = make_photo(96, 64)
    statistics = painter.read_style(photo, stroke_size=96)
    features = painter._encode(photo)[0].double().numpy()
    assert np.allclose(statistics.mean.flatten(), features.mean((1, 2)), atol=1e-4)
    variance = features.var((1, 2), ddof=1)
    assert np.allclose(statistics.std.flatten(), np.sqrt(variance + 1e-5), atol=1e-4)


def test_preserve_color_keeps_a_grey_photo_grey(painter, style):
    grey = make_photo(64, 64).convert("L").convert("RGB")
    pixels = np.asarray(painter.paint(grey, style, preserve_color=True), np.int16)
    assert np.abs(pixels - pixels[..., :1]).max() <= 1


def test_alpha_goes_through_unchanged(painter, style):
    photo = make_photo(64, 48)
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    painted = painter.paint(photo, style, max_side=48)
    assert painted.size == (48, 36)
    assert painted.getchannel("A") == load_image(photo, max_side=48).getchannel("A")


def test_what_hides_under_transparency_does_not_matter(painter, style):
    black, white = make_photo(64, 48).convert("RGBA"), make_photo(64, 48).convert("RGBA")
    black.paste((0, 0, 0, 0), (0, 0, 32, 48))
    white.paste((255, 255, 255, 0), (0, 0, 32, 48))
    first, second = (painter.paint(photo, style).convert("RGB") for photo in (black, white))
    assert difference(first, second) < 1


def test_bfloat16_paints_nearly_the_same(painter, style):
    photo = make_photo(96, 64)
    mixed = PreviewPainter("cpu", precision="mixed")
    assert mixed.dtype == torch.bfloat16
    assert difference(mixed.paint(photo, style), painter.paint(photo, style)) < 4


def test_strength_beyond_one_is_refused(painter, style):
    with pytest.raises(ValueError, match=r"strength is 1\.5"):
        painter.paint(make_photo(64, 64), style, strength=1.5)


def test_a_decoder_of_another_checksum_is_refused(tmp_path):
    torch.save({}, tmp_path / "decoder.pth")
    with pytest.raises(WeightsError, match=r"decoder\.pth has SHA-256"):
        adain.main([str(tmp_path / "decoder.pth"), "-o", str(tmp_path / "x.safetensors")])
