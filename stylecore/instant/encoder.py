"""The style encoder: any picture as a style at once, without torch."""

from __future__ import annotations

import json
import math
import threading
from dataclasses import replace
from functools import lru_cache

import numpy as np
from PIL import Image

from stylecore.errors import ImageError, StyleError, WeightsError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.host.weights import check_weights_file
from stylecore.images.arrays import to_batch
from stylecore.images.loading import Source, load_style
from stylecore.images.sizes import resize_long_side, size_at
from stylecore.instant.sessions import open_session
from stylecore.styles.files import THUMBNAIL_SIDE, picture_bytes
from stylecore.styles.records import ENCODER_MODEL, network_checksums
from stylecore.styles.style import GENERAL_MODEL, USUAL_STROKE_SIZE, Style, name_from, network_name

VGG19 = "vgg19.safetensors"  # file in `weights/` that holds most of the encoder's weights
# px, smallest and largest long side at which a style picture is read; the largest takes four times as long
# and as much memory as the usual 512 px.
READ_SIZES = (128, 1024)
MAX_SIDE = 2048  # px of a narrow strip, whose short side has at least 32 px
MAX_ROW = 100.0  # scales and shifts of trained styles are below 5


class StyleEncoder:
    """Reads style pictures as rows of the general network, with one session. Safe to use in many threads.

    Raises:
        WeightsError: A file of the encoder is missing or damaged, or made for other files than those there.
    """

    def __init__(self) -> None:
        path = WEIGHTS_FOLDER / ENCODER_MODEL
        check_weights_file(path)
        try:
            made_for = dict(json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["made_for"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WeightsError(f"{path.stem}.json does not list the files that it needs") from error
        for name in (VGG19, GENERAL_MODEL):
            check_weights_file(WEIGHTS_FOLDER / name, sha256=made_for.get(name, ""))
        self._session = open_session(path, "cpu", keeps_memory=False)

    def encode(self, style_image: Image.Image, *, stroke_size: int = USUAL_STROKE_SIZE) -> np.ndarray:
        """Read a style picture.

        Args:
            style_image: RGB picture, as `load_style` returns it.
            stroke_size: Long side in pixels at which the picture is read.
        Returns:
            Rows of the general network, float32 of shape (R,).
        Raises:
            ImageError: A strip so narrow that it would be read at over 2048 px.
            StyleError: The picture leads to rows that cannot be used.
        """
        width, height = size_at(stroke_size, style_image.size)
        if max(width, height) > MAX_SIDE:
            raise ImageError(
                f"the style picture has {style_image.width} x {style_image.height} px, which is too narrow "
                "a strip: cut out a part of it"
            )
        batch = to_batch(resize_long_side(style_image, stroke_size))
        (rows,) = self._session.run(None, {"picture": batch})
        if not np.abs(rows).max() <= MAX_ROW:  # also where it is not a number
            raise StyleError("this picture cannot be read as a style: use one with more strokes or texture")
        return rows[0]


_lock = threading.Lock()
_encoders: list[StyleEncoder] = []  # one, once a picture has been encoded


def encode_style(style_image: Source, *, stroke_size: int | None = None, title: str = "") -> Style:
    """Turn any picture into a style that `FastStylizer` paints, in about a second.

    Args:
        style_image: The style picture: path, encoded bytes, binary file object, or PIL image; transparent
            parts count as white.
        stroke_size: Long side in pixels at which the picture is read, 128 to 1024, by default 512: a smaller
            picture has finer strokes.
        title: Shown as the title of the style, and made into its name.
    Returns:
        A style for the general network, which paints it in the fast and the fine setting alike.
    Raises:
        ImageError: The picture cannot be read, is too small or too large, or has a single color.
        StyleError: The picture leads to rows that cannot be used.
        WeightsError: The encoder or its network is missing or damaged.
        ValueError: Stroke size out of range.
    """
    size = USUAL_STROKE_SIZE if stroke_size is None else stroke_size
    if not READ_SIZES[0] <= size <= READ_SIZES[1]:
        raise ValueError(f"stroke_size is {stroke_size}: use {READ_SIZES[0]} to {READ_SIZES[1]} px")
    megapixels = {"max_megapixels": math.inf} if isinstance(style_image, Image.Image) else {}
    picture = load_style(style_image, **megapixels)
    with _lock:
        if not _encoders:
            _encoders.append(StyleEncoder())
    rows = _encoders[0].encode(picture, stroke_size=size)
    network = network_name(GENERAL_MODEL)
    return Style(
        name=name_from(title, "own_style"),
        title=title or "Your own style",
        rows={network: rows},
        networks={network: network_checksums()[network]},
        stroke_size=size,
        picture=picture_bytes(picture),
        thumbnail=picture_bytes(picture, THUMBNAIL_SIDE),
    )


def with_rows(style: Style) -> Style:
    """Return a style that can be painted: one that is a picture alone gets rows encoded from it.

    Raises:
        StyleError: The style has nothing to paint with, or its picture leads to rows that cannot be used.
        ImageError: Its picture cannot be read.
        WeightsError: The encoder or its network is missing or damaged.
    """
    if style.rows or style.foreign_network:
        return style
    if not style.picture:
        raise StyleError(f"the style {style.name!r} has neither rows nor a network nor a picture")
    size = min(max(style.stroke_size, READ_SIZES[0]), READ_SIZES[1])
    encoded = _encoded(style.picture, size)
    return replace(style, model=encoded.model, rows=encoded.rows, networks=encoded.networks)


@lru_cache(maxsize=16)
def _encoded(picture: bytes, stroke_size: int) -> Style:
    return encode_style(picture, stroke_size=stroke_size)
