import pytest
import torch
import torch.nn.functional as F

from stylecore.learning.networks import (
    NOISE_SIDE,
    ConditionalInstanceNorm2d,
    StyledNetwork,
    TransformerNetwork,
    UpsampleConv,
)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_upsample_conv_equals_upsampling_then_convolution(mode):
    layer = UpsampleConv(5, 4, mode=mode, bias=True)
    features = torch.rand(2, 5, 9, 7)
    large = F.interpolate(
        features, scale_factor=2, mode=mode, **({"align_corners": False} if mode == "bilinear" else {})
    )
    expected = F.conv2d(large, layer.conv.weight, layer.conv.bias)
    inside = (..., slice(1, -1), slice(1, -1))  # one small pixel is two large ones, the convolution takes one
    assert torch.allclose(layer(features), expected[inside], atol=1e-5)


def test_linear_upsample_conv_equals_means_between_pixels_then_convolution():
    layer = UpsampleConv(5, 4, mode="linear", bias=True)
    features = torch.rand(2, 5, 9, 7)
    large = F.interpolate(features, size=(17, 13), mode="bilinear", align_corners=True)
    expected = F.conv2d(large, layer.conv.weight, layer.conv.bias)
    assert torch.allclose(layer(features), expected, atol=1e-5)


@pytest.mark.parametrize(("mode", "is_even"), [("nearest", False), ("linear", True), ("bilinear", True)])
def test_an_even_slope_stays_even(mode, is_even):
    torch.manual_seed(0)
    layer = UpsampleConv(3, 2, mode=mode, bias=False)
    slope = torch.arange(12.0)[:, None] + 2 * torch.arange(12.0)
    steps = layer(slope.expand(1, 3, 12, 12)).diff(dim=3)
    assert (steps.std(dim=(2, 3)).max() < 1e-4) == is_even


def styled(styles: int, *, blocks: int = 1) -> StyledNetwork:
    return StyledNetwork(TransformerNetwork(channels=8, blocks=blocks), styles)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (50, 129), (64, 35)])
def test_output_has_the_size_of_the_input(height, width):
    network = styled(2)
    stylized = network(torch.rand(1, 3, height, width), torch.tensor([[0.5, 0.5]]))
    assert stylized.shape == (1, 3, height, width)
    assert stylized.min() >= 0
    assert stylized.max() <= 1


def test_conditional_norm_takes_scales_then_shifts():
    norm = ConditionalInstanceNorm2d(3)
    features = torch.rand(1, 3, 8, 8)
    plain, styled = (
        norm(features, torch.tensor([[*[scale] * 3, *[shift] * 3]]))
        for scale, shift in ((1.0, 0.0), (2.0, 5.0))
    )
    assert torch.allclose(plain.mean((2, 3)), torch.zeros(1, 3), atol=1e-5)
    assert torch.allclose(styled, 2 * plain + 5, atol=1e-5)


def test_each_picture_of_a_batch_has_its_own_style():
    network = styled(2)
    for parameter in network.parameters():
        parameter.data.normal_(std=0.3)
    photo = torch.rand(1, 3, 40, 40)
    both = network(photo.expand(2, 3, 40, 40), torch.eye(2))
    single = network(photo, torch.tensor([[0, 1.0]]))
    assert torch.allclose(both[1:], single, atol=1e-5)
    assert not torch.allclose(both[:1], single, atol=1e-2)


def test_borders_are_reflected_without_a_dark_band():
    torch.manual_seed(0)
    network = styled(1, blocks=2)
    network.network.noise.zero_()
    for parameter in network.parameters():
        parameter.data.add_(0.1)
    painted = network(torch.full((1, 3, 64, 64), 0.5), torch.ones(1, 1))
    assert (painted - painted.mean((2, 3), keepdim=True)).abs().max() < 1e-3


def test_noise_gives_a_flat_area_places_to_tell_apart():
    torch.manual_seed(0)
    network = styled(1)
    photo = torch.full((1, 3, 300, 300), 0.5)
    inside = network(photo, torch.ones(1, 1))[..., 40:-40, 40:-40]
    assert inside.std() > 0.01
    assert not torch.allclose(inside[..., :100, :100], inside[..., 100:200, 100:200], atol=0.01)


def test_other_noise_gives_another_texture():
    torch.manual_seed(0)
    network = styled(1)
    photo, mix = torch.full((1, 3, 64, 64), 0.5), torch.ones(1, 1)
    other = torch.rand(80, 72)
    assert not torch.allclose(network(photo, mix, noise=other), network(photo, mix), atol=0.01)
    assert torch.equal(network(photo, mix, noise=network.network.noise), network(photo, mix))
    network.network.noise = other
    assert torch.equal(network(photo, mix), network(photo, mix, noise=other))


def test_the_noise_repeats_every_tile_and_moves_with_its_origin():
    network = styled(1).eval()
    photo, rows = torch.rand(1, 3, 64, 64), network.rows
    here, moved = (network.network(photo, rows, noise_origin=origin) for origin in ((3, 5), (4, 5)))
    again = network.network(photo, rows, noise_origin=(3 - NOISE_SIDE, 5 + 2 * NOISE_SIDE))
    assert torch.equal(here, again)
    assert not torch.allclose(here, moved, atol=0.01)
