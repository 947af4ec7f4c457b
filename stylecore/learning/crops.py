"""Random crops of photos for training."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torch.utils.data import Dataset

from stylecore.errors import ImageError
from stylecore.images.arrays import to_batch
from stylecore.images.loading import load_image

Box = tuple[float, float, float, float]  # left, top, right, bottom as fractions of width and height
# Of a crop: its size between the largest and the smallest, left and top, each 0 to 1; whether it is mirrored.
Place = tuple[float, float, float, bool]


class PhotoCrops(Dataset):
    """Item `step` is the batch of that step, a pure function of seed and step.

    A resumed run therefore sees the same crops as an uninterrupted one. A photo that cannot be
    read is replaced by another draw, and its name reported.

    Args:
        photos: Files to draw from.
        turns: How often each style is drawn in a round of all styles.
        steps: Number of batches.
        batch_size: Pictures to paint per batch, a multiple of `styles_per_photo`.
        styles_per_photo: Styles in which each crop is painted.
        crop_size: Side in pixels to which the crops are resized.
        crop_share: Smallest side of the cut as a fraction of the photo's short side; the largest is 1.
        seed: Seed of all draws.
        faces: Boxes of faces by file name of the photo.
        face_share: Fraction of the crops from photos with faces, if there are any.
    """

    def __init__(
        self,
        photos: Sequence[Path],
        *,
        turns: Sequence[int],
        steps: int,
        batch_size: int,
        styles_per_photo: int,
        crop_size: int,
        crop_share: float = 1.0,
        seed: int,
        faces: Mapping[str, Sequence[Box]] | None = None,
        face_share: float = 0.0,
    ) -> None:
        if batch_size % styles_per_photo:
            raise ValueError(f"a batch of {batch_size} cannot hold every crop in {styles_per_photo} styles")
        self.photos = photos
        self.round = np.repeat(np.arange(len(turns)), turns)  # style indices
        self.steps = steps
        self.batch_size = batch_size
        self.styles_per_photo = styles_per_photo
        self.crop_size = crop_size
        self.crop_share = crop_share
        self.seed = seed
        self.faces = faces or {}
        self.face_photos = [path for path in photos if path.name in self.faces]
        self.face_share = face_share if self.face_photos else 0.0

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor, Tensor, list[str]]:
        """Batch of a step.

        Returns:
            Crops (N, 3, S, S) in [0, 1]; face masks (N, 1, S, S) in [0, 1]; style indices
            (N * styles_per_photo,); names of unreadable photos.
        """
        random = np.random.default_rng((self.seed, step))
        bad: list[str] = []
        pairs = [self._crop(random, bad) for _ in range(self.batch_size // self.styles_per_photo)]
        crops, faces = (torch.from_numpy(np.concatenate(parts)) for parts in zip(*pairs, strict=True))
        return crops, faces[:, :1].contiguous(), self._style_indices(step), bad

    def _style_indices(self, step: int) -> Tensor:
        # Rounds of all styles, each in a new order, so that every style gets its share.
        first = step * self.batch_size
        places = range(first, first + self.batch_size)
        orders = {
            round_: np.random.default_rng((self.seed, 1, round_)).permutation(self.round)
            for round_ in {place // len(self.round) for place in places}
        }
        return torch.tensor([orders[place // len(self.round)][place % len(self.round)] for place in places])

    def _crop(self, random: np.random.Generator, bad: list[str]) -> tuple[np.ndarray, np.ndarray]:
        for _ in range(100):
            photos = self.face_photos if random.random() < self.face_share else self.photos
            path = photos[random.integers(len(photos))]
            place = draw_place(random)
            try:
                image = load_image(path)
            except ImageError:
                bad.append(path.name)
                continue
            pictures = image, face_mask(image.size, self.faces.get(path.name, ()))
            cuts = (cut_crop(each, place, size=self.crop_size, share=self.crop_share) for each in pictures)
            return tuple(map(to_batch, cuts))
        raise ImageError(f"100 photos in a row could not be read, the last was {bad[-1]}")


def draw_place(random: np.random.Generator) -> Place:
    return (*random.random(3), random.random() < 0.5)


def cut_crop(image: Image.Image, place: Place, *, size: int, share: float) -> Image.Image:
    """Cut a square out of a photo and resize it.

    Args:
        image: The photo.
        place: Where, from `draw_place`.
        size: Side in pixels of the crop.
        share: Smallest side of the cut as a fraction of the photo's short side; the largest is 1.
    """
    scale, x, y, is_flipped = place
    width, height = image.size
    side = min(width, height) / (1 + (1 / share - 1) * scale)  # 1 / side is uniform
    left, top = x * (width - side), y * (height - side)
    box = (left, top, min(left + side, width), min(top + side, height))
    crop = image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC, box=box)
    return crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if is_flipped else crop


def read_faces(path: Path) -> dict[str, list[Box]]:
    """Read the boxes of faces by file name of the photo, as `export.find_faces` writes them.

    A box is left, top, right, bottom as fractions of the upright photo's width and height.

    Raises:
        ImageError: The file is missing or not of this form, or a box has a negative size.
    """
    try:
        faces = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): [_read_box(name, box) for box in boxes] for name, boxes in faces.items()}
    except FileNotFoundError as error:
        raise ImageError(f"there is no file {path}") from error
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise ImageError(f"{path} does not hold boxes of faces by file name: {error}") from error


def _read_box(name: str, box: Sequence[float]) -> Box:
    left, top, right, bottom = map(float, box)
    if not (-math.inf < left <= right < math.inf and -math.inf < top <= bottom < math.inf):
        raise ValueError(f"{name} has a box of {left}, {top}, {right}, {bottom}")
    return left, top, right, bottom


def face_mask(size: tuple[int, int], faces: Sequence[Box]) -> Image.Image:
    """White ellipses in the boxes, black elsewhere."""
    mask = Image.new("RGB", size)
    for box in faces:
        corners = [part * length for part, length in zip(box, size * 2, strict=True)]
        ImageDraw.Draw(mask).ellipse(corners, fill="white")
    return mask
