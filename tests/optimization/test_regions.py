from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from stylecore import ImageError
from stylecore.optimization.config import OptimizationConfig
from stylecore.optimization.objective import Objective, load_vgg
from stylecore.optimization.optimize import optimize_image
from stylecore.optimization.preview import PreviewPainter
from stylecore.regions.pairs import complete_pairs
from tests.conftest import make_photo

SIDE = 64
CONFIG = OptimizationConfig(
    steps=4, max_side=SIDE, precision="float32", preview_every=0, device="cpu", start="content"
)


@pytest.fixture(scope="module")
def grey() -> Image.Image:
    return make_photo(SIDE, 48).convert("L").convert("RGB")


@pytest.fixture(scope="module")
def flag() -> Image.Image:
    """Blue to the left, red to the right, with texture."""
    pixels = np.zeros((60, SIDE, 3))
    pixels[:, : SIDE // 2], pixels[:, SIDE // 2 :] = (40, 60, 200), (210, 60, 40)
    pixels += np.random.default_rng(1).normal(0, 25, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def half(image: Image.Image, side: str) -> Image.Image:
    mask = Image.new("L", image.size)
    middle = image.width // 2
    mask.paste(255, (0, 0, middle, image.height) if side == "left" else (middle, 0, *image.size))
    return mask


def redness(image: Image.Image, side: str) -> float:
    pixels = np.asarray(image, np.float32)[np.asarray(half(image, side)) > 0]
    return float((pixels[:, 0] - pixels[:, 2]).mean())


@pytest.mark.parametrize("style_loss", ["gram", "wasserstein", "patches"])
def test_each_region_is_compared_with_its_own(flag, style_loss):
    config = replace(CONFIG, style_loss=style_loss, patch_layers=("relu2_1",))  # of few positions
    vgg, styles, sizes = load_vgg(config), [(flag, 1.0)], [(flag.size, 1.0)]
    losses = []
    for side in ("left", "right"):
        regions = complete_pairs([(half(flag, "left"), half(flag, side))], flag.size, sizes)
        objective = Objective(vgg, flag, styles, SIDE, config, regions)
        with torch.no_grad():
            pictures = objective.photo, objective.photo.roll(SIDE // 2, dims=3)
            losses.append([objective(picture)[2].item() for picture in pictures])
    (itself, exchanged), (itself_swapped, exchanged_swapped) = losses
    assert itself < 1e-3 < exchanged
    assert exchanged > 2 * exchanged_swapped
    assert itself_swapped > 2 * exchanged_swapped


def test_one_region_of_everything_is_the_run_without(photo, style):
    everything = Image.new("L", photo.size, 255), Image.new("L", style.size, 255)
    losses = []
    for regions in ([], [everything]):
        objective = Objective(
            load_vgg(CONFIG), photo, [(style, 1.0)], SIDE, CONFIG,
            complete_pairs(regions, photo.size, [(style.size, 1.0)]),
        )  # fmt: skip
        batch = objective.photo.clone().requires_grad_()
        total, content, style_loss = objective(batch)
        losses.append((total, content, style_loss, torch.autograd.grad(total.sum(), batch)[0]))
    for plain, guided in zip(*losses, strict=True):
        torch.testing.assert_close(guided, plain, rtol=1e-3, atol=1e-6)


def test_the_gradient_of_regions_agrees_with_finite_differences(photo, style):
    regions = complete_pairs([(half(photo, "left"), half(style, "right"))], photo.size, [(style.size, 1.0)])
    objective = Objective(load_vgg(CONFIG), photo, [(style, 1.0)], SIDE, CONFIG, regions)
    batch = (objective.photo + 0.1 * torch.rand_like(objective.photo)).requires_grad_()
    (gradient,) = torch.autograd.grad(objective(batch)[0].sum(), batch)
    direction, step = gradient / gradient.norm(), 1e-2
    with torch.no_grad():
        rise = objective(batch + step * direction)[0] - objective(batch - step * direction)[0]
    assert rise.item() / (2 * step) == pytest.approx(gradient.norm().item(), rel=0.05)


def test_regions_are_painted_in_the_style_of_their_own(grey, flag):
    config = replace(CONFIG, start="preview")
    painted = optimize_image(grey, flag, config, regions=[(half(grey, "left"), half(flag, "right"))]).image
    assert redness(painted, "left") > redness(painted, "right") + 60


def test_a_region_may_take_its_style_from_one_of_several_pictures(grey, flag):
    red, blue = flag.crop((32, 0, 64, 60)), flag.crop((0, 0, 32, 60))
    everything, nothing = Image.new("L", red.size, 255), Image.new("L", red.size)
    regions = [
        (half(grey, "left"), [everything, nothing]),
        (half(grey, "right"), [nothing, everything]),
    ]
    config = replace(CONFIG, start="preview", steps=2)
    painted = optimize_image(grey, [(red, 1.0), (blue, 1.0)], config, regions=regions).image
    assert redness(painted, "left") > redness(painted, "right") + 60


def test_masks_stay_with_their_pictures_at_every_scale(grey, flag):
    config = replace(CONFIG, is_coarse_to_fine=True, coarse_side=44, start="preview")
    large = grey.resize((320, 240))
    regions = [(half(large, "left"), half(flag, "right"))]
    painted = optimize_image(large, flag, config, regions=regions).image
    assert painted.size == (64, 48)
    assert redness(painted, "left") > redness(painted, "right") + 60


def test_a_mask_of_another_size_is_refused_before_anything_is_computed(photo, style):
    wrong = Image.new("L", (10, 10), 255)
    with pytest.raises(ImageError, match=r"a mask of the photo has 10 x 10 px: 96 x 64 px are needed"):
        optimize_image(photo, style, CONFIG, regions=[(wrong, Image.new("L", style.size, 255))])


@pytest.fixture(scope="module")
def painter() -> PreviewPainter:
    return PreviewPainter("cpu", precision="float32")


def test_the_sketch_takes_the_statistics_of_regions(painter, grey, flag):
    parts = [
        (half(grey, own), painter.read_style(flag, stroke_size=SIDE, mask=half(flag, other)))
        for own, other in (("left", "right"), ("right", "left"))
    ]
    painted = painter.paint(grey, parts)
    assert redness(painted, "left") > redness(painted, "right") + 60


def test_the_statistics_of_a_full_mask_are_those_of_the_picture(painter, flag):
    plain = painter.read_style(flag, stroke_size=SIDE)
    masked = painter.read_style(flag, stroke_size=SIDE, mask=Image.new("L", flag.size, 255))
    torch.testing.assert_close(masked.mean, plain.mean, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(masked.std, plain.std, rtol=0.02, atol=1e-3)
