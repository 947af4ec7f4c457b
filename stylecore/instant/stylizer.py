"""Paint photos with transformer networks, run by ONNX Runtime."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np
from PIL import Image

from stylecore.errors import OutOfMemoryError, StyleError
from stylecore.images.arrays import from_batch, to_batch
from stylecore.images.colors import flatten_content
from stylecore.images.loading import load_image
from stylecore.images.sizes import check_max_side, limit_long_side, size_at
from stylecore.instant import blending
from stylecore.instant.blends import learned_stroke_size, mean_rows, parts_of, titles_of
from stylecore.instant.compositing import Layer, Region, StyleChoice, check_regions, compose
from stylecore.instant.enlarging import enlarge
from stylecore.instant.networks import Network, Networks
from stylecore.instant.sessions import is_out_of_memory
from stylecore.styles.catalog import ready_made_styles
from stylecore.styles.style import USUAL_STROKE_SIZE, Style

MAX_STRENGTH = 2.0
STROKE_SIZES = (128, 65_536)  # px, smallest and largest
STROKE_SCALES = (0.1, 10.0)  # smallest and largest
# Long side in pixels at which a picture is painted at a stroke scale of 1, so that its strokes are as large
# in it as those that the networks learned are in a picture of this size.
WORKING_SIDE = 1024
MAX_ENLARGING = 4  # times that a small picture is enlarged at most to be painted with relative strokes
# Largest picture that goes through the network whole; it then holds 60 bytes a pixel, the fine network 130.
MAX_WORKING_MEGAPIXELS = 16.0

LEAST_SIDE = 128  # px, long side down to which a picture is made smaller when too little memory is free
NOTICE = "notice"  # key of a painting's `info`: what the user should know about it

LANCZOS = Image.Resampling.LANCZOS


class FastStylizer:
    """Paints photos in styles, with one session per network. One instance serves many threads.

    Networks of `weights/` stay loaded; of those that styles bring along (`Style.trunk`,
    `Style.foreign_network`) the last few do.

    Args:
        device: `auto` (CUDA if it starts, else the CPU), `cpu` or `cuda`.
        networks: Loads and runs the networks, for servers; by default those of `device`.
    Attributes:
        device: `cuda` or `cpu`, where the sessions really run.
        device_note: Why `auto` chose the CPU, for messages; empty with CUDA.
    Raises:
        DeviceError: `cuda` was asked for and does not start.
        WeightsError: Every network is missing or damaged, or their records are.
        ValueError: Another device.
    """

    def __init__(self, device: str = "auto", *, networks: Networks | None = None) -> None:
        self._networks = Networks(device) if networks is None else networks
        self._networks.start(style.model for style in ready_made_styles())

    @property
    def device(self) -> str:
        return self._networks.device

    @property
    def device_note(self) -> str:
        return self._networks.device_note

    def stylize(
        self,
        image: Image.Image,
        style: StyleChoice,
        *,
        strength: float = 1.0,
        preserve_color: bool = False,
        stroke_scale: float = 1.0,
        stroke_size: int | None = None,
        max_side: int | None = None,
        fine: bool = True,
        regions: Sequence[Region] = (),
    ) -> Image.Image:
        """Paint one photo.

        Args:
            image: Photo, as `load_image` returns it; alpha is kept.
            style: Name of a ready-made style, or a `Style`, or these with weights for a blend (scaled to
                sum 1): of styles of one network it is painted with the mean of their rows, of several
                networks it is the mean of their paintings.
            strength: 0 gives the photo, 1 the style, up to 2 exaggerates it.
            preserve_color: Keep the photo's colors, take brightness and strokes of the style.
            stroke_scale: Size of the brush marks relative to the picture, 0.1 to 10: at 1 they are what the
                networks learned on a picture of 1,024 px, whatever the resolution, see `working_size`.
            stroke_size: Size of the brush marks in pixels of the photo, instead of `stroke_scale`: the long
                side in pixels at which the style picture would be read, 128 to 65536. At what the networks
                learned, 512 unless a style of one's own says otherwise, they see every pixel once. Twice of
                that doubles the strokes.
            max_side: Scale larger photos down to this long side in pixels, see `load_image`.
            fine: Paint with the wider network, where a style has one: clearer faces and brush work in up
                to three times the time of the fast one. Blends of styles from several fast networks always
                are: the wider one has all of them, and mixes strokes where the others' paintings would be
                laid over each other.
            regions: Parts with looks of their own, see `Region`; a later one covers the earlier ones.
        Returns:
            RGB image of the size of the input (or of `max_side`), RGBA for an RGBA input or with a
            transparent region, with its `info`.
            If too little memory was free for its size, `info["notice"]` says so.
            Photos above 16 megapixels are painted at 16; that and larger strokes are enlarged with the
            detail of `stylecore.instant.enlarging`.
        Raises:
            StyleError: Unknown style, unusable weights, or a style whose rows, differences or network cannot
                be used.
            ImageError: Smaller than 32 px.
            ValueError: Strength, stroke scale or stroke size out of range, or a mask of another mode or size.
            WeightsError: The network is missing or damaged; it is read when it is first needed.
            DeviceError: `cuda` was asked for, and the network does not start or fails there.
            OutOfMemoryError: Too little memory is free even for a small picture.
        """
        check_max_side(max_side)
        parts = parts_of(style)
        check_settings(strength, stroke_scale, stroke_size)
        image = load_image(image, max_megapixels=math.inf)
        check_regions(regions, image.size)
        if max_side is not None:
            image = limit_long_side(image, max_side)
        if strength == 0 and not regions:
            return image
        notes: list[str] = []
        if regions:
            whole = Image.new("L", image.size, 255)
            base = Region(whole, style, strength, preserve_color, stroke_scale, stroke_size)
            layers = [self._layer(region, image.size, notes, fine=fine) for region in (base, *regions)]
            painted = compose(image, layers)
        else:
            painted = self._painting(image, parts, stroke_scale, stroke_size, notes, fine=fine)
            if strength != 1 or preserve_color:
                painted = blending.mix(image, painted, strength, keeps_color=preserve_color)
            if image.mode == "RGBA":
                painted.putalpha(image.getchannel("A"))
        painted.info = image.info.copy()  # when the photo was taken
        if notes:
            painted.info[NOTICE] = notes[-1]
        return painted

    def _layer(self, region: Region, size: tuple[int, int], notes: list[str], *, fine: bool) -> Layer:
        """A region whose look can be painted, its mask at the size of the picture."""
        mask = region.mask.resize(size, LANCZOS)
        check_settings(region.strength, region.stroke_scale, region.stroke_size)
        if region.is_transparent:
            return Layer(mask, is_transparent=True)
        if region.style is None or region.strength == 0:
            return Layer(mask)
        parts, strokes = parts_of(region.style), (region.stroke_scale, region.stroke_size)
        return Layer(
            mask,
            lambda picture: self._painting(picture, parts, *strokes, notes, fine=fine),
            (frozenset(parts.items()), strokes),
            region.strength,
            region.preserve_color,
        )

    def _painting(
        self,
        image: Image.Image,
        parts: Mapping[Style, float],
        stroke_scale: float,
        stroke_size: int | None,
        notes: list[str],
        *,
        fine: bool,
    ) -> Image.Image:
        """A photo painted at full strength, RGB; what the user should know goes to `notes`."""
        is_across = len({part.model for part in parts}) > 1
        fine = fine or is_across
        if stroke_size is None:
            size = working_size(image.size, stroke_scale)
        else:
            size = _size_for(image.size, stroke_size / learned_stroke_size(parts, fine=fine))
        size = _within(size, self.max_megapixels(parts))
        painting = self._pass(_working_picture(image, size), parts, notes, fine=fine)
        # A fast network adds detail as well as the fine one.
        return enlarge(
            painting, image.size, lambda picture: self._pass(picture, parts, notes, fine=is_across)
        )

    def _pass(
        self, image: Image.Image, parts: Mapping[Style, float], notes: list[str], *, fine: bool
    ) -> Image.Image:
        """One pass of the networks at the picture's own size, or at the largest that they can paint.

        If too little memory is free, a smaller picture is painted and enlarged, and noted.
        """
        size = _within(image.size, self.max_megapixels(parts))
        if size == image.size:
            try:
                return from_batch(self.paint_batch(to_batch(image), parts, fine=fine))
            except (MemoryError, OutOfMemoryError):
                if max(size) < 2 * LEAST_SIDE:
                    raise
            size = size_at(max(size) / 2, size)
            notes.append(
                f"little memory was free, so it was painted at {size[0]} x {size[1]} px and enlarged"
            )
        smaller = self._pass(image.resize(size, LANCZOS), parts, notes, fine=fine)
        return smaller.resize(image.size, LANCZOS)

    def paint_batch(
        self,
        batch: np.ndarray,
        parts: Mapping[Style, float],
        *,
        fine: bool,
        noise_origin: tuple[int, int] = (0, 0),
    ) -> np.ndarray:
        """One pass of the networks over a picture at its own size, for frames of clips.

        Args:
            batch: Shape (1, 3, H, W), float32 in [0, 1], H and W of at least 32; the painting has it as well.
            parts: Styles with weights and rows, from `resolve_styles` and `with_rows`.
            fine: As `stylize` takes it.
            noise_origin: Row and column of the noise at the picture's upper left corner, at least 0.
        """
        origin = np.array(noise_origin, np.int64)
        by_network: dict[Network, dict[Style, float]] = defaultdict(dict)
        for style, weight in parts.items():
            by_network[Network.of(style, fine=fine)][style] = weight
        outputs = (self._run(network, batch, weights, origin) for network, weights in by_network.items())
        return reduce(np.add, outputs)

    def _run(
        self, network: Network, batch: np.ndarray, weights: dict[Style, float], noise_origin: np.ndarray
    ) -> np.ndarray:
        """The network's output for the mean of its styles' rows, times the sum of their weights."""
        share = sum(weights.values())
        if network.is_foreign:
            (style,) = weights
            stylized = self._networks.foreign(style).paint(batch)
        else:
            stylized = self._run_session(network, batch, weights, noise_origin)
        if not np.isfinite(stylized.sum()):
            raise StyleError(f"{titles_of(weights)} cannot be painted: the style's numbers are too large")
        return stylized if share == 1 else stylized * np.float32(share)

    def _run_session(
        self, network: Network, batch: np.ndarray, weights: dict[Style, float], noise_origin: np.ndarray
    ) -> np.ndarray:
        """The network's output; on the CPU if CUDA fails in the middle."""
        session = self._networks.session(network)
        rows = mean_rows(network.model, weights, session.get_inputs()[1].shape[1])
        feed = {"image": batch, "rows": rows[None], "noise_origin": noise_origin}
        try:
            return session.run(None, feed)[0]
        except Exception as error:  # ONNX Runtime's own exceptions have no common public base
            if is_out_of_memory(error):
                height, width = batch.shape[2:]
                raise OutOfMemoryError(f"too little memory is free for {width} x {height} px") from error
            if not self._networks.leave_cuda(error):
                raise
        return self._networks.session(network).run(None, feed)[0]

    def max_megapixels(self, parts: Mapping[Style, float]) -> float:
        """Size of the largest picture that all foreign networks of a blend can paint."""
        networks = [self._networks.foreign(style) for style in parts if style.foreign_network]
        return min((network.max_megapixels for network in networks), default=math.inf)


