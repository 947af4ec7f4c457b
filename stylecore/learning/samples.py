"""The sheet of sample pictures of a training run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image

from stylecore.errors import ImageError
from stylecore.images.arrays import from_batch, to_batch
from stylecore.images.loading import load_image
from stylecore.images.sheets import contact_sheet
from stylecore.images.sizes import resize_long_side
from stylecore.learning.networks import StyledNetwork

SAMPLE_PHOTOS = 3
SAMPLE_SIDE = 384  # px


@torch.no_grad()
def sample_sheet(
    network: StyledNetwork, photos: Sequence[Path], styles: int, device: torch.device
) -> Image.Image:
    """Contact sheet of the first readable photos (rows), unchanged and in every style (columns)."""
    rows = []
    for path in photos:
        try:
            image = resize_long_side(load_image(path, max_side=2 * SAMPLE_SIDE), SAMPLE_SIDE)
        except ImageError:
            continue
        batch = torch.from_numpy(to_batch(image)).to(device)
        mixes = torch.eye(styles, device=device)
        row = [image] + [from_batch(network(batch, mix[None]).float().cpu().numpy()) for mix in mixes]
        rows.append(row)
        if len(rows) == SAMPLE_PHOTOS:
            break
    return contact_sheet(rows, cell=(SAMPLE_SIDE, SAMPLE_SIDE))
