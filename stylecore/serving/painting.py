"""Paints the photo of a request: decode, paint, encode."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from PIL import Image

from stylecore.errors import DeviceError, StyleError, WeightsError
from stylecore.host.memory import share_freed_memory
from stylecore.images.encoding import encode_image
from stylecore.images.loading import MAX_MEGAPIXELS, load_image
from stylecore.images.metadata import Description, describe_painting
from stylecore.instant.encoder import encode_style
from stylecore.instant.networks import Network, Networks
from stylecore.instant.stylizer import NOTICE, FastStylizer
from stylecore.serving.painting_request import Painted, PaintRequest, PaintSettings, StylePicture
from stylecore.serving.raw_pictures import is_raw, read_raw, write_raw
from stylecore.styles.catalog import ready_made_styles
from stylecore.styles.style import USUAL_STROKE_SIZE, Style

LARGE_PIXELS = 2e6  # larger photos are painted one at a time, for their memory


class PhotoPainter:
    """Paints requests with one engine. Safe to call from several threads.

    A GPU is warmed up in the background.

    Args:
        device: As for `FastStylizer`.
        megapixels: Largest photo, in millions of pixels.
        networks: As for `FastStylizer`.
    Raises:
        DeviceError: See `FastStylizer`.
        WeightsError: See `FastStylizer`.
    """

    def __init__(
        self, device: str = "auto", *, megapixels: float = MAX_MEGAPIXELS, networks: Networks | None = None
    ) -> None:
        share_freed_memory()
        self._networks = Networks(device) if networks is None else networks
        self.stylizer = FastStylizer(device, networks=self._networks)
        self._first_device, self._megapixels = self.stylizer.device, megapixels
        if self.stylizer.device == "cuda":
            threading.Thread(target=self.stylizer.warm_up, name="warm-up", daemon=True).start()
        self._reading_turn, self._large_turn = threading.Semaphore(1), threading.Semaphore(1)

    def check(self) -> None:
        """Paint a picture of 32 px, to see whether a GPU still works.

        Raises:
            WeightsError: No network can be opened.
            DeviceError: The engine has left the GPU since it began: a new process may have it again.
        """
        failure: WeightsError | None = None
        for style in ready_made_styles():
            try:
                self.stylizer.stylize(Image.new("RGB", (32, 32)), style, stroke_size=USUAL_STROKE_SIZE)
                break
            except WeightsError as error:  # of one network; others may be intact
                failure = error
        else:
            raise failure or WeightsError("there are no styles")
        if self.stylizer.device != self._first_device:
            raise DeviceError(self.stylizer.device_note)

    def paint(self, request: PaintRequest) -> Painted:
        """Paint a photo.

        Raises:
            ImageError: The photo or a style picture cannot be read, or the format cannot hold its size.
            StyleError: See `FastStylizer.stylize`.
            ValueError: A setting out of range.
        """
        settings = request.settings
        with self._reading_turn:
            source = read_raw(request.photo) if is_raw(request.photo) else request.photo
            photo = load_image(source, max_megapixels=self._megapixels, max_side=settings.max_side)
        styles: dict[Style, float] = defaultdict(float)
        for style, weight in request.styles:
            styles[_as_style(style)] += weight
        with self._turn(photo):
            started = time.perf_counter()
            painted = self.stylizer.stylize(
                photo,
                styles,
                strength=settings.strength,
                preserve_color=settings.preserve_color,
                stroke_scale=settings.stroke_scale,
                stroke_size=settings.stroke_size,
                fine=settings.fine,
            )
            seconds = time.perf_counter() - started
        picture, engine = _encode(painted, styles, request), self.stylizer
        return Painted(picture, seconds, engine.device, engine.device_note, painted.info.get(NOTICE, ""))

    def run_network(self, model: str, feed: dict[str, np.ndarray]) -> np.ndarray:
        """Run a network in `weights/`.

        Args:
            model: Its file name.
            feed: `image` of shape (N, 3, H, W) in [0, 1], `rows` (N, R) and `noise_origin` (2,).
        Returns:
            `stylized`, of the shape of `image`.
        Raises:
            StyleError: The rows do not fit the network.
            WeightsError: It is missing or damaged.
        """
        network, length = Network(model), feed["rows"].shape[1]
        if length != (needed := self._networks.row_length(network)):
            raise StyleError(f"rows have {length} numbers: {model} needs {needed}")
        return self._networks.session(network).run(None, feed)[0]

    @contextmanager
    def _turn(self, photo: Image.Image) -> Iterator[None]:
        if photo.width * photo.height <= LARGE_PIXELS:
            yield
        else:
            with self._large_turn:
                yield


def _encode(painted: Image.Image, styles: Mapping[Style, float], request: PaintRequest) -> bytes:
    """The painting in the format of its request, with what it was made of as metadata where they fit in."""
    if request.file_format == "npy":
        return write_raw(painted)
    named: dict[str, float] = defaultdict(float)
    for style, weight in styles.items():
        named[style.name] += weight
    description = _description(named, request.settings)
    return encode_image(painted, request.file_format.upper(), description=description)


def _as_style(style: Style | StylePicture) -> Style:
    return encode_style(style.data, title=style.title) if isinstance(style, StylePicture) else style


def _description(weights: dict[str, float], settings: PaintSettings) -> Description:
    size = settings.stroke_size
    return describe_painting(
        weights,
        strength=settings.strength,
        preserve_color=settings.preserve_color,
        strokes=f"{settings.stroke_scale:g}" if size is None else f"{size} px",
    )
