"""The faces of a photo as a soft mask, by YuNet."""

from __future__ import annotations

import threading

import numpy as np
from PIL import Image

from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.host.weights import check_weights_file
from stylecore.images.colors import flatten_content
from stylecore.images.sizes import limit_long_side
from stylecore.instant.blending import STRIP_ROWS
from stylecore.instant.sessions import open_session

MODEL = "yunet.onnx"  # file in `weights/`
STRIDES = (8, 16, 32)  # px, from one place where the network looks for a face to the next
# px, long sides at which a photo is searched, falling, and the least face that counts at each: the network
# knows faces of 10 to 300 px.
SEARCHES = ((1024, 10), (256, 64))
LEAST_SCORE = 0.75  # of 1, of a face
SAME = 0.3  # intersection over union from which two finds are one face
CORE, EDGE = 0.9, 1.4  # of a face's half width and height: where the mask ends to be 255, and becomes 0

_lock = threading.Lock()
_finders: list[FaceFinder] = []  # one, once faces have been asked for


class FaceFinder:
    """Finds faces with one session. Safe to call from several threads.

    Raises:
        WeightsError: The network is missing or damaged.
    """

    def __init__(self) -> None:
        path = WEIGHTS_FOLDER / MODEL
        check_weights_file(path)
        self._session = open_session(path, "cpu", keeps_memory=False, is_compact=True)

    def find_boxes(self, photo: Image.Image) -> np.ndarray:
        """Find faces from the forehead to the chin.

        Args:
            photo: RGB.
        Returns:
            Left, top, right and bottom in pixels of the photo, float32 of shape (number of faces, 4); the
            surest first.
        """
        boxes, scores, small = [], [], photo
        for side, least in SEARCHES:
            small = limit_long_side(small, side)
            found, score = self._search(np.asarray(small))
            is_large = (found[:, 2:] - found[:, :2]).max(axis=-1) >= least
            boxes.append(found[is_large] * np.float32(photo.width / small.width))
            scores.append(score[is_large])
        return _distinct(np.concatenate(boxes), np.concatenate(scores))

    def _search(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes and scores of all places that look like a face.

        Source: Wu, Peng and Yu (2023), *YuNet: A Tiny Millisecond-level Face Detector*; places and sizes as
            OpenCV's FaceDetectorYN reads them.
        """
        height, width = (-(-side // STRIDES[-1]) * STRIDES[-1] for side in pixels.shape[:2])
        batch = np.zeros((1, 3, height, width), np.float32)
        batch[0, :, : pixels.shape[0], : pixels.shape[1]] = pixels[..., ::-1].transpose(2, 0, 1)  # BGR
        names = [f"{kind}_{stride}" for stride in STRIDES for kind in ("cls", "obj", "bbox")]
        outputs = dict(zip(names, self._session.run(names, {"input": batch}), strict=True))
        boxes, scores = [], []
        for stride in STRIDES:
            is_class, is_object, box = (outputs[f"{kind}_{stride}"][0] for kind in ("cls", "obj", "bbox"))
            score = np.sqrt(is_class.clip(0, 1) * is_object.clip(0, 1))[:, 0]
            (sure,) = np.nonzero(score >= LEAST_SCORE)
            places = np.stack((sure % (width // stride), sure // (width // stride)), axis=-1)
            middle, half = (places + box[sure, :2]) * stride, np.exp(box[sure, 2:]) * stride / 2
            boxes.append(np.concatenate((middle - half, middle + half), axis=-1))
            scores.append(score[sure])
        return np.concatenate(boxes).astype(np.float32), np.concatenate(scores)

    def find(self, photo: Image.Image) -> Image.Image:
        """As `find_faces`, for an RGB photo."""
        mask = np.zeros((photo.height, photo.width), np.uint8)
        for box in self.find_boxes(photo):
            _draw_oval(mask, box)
        return Image.fromarray(mask)


def _distinct(boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Boxes that are no second find of a surer one."""
    left, kept = boxes[np.argsort(-scores, kind="stable")], []
    while len(left):
        first, others = left[0], left[1:]
        kept.append(first)
        common = np.minimum(first[2:], others[:, 2:]) - np.maximum(first[:2], others[:, :2])
        shared = common.clip(0).prod(axis=-1)
        areas = (first[2:] - first[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(axis=-1)
        left = others[shared < SAME * (areas - shared)]
    return np.array(kept, np.float32).reshape(-1, 4)


def _draw_oval(mask: np.ndarray, box: np.ndarray) -> None:
    """Add the oval of a face to a mask, uint8 of shape (H, W)."""
    middle, half = (box[:2] + box[2:]) / 2, EDGE * (box[2:] - box[:2]) / 2
    left, top = np.floor((middle - half).clip(0)).astype(int)
    right, bottom = np.ceil(middle + half).astype(int)
    x = (np.arange(left, min(right, mask.shape[1]), dtype=np.float32) + 0.5 - middle[0]) / half[0]
    for start in range(top, min(bottom, mask.shape[0]), STRIP_ROWS):
        part = mask[start : min(start + STRIP_ROWS, bottom), left:right]
        y = (np.arange(start, start + len(part), dtype=np.float32) + 0.5 - middle[1]) / half[1]
        inside = ((1 - np.sqrt(x**2 + y[:, None] ** 2)) / (1 - CORE / EDGE)).clip(0, 1)
        oval = inside**2 * (3 - 2 * inside)  # without a kink where it begins and ends
        np.maximum(part, (oval * 255).round().astype(np.uint8), out=part)


def find_faces(image: Image.Image) -> Image.Image:
    """Find the faces of people in a photo.

    Args:
        image: Photo, as `load_image` returns it; transparent parts are seen in its mean color.
    Returns:
        Soft mask, mode L, of the photo's size: 255 in each face, falling to 0 around it. Faces from a
        fiftieth of the photo's long side on are found, and from 20 px. All 0 where there is none:
        `mask.getbbox()` is None then.
    Raises:
        WeightsError: The network is missing or damaged.
    """
    return _finder().find(flatten_content(image))


def find_face_boxes(image: Image.Image) -> np.ndarray:
    """Find the boxes of the faces of people in a photo, see `find_faces` and `FaceFinder.find_boxes`."""
    return _finder().find_boxes(flatten_content(image))


def _finder() -> FaceFinder:
    """The finder that all callers share."""
    with _lock:
        if not _finders:
            _finders.append(FaceFinder())
        return _finders[0]
