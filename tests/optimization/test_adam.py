import pytest
import torch

from stylecore.optimization.adam import Adam


@pytest.mark.parametrize("beta2", [0.999, 0.9])
def test_adam_agrees_with_torch(beta2):
    def loss(values: torch.Tensor) -> torch.Tensor:
        return ((values - 0.3) ** 2 * (1 + values)).sum()

    start = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    pictures = [start.clone().requires_grad_() for _ in range(2)]
    ours = Adam(pictures[0], 0.05, beta2=beta2)
    theirs = torch.optim.Adam([pictures[1]], lr=0.05, betas=(0.9, beta2))
    for _ in range(20):
        for picture in pictures:
            picture.grad = None
        ours.step(lambda: loss(pictures[0]).backward())
        loss(pictures[1]).backward()
        theirs.step()
    assert torch.allclose(*pictures, atol=1e-6)
    assert not torch.allclose(pictures[0], start, atol=0.1)


def test_adam_takes_its_moments_to_the_next_scale():
    earlier = Adam(torch.zeros(1, 3, 4, 4, requires_grad=True), 0.1)
    earlier.steps, earlier.mean, earlier.square = 5, torch.ones(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    later = Adam(torch.zeros(1, 3, 8, 8, requires_grad=True), 0.1, earlier)
    assert later.steps == 5
    assert torch.allclose(later.mean, torch.ones(1, 3, 8, 8), atol=1e-5)
