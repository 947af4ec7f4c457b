"""The photos on which one style is learned, each as a whole: used in turn, with what is known of each."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylecore.images.arrays import to_batch
from stylecore.images.loading import load_image
from stylecore.images.sizes import limit_long_side
from stylecore.learning.crops import face_mask, read_faces
from stylecore.learning.dead_leaves import dead_leaves
from stylecore.learning.learning_photos import FACES, PHOTOS_FOLDER, learning_photos
from stylecore.learning.objective import PerceptualLosses
from stylecore.regions.faces import find_face_boxes

OWN_TURN = 4  # every so many-th step takes one of the visitor's own photos, if there are any
LEAVES_SHARE = 0.08  # of the other photos, dead leaves pictures in the colors of a photo
FACE_SHARE = 0.2  # of the other photos, with faces
PHOTOS_STREAM, ORDER_STREAM = 1, 2  # of the random numbers of a seed, after those of the noise


@dataclass(frozen=True)
class KnownPhoto:
    """A photo with what is computed once."""

    photo: Tensor  # (1, 3, H, W) in [0, 1]
    face_mask: Tensor  # (1, 1, H, W), 1 in faces
    contents: dict[str, Tensor]  # activations by content layer


class PhotoTurns:
    """The visitor's own photos, and photos that ship with the project, with some dead leaves pictures.

    Each is measured when its first turn comes, and kept: at 512 px some 6 MB with its activations in 16 bits.
    What is drawn depends only on the seed. Why whole photos and not cuts, is in docs/training.md.

    Args:
        objective: Has the VGG19 that measures them, on its device.
        own: The visitor's own photos.
        count: Different other photos; 0 for the own ones alone.
        side: Long side in pixels, at most.
        seed: Seed of all draws.
    Raises:
        ValueError: No photo at all.
        WeightsError: The photos that ship with the project or the network that finds faces is missing or
            damaged.
    """

    def __init__(
        self, objective: PerceptualLosses, *, own: Sequence[Image.Image], count: int, side: int, seed: int
    ) -> None:
        if not own and not count:
            raise ValueError("to fit a style to photos at least one photo is needed, none was given")
        self.objective, self.count, self.side, self.seed = objective, count, side, seed
        self.own = [limit_long_side(photo.convert("RGB"), side) for photo in own]
        self.shipped = learning_photos() if count else []
        self.faces = read_faces(PHOTOS_FOLDER / FACES) if count else {}
        self.known: dict[Hashable, KnownPhoto] = {}

    def at(self, step: int) -> KnownPhoto:
        """The photo of a step; each is used once a round, the others in another order each time."""
        if self.own and not self.count:
            return self._own(step)
        if self.own and step % OWN_TURN == 0:
            return self._own(step // OWN_TURN)
        turn = step - -(-step // OWN_TURN) if self.own else step
        round_, place = divmod(turn, self.count)
        order = np.random.default_rng((self.seed, ORDER_STREAM, round_)).permutation(self.count)
        return self._other(int(order[place]))

    def first(self, number: int) -> list[KnownPhoto]:
        """The same few photos always, at most `number`."""
        others = [self._other(each) for each in range(min(number, self.count))]
        return others or [self._own(each) for each in range(min(number, len(self.own)))]

    def _own(self, turn: int) -> KnownPhoto:
        number = turn % len(self.own)
        if (key := ("own", number)) not in self.known:
            photo = self.own[number]
            boxes = find_face_boxes(photo) / np.array(photo.size * 2)
            self.known[key] = self._measured(photo, face_mask(photo.size, boxes.tolist()))
        return self.known[key]

    def _other(self, number: int) -> KnownPhoto:
        if number not in self.known:
            self.known[number] = self._measured(*self._draw(number))
        return self.known[number]

    def _draw(self, number: int) -> tuple[Image.Image, Image.Image]:
        """A photo and the white ellipses of its faces."""
        random = np.random.default_rng((self.seed, PHOTOS_STREAM, number))
        kind = random.random()
        has_face = kind > 1 - FACE_SHARE
        paths = [path for path in self.shipped if path.name in self.faces or not has_face]
        path = paths[random.integers(len(paths))]
        photo = limit_long_side(load_image(path), self.side)
        if kind < LEAVES_SHARE:
            leaves = dead_leaves(photo, min(photo.size), seed=int(random.integers(2**31)))
            return leaves, Image.new("RGB", leaves.size)
        return photo, face_mask(photo.size, self.faces.get(path.name, ()))

    def _measured(self, photo: Image.Image, faces: Image.Image) -> KnownPhoto:
        batch, mask = (
            torch.from_numpy(to_batch(each.convert("RGB"))).to(self.objective.device)
            for each in (photo, faces)
        )
        return KnownPhoto(batch, mask[:, :1].contiguous(), self.objective.content_features(batch))
