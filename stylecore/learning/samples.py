"""The sheet of sample pictures of a training run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from stylecore.errors import ImageError
from stylecore.images.arrays import from_batch, to_batch
from stylecore.images.loading import load_image
from stylecore.images.sheets import contact_sheet
from stylecore.images.sizes import resize_long_side

SAMPLE_PHOTOS = 3
SAMPLE_SIDE = 384  # px


@torch.no_grad()
def sample_sheet(
    paint: Callable[[Tensor, Tensor], Tensor], photos: Sequence[Path], styles: Tensor
) -> Image.Image:
    """Contact sheet of the first readable photos (rows), unchanged and in every style (columns).

    Args:
        paint: Paints a batch (1, 3, H, W) in a style (1, S).
        photos: Files of photos.
        styles: What `paint` needs of each style, shape (styles, S), on the device of the network.
    """
    rows = []
    for path in photos:
        try:
            image = resize_long_side(load_image(path, max_side=2 * SAMPLE_SIDE), SAMPLE_SIDE)
        except ImageError:
            continue
        batch = torch.from_numpy(to_batch(image)).to(styles.device)
        row = [image] + [from_batch(paint(batch, style[None]).float().cpu().numpy()) for style in styles]
        rows.append(row)
        if len(rows) == SAMPLE_PHOTOS:
            break
    return contact_sheet(rows, cell=(SAMPLE_SIDE, SAMPLE_SIDE))
