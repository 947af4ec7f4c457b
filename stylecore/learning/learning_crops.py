"""Crops on which one style is learned: drawn once, and then used in turn with what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylecore.images.arrays import to_batch
from stylecore.images.loading import load_image
from stylecore.learning.crops import cut_crop, draw_place, face_mask, read_faces
from stylecore.learning.dead_leaves import dead_leaves
from stylecore.learning.learning_photos import FACES, PHOTOS_FOLDER, learning_photos
from stylecore.learning.objective import PerceptualLosses

CROP_SHARE = 0.74  # smallest side of a cut / short side of its photo
OWN_SHARE = 0.25  # of the crops, from the visitor's photos, if there are any
LEAVES_SHARE = 0.08  # of the crops, dead leaves pictures in the colors of a photo
FACE_SHARE = 0.2  # of the crops, from photos with faces
CROPS_STREAM, ORDER_STREAM = 1, 2  # of the random numbers of a seed, after those of the noise


@dataclass(frozen=True)
class KnownCrop:
    """A crop with what is computed once."""

    photo: Tensor  # (1, 3, S, S) in [0, 1]
    face_mask: Tensor  # (1, 1, S, S), 1 in faces
    contents: dict[str, Tensor]  # activations by content layer


class LearningCrops:
    """Crops of the photos that ship with the project, of the visitor's own, and of dead leaves pictures.

    Each crop is cut and measured when its first turn comes, and kept: at 256 px some 4 MB with its
    activations in 16 bits. What is drawn depends only on the seed.

    Args:
        objective: Has the VGG19 that measures them, on its device.
        number: Different crops.
        size: Side in pixels.
        photos: The visitor's own photos.
        seed: Seed of all draws.
    Raises:
        WeightsError: The photos that ship with the project are missing or damaged.
    """

    def __init__(
        self,
        objective: PerceptualLosses,
        *,
        number: int,
        size: int,
        photos: Sequence[Image.Image] = (),
        seed: int,
    ) -> None:
        self.objective, self.number, self.size, self.seed = objective, number, size, seed
        self.own = [photo.convert("RGB") for photo in photos]
        self.shipped = learning_photos()
        self.faces = read_faces(PHOTOS_FOLDER / FACES)
        self.known: dict[int, KnownCrop] = {}

    def batch(self, step: int, size: int) -> KnownCrop:
        """Crops of a step; each crop is used once a round, in another order each time."""
        rounds_and_places = [divmod(step * size + place, self.number) for place in range(size)]
        orders = {
            round_: np.random.default_rng((self.seed, ORDER_STREAM, round_)).permutation(self.number)
            for round_, _ in rounds_and_places
        }
        return self.join([int(orders[round_][place]) for round_, place in rounds_and_places])

    def join(self, numbers: Sequence[int]) -> KnownCrop:
        """Some crops by their numbers, as one batch."""
        crops = [self._crop(number) for number in numbers]
        layers = crops[0].contents
        return KnownCrop(
            torch.cat([crop.photo for crop in crops]),
            torch.cat([crop.face_mask for crop in crops]),
            {layer: torch.cat([crop.contents[layer] for crop in crops]) for layer in layers},
        )

    def _crop(self, number: int) -> KnownCrop:
        if number not in self.known:
            pictures = (torch.from_numpy(to_batch(picture)) for picture in self._draw(number))
            photo, mask = (picture.to(self.objective.device) for picture in pictures)
            contents = self.objective.content_features(photo)
            self.known[number] = KnownCrop(photo, mask[:, :1].contiguous(), contents)
        return self.known[number]

    def _draw(self, number: int) -> tuple[Image.Image, Image.Image]:
        """A crop and the white ellipses of its faces."""
        random = np.random.default_rng((self.seed, CROPS_STREAM, number))
        kind = random.random()
        if self.own and kind < OWN_SHARE:
            image, faces = self.own[number % len(self.own)], ()
        else:
            is_face = kind > 1 - FACE_SHARE
            names = [path for path in self.shipped if path.name in self.faces or not is_face]
            path = names[random.integers(len(names))]
            image, faces = load_image(path), self.faces.get(path.name, ())
        if OWN_SHARE <= kind < OWN_SHARE + LEAVES_SHARE:
            seed = int(random.integers(2**31))
            return dead_leaves(image, self.size, seed=seed), Image.new("RGB", (self.size, self.size))
        place = draw_place(random)
        pictures = image, face_mask(image.size, faces)
        crop, mask = (cut_crop(each, place, size=self.size, share=CROP_SHARE) for each in pictures)
        return crop, mask
