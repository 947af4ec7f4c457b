from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from stylecore.learning.config import TrainingConfig
from stylecore.learning.objective import TrainingObjective, pixel_losses
from stylecore.perception.constants import STYLE_LAYERS
from stylecore.perception.losses import style_loss
from stylecore.perception.penalties import ripple_loss
from tests.conftest import make_photo

CPU = torch.device("cpu")


@pytest.fixture
def style_images(tmp_path):
    paths = [tmp_path / f"{name}.png" for name in ("dots", "lines")]
    for seed, path in enumerate(paths):
        make_photo(80, 100, seed=seed).save(path)
    return paths


@pytest.fixture
def pictures():
    """Two photos, each painted in both styles."""
    generator = torch.Generator().manual_seed(0)
    photos = torch.rand(2, 3, 48, 48, generator=generator)
    stylized = torch.rand(4, 3, 48, 48, generator=generator)
    return {
        "stylized": stylized,
        "photos": photos,
        "face_masks": torch.zeros(2, 1, 48, 48),
        "style_indices": torch.tensor([0, 1, 0, 1]),
    }


def config_with(precision: str = "float32", **settings) -> TrainingConfig:
    return TrainingConfig(style_size=64, styles_per_photo=2, precision=precision, **settings)


@pytest.mark.parametrize("layers", ["content_layers", "style_layers"])
def test_a_layer_that_does_not_exist_is_named(style_images, layers):
    with pytest.raises(ValueError, match="VGG19 has no layer foo"):
        TrainingObjective(style_images, config_with(**{layers: ("foo",)}), CPU)


def test_16_bits_give_the_same_losses_but_for_their_rounding(style_images, pictures):
    results = []
    for precision in ("float32", "mixed"):
        stylized = pictures["stylized"].clone().requires_grad_()
        objective = TrainingObjective(style_images, config_with(precision), CPU)
        losses = objective(**pictures | {"stylized": stylized})
        results.append((losses.content, losses.style, *torch.autograd.grad(losses.total, stylized)))
    for exact, rounded in zip(*results, strict=True):
        assert not torch.equal(exact, rounded)
        assert (exact - rounded).norm() < 0.1 * exact.norm()  # of gradients, of losses a hundredth of it


def test_an_unchanged_photo_has_no_content_loss(style_images, pictures):
    pictures["stylized"] = pictures["photos"].repeat_interleave(2, 0)
    losses = TrainingObjective(style_images, config_with(), CPU)(**pictures)
    assert losses.content.tolist() == pytest.approx([0.0] * 4, abs=1e-6)
    assert losses.style.min() > 0.1


def test_a_style_picture_has_no_style_loss_in_its_own_style(style_images, pictures):
    from stylecore.images.arrays import to_batch
    from stylecore.images.loading import load_style
    from stylecore.images.sizes import resize_long_side

    photos = torch.cat(
        [torch.from_numpy(to_batch(resize_long_side(load_style(path), 64))) for path in style_images]
    )
    mixed = {
        "stylized": photos.repeat_interleave(2, 0),
        "photos": photos,
        "face_masks": torch.zeros(2, 1, *photos.shape[2:]),
        "style_indices": torch.tensor([0, 1, 0, 1]),
    }
    style = TrainingObjective(style_images, config_with(), CPU)(**mixed).style
    assert style[[0, 3]].tolist() == pytest.approx([0.0, 0.0], abs=1e-5)
    assert style[[1, 2]].min() > 100 * style[[0, 3]].max()


def test_a_content_factor_weighs_the_content_of_its_style_alone(style_images, pictures):
    plain = TrainingObjective(style_images, config_with(content_weight=2.0), CPU)(**pictures)
    config = config_with(content_weight=2.0, content_factors={"lines": 100.0})
    factored = TrainingObjective(style_images, config, CPU)(**pictures)
    of_lines = plain.content[[1, 3]].sum() / 4
    assert factored.total - plain.total == pytest.approx((99 * 2.0 * of_lines).item(), rel=1e-4)


def test_faces_count_as_often_as_their_factor_says(style_images, pictures):
    objective = TrainingObjective(style_images, config_with(face_factor=9.0), CPU)
    plain = objective(**pictures).content
    pictures["face_masks"] = torch.stack([torch.ones(1, 48, 48), torch.zeros(1, 48, 48)])
    faces = objective(**pictures).content
    assert (faces / plain).tolist() == pytest.approx([9.0, 9.0, 1.0, 1.0], rel=1e-4)


def test_the_total_is_the_weighted_sum_of_what_was_asked_for(style_images, pictures):
    off = {"tv_weight": 0.0, "grid_weight": 0.0, "ripple_weight": 0.0, "tone_weight": 0.0}
    config = config_with(content_weight=3.0, style_weight=5.0, **off)
    losses = TrainingObjective(style_images, config, CPU)(**pictures)
    assert losses.total.item() == pytest.approx((3 * losses.content + 5 * losses.style).mean().item())
    for name in [*off, "palette_weight"]:
        more = TrainingObjective(style_images, replace(config, **{name: 1e3}), CPU)(**pictures)
        assert more.total > losses.total + 0.1, name


def test_targets_are_there_for_the_evaluation_whatever_layers_are_trained_on(style_images):
    objective = TrainingObjective(style_images, config_with(style_layers=("relu2_1",)), CPU)
    whole = TrainingObjective(style_images, config_with(), CPU)
    assert objective.targets.grams.keys() == {*STYLE_LAYERS}
    assert all(
        torch.equal(grams, whole.targets.grams[layer]) for layer, grams in objective.targets.grams.items()
    )


def test_only_the_layers_asked_for_count(style_images, pictures):
    objective = TrainingObjective(style_images, config_with(style_layers=("relu2_1",)), CPU)
    features = objective.vgg(pictures["stylized"])
    targets = {"relu2_1": objective.targets.grams["relu2_1"][pictures["style_indices"]]}
    assert torch.allclose(objective(**pictures).style, style_loss(features, targets))


def test_pixels_alone_have_a_known_loss():
    losses = pixel_losses(torch.full((2, 3, 8, 8), 0.75), torch.full((2, 3, 8, 8), 0.25))
    assert losses.total.item() == losses.pixel.item() == 0.25
    assert losses.content.tolist() == losses.style.tolist() == [0, 0]


def test_only_ripples_that_the_style_picture_lacks_are_charged(tmp_path, pictures):
    flat, rippled = tmp_path / "flat.png", tmp_path / "rippled.png"
    make_photo(80, 100, seed=2).filter(ImageFilter.GaussianBlur(4)).save(flat)
    noise = np.random.default_rng(0).integers(0, 256, (100, 80, 3), dtype=np.uint8)
    Image.fromarray(noise).save(rippled)
    with_it, without = (
        TrainingObjective([flat, rippled], config_with(ripple_weight=weight), CPU) for weight in (1.0, 0.0)
    )
    for style in (0, 1):
        pictures["style_indices"] = torch.full((4,), style)
        charge = float(with_it(**pictures).total - without(**pictures).total)
        missing = ripple_loss(pictures["stylized"]).mean() - with_it.targets.ripples[style]
        assert charge == pytest.approx(max(0.0, float(missing)), abs=1e-4)
        assert (charge > 0.3) == (style == 0)
