"""Photo looks: a photo takes over the light and colors of a reference picture, and stays a photo."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from stylecore.host.extras import import_extra
from stylecore.images.colors import flatten, flatten_content
from stylecore.images.loading import load_image
from stylecore.images.sizes import limit_long_side
from stylecore.photoreal.config import INSTANT, PhotoLookConfig, check_look_config, check_share
from stylecore.photoreal.cube import encode_cube, write_cube
from stylecore.photoreal.grid import apply_grid, global_part, weaken
from stylecore.photoreal.look_files import REFERENCE_SIDE, LookRecord, encode_look, read_look, write_look
from stylecore.photoreal.start import first_grid
from stylecore.regions.pairs import MaskPair, complete_pairs

if TYPE_CHECKING:
    from stylecore.photoreal.fitting import LookProgress

SEEN_SIDE = 1024  # px, long side at which faces are looked for
THUMBNAIL_SIDE = 8  # px; a photo is known again by one of this size
SAME_PHOTO = 3.0  # of 255: mean difference of the thumbnails of one photo at other sizes or in other formats


@dataclass(frozen=True)
class PhotoLook:
    """A look that was fitted to a photo.

    On that photo, at any size, its grid is used, which knows places. On another one, only its global part,
    which transforms a color in the same way everywhere: fit anew for more.

    Attributes:
        grid: Color transforms by luma and place, (D, rows, columns, 3, 4), float32.
        global_grid: Their average over places, (D, 1, 1, 3, 4), float32.
        config: Settings of the fitting.
        reference: The picture whose look it is, RGB, at most 512 px.
        thumbnail: The photo it was fitted to, uint8, (8, 8, 3).
    """

    grid: np.ndarray = field(repr=False)
    global_grid: np.ndarray = field(repr=False)
    config: PhotoLookConfig
    reference: Image.Image
    thumbnail: np.ndarray = field(repr=False)

    @classmethod
    def fit(
        cls,
        photo: Image.Image,
        reference: Image.Image,
        config: PhotoLookConfig = PhotoLookConfig(),
        *,
        regions: Sequence[MaskPair] = (),
        on_progress: Callable[[LookProgress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> PhotoLook:
        """Find the look of a reference picture for a photo.

        Args:
            photo: The photo; transparent parts count in its mean color.
            reference: Photo or painting whose light and colors are taken over.
            config: Settings.
            regions: Pairs of masks of photo and reference, each of its picture's size: what is in the first
                takes the look of what is in the second, and the rest that of the rest; see
                `stylecore.regions.pairs.complete_pairs`. Without any, all takes the look of all.
            on_progress: Called after every step. The method `instant` has none.
            should_stop: Asked after every step; True ends the run with the best so far.
        Raises:
            ImageError: A picture smaller than 32 px, or a mask of another size or with nothing inside.
            ValueError: Settings that do not exist or are out of range.
            MissingExtraError: torch is not installed, which all methods but `instant` need.
            DeviceError: The device does not start.
            WeightsError: Weights of a network are missing or damaged.
        """
        check_look_config(config)
        photo = flatten_content(load_image(photo, max_megapixels=math.inf))
        reference = flatten(load_image(reference, max_megapixels=math.inf))
        sizes = [(reference.size, 1.0)]
        complete = complete_pairs(regions, photo.size, sizes, style_name="reference")
        small, target = (limit_long_side(each, config.side) for each in (photo, reference))
        pairs = [(_resized(own, small), _resized(other, target)) for own, (other,) in complete]
        pixels = _pixels(small)
        grid = first_grid(
            pixels, _pixels(target), [(_share(own), _share(other)) for own, other in pairs], config.method
        )
        if config.method != INSTANT:
            import_extra("torch")
            fitting = import_module("stylecore.photoreal.fitting")
            problem = fitting.Problem(small, target, pairs, _skin(photo, small.size, config), grid)
            grid = fitting.fit_grid(problem, config, on_progress=on_progress, should_stop=should_stop)
        return cls(
            grid=grid,
            global_grid=global_part(grid, pixels),
            config=config,
            reference=limit_long_side(reference, REFERENCE_SIDE),
            thumbnail=_thumbnail(photo),
        )

    def is_fitted_to(self, image: Image.Image) -> bool:
        """Whether a picture is the photo that the look was fitted to, at any size and in any format."""
        difference = _thumbnail(flatten_content(image)).astype(np.float32) - self.thumbnail
        return float(np.abs(difference).mean()) <= SAME_PHOTO

    def apply(
        self, image: Image.Image, strength: float = 1.0, *, keep_light: float | None = None
    ) -> Image.Image:
        """Apply the look.

        Args:
            image: Photo of any size; alpha is kept.
            strength: 0 gives the photo, 1 the look.
            keep_light: Share of the photo's own brightness that stays, 0 to 1; None: as in the settings.
        Returns:
            A new image of the same size and mode, RGB or RGBA.
        Raises:
            ImageError: Smaller than 32 px.
            ValueError: `strength` or `keep_light` out of range.
        """
        image = load_image(image, max_megapixels=math.inf)
        grid = self.grid if self.is_fitted_to(image) else self.global_grid
        grid = self._weakened(grid, strength, keep_light)
        if strength == 0:
            return image
        color = image if image.mode == "RGB" else image.convert("RGB")
        result = apply_grid(grid, color)
        if image.mode == "RGBA":
            result.putalpha(image.getchannel("A"))
        result.info = image.info.copy()  # when the photo was taken
        return result

    def save(self, path: str | PathLike) -> None:
        """Write a file, ending `.look`, with grid, settings, reference picture and the thumbnail.

        Raises:
            StyleError: The name has another ending.
            OSError: The file cannot be written.
        """
        write_look(self._record(), path)

    def encode(self) -> bytes:
        """Return the contents of the file that `save` writes."""
        return encode_look(self._record())

    @classmethod
    def load(cls, source: str | PathLike | bytes) -> PhotoLook:
        """Read a file that `save` wrote, or its contents.

        Raises:
            StyleError: Missing, cut, damaged, or no look; the message says what came and what is needed.
        """
        record = read_look(source)
        return cls(record.grid, record.global_grid, record.config, record.reference, record.thumbnail)

    def save_cube(
        self, path: str | PathLike, strength: float = 1.0, *, keep_light: float | None = None
    ) -> None:
        """Write the global part as a LUT, ending `.cube`, for other programs.

        Args:
            path: File to write.
            strength: As in `apply`.
            keep_light: As in `apply`.
        Raises:
            StyleError: The name has another ending.
            ValueError: `strength` or `keep_light` out of range.
            OSError: The file cannot be written.
        """
        write_cube(self._weakened(self.global_grid, strength, keep_light), path)

    def encode_cube(self, title: str, strength: float = 1.0, *, keep_light: float | None = None) -> bytes:
        """Return the contents of the LUT that `save_cube` writes, with a title for other programs.

        Raises:
            ValueError: `strength` or `keep_light` out of range.
        """
        return encode_cube(self._weakened(self.global_grid, strength, keep_light), title)

    def _record(self) -> LookRecord:
        return LookRecord(self.grid, self.global_grid, self.thumbnail, self.reference, self.config)

    def _weakened(self, grid: np.ndarray, strength: float, keep_light: float | None) -> np.ndarray:
        keep_light = self.config.keep_light if keep_light is None else keep_light
        check_share("strength", strength)
        check_share("keep_light", keep_light)
        return weaken(grid, strength, keep_light)


def _resized(mask: Image.Image, picture: Image.Image) -> Image.Image:
    return mask.resize(picture.size, Image.Resampling.BOX)


def _pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image, np.float32) / 255


def _share(mask: Image.Image) -> np.ndarray:
    return np.asarray(mask, np.float32) / 255


def _skin(photo: Image.Image, size: tuple[int, int], config: PhotoLookConfig) -> np.ndarray:
    if not config.keep_skin:
        return np.zeros(size[::-1], np.float32)
    from stylecore.photoreal.skin import find_skin  # needs onnxruntime

    return find_skin(limit_long_side(photo, SEEN_SIDE), size) * np.float32(config.keep_skin)


def _thumbnail(photo: Image.Image) -> np.ndarray:
    size = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    return np.asarray(flatten(photo).resize(size, Image.Resampling.BILINEAR, reducing_gap=8))
