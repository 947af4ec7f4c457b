from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from stylecore import PhotoLook
from stylecore.images.arrays import to_batch
from stylecore.photoreal.config import METHODS
from stylecore.photoreal.fitting import Slicing, load_vgg
from stylecore.photoreal.grid import apply_grid, bend
from stylecore.photoreal.objective import Objective, moments
from tests.photoreal.conftest import TINY
from tests.photoreal.test_grid import random_grid, random_photo


def test_slicing_in_torch_agrees_with_applying_in_numpy():
    grid, photo = random_grid(8, 16, 16), random_photo(45, 38)
    slicing = Slicing(torch.from_numpy(to_batch(photo)), grid.shape[:3])
    found = slicing(torch.from_numpy(grid.transpose(3, 4, 0, 1, 2).copy()))
    pixels = found[0].permute(1, 2, 0).numpy()
    colors = np.asarray(photo, np.float32) / 255
    bend(pixels, colors)
    assert np.abs(255 * pixels - np.asarray(apply_grid(grid, photo))).max() <= 0.51


def test_moments_of_a_region_are_those_of_its_part():
    features = torch.rand(1, 5, 8, 12, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(1, 1, 8, 12)
    mask[..., 4:] = 0.5
    for found, known in zip(moments(features, mask), moments(features[..., 4:], mask[..., 4:]), strict=True):
        assert torch.allclose(found, known, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_steps_lower_the_loss_and_show_the_photo(photo, method):
    reference = Image.new("RGB", (64, 64), "black")
    reference.paste("orange", (0, 0, 20, 64))  # colors that are far from a normal distribution
    states = []
    config = replace(TINY, method=method, steps=6)
    look = PhotoLook.fit(photo, reference, config, on_progress=states.append)
    assert [state.step for state in states] == [*range(1, 7)]
    assert min(state.total_loss for state in states[1:]) < states[0].total_loss
    assert states[-1].image.size == (64, 53)
    assert states[-1].remaining_s == 0
    assert look.grid.shape == (8, 16, 16, 3, 4)
    assert look.apply(photo).size == photo.size


def test_a_stopped_fit_gives_the_best_so_far(photo, reference):
    states = []
    stopped = PhotoLook.fit(
        photo, reference, TINY, on_progress=states.append, should_stop=lambda: len(states) == 1
    )
    start = PhotoLook.fit(photo, reference, replace(TINY, method="instant"))
    assert len(states) == 1
    assert np.allclose(stopped.grid, start.grid, atol=1e-6)


def test_the_same_fit_gives_the_same_grid(photo, reference):
    first, second = (PhotoLook.fit(photo, reference, TINY).grid for _ in range(2))
    assert np.array_equal(first, second)


def test_masked_losses_look_at_their_regions(photo):
    """Where the reference's region is the photo's own look, the loss is 0 whatever lies beside it."""
    reference = photo.copy()
    reference.paste((255, 0, 0), (48, 0, 96, 80))
    mask = torch.zeros(1, 1, 80, 96)
    mask[..., :32] = 1  # far enough from the red half for the deepest layer
    vgg = load_vgg("cpu", "float32")
    own, other = (torch.from_numpy(to_batch(each)) for each in (photo, reference))
    losses = []
    for regions in ([(mask, mask)], []):
        objective = Objective(
            vgg, own, other, METHODS["natural"], regions=regions, skin=torch.zeros_like(own[:, :1])
        )
        losses.append(float(objective(own).style))
    assert losses[0] < 0.02 * losses[1]


def test_kept_skin_changes_less(photo, reference):
    vgg = load_vgg("cpu", "float32")
    own, other = (torch.from_numpy(to_batch(each)) for each in (photo, reference))
    skin = torch.zeros_like(own[:, :1])
    skin[..., :20, :20] = 1
    objective = Objective(vgg, own, other, METHODS["natural"], regions=(), skin=skin)
    changed_skin, changed_rest = own.clone(), own.clone()
    changed_skin[..., :20, :20] += 0.1
    changed_rest[..., -20:, -20:] += 0.1
    assert objective(changed_skin).total > objective(changed_rest).total + 0.01
