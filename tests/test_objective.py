import pytest
import torch

from stylecore.objective import Objective, load_vgg
from stylecore.optimization_config import OptimizationConfig


def test_the_gradient_agrees_with_finite_differences(photo, style):
    config = OptimizationConfig(max_side=48, precision="float32", device="cpu")
    objective = Objective(load_vgg(config), photo, [(style, 1.0)], 48, config)
    batch = (objective.photo + 0.1 * torch.rand(objective.photo.shape)).requires_grad_()
    (gradient,) = torch.autograd.grad(objective(batch)[0].sum(), batch)
    direction = gradient / gradient.norm()
    step = 1e-2
    with torch.no_grad():
        rise = objective(batch + step * direction)[0] - objective(batch - step * direction)[0]
    assert rise.item() / (2 * step) == pytest.approx(gradient.norm().item(), rel=0.05)
