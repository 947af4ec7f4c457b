import io
import itertools
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from stylecore.errors import DeviceError, DivergenceError, ImageError
from stylecore.images.sizes import limit_long_side
from stylecore.optimization import objective
from stylecore.optimization import optimize as optimization
from stylecore.optimization.config import CLASSIC_RECIPE, OptimizationConfig
from stylecore.optimization.descent import LOST_STEPS
from stylecore.optimization.objective import Objective, batch_at, load_vgg
from stylecore.optimization.optimize import optimize_image
from stylecore.optimization.preview import PreviewPainter
from stylecore.regions import faces
from stylecore.regions.keeping import KEPT_STRENGTH
from tests.conftest import encoded, make_photo

QUICK = OptimizationConfig(
    steps=6,
    max_side=64,
    start="content",
    method="lbfgs",
    is_coarse_to_fine=False,
    precision="float32",
    preview_every=2,
)


@pytest.mark.parametrize("method", ["lbfgs", "adam"])
@pytest.mark.parametrize("start", ["content", "preview", "mixed_noise", "noise"])
def test_the_total_loss_falls(photo, style, method, start):
    config = replace(QUICK, method=method, start=start, steps=12, learning_rate=0.05)
    result = optimize_image(photo, style, config)
    assert result.iterates[-1].total_loss < 0.8 * result.iterates[0].total_loss
    assert result.image.size == (64, 43)


def test_less_is_lost_beyond_black_and_white_than_without_its_loss(photo, style, monkeypatch):
    config = replace(QUICK, steps=16)

    def lost() -> float:
        result = optimize_image(photo, style, config)
        measure = Objective(load_vgg(config), photo, [(style, 1.0)], config.max_side, config)
        with torch.no_grad():
            written = measure(batch_at(result.image, config.max_side, measure.photo.device))[0].item()
        return written / min(iterate.total_loss for iterate in result.iterates) - 1

    found = lost()
    monkeypatch.setattr(objective, "RANGE_WEIGHT", 0.0)
    assert found < 0.8 * lost()


@pytest.mark.parametrize("style_loss", ["wasserstein", "patches"])
def test_other_style_losses_fall_as_well(photo, style, style_loss):
    config = replace(QUICK, style_loss=style_loss, steps=12)
    result = optimize_image(photo, style, config)
    assert result.iterates[-1].total_loss < 0.9 * result.iterates[0].total_loss
    itself = optimize_image(photo, photo, replace(config, steps=1, tv_weight=0)).iterates[0]
    assert itself.total_loss == pytest.approx(0, abs=5e-3)


def test_layer_weights_scale_the_layers(photo, style):
    one = replace(QUICK, steps=1)
    plain = optimize_image(photo, style, one).iterates[0].style_loss
    doubled = optimize_image(photo, style, replace(one, style_layer_weights=(2.0,) * 5)).iterates[0]
    assert doubled.style_loss == pytest.approx(2 * plain)


def test_a_falling_rate_moves_the_pixels_less(photo, style):
    config = replace(QUICK, method="adam", learning_rate=0.05, steps=8)

    def last_change(decay_share):
        pictures = []
        optimize_image(
            photo,
            style,
            replace(config, decay_share=decay_share, preview_every=1),
            on_iterate=lambda iterate: pictures.append(np.asarray(iterate.image, dtype=float)),
        )
        return np.abs(pictures[-1] - pictures[-2]).mean()

    assert last_change(1.0) < 0.7 * last_change(0.0)


def test_the_classic_recipe_runs(photo, style):
    config = replace(CLASSIC_RECIPE, steps=8, max_side=64, preview_every=4)
    seen = []
    result = optimize_image(photo, style, config, on_iterate=seen.append)
    assert result.iterates[-1].total_loss < result.iterates[0].total_loss
    assert [iterate.step for iterate in seen if iterate.image] == [4, 8]


def test_an_iterate_comes_after_every_step(photo, style):
    iterates = []
    result = optimize_image(photo, style, QUICK, on_iterate=iterates.append)
    assert [iterate.step for iterate in iterates] == [1, 2, 3, 4, 5, 6]
    assert [iterate.image is not None for iterate in iterates] == [False, True] * 3
    assert iterates[-1].remaining_s == 0
    assert all(a.elapsed_s <= b.elapsed_s for a, b in itertools.pairwise(iterates))
    assert result.iterates == tuple(replace(iterate, image=None) for iterate in iterates)


