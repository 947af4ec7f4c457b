import pytest
import torch

from stylecore.optimization.config import OptimizationConfig
from stylecore.optimization.objective import Objective, load_vgg


def test_the_gradient_agrees_with_finite_differences(photo, style):
    config = OptimizationConfig(max_side=48, precision="float32", device="cpu")
    objective = Objective(load_vgg(config), photo, [(style, 1.0)], 48, config)
    noise = torch.rand(objective.photo.shape, generator=torch.Generator().manual_seed(0))
    batch = (objective.photo + 0.1 * noise).requires_grad_()
    (gradient,) = torch.autograd.grad(objective(batch)[0].sum(), batch)
    direction = gradient / gradient.norm()
    step = 1e-2
    with torch.no_grad():
        rise = objective(batch + step * direction)[0] - objective(batch - step * direction)[0]
    assert rise.item() / (2 * step) == pytest.approx(gradient.norm().item(), rel=0.05)


@pytest.mark.parametrize(("side", "stroke_size"), [(47, 64), (64, 47)])
def test_pictures_too_small_for_patches_are_refused(photo, style, side, stroke_size):
    config = OptimizationConfig(
        max_side=side, stroke_size=stroke_size, style_loss="patches", patch_layers=("relu5_1",), device="cpu"
    )
    with pytest.raises(ValueError, match=r"patches of relu5_1 need at least 48 px a side, a picture would"):
        Objective(load_vgg(config), photo.resize((side, side)), [(style, 1.0)], side, config)
