import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest
from PIL import Image, ImageFilter

from stylecore import DeviceError, FastStylizer, ImageError, StyleError, list_styles
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.images.arrays import to_batch
from stylecore.instant import blending, blends
from stylecore.instant import networks as networks_module
from stylecore.instant import stylizer as inference_module
from stylecore.instant.blends import resolve_styles
from stylecore.instant.networks import Network
from stylecore.styles.catalog import get_style
from tests.browsing import ROOT
from tests.conftest import make_photo

NAN = float("nan")
AS_LEARNED = {"stroke_size": 512, "fine": False}  # the fast networks, which see every pixel once


def names() -> list[str]:
    return [style.name for style in list_styles()]


@pytest.fixture(scope="module")
def stylizer() -> FastStylizer:
    return FastStylizer("cpu")


def difference(first: Image.Image, second: Image.Image) -> float:
    """Mean absolute difference in 1/255."""
    return float(np.abs(np.asarray(first, np.float32) - np.asarray(second, np.float32)).mean())


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (200, 71), (71, 200), (321, 123)])
def test_any_size_comes_out_as_it_went_in(stylizer, size):
    stylized = stylizer.stylize(make_photo(*size), "starry_night", **AS_LEARNED)
    assert stylized.size == size
    assert stylized.mode == "RGB"


@pytest.mark.parametrize("fine", [False, True])
def test_the_engine_gives_what_a_bare_session_gives(stylizer, photo, fine):
    model, rows = get_style("the_wave").network(fine=fine)
    session = ort.InferenceSession(WEIGHTS_FOLDER / model, providers=["CPUExecutionProvider"])
    feed = {"image": to_batch(photo), "rows": rows[None], "noise_origin": np.array((0, 0))}
    (expected,) = session.run(["stylized"], feed)
    found = to_batch(stylizer.stylize(photo, "the_wave", fine=fine, stroke_size=512))
    assert np.abs(found - expected).max() <= 0.51 / 255


def test_styles_differ(stylizer, photo):
    pictures = [stylizer.stylize(photo, name, **AS_LEARNED) for name in names()]
    for i, first in enumerate(pictures):
        for second in pictures[i + 1 :]:
            assert difference(first, second) > 10


def test_fine_paints_the_same_style_by_another_network(stylizer, photo):
    for style in ("starry_night", "ink", {"mosaic": 1, "rain": 1}):
        fast, fine = (stylizer.stylize(photo, style, fine=fine, stroke_size=512) for fine in (False, True))
        assert 1 < difference(fast, fine) < 40


def test_a_blend_across_the_fast_networks_mixes_strokes_not_pictures(stylizer, photo):
    blend = {"mosaic": 1, "ink": 1}
    assert get_style("mosaic").model != get_style("ink").model
    mixed = stylizer.stylize(photo, blend, **AS_LEARNED)
    assert mixed == stylizer.stylize(photo, blend, fine=True, stroke_size=512)
    pictures = [stylizer.stylize(photo, name, fine=True, stroke_size=512) for name in blend]
    assert difference(mixed, Image.blend(*pictures, 0.5)) > 5


def test_the_wave_is_pale_and_the_scream_is_warm(stylizer):
    photo = make_photo(256, 256)
    wave = np.asarray(stylizer.stylize(photo, "the_wave", **AS_LEARNED), np.float32).mean((0, 1))
    scream = np.asarray(stylizer.stylize(photo, "the_scream", **AS_LEARNED), np.float32).mean((0, 1))
    night = np.asarray(stylizer.stylize(photo, "starry_night", **AS_LEARNED), np.float32).mean((0, 1))
    assert wave.mean() > max(scream.mean(), night.mean())
    assert scream[0] > scream[2] + 30
    assert night[2] > night[0] + 10


def test_strength_zero_is_the_photo(stylizer, photo):
    assert np.array_equal(stylizer.stylize(photo, "mosaic", strength=0), photo)


def test_strength_grows(stylizer, photo):
    steps = [
        difference(photo, stylizer.stylize(photo, "mosaic", strength=s, **AS_LEARNED))
        for s in (0.25, 0.5, 1, 1.5)
    ]
    assert steps == sorted(steps)


def test_a_blend_lies_between_its_styles(stylizer, photo):
    first, second = (stylizer.stylize(photo, name, **AS_LEARNED) for name in ("starry_night", "the_wave"))
    blend = stylizer.stylize(photo, {"starry_night": 1, "the_wave": 1}, **AS_LEARNED)
    apart = difference(first, second)
    assert difference(blend, first) < apart
    assert difference(blend, second) < apart


