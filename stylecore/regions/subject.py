"""The subject of a photo as a soft mask, by U²-Net."""

from __future__ import annotations

import threading

import numpy as np
from PIL import Image

from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.host.weights import check_weights_file
from stylecore.images.colors import flatten_content
from stylecore.instant.sessions import open_session
from stylecore.regions.guided_filter import snap_to_edges

MODEL = "u2netp.onnx"  # file in `weights/`
SIDE = 320  # px, side of the square that the network sees
# Of the colors in [0, 1], by channel, in the pictures that the network learned from (ImageNet).
MEAN, DEVIATION = np.array((0.485, 0.456, 0.406), np.float32), np.array((0.229, 0.224, 0.225), np.float32)
SURE = 0.8  # of 1; a subject has pixels above it
LEAST_AREA = 0.01  # of the picture that a subject covers with such pixels
RADIUS = 6  # px of the photo at 512 px, within which the mask moves to an edge

_lock = threading.Lock()
_finders: list[SubjectFinder] = []  # one, once a subject has been asked for


class SubjectFinder:
    """Finds subjects with one session. Safe to call from several threads.

    Raises:
        WeightsError: The network is missing or damaged.
    """

    def __init__(self) -> None:
        path = WEIGHTS_FOLDER / MODEL
        check_weights_file(path)
        self._session = open_session(path, "cpu", keeps_memory=False, is_compact=True)
        self._output = self._session.get_outputs()[0].name  # the others are coarser stages of it

    def find_coarse(self, photo: Image.Image) -> np.ndarray:
        """Find the subject as the network sees it, without the photo's edges.

        Args:
            photo: RGB.
        Returns:
            Share of the subject in each pixel, float32 in [0, 1], shape (320, 320).
        Source: Qin et al. (2020), *U²-Net: Going Deeper with Nested U-Structure for Salient Object
            Detection*; input scaled by its maximum, as its authors' code does.
        """
        small = photo.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=3)
        pixels = np.asarray(small, np.float32)
        pixels = (pixels / max(pixels.max(), 1) - MEAN) / DEVIATION
        (coarse,) = self._session.run([self._output], {"input.1": pixels.transpose(2, 0, 1)[None]})
        return coarse[0, 0]

    def find(self, photo: Image.Image) -> Image.Image:
        """As `find_subject`, for an RGB photo."""
        coarse = self.find_coarse(photo)
        if (coarse > SURE).mean() < LEAST_AREA:
            return Image.new("L", photo.size)
        return snap_to_edges(photo, coarse, radius=RADIUS)


def find_subject(image: Image.Image) -> Image.Image:
    """Find what a photo is of: people, animals or things in front of their background.

    Args:
        image: Photo, as `load_image` returns it; transparent parts are seen in its mean color.
    Returns:
        Soft mask, mode L, of the photo's size: 255 in the subject, 0 in the background, between them at its
        edges. All 0 where no subject is found: `mask.getbbox()` is None then.
    Raises:
        WeightsError: The network is missing or damaged.
    """
    with _lock:
        if not _finders:
            _finders.append(SubjectFinder())
    return _finders[0].find(flatten_content(image))