def working_size(size: tuple[int, int], stroke_scale: float = 1.0) -> tuple[int, int]:
    """Width and height at which a network paints a picture with strokes relative to it.

    Of panoramas the short side counts, too: they would be painted a few pixels high.

    Args:
        size: Width and height of the picture in pixels.
        stroke_scale: As `FastStylizer.stylize` takes it.
    """
    side = max(min(max(size), 2 * min(size)), max(size) / 2)
    ratio = max(stroke_scale * side / WORKING_SIDE, 1 / MAX_ENLARGING)
    # In the steps that a stroke size in whole pixels has.
    return _size_for(size, round(ratio * USUAL_STROKE_SIZE) / USUAL_STROKE_SIZE)


def check_settings(strength: float, stroke_scale: float = 1.0, stroke_size: int | None = None) -> None:
    """Refuse what `FastStylizer.stylize` cannot use.

    Raises:
        ValueError: Strength, stroke scale or stroke size out of range.
    """
    if not 0 <= strength <= MAX_STRENGTH:
        raise ValueError(f"strength is {strength}: use 0 to {MAX_STRENGTH:g}")
    if not STROKE_SCALES[0] <= stroke_scale <= STROKE_SCALES[1]:
        raise ValueError(f"stroke_scale is {stroke_scale}: use {STROKE_SCALES[0]:g} to {STROKE_SCALES[1]:g}")
    if stroke_size is not None and not STROKE_SIZES[0] <= stroke_size <= STROKE_SIZES[1]:
        raise ValueError(f"stroke_size is {stroke_size}: use {STROKE_SIZES[0]} to {STROKE_SIZES[1]} px")


def _size_for(size: tuple[int, int], ratio: float) -> tuple[int, int]:
    """A picture's size divided by `ratio`, for strokes larger by it, within the network's limit."""
    limit = math.sqrt(MAX_WORKING_MEGAPIXELS * 1e6 / (size[0] * size[1]))
    return size_at(max(size) * min(1 / ratio, limit), size)


def _within(size: tuple[int, int], max_megapixels: float) -> tuple[int, int]:
    """A picture's width and height, smaller where it has more pixels than that."""
    ratio = math.sqrt(max_megapixels * 1e6 / (size[0] * size[1]))
    return size if ratio > 0.99 else size_at(max(size) * ratio, size)


def _working_picture(photo: Image.Image, size: tuple[int, int]) -> Image.Image:
    """RGB of the width and height at which the network works."""
    flat = flatten_content(photo)
    return flat if size == flat.size else flat.resize(size, LANCZOS, reducing_gap=3)