def test_a_blend_of_weight_one_is_the_style_itself(stylizer, photo):
    blend = stylizer.stylize(photo, {"starry_night": 7, "mosaic": 0}, **AS_LEARNED)
    assert np.array_equal(blend, stylizer.stylize(photo, "starry_night", **AS_LEARNED))


def test_a_style_paints_as_its_name_does(stylizer, photo):
    wave, mosaic = get_style("the_wave"), get_style("mosaic")
    assert stylizer.stylize(photo, wave, **AS_LEARNED) == stylizer.stylize(photo, "the_wave", **AS_LEARNED)
    blend = stylizer.stylize(photo, {"mosaic": 1, "the_wave": 3}, **AS_LEARNED)
    assert stylizer.stylize(photo, {mosaic: 1, "the_wave": 2, wave: 1}, **AS_LEARNED) == blend


def test_a_blend_of_one_network_is_one_pass_with_the_mean_of_rows(stylizer, photo, monkeypatch):
    blend = stylizer.stylize(photo, {"mosaic": 1, "the_wave": 3}, **AS_LEARNED)
    rows = [get_style(name).network(fine=False)[1] for name in ("mosaic", "the_wave")]
    mean = replace(get_style("mosaic"), name="mean", rows={"painter": (rows[0] + 3 * rows[1]) / 4})
    assert difference(stylizer.stylize(photo, mean, **AS_LEARNED), blend) < 0.01


def test_a_blend_of_several_networks_is_the_mean_of_their_paintings(stylizer, photo):
    mosaic, ink = (replace(get_style(name), fine_model="") for name in ("mosaic", "ink"))
    assert mosaic.model != ink.model
    blend = stylizer.stylize(photo, {mosaic: 1, ink: 1}, stroke_size=512)
    pictures = [stylizer.stylize(photo, style, stroke_size=512) for style in (mosaic, ink)]
    assert difference(blend, Image.blend(*pictures, 0.5)) < 1


def test_rows_of_another_network_are_refused(stylizer, photo):
    style = replace(get_style("mosaic"), rows={"painter": np.ones(7)})
    with pytest.raises(StyleError, match=r"of shape \(7,\): painter\.onnx needs \(736,\)"):
        stylizer.stylize(photo, style, **AS_LEARNED)
    with pytest.raises(StyleError, match=r"the style 'mosaic' has no rows for fine\.onnx"):
        stylizer.stylize(photo, style)


def test_styles_of_one_network_share_a_session(photo):
    stylizer = FastStylizer("cpu")
    for name in ("mosaic", "the_wave", "fire"):
        stylizer.stylize(photo, name, **AS_LEARNED)
    assert list(stylizer._networks._shipped) == ["painter.onnx"]


def test_preserve_color_keeps_a_grey_photo_grey(stylizer):
    grey = make_photo(64, 64).convert("L").convert("RGB")
    stylized = np.asarray(stylizer.stylize(grey, "the_scream", preserve_color=True, **AS_LEARNED), np.int16)
    assert np.abs(stylized - stylized[..., :1]).max() <= 1


def test_alpha_goes_through_unchanged(stylizer, photo):
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    stylized = stylizer.stylize(photo, "starry_night", **AS_LEARNED)
    assert stylized.mode == "RGBA"
    assert np.array_equal(stylized.getchannel("A"), photo.getchannel("A"))


def test_what_hides_under_transparency_does_not_matter(stylizer, photo):
    mask = Image.new("L", photo.size, 255)
    mask.paste(0, (0, 0, 40, 64))
    black, white = photo.copy(), photo.copy()
    black.paste("black", (0, 0, 40, 64))
    white.paste("white", (0, 0, 40, 64))
    black.putalpha(mask)
    white.putalpha(mask)
    first, second = (
        stylizer.stylize(image, "mosaic", **AS_LEARNED).convert("RGB") for image in (black, white)
    )
    visible = (42, 0, 96, 64)
    assert difference(first.crop(visible), second.crop(visible)) < 1


