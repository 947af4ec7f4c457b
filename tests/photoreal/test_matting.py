import numpy as np
import pytest

from stylecore.photoreal.matting import REGULARIZATION, MattingLaplacian, smooth_closed_form

SIDE = 16


def dense_laplacian(photo: np.ndarray) -> np.ndarray:
    """Levin et al. (2008), eq. 12, entry by entry."""
    height, width = photo.shape[:2]
    numbers = np.arange(height * width).reshape(height, width)
    matrix = np.zeros((height * width, height * width))
    for top in range(height - 2):
        for left in range(width - 2):
            inside = numbers[top : top + 3, left : left + 3].ravel()
            colors = photo.reshape(-1, 3)[inside]
            centered = colors - colors.mean(0)
            covariance = centered.T @ centered / 9 + REGULARIZATION / 9 * np.eye(3)
            affinity = (1 + centered @ np.linalg.inv(covariance) @ centered.T) / 9
            matrix[np.ix_(inside, inside)] += np.eye(9) - affinity
    return matrix


@pytest.fixture
def photo():
    return np.random.default_rng(3).random((SIDE, SIDE + 2, 3))


def test_products_agree_with_the_dense_matrix(photo):
    values = np.random.default_rng(4).random((*photo.shape[:2], 2))
    dense = dense_laplacian(photo) @ values.reshape(-1, 2)
    assert np.allclose(MattingLaplacian(photo).product(values).reshape(-1, 2), dense, atol=1e-9)


def test_affine_functions_of_the_photo_are_nearly_free(photo):
    values = photo @ np.array([[0.2, 0.5], [1.0, -0.3], [0.1, 0.4]]) + 0.1
    laplacian = MattingLaplacian(photo)
    other = np.random.default_rng(5).random(values.shape)
    free, costly = ((each * laplacian.product(each)).sum() for each in (values, other))
    assert 0 <= free < 1e-3 * costly


@pytest.mark.parametrize("closeness", [0.5, 0.01])
def test_closed_form_smoothing_agrees_with_the_dense_solution(photo, closeness):
    stylized = np.random.default_rng(6).random(photo.shape)
    matrix = dense_laplacian(photo)
    degrees = MattingLaplacian(photo).degrees.ravel()
    affinity = np.diag(degrees) - matrix
    scaled = affinity / np.sqrt(np.outer(degrees, degrees))
    dense = closeness * np.linalg.solve(
        np.eye(len(matrix)) - (1 - closeness) * scaled, stylized.reshape(-1, 3)
    )
    found = smooth_closed_form(stylized, photo, closeness=closeness)
    assert np.allclose(found.reshape(-1, 3), dense, atol=1e-7)