def test_the_losses_of_the_photo_are_known(photo, style):
    first = optimize_image(photo, style, replace(QUICK, steps=1, tv_weight=0)).iterates[0]
    assert first.content_loss == 0
    assert first.total_loss == pytest.approx(4 * first.style_loss)
    same = optimize_image(photo, photo, replace(QUICK, steps=1, tv_weight=0)).iterates[0]
    assert same.style_loss == pytest.approx(0, abs=1e-9)


def test_a_seed_gives_the_same_picture_again(photo, style):
    config = replace(QUICK, start="noise", seed=7)
    first, second = (np.asarray(optimize_image(photo, style, config).image) for _ in range(2))
    other = np.asarray(optimize_image(photo, style, replace(config, seed=8)).image)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_strokes_keep_their_size_in_a_photo_smaller_than_the_limit(photo, style, monkeypatch):
    sizes = []
    read = PreviewPainter.read_style

    def note(self, image, *, stroke_size, mask):
        sizes.append(stroke_size)
        return read(self, image, stroke_size=stroke_size, mask=mask)

    monkeypatch.setattr(PreviewPainter, "read_style", note)
    config = replace(QUICK, start="preview", steps=1, max_side=4 * max(photo.size), stroke_size=512)
    optimize_image(photo, style, config)
    assert sizes == [round(512 / 4)]
    vgg = load_vgg(config)
    objective = Objective(vgg, photo, [(style, 1.0)], max(photo.size), config)
    assert objective.stroke_size == sizes[0]  # the sketch that it starts from has the objective's


def test_strokes_of_a_narrow_strip_are_those_of_its_limit(style, monkeypatch):
    sides = []
    monkeypatch.setattr(
        objective, "batch_at", lambda image, side, device: sides.append(side) or batch_at(image, side, device)
    )
    result = optimize_image(make_photo(900, 40), style, replace(QUICK, steps=1))
    assert result.image.size == (720, 32)
    assert sides == [64, 64]  # the photo, which keeps its 32 px of height, and the style picture


def test_should_stop_ends_the_run_within_one_step(photo, style):
    seen = []
    result = optimize_image(photo, style, QUICK, on_iterate=seen.append, should_stop=lambda: len(seen) == 3)
    assert result.is_stopped
    assert len(result.iterates) == 3


def test_a_loss_that_is_no_number_keeps_the_last_good_picture(photo, style, monkeypatch):
    call = Objective.__call__
    calls = itertools.count(1)

    def break_down(self, batch):
        total, content, style = call(self, batch)
        return (total * float("nan") if next(calls) == 4 else total), content, style

    monkeypatch.setattr(Objective, "__call__", break_down)
    result = optimize_image(photo, style, QUICK)
    assert isinstance(result.error, DivergenceError)
    assert len(result.iterates) == 3
    assert np.asarray(result.image).std() > 10


def test_a_loss_that_stays_far_above_the_lowest_keeps_the_last_good_picture(photo, style, monkeypatch):
    call = Objective.__call__
    calls = itertools.count(1)

    def lose_the_way(self, batch):
        total, content, style = call(self, batch)
        call_number = next(calls)
        return (total * 2**call_number if call_number > 2 else total), content, style

    monkeypatch.setattr(Objective, "__call__", lose_the_way)
    result = optimize_image(photo, style, replace(QUICK, method="adam", steps=100))
    assert isinstance(result.error, DivergenceError)
    assert len(result.iterates) == 2 + LOST_STEPS - 1
    assert "a loss of" in str(result.error)


def test_a_low_loss_may_rise_at_first(photo, style):
    config = replace(QUICK, method="adam", start="content", style_weight=0.02, tv_weight=0.0, steps=30)
    result = optimize_image(photo, style, replace(config, is_coarse_to_fine=False))
    assert max(iterate.total_loss for iterate in result.iterates) > 3 * result.iterates[0].total_loss
    assert result.error is None
    nothing = optimize_image(photo, style, replace(config, style_weight=0.0, steps=25, method="lbfgs"))
    assert nothing.error is None


def test_a_step_that_fails_keeps_the_best_before(photo, style, monkeypatch):
    call = Objective.__call__
    calls = itertools.count(1)

    def break_down(self, batch):
        if next(calls) == 4:
            raise MemoryError("no memory left")
        return call(self, batch)

    monkeypatch.setattr(Objective, "__call__", break_down)
    result = optimize_image(photo, style, QUICK)
    assert str(result.error) == "no memory left"
    assert not isinstance(result.error, DivergenceError)
    assert len(result.iterates) == 3
    assert np.asarray(result.image).std() > 10