def test_half_transparent_parts_keep_their_colors(stylizer):
    photo = Image.new("RGBA", (96, 64), (255, 0, 0, 128))
    photo.paste((0, 0, 255, 255), (48, 0, 96, 64))
    almost = stylizer.stylize(photo, "mosaic", strength=0.02, **AS_LEARNED)
    assert np.abs(np.asarray(almost, np.int16) - np.asarray(photo, np.int16)).max() <= 6
    red = np.asarray(stylizer.stylize(photo, "mosaic", preserve_color=True, **AS_LEARNED), np.int16)[:, :40]
    assert np.abs(red[..., 1] - red[..., 2]).max() <= 2  # no blue of the other half


def test_stroke_size_changes_strokes_not_size(stylizer):
    photo = make_photo(256, 192)
    fine, coarse = (stylizer.stylize(photo, "mosaic", stroke_size=s, fine=False) for s in (256, 1024))
    assert fine.size == coarse.size == photo.size

    def roughness(image):
        return np.abs(np.diff(np.asarray(image.convert("L"), np.float32), axis=1)).mean()

    assert roughness(fine) > 1.2 * roughness(coarse)


@pytest.mark.parametrize("fine", [False, True])
def test_a_stroke_size_counts_from_what_the_style_was_learned_at(stylizer, monkeypatch, fine):
    photo = make_photo(256, 192)
    usual = stylizer.stylize(photo, "mosaic", fine=fine, stroke_size=512)
    learned = replace(get_style("mosaic"), stroke_size=256, fine_stroke_size=1024)
    monkeypatch.setattr(blends, "get_style", lambda name: learned)
    for size in (256, 512, 1024):
        is_learned = size == (1024 if fine else 256)
        assert (stylizer.stylize(photo, "mosaic", fine=fine, stroke_size=size) == usual) == is_learned


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1024, 768), (1024, 768)),
        ((300, 200), (1024, 683)),  # small photos are enlarged
        ((4000, 3000), (1024, 768)),
        ((3000, 1000), (1536, 512)),  # panoramas keep their height
        ((1000, 100), (2048, 205)),  # up to twice the length
        ((100, 80), (400, 320)),  # four times at most
    ],
)
def test_strokes_are_by_default_as_learned_at_1024_px(size, expected):
    assert inference_module.working_size(size) == expected


def test_a_stroke_scale_multiplies_the_strokes():
    assert inference_module.working_size((1024, 768), 2) == (512, 384)
    assert inference_module.working_size((4000, 3000), 0.5) == (2048, 1536)


def test_the_default_is_the_fine_network_at_the_working_size(stylizer, monkeypatch):
    runs = []

    def spy(self, network, batch, weights, noise_origin, *, is_repeated):
        runs.append((network, batch.shape))
        return batch

    monkeypatch.setattr(FastStylizer, "_run", spy)
    assert stylizer.stylize(make_photo(96, 64), "mosaic").size == (96, 64)
    assert runs == [(Network(get_style("mosaic").fine_model), (1, 3, 256, 384))]


def test_max_side_limits_the_output(stylizer):
    assert stylizer.stylize(make_photo(300, 200), "mosaic", max_side=150, **AS_LEARNED).size == (150, 100)


def test_very_large_photos_are_painted_at_their_own_size_at_most(stylizer, monkeypatch):
    monkeypatch.setattr(inference_module, "MAX_WORKING_MEGAPIXELS", 0.01)
    sizes = []
    run = FastStylizer._run

    def spy(self, network, batch, *arguments, **settings):
        sizes.append(batch.shape)
        return run(self, network, batch, *arguments, **settings)

    monkeypatch.setattr(FastStylizer, "_run", spy)
    settings = {"stroke_size": 256, "fine": False}
    assert stylizer.stylize(make_photo(400, 100), "mosaic", **settings).size == (400, 100)
    assert sizes == [(1, 3, 100, 400)]  # smaller ones are enlarged first


def test_narrow_pictures_keep_their_shape_under_coarse_strokes():
    assert inference_module._size_for((1000, 200), 8) == (160, 32)


@pytest.mark.parametrize("stroke_size", [512, 300, 1024])
def test_strips_leave_no_seams(stylizer, monkeypatch, stroke_size):
    photo = make_photo(120, 300)
    settings = {"stroke_size": stroke_size, "fine": False, "strength": 0.8, "preserve_color": True}
    whole = np.asarray(stylizer.stylize(photo, "mosaic", **settings), np.int16)
    monkeypatch.setattr(blending, "STRIP_ROWS", 37)
    strips = np.asarray(stylizer.stylize(photo, "mosaic", **settings), np.int16)
    assert np.abs(whole - strips).max() <= 1


