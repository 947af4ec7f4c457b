import pytest
import torch

from stylecore.learning.encoder import (
    STATISTICS,
    AnyStyleNetwork,
    StyleEncoder,
    StyleStatistics,
    feature_statistics,
)
from stylecore.learning.networks import TransformerNetwork
from stylecore.perception.constants import STYLE_LAYERS


def features_of(layers: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return dict.fromkeys(STYLE_LAYERS, torch.zeros(1, 1, 2, 2)) | layers


def test_statistics_are_means_and_logarithms_of_deviations():
    features = torch.tensor([[1.0, 3.0], [5.0, 7.0]]).expand(1, 1, 2, 2)
    statistics = feature_statistics(features_of({"relu2_1": features}))
    deviation = features.flatten().std()
    assert statistics[0, 2:4].tolist() == pytest.approx([4.0, (deviation + 1e-4).log().item()])


def test_statistics_do_not_depend_on_where_a_texture_lies():
    features = torch.rand(1, 3, 4, 4)
    shuffled = features.flatten(2)[..., torch.randperm(16)].view_as(features)
    first, second = (feature_statistics(features_of({"relu3_1": one})) for one in (features, shuffled))
    assert torch.allclose(first, second, atol=1e-6)


def test_a_picture_has_2944_statistics():
    assert StyleStatistics()(torch.rand(2, 3, 32, 48)).shape == (2, STATISTICS) == (2, 2944)


def test_a_new_encoder_returns_its_base_rows():
    base = torch.rand(12)
    assert torch.equal(StyleEncoder(base, hidden=4)(torch.randn(3, STATISTICS)), base.expand(3, 12))


def test_the_inputs_are_fitted_to_the_style_pictures():
    encoder = StyleEncoder(torch.zeros(2), hidden=4)
    statistics = torch.randn(50, STATISTICS) * 3 + 7
    encoder.fit_inputs(statistics)
    inputs = (statistics - encoder.mean) / encoder.deviation
    assert inputs.mean(0).abs().max() < 1e-4
    assert torch.allclose(inputs.square().mean(0), torch.ones(STATISTICS), atol=1e-3)
    encoder.fit_inputs(statistics[:1])  # of a single picture
    assert encoder.deviation.min() > 0


def test_a_statistic_far_out_counts_no_more_than_five_deviations():
    encoder = StyleEncoder(torch.zeros(2), hidden=4)
    torch.nn.init.normal_(encoder.mlp[-1].weight)
    far, farther = (torch.full((1, STATISTICS), value) for value in (5.0, 500.0))
    assert torch.equal(encoder(far), encoder(farther))


def test_a_general_network_paints_each_picture_of_a_batch_in_its_style():
    network = AnyStyleNetwork(TransformerNetwork(channels=8, blocks=1), hidden=4).eval()
    torch.nn.init.normal_(network.encoder.mlp[-1].weight, std=0.1)
    photos, statistics = torch.rand(1, 3, 32, 32).expand(2, -1, -1, -1), torch.randn(2, STATISTICS)
    with torch.no_grad():
        both = network(photos, statistics)
        alone = network(photos[1:], statistics[1:])
    assert torch.allclose(both[1:], alone, atol=1e-5)
    assert not torch.allclose(both[0], both[1], atol=1e-3)
