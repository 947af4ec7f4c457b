"""What one style is learned on, crops or whole photos: used in turn, with what is known of each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylecore.images.arrays import to_batch
from stylecore.images.loading import load_image
from stylecore.images.sizes import limit_long_side
from stylecore.learning.crops import cut_crop, draw_place, face_mask, read_faces
from stylecore.learning.dead_leaves import dead_leaves
from stylecore.learning.learning_photos import FACES, PHOTOS_FOLDER, learning_photos
from stylecore.learning.objective import PerceptualLosses
from stylecore.regions.faces import FaceFinder

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


class Turns(ABC):
    """Pictures that are used in turn, each once a round, in another order each time.

    Args:
        number: Different pictures.
        seed: Seed of the orders.
    """

    def __init__(self, number: int, seed: int) -> None:
        self.number, self.seed = number, seed
        self.known: dict[int, KnownCrop] = {}

    def batch(self, step: int, size: int) -> KnownCrop:
        """Pictures of a step."""
        rounds_and_places = [divmod(step * size + place, self.number) for place in range(size)]
        orders = {
            round_: np.random.default_rng((self.seed, ORDER_STREAM, round_)).permutation(self.number)
            for round_, _ in rounds_and_places
        }
        return self.join([int(orders[round_][place]) for round_, place in rounds_and_places])

    def join(self, numbers: Sequence[int]) -> KnownCrop:
        """Some pictures by their numbers, as one batch; their sizes must be equal."""
        for number in numbers:
            if number not in self.known:
                self.known[number] = self._measure(number)
        crops = [self.known[number] for number in numbers]
        layers = crops[0].contents
        return KnownCrop(
            torch.cat([crop.photo for crop in crops]),
            torch.cat([crop.face_mask for crop in crops]),
            {layer: torch.cat([crop.contents[layer] for crop in crops]) for layer in layers},
        )

    @abstractmethod
    def _measure(self, number: int) -> KnownCrop:
        """A picture with what is computed once."""


class WholePhotos(Turns):
    """The visitor's own photos, each as a whole.

    Instance normalization depends on the whole picture, so that a network learns to paint one photo sooner on
    the whole of it than on cuts: 18 steps at 512 px end at 0.55 of the sketch's total, 30 steps on cuts of
    256 px, which take two thirds of that time, at 0.74.

    Args:
        objective: Has the VGG19 that measures them, on its device.
        photos: The photos.
        size: Long side in pixels, at most.
        seed: Seed of their order.
    Raises:
        ValueError: No photo.
        WeightsError: The network that finds faces is missing or damaged.
    """

    def __init__(
        self, objective: PerceptualLosses, photos: Sequence[Image.Image], *, size: int, seed: int
    ) -> None:
        if not photos:
            raise ValueError("to fit a style to photos at least one photo is needed, none was given")
        super().__init__(len(photos), seed)
        self.objective = objective
        self.photos = [limit_long_side(photo.convert("RGB"), size) for photo in photos]
        self.faces = FaceFinder()

    def _measure(self, number: int) -> KnownCrop:
        photo = self.photos[number]
        boxes = self.faces.find_boxes(photo) / np.array(photo.size * 2)
        return measured(photo, face_mask(photo.size, boxes.tolist()), self.objective)


def measured(photo: Image.Image, faces: Image.Image, objective: PerceptualLosses) -> KnownCrop:
    """A picture of RGB and the white ellipses of its faces with what is computed once."""
    batch, mask = (torch.from_numpy(to_batch(each)).to(objective.device) for each in (photo, faces))
    return KnownCrop(batch, mask[:, :1].contiguous(), objective.content_features(batch))


class LearningCrops(Turns):
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
        super().__init__(number, seed)
        self.objective, self.size = objective, size
        self.own = [photo.convert("RGB") for photo in photos]
        self.shipped = learning_photos()
        self.faces = read_faces(PHOTOS_FOLDER / FACES)

    def _measure(self, number: int) -> KnownCrop:
        return measured(*self._draw(number), self.objective)

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
