import numpy as np

from stylecore.photoreal.transport import LEAST_VARIANCE, color_statistics, color_transport


def transformed(pixels, transform):
    return pixels @ transform[:, :3].T + transform[:, 3]


def test_the_result_has_the_mean_and_covariance_of_the_reference():
    noise = np.random.default_rng(0)
    photo = noise.random((40, 30, 3)) * [0.9, 0.5, 0.7]
    reference = noise.random((20, 25, 3)) ** 2
    own, other = color_statistics(photo), color_statistics(reference)
    found = color_statistics(transformed(photo, color_transport(own, other)))
    assert np.allclose(found.mean, other.mean, atol=1e-6)
    assert np.allclose(found.covariance, other.covariance, atol=5 * LEAST_VARIANCE)


def test_a_picture_is_its_own_reference():
    own = color_statistics(np.random.default_rng(1).random((30, 30, 3)))
    assert np.allclose(color_transport(own, own), np.eye(3, 4), atol=1e-5)


def test_weights_choose_a_region():
    pixels = np.random.default_rng(2).random((10, 12, 3))
    weights = np.zeros((10, 12))
    weights[:, 5:] = 0.7
    found, known = color_statistics(pixels, weights), color_statistics(pixels[:, 5:])
    assert np.allclose(found.mean, known.mean)
    assert np.allclose(found.covariance, known.covariance)


def test_a_grey_photo_gets_no_strong_colors():
    grey = np.repeat(np.random.default_rng(3).random((30, 30, 1)), 3, axis=2)
    colorful = color_statistics(np.random.default_rng(4).random((30, 30, 3)))
    result = transformed(grey, color_transport(color_statistics(grey), colorful))
    assert np.abs(result - result.mean(-1, keepdims=True)).max() < 0.2
