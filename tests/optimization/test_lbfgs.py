import pytest
import torch

from stylecore.optimization.lbfgs import Lbfgs


def loss(values: torch.Tensor) -> torch.Tensor:
    steepness = torch.linspace(1, 30, values.numel()).view_as(values)
    return (steepness * (values - 0.3) ** 2 + (values - 0.5) ** 4).sum()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 3e-2)])
def test_lbfgs_agrees_with_torch(dtype, tolerance):
    start = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    pictures = [start.clone().requires_grad_() for _ in range(2)]
    ours = Lbfgs(pictures[0], history=4, dtype=dtype)
    theirs = torch.optim.LBFGS([pictures[1]], lr=1, max_iter=1, history_size=4, tolerance_change=0)
    losses = []

    def closure(picture: torch.Tensor) -> torch.Tensor:
        picture.grad = None
        value = loss(picture)
        value.backward()
        losses.append(value.item())
        return value

    for _ in range(12):
        ours.step(lambda: closure(pictures[0]))
        theirs.step(lambda: closure(pictures[1]))
        assert torch.allclose(*pictures, atol=tolerance)
    assert losses[-1] < 0.05 * losses[0]
    assert len(ours.pairs) == 4


def test_lbfgs_stands_still_where_there_is_no_slope():
    picture = torch.full((1, 3, 8, 8), 0.3, requires_grad=True)
    optimizer = Lbfgs(picture, history=4)
    for _ in range(3):
        picture.grad = torch.zeros_like(picture)
        optimizer.step(lambda: None)
    assert torch.equal(picture, torch.full((1, 3, 8, 8), 0.3))