def test_pictures_on_the_way_are_as_the_last(style):
    photo = make_photo(64, 48).convert("L").convert("RGBA")
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    seen = []
    config = replace(QUICK, method="adam", steps=2, preserve_color=True, preview_every=1)
    result = optimize_image(photo, style, config, on_iterate=seen.append)
    assert [iterate.image.mode for iterate in seen] == ["RGBA"] * 2
    assert np.array_equal(seen[-1].image, result.image)
    pixels = np.asarray(seen[0].image, np.int16)[..., :3]
    assert np.abs(pixels - pixels[..., :1]).max() <= 1


@pytest.mark.parametrize("method", ["lbfgs", "adam"])
def test_coarse_to_fine_ends_at_the_full_size(style, method):
    config = replace(
        QUICK, is_coarse_to_fine=True, coarse_side=40, max_side=80, method=method, learning_rate=0.05
    )
    result = optimize_image(make_photo(160, 120), style, config)
    assert result.image.size == (80, 60)
    assert result.iterates[-1].total_loss < result.iterates[0].total_loss


@pytest.mark.parametrize(("part", "good_calls"), [("Objective", 1), ("resized", 0), ("build_optimizer", 1)])
def test_a_larger_size_that_does_not_fit_keeps_the_smaller_one_s_picture(
    style, monkeypatch, part, good_calls
):
    build, calls = getattr(optimization, part), itertools.count()

    def build_small_ones(*arguments, **settings):
        if next(calls) == good_calls:
            raise RuntimeError("not enough memory")
        return build(*arguments, **settings)

    monkeypatch.setattr(optimization, part, build_small_ones)
    config = replace(QUICK, preview_every=0, is_coarse_to_fine=True, coarse_side=40, max_side=80, steps=6)
    result = optimize_image(make_photo(160, 120), style, config)
    assert str(result.error) == "not enough memory"
    assert 0 < len(result.iterates) < 6
    assert result.image.size == (80, 60)


def test_patches_are_there_as_the_weights_say(photo, style):
    other = style.rotate(90)
    config = replace(QUICK, style_loss="patches", start="content", steps=2)
    mostly, hardly, alone = (
        optimize_image(photo, [(style, share), (other, 1 - share)], config).iterates[-1].style_loss
        for share in (0.95, 0.05, 1.0)
    )
    assert abs(mostly - alone) < abs(hardly - alone)
    assert alone == optimize_image(photo, style, config).iterates[-1].style_loss


def test_the_time_left_is_that_of_the_steps_alone(photo, style, monkeypatch):
    begin = optimization.start_picture

    def begin_slowly(*arguments):
        time.sleep(2)
        return begin(*arguments)

    monkeypatch.setattr(optimization, "start_picture", begin_slowly)
    first, _ = optimize_image(photo, style, replace(QUICK, steps=2)).iterates
    assert first.elapsed_s > 2
    assert first.remaining_s < first.elapsed_s - 1.9


