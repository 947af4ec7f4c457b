"""Objective of the general network: softened perceptual losses, and the same painting after a shift."""

from __future__ import annotations

import torch
from torch import Tensor

from stylecore.learning.config import AnyStyleConfig
from stylecore.learning.objective import PerceptualLosses, StepLosses, StyleTargets

MAX_SHIFT = 3  # px; from the next one on, the grid of the network's stem repeats
BORDER = 8  # px at the sides of a crop that are not compared: paintings differ where a crop ends


class AnyStyleObjective(PerceptualLosses):
    """Weighted losses of the training of a general network, see `AnyStyleConfig`.

    Args:
        config: Settings.
        device: Device of VGG19.
    Raises:
        ValueError: A layer that VGG19 does not have.
    """

    config: AnyStyleConfig

    def __init__(self, config: AnyStyleConfig, device: torch.device) -> None:
        super().__init__(config, device)
        self.use_precision()

    def __call__(
        self, stylized: Tensor, photos: Tensor, face_masks: Tensor, targets: StyleTargets, shift: Tensor
    ) -> StepLosses:
        """Losses of the stylized pictures of N photos.

        A picture's loss counts as k log(1 + loss / k), with k the `loss_knee`: pictures of large even
        areas have tiny Gram matrices, by which a relative loss explodes.

        Args:
            stylized: See `PerceptualLosses.parts`.
            photos: See there.
            face_masks: See there.
            targets: See there.
            shift: Of `shift_loss`, shape ().
        """
        config, knee = self.config, self.config.loss_knee
        content, style, penalties = self.parts(stylized, photos, face_masks, targets)
        losses = config.content_weight * content + config.style_weight * style + penalties
        softened = knee * torch.log1p(losses / knee)
        slope = 1 / (1 + losses.detach().mean() / knee)  # the shift keeps its share of the gradient
        total = softened.mean() + config.shift_weight * slope * shift
        return StepLosses(total, content, style, torch.zeros(()), shift)


def shift_loss(stylized: Tensor, shifted: Tensor, offset: tuple[int, int]) -> Tensor:
    """How much a painting changes when the picture moves by some pixels: the flicker of clips.

    Args:
        stylized: Paintings of crops, shape (N, 3, H, W).
        shifted: Paintings of crops that begin `offset` further down and to the right, (N, 3, H, W).
        offset: Rows and columns, in pixels.
    Returns:
        Mean squared difference of the places that both show, shape (). 0 if the paintings move along.
    Source: Xu et al. (2021) for the difference of frames as a loss; here of crops of one photo.
    """
    height, width = stylized.shape[2:]
    down, right = offset
    first = stylized[:, :, down + BORDER : height - BORDER, right + BORDER : width - BORDER]
    second = shifted[:, :, BORDER : height - down - BORDER, BORDER : width - right - BORDER]
    return (first - second).square().mean()