def test_borders_look_like_the_inside(stylizer):
    random = np.random.default_rng(0)
    y, x = np.mgrid[0:192, 0:256].astype(np.float32)
    sky = np.array((120, 150, 180), np.float32) + 20 * (y / 192)[..., None]
    sky[np.hypot(x - 128, y - 96) < 40] = (60, 50, 40)
    sky += random.normal(0, 4, sky.shape)
    photo = Image.fromarray(np.clip(sky, 0, 255).astype(np.uint8))
    for name in names():
        pixels = np.asarray(stylizer.stylize(photo, name, **AS_LEARNED), np.float32).mean(2)
        for turned in (pixels, pixels[::-1], pixels.T, pixels.T[::-1]):
            band, inside = turned[:3], turned[8:40]
            assert abs(band.mean() - inside.mean()) < 10 + inside.std(), name


def repetition(picture: Image.Image, smallest: int = 100) -> float:
    """Largest correlation of a picture's texture with itself shifted by at least `smallest` pixels."""
    gray = np.asarray(picture.convert("L"), np.float64)
    smooth = np.asarray(picture.convert("L").filter(ImageFilter.GaussianBlur(40)), np.float64)
    texture = np.pad(gray - smooth, [(0, side) for side in gray.shape])
    inside = np.pad(np.ones(gray.shape), [(0, side) for side in gray.shape])
    correlation, overlap = (
        np.fft.irfft2(np.abs(np.fft.rfft2(field)) ** 2, field.shape) for field in (texture, inside)
    )
    rows, columns = (np.minimum(np.arange(2 * side), np.arange(2 * side, 0, -1)) for side in gray.shape)
    is_far = np.maximum(rows[:, None], columns) >= smallest
    is_far &= overlap > inside.sum() / 4
    return float((correlation / np.maximum(overlap, 1))[is_far].max() / (correlation[0, 0] / overlap[0, 0]))


@pytest.mark.parametrize("style", names())
def test_a_plain_sky_has_no_texture_that_repeats(stylizer, style):
    ramps = np.linspace(60, 220, 640, dtype=np.uint8)[:, None], np.linspace(200, 140, 1000, dtype=np.uint8)
    red, blue = (np.broadcast_to(ramp, (640, 1000)) for ramp in ramps)
    sky = Image.fromarray(np.stack([red, red // 2 + blue // 2, blue], -1))
    assert repetition(stylizer.stylize(sky, style, **AS_LEARNED)) < 0.3


def test_many_threads_share_one_engine(stylizer):
    photos = [make_photo(60 + i, 64, seed=i) for i in range(8)]
    styles, settings = ["starry_night", "ink"] * 4, {"strength": 0.8, "stroke_size": 400, "fine": False}
    expected = [stylizer.stylize(*pair, **settings) for pair in zip(photos, styles, strict=True)]
    fresh = FastStylizer("cpu")  # its networks are read by whoever comes first
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda *pair: fresh.stylize(*pair, **settings), photos, styles))
    for first, second in zip(found, expected, strict=True):
        assert difference(first, second) < 0.01


@pytest.mark.parametrize(
    "style",
    [{}, {"mosaic": 0}, {"mosaic": -1, "the_wave": 2}, {"mosaic": NAN}, {1: 1.0}, {"mosaic": 10**400}],
)
def test_unusable_blends_are_refused(stylizer, photo, style):
    with pytest.raises(StyleError, match=r"blend needs|unknown style '1'"):
        stylizer.stylize(photo, style, **AS_LEARNED)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strength": -0.1}, "strength is -0.1"),
        ({"strength": NAN}, "strength is nan"),
        ({"stroke_size": 64}, "stroke_size is 64"),
        ({"stroke_scale": 0}, "stroke_scale is 0: use 0.1 to 10"),
        ({"stroke_scale": NAN}, "stroke_scale is nan"),
        ({"stroke_scale": float("inf")}, "stroke_scale is inf"),
    ],
)
def test_settings_out_of_range_are_refused(stylizer, photo, settings, message):
    with pytest.raises(ValueError, match=message):
        stylizer.stylize(photo, "mosaic", **settings)


def test_too_small_photos_are_refused(stylizer):
    with pytest.raises(ImageError, match="31 x 40 px"):
        stylizer.stylize(Image.new("RGB", (31, 40)), "mosaic")


def test_auto_says_why_it_is_the_cpu(monkeypatch):
    monkeypatch.setattr(networks_module, "missing_cuda", lambda: "no NVIDIA driver on this machine")
    stylizer = FastStylizer("auto")
    assert stylizer.device == "cpu"
    assert "no NVIDIA driver" in stylizer.device_note