def test_no_method_imports_the_compiler():
    script = (
        "import sys; from PIL import Image; from stylecore.optimization.optimize import *\n"
        "photo = Image.linear_gradient('L').resize((64, 64)).convert('RGB')\n"
        "for method in ('adam', 'lbfgs'):\n"
        "    optimize_image(photo, photo, OptimizationConfig(steps=1, max_side=64, method=method))\n"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_several_styles_are_mixed_by_weight(photo, style):
    other = make_photo(80, 80, seed=9).convert("L").convert("RGB")
    one = replace(QUICK, steps=1)
    alone = optimize_image(photo, style, one).iterates[0].style_loss
    mixed = optimize_image(photo, [(style, 3.0), (other, 0.0)], one).iterates[0].style_loss
    both = optimize_image(photo, [(style, 1.0), (other, 1.0)], one).iterates[0].style_loss
    assert mixed == pytest.approx(alone)
    assert both != pytest.approx(alone)


def test_faces_are_kept_nearer_to_the_photo(photo, style, monkeypatch):
    mask = Image.new("L", (64, 43))
    mask.paste(255, (0, 0, 20, 43))
    monkeypatch.setattr(faces, "find_faces", lambda image: mask)
    small = np.asarray(limit_long_side(photo, 64), np.float32)
    painted, kept = (
        np.asarray(optimize_image(photo, style, replace(QUICK, keep_faces=is_kept)).image, np.float32)
        for is_kept in (False, True)
    )
    assert (painted[:, 20:] == kept[:, 20:]).all()
    gap = np.abs(kept - (small + KEPT_STRENGTH * (painted - small)))[:, :20]
    assert gap.max() <= 1
    assert np.abs(kept - painted)[:, :20].max() > 20


def test_preserve_color_keeps_a_grey_photo_grey(style):
    grey = make_photo(64, 64).convert("L").convert("RGB")
    image = optimize_image(grey, style, replace(QUICK, preserve_color=True)).image
    pixels = np.asarray(image, np.int16)
    assert np.abs(pixels - pixels[..., :1]).max() <= 1


def test_alpha_goes_through_unchanged(style):
    photo = make_photo(64, 48)
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    image = optimize_image(photo, style, replace(QUICK, steps=1)).image
    assert np.array_equal(image.getchannel("A"), photo.getchannel("A"))


def test_what_hides_under_transparency_does_not_matter(style):
    black, white = make_photo(64, 48).convert("RGBA"), make_photo(64, 48).convert("RGBA")
    black.paste((0, 0, 0, 0), (0, 0, 32, 48))
    white.paste((255, 255, 255, 0), (0, 0, 32, 48))
    losses = [
        optimize_image(photo, style, replace(QUICK, steps=1)).iterates[0].total_loss
        for photo in (black, white)
    ]
    assert losses[0] == losses[1]


def test_bfloat16_comes_to_the_same_losses(photo, style):
    config = replace(QUICK, method="adam", start="mixed_noise", steps=5)
    exact = optimize_image(photo, style, config).iterates
    mixed = optimize_image(photo, style, replace(config, precision="mixed")).iterates
    assert mixed[0].total_loss == pytest.approx(exact[0].total_loss, rel=0.02)
    assert mixed[-1].total_loss == pytest.approx(exact[-1].total_loss, rel=0.05)
    assert exact[-1].total_loss < 0.8 * exact[0].total_loss


@pytest.mark.parametrize("color", ["black", "white", (200, 30, 90)])
def test_a_photo_of_one_color_is_painted(style, color):
    result = optimize_image(Image.new("RGB", (64, 48), color), style, QUICK)
    assert result.iterates[-1].total_loss < result.iterates[0].total_loss
    assert not isinstance(result.error, DivergenceError)


def test_a_transparent_style_picture_counts_as_on_white(photo, style):
    shown = style.convert("RGBA")
    shown.paste((255, 0, 255, 0), (0, 0, 40, 80))  # hidden magenta
    white = style.copy()
    white.paste("white", (0, 0, 40, 80))
    losses = [
        optimize_image(photo, s, replace(QUICK, steps=1)).iterates[0].style_loss for s in (shown, white)
    ]
    assert losses[0] == losses[1]


def test_of_an_animated_style_picture_the_first_frame_counts(photo, style):
    animated = Image.open(
        io.BytesIO(encoded(style, "GIF", save_all=True, append_images=[Image.new("RGB", style.size)]))
    )
    still = Image.open(io.BytesIO(encoded(style, "GIF")))
    losses = [
        optimize_image(photo, s, replace(QUICK, steps=1)).iterates[0].style_loss for s in (animated, still)
    ]
    assert losses[0] == losses[1]


def test_a_style_picture_is_turned_upright(photo, style):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    turned = Image.open(io.BytesIO(encoded(style.rotate(90, expand=True), "PNG", exif=exif)))
    losses = [
        optimize_image(photo, s, replace(QUICK, steps=1)).iterates[0].style_loss for s in (turned, style)
    ]
    assert losses[0] == pytest.approx(losses[1])


def test_a_device_that_does_not_start_is_told(photo, style, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="cuda was asked for"):
        optimize_image(photo, style, replace(QUICK, device="cuda"))


@pytest.mark.parametrize(
    ("style", "message"),
    [(Image.new("RGB", (64, 64), "red"), "single color"), (Image.new("RGB", (64, 20)), "at least 32 px")],
)
def test_unusable_style_pictures_are_refused(photo, style, message):
    with pytest.raises(ImageError, match=message):
        optimize_image(photo, style, QUICK)


def test_wasserstein_works_on_the_smallest_pictures():
    config = OptimizationConfig(
        steps=3, max_side=32, stroke_size=32, style_loss="wasserstein", style_layers=("relu5_1",)
    )
    result = optimize_image(make_photo(32, 32), make_photo(32, 32, seed=1), config)
    assert result.error is None
    assert len(result.iterates) == 3
