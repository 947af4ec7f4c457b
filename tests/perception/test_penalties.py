import pytest
import torch

from stylecore.perception.penalties import (
    color_statistics,
    grid_loss,
    palette_loss,
    range_loss,
    ripple_loss,
    tone_loss,
    total_variation_loss,
)


def test_total_variation_of_a_checkerboard():
    board = (torch.arange(8)[:, None] + torch.arange(8)) % 2
    batch = board.float().expand(1, 3, 8, 8)
    assert total_variation_loss(batch).item() == pytest.approx(2)  # every neighbor differs by 1, both ways
    assert total_variation_loss(torch.ones(1, 3, 8, 8)).item() == 0.0


def test_what_lies_beyond_black_and_white_counts():
    batch = torch.tensor([-0.5, 0.0, 1.0, 2.0]).expand(1, 3, 1, 4)
    assert range_loss(batch).item() == pytest.approx((0.25 + 1) / 4)
    assert range_loss(batch.clamp(0, 1)).item() == 0


def test_tone_loss_leaves_contrast_and_palette_free():
    photos = torch.rand(2, 3, 64, 48).cumsum(2) / 64
    tinted = 0.3 * photos + torch.tensor([0.1, 0.6, 0.0])[:, None, None]
    assert torch.allclose(tone_loss(tinted, photos), torch.zeros(2), atol=1e-4)
    assert torch.allclose(tone_loss(1 - photos, photos), torch.full((2,), 2.0), atol=1e-4)


def test_tone_loss_is_as_exact_in_mixed_precision():
    generator = torch.Generator().manual_seed(0)
    hazy, other = 0.5 + 0.01 * torch.rand(2, 1, 3, 64, 64, generator=generator)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = tone_loss(hazy, other)
    assert torch.allclose(mixed, tone_loss(hazy, other), atol=1e-4)


def test_tone_loss_sees_no_strokes_and_bears_a_flat_photo():
    photos = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    stripes = 0.2 * torch.tensor([1.0, -1.0]).repeat(32)[:, None]
    assert float(tone_loss(photos + stripes, photos)) < 1e-4
    assert float(tone_loss(photos, torch.full_like(photos, 0.5))) == pytest.approx(1, abs=1e-3)


def test_ripple_loss_sees_faint_ripples_and_lets_edges_be():
    slope = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    rows = torch.arange(64)[:, None]
    alternating = 0.5 + 2 / 255 * (-1.0) ** rows.expand(1, 3, 64, 64)  # as high as what counts half
    assert float(ripple_loss(slope)) == pytest.approx(0, abs=1e-6)
    assert float(ripple_loss(alternating)) == pytest.approx(0.5 / 2, rel=1e-3)  # in one of two directions
    assert float(ripple_loss(alternating.mT)) == pytest.approx(0.5 / 2, rel=1e-3)
    edge = (torch.arange(64) < 32).float().expand(1, 3, 64, 64)
    assert float(ripple_loss(edge)) < 0.04
    both = torch.cat((slope, alternating))
    assert ripple_loss(both).tolist() == pytest.approx([0, 0.25], abs=1e-3)
    # Half as high an edge costs hardly less, half as high a ripple much less.
    assert float(ripple_loss(edge / 2)) > 0.95 * float(ripple_loss(edge))
    assert float(ripple_loss(0.5 + (alternating - 0.5) / 2)) == pytest.approx(0.2 / 2, rel=1e-3)


def test_grid_loss_is_the_energy_of_what_keeps_its_place():
    random = torch.Generator().manual_seed(0)
    cell = torch.rand(1, 3, 4, 4, generator=random)
    weave = cell.repeat(1, 1, 32, 32)
    energy = float((cell - cell.mean((2, 3), keepdim=True)).square().mean())
    assert float(grid_loss(weave)) == pytest.approx(energy, rel=1e-4)
    assert float(grid_loss(weave[:, :, :39, :50])) == pytest.approx(energy, rel=1e-4)  # smaller than a window
    assert float(grid_loss(torch.full((1, 3, 64, 64), 0.3))) == pytest.approx(0, abs=1e-10)


def test_grid_loss_lets_other_texture_be():
    texture = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    assert float(grid_loss(texture)) < 1.5 * float(texture.var()) / 14**2
    y, x = torch.meshgrid(torch.arange(224.0), torch.arange(224.0), indexing="ij")
    strokes = (0.5 + 0.5 * torch.sin(0.7 * x + 0.4 * y)).expand(1, 3, -1, -1)  # a period of 7.8 px
    assert float(grid_loss(strokes)) < 0.02 * float(strokes.var())


def test_palette_loss_is_the_wasserstein_distance_of_the_colors():
    pictures = torch.rand(2, 3, 24, 24)
    statistics = color_statistics(pictures)
    assert torch.allclose(palette_loss(pictures, statistics), torch.zeros(2), atol=1e-5)
    moved = palette_loss(pictures + torch.tensor([0.1, 0, 0])[:, None, None], statistics)
    assert moved.tolist() == pytest.approx([0.01, 0.01], rel=1e-3)
    # About their mean, all colors twice as strong: the variances are added, (2 - 1)^2 of them.
    mean = pictures.mean((2, 3), keepdim=True)
    variances = pictures.flatten(2).var(2, correction=0).sum(1)
    assert torch.allclose(palette_loss(mean + 2 * (pictures - mean), statistics), variances, rtol=1e-3)


def test_palette_loss_sees_no_places_and_bears_a_single_color():
    pictures = torch.rand(1, 3, 24, 24)
    flat = torch.full((1, 3, 24, 24), 0.5, requires_grad=True)
    statistics = color_statistics(pictures)
    assert float(palette_loss(pictures.flip(2, 3), statistics)) == pytest.approx(0, abs=1e-5)
    palette_loss(flat, statistics).sum().backward()
    assert flat.grad.isfinite().all()


def test_palette_loss_is_as_exact_in_mixed_precision():
    pictures, others = torch.rand(2, 3, 24, 24), torch.rand(2, 3, 24, 24) / 2
    statistics = color_statistics(others)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = palette_loss(pictures, color_statistics(others))
    assert torch.allclose(mixed, palette_loss(pictures, statistics), rtol=1e-5)
