import numpy as np
import pytest
import torch
from PIL import Image

from stylecore.photoreal.matting import MattingLaplacian
from stylecore.photoreal.pixels import MattingEnergy, optimize_pixels
from tests.photoreal.conftest import colored_photo


def test_the_matting_energy_has_its_gradient():
    photo = np.random.default_rng(0).random((8, 9, 3))
    batch = torch.rand(1, 3, 8, 9, generator=torch.Generator().manual_seed(0), requires_grad=True)
    laplacian = MattingLaplacian(photo)
    MattingEnergy.apply(batch, laplacian).backward()
    step = torch.zeros_like(batch)
    step[0, 1, 4, 4] = 0.01
    with torch.no_grad():
        difference = MattingEnergy.apply(batch + step, laplacian) - MattingEnergy.apply(
            batch - step, laplacian
        )
    assert float(difference / 0.02) == pytest.approx(float(batch.grad[0, 1, 4, 4]), rel=1e-2)


def test_the_matting_laplacian_keeps_optimized_pixels_affine(reference):
    photo = colored_photo(40, 32, -0.3, 1)
    laplacian = MattingLaplacian(np.asarray(photo) / 255)

    def roughness(image: Image.Image) -> float:
        values = np.asarray(image) / 255
        return float((values * laplacian.product(values)).sum())

    plain, kept = (
        optimize_pixels(
            photo, reference.resize((32, 40)), matting_weight=weight, steps=4, precision="float32"
        )
        for weight in (0.0, 1e4)
    )
    assert roughness(kept) < 0.7 * roughness(plain)
