"""Photo looks by optimizing pixels under the matting Laplacian, for reference and small pictures.

Source: Luan et al. (2017), *Deep photo style transfer*. Differs: relative losses, Adam,
and a start from the photo.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylecore.images.arrays import from_batch, to_batch
from stylecore.photoreal.config import METHODS
from stylecore.photoreal.fitting import BETAS, load_vgg
from stylecore.photoreal.matting import MattingLaplacian
from stylecore.photoreal.objective import Objective

# All style losses as in the method `strong`; nothing but the matting Laplacian keeps the structure.
METHOD = replace(METHODS["strong"], structure_weight=0.0, skin_weight=0.0)
STEPS = 50


def optimize_pixels(
    photo: Image.Image,
    reference: Image.Image,
    *,
    matting_weight: float,
    steps: int = STEPS,
    precision: str = "auto",
) -> Image.Image:
    """Optimize the pixels of a photo on the CPU.

    Args:
        photo: RGB, as large as the result will be.
        reference: RGB, of about the same size.
        matting_weight: Of the matting Laplacian's energy per pixel; 0: the plain optimizer.
        steps: Steps of Adam.
        precision: See `stylecore.host.devices.autocast_dtype`.
    """
    content, target = (torch.from_numpy(to_batch(each)) for each in (photo, reference))
    vgg = load_vgg("cpu", precision)
    objective = Objective(vgg, content, target, METHOD, regions=(), skin=torch.zeros_like(content[:, :1]))
    laplacian = MattingLaplacian(np.asarray(photo, np.float64) / 255)
    batch = content.clone().requires_grad_()
    optimizer = torch.optim.Adam([batch], lr=METHOD.learning_rate, betas=BETAS)
    for _ in range(steps):
        loss = objective(batch).total
        if matting_weight:
            loss = loss + matting_weight * MattingEnergy.apply(batch, laplacian)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return from_batch(batch.detach().numpy())


class MattingEnergy(torch.autograd.Function):
    """Energy of a picture (1, 3, H, W) under a matting Laplacian, per pixel, shape ()."""

    @staticmethod
    def forward(ctx, batch: Tensor, laplacian: MattingLaplacian) -> Tensor:
        values = batch[0].permute(1, 2, 0).double().numpy()
        product = laplacian.product(values)
        pixels = values.shape[0] * values.shape[1]
        gradient = torch.from_numpy(2 / pixels * product).float().permute(2, 0, 1)[None]
        ctx.save_for_backward(gradient)
        return batch.new_tensor((values * product).sum() / pixels)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        (own,) = ctx.saved_tensors
        return gradient * own, None
