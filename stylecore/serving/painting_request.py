"""What a request to paint has, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from stylecore.styles.style import Style

FileFormat = Literal["jpeg", "png", "webp", "npy"]  # the last is an array, see `raw_pictures`
MEDIA_TYPES: dict[FileFormat, str] = {
    name: "application/x-npy" if name == "npy" else f"image/{name}" for name in get_args(FileFormat)
}


@dataclass(frozen=True)
class PaintSettings:
    """The settings of `FastStylizer.stylize`, which explains them."""

    strength: float = 1.0
    preserve_color: bool = False
    stroke_scale: float = 1.0
    stroke_size: int | None = None
    max_side: int | None = None
    fine: bool = True


@dataclass(frozen=True)
class StylePicture:
    """An encoded picture to use as a style, and the title of that style."""

    data: bytes
    title: str


@dataclass(frozen=True)
class PaintRequest:
    """A photo to paint.

    Attributes:
        photo: The encoded photo, or its pixels, see `raw_pictures`.
        styles: Styles, or pictures to read as styles, with weights.
        settings: See `PaintSettings`.
        file_format: Of the painting; a JPEG has no transparency.
    """

    photo: bytes
    styles: tuple[tuple[Style | StylePicture, float], ...]
    settings: PaintSettings = PaintSettings()
    file_format: FileFormat = "jpeg"


@dataclass(frozen=True)
class Painted:
    """A painting, and how it was made.

    Attributes:
        picture: The encoded painting, with the metadata of `stylecore.images.metadata`, or its pixels.
        seconds: Painting time, without decoding, encoding and waiting.
        device: `cuda` or `cpu`.
        device_note: Why no GPU was used; empty if one was.
        notice: What the user should know about the painting; mostly empty.
    """

    picture: bytes
    seconds: float
    device: str
    device_note: str = ""
    notice: str = ""
