"""Paint photos with transformer networks, run by ONNX Runtime."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from stylecore.images.colors import flatten_content
from stylecore.images.loading import as_loaded
from stylecore.images.sizes import check_max_side, limit_long_side, size_at
from stylecore.instant import blending
from stylecore.instant.blends import learned_stroke_size, parts_of
from stylecore.instant.compositing import Layer, Region, StyleChoice, check_regions, compose
from stylecore.instant.enlarging import band_sizes, enlarge
from stylecore.instant.networks import Networks
from stylecore.instant.painter import Painter, within
from stylecore.instant.progress import Meter, OnProgress, ShouldStop
from stylecore.styles.style import USUAL_STROKE_SIZE, Style

MAX_STRENGTH = 2.0
STROKE_SIZES = (128, 65_536)  # px, smallest and largest
STROKE_SCALES = (0.1, 10.0)  # smallest and largest
# Long side in pixels at which a picture is painted at a stroke scale of 1, so that its strokes are as large
# in it as those that the networks learned are in a picture of this size.
WORKING_SIDE = 1024
MAX_ENLARGING = 4  # times that a small picture is enlarged at most to be painted with relative strokes
# Largest picture that goes through the network, unless the photo is larger.
MAX_WORKING_MEGAPIXELS = 16.0

NOTICE = "notice"  # key of a painting's `info`: what the user should know about it

LANCZOS = Image.Resampling.LANCZOS


@dataclass(frozen=True)
class Plan:
    """How a photo is painted at full strength.

    Attributes:
        parts: Styles with weights and rows.
        size: Width and height at which the network paints, from which the painting is enlarged.
        fine: Whether the finer network does.
        fine_detail: Whether the finer network adds the detail, too: only where it has all styles.
    """

    parts: Mapping[Style, float]
    size: tuple[int, int]
    fine: bool
    fine_detail: bool


class FastStylizer(Painter):
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
        super().__init__(Networks(device) if networks is None else networks)

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
        on_progress: OnProgress = None,
        should_stop: ShouldStop = None,
        closes_photo: bool = False,
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
            on_progress: Called after each part of the work: many of a large photo, a few of a small one.
            should_stop: Asked as often; True ends the painting.
            closes_photo: Close `image` as soon as it is not needed any more: of a photo of 100 megapixels
                that frees 400 MB while it is painted.
        Returns:
            RGB image of the size of the input (or of `max_side`), RGBA for an RGBA input or with a
            transparent region, with its `info`.
            If too little memory was free for its size, `info["notice"]` says so.
            Larger strokes are enlarged with the detail of `stylecore.instant.enlarging`. What takes more
            memory than `painting_memory` is painted layer by layer, see `stylecore.instant.layers`.
        Raises:
            StyleError: Unknown style, unusable weights, or a style whose rows, differences or network cannot
                be used.
            ImageError: Smaller than 32 px.
            ValueError: Strength, stroke scale or stroke size out of range, or a mask of another mode or size.
            WeightsError: The network is missing or damaged; it is read when it is first needed.
            DeviceError: `cuda` was asked for, and the network does not start or fails there.
            OutOfMemoryError: Too little memory is free even for a small picture.
            StoppedError: `should_stop` answered True.
        """
        check_max_side(max_side)
        parts = parts_of(style)
        check_settings(strength, stroke_scale, stroke_size)
        photo = as_loaded(image)
        check_regions(regions, photo.size)
        if max_side is not None:
            photo = limit_long_side(photo, max_side)
        if strength == 0 and not regions:
            return photo.copy() if photo is image else photo
        meter = Meter(on_progress, should_stop)
        if regions:
            whole = Image.new("L", photo.size, 255)
            base = Region(whole, style, strength, preserve_color, stroke_scale, stroke_size)
            layers = [self._layer(region, photo.size, meter, fine=fine) for region in (base, *regions)]
            painted = compose(photo, layers)
        else:
            plan = self._plan(photo.size, parts, stroke_scale, stroke_size, fine=fine)
            meter.expect(None, self._work_of(plan, photo.size))
            is_needed = strength != 1 or preserve_color or photo.mode == "RGBA"
            if closes_photo and photo is not image:
                image.close()
            painted = self._painting(photo, plan, meter, closes_photo=closes_photo and not is_needed)
            if strength != 1 or preserve_color:
                blending.mix(photo, painted, strength, keeps_color=preserve_color)
            if photo.mode == "RGBA":
                painted.putalpha(photo.getchannel("A"))
        painted.info = photo.info.copy()  # when the photo was taken
        if meter.notes:
            painted.info[NOTICE] = meter.notes[-1]
        return painted

    def _layer(self, region: Region, size: tuple[int, int], meter: Meter, *, fine: bool) -> Layer:
        """A region whose look can be painted, its mask at the size of the picture."""
        mask = region.mask.resize(size, LANCZOS)
        check_settings(region.strength, region.stroke_scale, region.stroke_size)
        if region.is_transparent:
            return Layer(mask, is_transparent=True)
        if region.style is None or region.strength == 0:
            return Layer(mask)
        parts, strokes = parts_of(region.style), (region.stroke_scale, region.stroke_size)
        plan, look = self._plan(size, parts, *strokes, fine=fine), (frozenset(parts.items()), strokes)
        meter.expect(look, self._work_of(plan, size))
        return Layer(
            mask,
            lambda picture: self._painting(picture, plan, meter),
            look,
            region.strength,
            region.preserve_color,
        )

    def _plan(
        self,
        size: tuple[int, int],
        parts: Mapping[Style, float],
        stroke_scale: float,
        stroke_size: int | None,
        *,
        fine: bool,
    ) -> Plan:
        """How to paint a picture of this width and height."""
        is_across = len({part.model for part in parts}) > 1
        fine = fine or is_across
        if stroke_size is None:
            painted_size = working_size(size, stroke_scale)
        else:
            painted_size = _size_for(size, stroke_size / learned_stroke_size(parts, fine=fine))
        # A fast network adds detail as well as the fine one.
        return Plan(parts, within(painted_size, self.max_megapixels(parts)), fine, is_across)

    def _painting(
        self, image: Image.Image, plan: Plan, meter: Meter, *, closes_photo: bool = False
    ) -> Image.Image:
        """A photo painted at full strength, RGB."""
        parts = plan.parts
        working = _working_picture(image, plan.size)
        if closes_photo and working is not image:
            image.close()
        painting = self.paint_picture(working, parts, fine=plan.fine, meter=meter)
        del working  # before the large one is made
        return enlarge(
            painting,
            image.size,
            lambda picture: self.paint_picture(picture, parts, fine=plan.fine_detail, meter=meter),
        )

    def _work_of(self, plan: Plan, size: tuple[int, int]) -> float:
        """The work of painting a picture of this width and height, see `Painter.work`."""
        detail = sum(
            self.work(part, plan.parts, fine=plan.fine_detail) for part in band_sizes(plan.size, size)
        )
        return self.work(plan.size, plan.parts, fine=plan.fine) + detail


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
    limit = max(1.0, math.sqrt(MAX_WORKING_MEGAPIXELS * 1e6 / (size[0] * size[1])))
    return size_at(max(size) * min(1 / ratio, limit), size)


def _working_picture(photo: Image.Image, size: tuple[int, int]) -> Image.Image:
    """RGB of the width and height at which the network works."""
    flat = flatten_content(photo)
    return flat if size == flat.size else flat.resize(size, LANCZOS, reducing_gap=3)
