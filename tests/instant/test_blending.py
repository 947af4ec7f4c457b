import numpy as np
import pytest

from stylecore.images.arrays import LUMA
from stylecore.instant.blending import apply_strength, preserve_color


@pytest.fixture
def pair():
    random = np.random.default_rng(0)
    return random.random((2, 1, 3, 6, 5), dtype=np.float32)


def luma(batch):
    return np.einsum("nchw,c->nhw", batch, LUMA)


def test_preserve_color_takes_the_stylized_luminance(pair):
    content, stylized = pair
    assert np.allclose(luma(preserve_color(content, stylized)), luma(stylized), atol=1e-6)


def test_preserve_color_keeps_the_color_differences(pair):
    content, stylized = pair
    kept = preserve_color(content, stylized)
    for channel in (0, 2):
        assert np.allclose(kept[:, channel] - luma(kept), content[:, channel] - luma(content), atol=1e-6)


def test_strength_is_a_line_from_photo_to_style_and_beyond(pair):
    content, stylized = pair
    assert np.array_equal(apply_strength(content, stylized, 0), content)
    assert np.allclose(apply_strength(content, stylized, 1), stylized, atol=1e-6)
    assert np.allclose(apply_strength(content, stylized, 0.5), (content + stylized) / 2, atol=1e-6)
    beyond = apply_strength(content, stylized, 1.5)
    assert np.allclose(beyond, np.clip(content + 1.5 * (stylized - content), 0, 1), atol=1e-6)