def test_cuda_that_does_not_start_is_an_error(monkeypatch):
    monkeypatch.setattr(networks_module, "missing_cuda", lambda: "no NVIDIA driver on this machine")
    with pytest.raises(DeviceError, match="no NVIDIA driver"):
        FastStylizer("cuda")


def test_a_provider_that_silently_falls_back_is_noticed(monkeypatch):
    monkeypatch.setattr(networks_module, "missing_cuda", lambda: "")
    open_session = networks_module.open_session
    monkeypatch.setattr(networks_module, "open_session", lambda path, device, **_: open_session(path, "cpu"))
    assert FastStylizer("auto").device == "cpu"
    with pytest.raises(DeviceError, match="could not load CUDA"):
        FastStylizer("cuda")


def test_cuda_that_starts_for_one_network_alone_is_an_error(monkeypatch):
    class OnCuda:
        get_providers = staticmethod(lambda: ["CUDAExecutionProvider"])

    open_session = networks_module.open_session
    monkeypatch.setattr(networks_module, "missing_cuda", lambda: "")
    monkeypatch.setattr(networks_module, "open_session", lambda path, device, **_: OnCuda())
    stylizer = FastStylizer("cuda")
    monkeypatch.setattr(networks_module, "open_session", lambda path, device, **_: open_session(path, "cpu"))
    with pytest.raises(DeviceError, match="could not load CUDA"):
        stylizer.stylize(make_photo(64, 64), "ink", **AS_LEARNED)


@pytest.mark.gpu
def test_cuda_gives_the_same_picture(stylizer, photo):
    try:
        fast = FastStylizer("cuda")
    except DeviceError as error:
        pytest.skip(str(error))
    assert (
        difference(
            fast.stylize(photo, "mosaic", **AS_LEARNED), stylizer.stylize(photo, "mosaic", **AS_LEARNED)
        )
        < 1
    )


def test_the_instant_path_imports_neither_torch_nor_streamlit():
    code = (
        "import sys; from stylecore import FastStylizer, load_image; from PIL import Image\n"
        "FastStylizer().stylize(Image.new('RGB', (40, 40)), 'mosaic')\n"
        "import stylecore.cli\n"
        "print(sorted({'torch', 'torchvision', 'streamlit'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_of_onnx_runtime_reports_its_use(tmp_path):
    """Its telemetry leaves a device identifier in the home folder."""
    code = "from stylecore import FastStylizer; FastStylizer('cpu')"
    kept = {"PATH", "PYTHONPATH", "SYSTEMROOT"}
    environment = {name: value for name, value in os.environ.items() if name in kept} | {
        "HOME": str(tmp_path)
    }
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, cwd=ROOT)
    assert not list(tmp_path.rglob("*"))


def test_frames_are_painted_at_the_place_of_their_noise(stylizer):
    batch, parts = to_batch(make_photo(128, 96)), resolve_styles("mosaic")
    whole = stylizer.paint_batch(batch, parts, fine=False)
    moved = {
        origin: stylizer.paint_batch(batch, parts, fine=False, noise_origin=(0, origin))
        for origin in (4, 1024)
    }
    assert np.array_equal(moved[1024], whole)
    assert np.abs(moved[4] - whole).max() > 0.02


COARSE = {"stroke_scale": 4}  # painted smaller, so that the photo itself is not needed


@pytest.mark.parametrize(
    ("settings", "is_closed"),
    [
        (COARSE, True),
        (COARSE | {"strength": 0.5}, False),
        (COARSE | {"preserve_color": True}, False),
        ({"stroke_size": 512}, False),
    ],
)
def test_a_photo_is_closed_early_where_only_its_painting_is_needed(settings, is_closed, monkeypatch):
    photo, seen = make_photo(300, 200), []
    expected = FastStylizer("cpu").stylize(photo, "mosaic", fine=False, **settings)
    paint = FastStylizer.paint_picture

    def note(self, *arguments, **others):
        try:
            photo.getpixel((0, 0))
        except ValueError:
            seen.append(True)
        return paint(self, *arguments, **others)

    monkeypatch.setattr(FastStylizer, "paint_picture", note)
    painted = FastStylizer("cpu").stylize(photo, "mosaic", fine=False, closes_photo=True, **settings)
    assert bool(seen) == is_closed
    assert np.array_equal(np.asarray(painted), np.asarray(expected))
