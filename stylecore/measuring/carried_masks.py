"""Masks of clips that are carried by the flow, against true ones.

    python -m stylecore.measuring.carried_masks cut_outs/

`cut_outs/` is a folder of pictures with transparency. Each moves to the left over a photo of
`weights/learning_photos/` that moves to the right, as fast as in `moving_clips`. The true mask is given in
every tenth frame, so that what is measured is the carrying alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from stylecore.images.files import find_pictures
from stylecore.measuring.moving_clips import BEFORE, BEHIND
from stylecore.measuring.subject_masks import compose_all, overlap
from stylecore.video.following import MotionFollower
from stylecore.video.masks import EVERY, MaskFollower

FRAMES = 3 * EVERY
SIZE = (480, 360)  # px


def moving(
    photo: Image.Image, truth: np.ndarray, background: Image.Image
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Frames in which the subject of a photo moves over a background, and its masks, of shape (H, W)."""
    front, mask = photo.resize(SIZE), Image.fromarray(truth).resize(SIZE)
    far = background.resize((SIZE[0] * 3 // 2, SIZE[1] * 3 // 2))
    frames = []
    for index in range(FRAMES):
        x, y = (BEFORE * (index - FRAMES / 2)).tolist()
        data = (1, 0, -x, 0, 1, -y)
        own = mask.transform(SIZE, Image.Transform.AFFINE, data, Image.Resampling.BICUBIC)
        near = front.transform(SIZE, Image.Transform.AFFINE, data, Image.Resampling.BICUBIC)
        left, top = (BEHIND * -index + np.float32((120, 60))).tolist()
        frame = far.transform(SIZE, Image.Transform.AFFINE, (1, 0, left, 0, 1, top), Image.Resampling.BICUBIC)
        frame.paste(near, (0, 0), own)
        frames.append((np.asarray(frame), np.asarray(own)))
    return frames


def measure(frames: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """IoU with the true masks: of carried ones, mean and lowest, and of those that stay where they are."""
    truths = iter(truth for _, truth in frames[::EVERY])
    masks, motion = MaskFollower(lambda pixels: next(truths)), MotionFollower()
    carried, held = [], []
    for index, (pixels, truth) in enumerate(frames):
        mask = masks(pixels, motion(pixels), pixels.shape[:2])
        carried.append(overlap(mask * 255, truth))
        held.append(overlap(frames[index - index % EVERY][1], truth))
    return {
        "carried": round(float(np.mean(carried)), 3),
        "lowest": round(min(carried), 3),
        "held": round(float(np.mean(held)), 3),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cut_outs", type=Path, help="folder of pictures with transparency")
    options = parser.parse_args(arguments)
    composed = compose_all(find_pictures(options.cut_outs))
    backgrounds = [photo for _, _, photo, _ in composed]
    rows = {}
    for index, (name, _, photo, truth) in enumerate(composed):
        rows[name] = measure(moving(photo, truth, backgrounds[index - 1]))
    sys.stdout.write(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
