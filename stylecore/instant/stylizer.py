"""Paint photos with transformer networks, run by ONNX Runtime."""

from __future__ import annotations

import ctypes
import math
import os
import threading
from collections import defaultdict
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from stylecore.errors import DeviceError, StyleError, WeightsError
from stylecore.host.device_choices import check_device
from stylecore.host.extras import import_extra
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.host.weights import check_weights_file
from stylecore.images.arrays import from_batch, to_batch
from stylecore.images.colors import flatten_content
from stylecore.images.loading import load_image
from stylecore.images.sizes import size_at
from stylecore.instant import blending
from stylecore.instant.enlarging import enlarge
from stylecore.styles.catalog import get_style, list_styles
from stylecore.styles.records import model_checksum
from stylecore.styles.style import USUAL_STROKE_SIZE, Style

if TYPE_CHECKING:
    import onnxruntime as ort
else:
    # From 1.29 on ONNX Runtime would report its use to its maker, and is asked before it is imported.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    ort = import_extra("onnxruntime")

MAX_STRENGTH = 2.0
STROKE_SIZES = (128, 65_536)  # px, smallest and largest
STROKE_SCALES = (0.1, 10.0)  # smallest and largest
# Long side in pixels at which a picture is painted at a stroke scale of 1, so that its strokes are as large
# in it as those that the networks learned are in a picture of this size.
WORKING_SIDE = 1024
MAX_ENLARGING = 4  # times that a small picture is enlarged at most to be painted with relative strokes
# Largest picture that goes through the network whole; it then holds about 60 bytes a pixel, the fine
# network 130.
MAX_WORKING_MEGAPIXELS = 16.0
STRIP_ROWS = 256  # rows that are mixed with the photo at a time

NOISE_ORIGIN = np.zeros(2, np.int64)  # of a picture that is painted whole

StyleChoice = str | Style | Mapping[str | Style, float]


class FastStylizer:
    """Paints photos in styles, with one session per network. One instance serves many threads.

    Args:
        device: `auto` (CUDA if it starts, else the CPU), `cpu` or `cuda`.
    Attributes:
        device: `cuda` or `cpu`, where the sessions really run.
        device_note: Why `auto` chose the CPU, for messages; empty with CUDA.
    Raises:
        DeviceError: `cuda` was asked for and does not start.
        WeightsError: A network is missing or damaged.
        ValueError: Another device.
    """

    def __init__(self, device: str = "auto") -> None:
        check_device(device)
        self._asked_for = device
        self.device, self.device_note = "cpu", ""
        if device != "cpu":
            self.device_note = _missing_cuda()
            self.device = "cpu" if self.device_note else "cuda"
        self._lock = threading.Lock()
        self._sessions: dict[str, ort.InferenceSession] = {}
        self._session(list_styles()[0].model)

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
        Returns:
            RGB image of the size of the input (or of `max_side`), RGBA for an RGBA input, with its `info`.
            Photos above 16 megapixels are painted at 16; that and larger strokes are enlarged with the
            detail of `stylecore.instant.enlarging`.
        Raises:
            StyleError: Unknown style, unusable weights, or a style whose rows are not for the network.
            ImageError: Smaller than 32 px.
            ValueError: Strength, stroke scale or stroke size out of range.
            WeightsError: The network is missing or damaged; it is read when it is first needed.
            DeviceError: `cuda` was asked for, and the network does not start there.
        """
        parts = resolve_styles(style)
        check_settings(strength, stroke_scale, stroke_size)
        image = load_image(image, max_megapixels=math.inf, max_side=max_side)
        if strength == 0:
            return image
        is_across = len({part.model for part in parts}) > 1
        fine = fine or is_across
        if stroke_size is None:
            size = working_size(image.size, stroke_scale)
        else:
            size = _size_for(image.size, stroke_size / learned_stroke_size(parts, fine=fine))
        painting = self._pass(_working_picture(image, size), parts, fine=fine)
        # A fast network adds detail as well as the fine one.
        painted = enlarge(painting, image.size, lambda picture: self._pass(picture, parts, fine=is_across))
        if strength != 1 or preserve_color:
            painted = _mix(image, painted, strength, preserve_color)
        if image.mode == "RGBA":
            painted.putalpha(image.getchannel("A"))
        painted.info = image.info.copy()  # when the photo was taken
        return painted

    def _pass(self, image: Image.Image, parts: dict[Style, float], *, fine: bool) -> Image.Image:
        """One pass of the networks at the picture's own size."""
        batch = to_batch(image)
        by_model: dict[str, list[tuple[np.ndarray, float]]] = defaultdict(list)
        for style, weight in parts.items():
            model, rows = style.network(fine=fine)
            by_model[model].append((rows, weight))
        outputs = (self._run(model, batch, weighted) for model, weighted in by_model.items())
        return from_batch(reduce(np.add, outputs))

    def _run(self, model: str, batch: np.ndarray, weighted: list[tuple[np.ndarray, float]]) -> np.ndarray:
        """The network's output for the mean of its styles' rows, times the sum of their weights."""
        session = self._session(model)
        length = session.get_inputs()[1].shape[1]
        if wrong := [rows.shape for rows, _ in weighted if rows.shape != (length,)]:
            raise StyleError(f"the rows of a style are of shape {wrong[0]}: {model} needs ({length},)")
        share = sum(weight for _, weight in weighted)
        mean = reduce(np.add, [rows * np.float32(weight / share) for rows, weight in weighted])
        feed = {"image": batch, "rows": mean[None], "noise_origin": NOISE_ORIGIN}
        (stylized,) = session.run(None, feed)
        return stylized if share == 1 else stylized * np.float32(share)

    def _session(self, model: str) -> ort.InferenceSession:
        with self._lock:
            if model not in self._sessions:
                path = WEIGHTS_FOLDER / model
                check_weights_file(path, sha256=model_checksum(model))
                session = open_session(path, self.device)
                if self.device == "cuda" and session.get_providers()[0] != "CUDAExecutionProvider":
                    self.device = "cpu"
                    self.device_note = "a GPU is there, but ONNX Runtime could not load CUDA for it"
                if self._asked_for == "cuda" and self.device != "cuda":
                    raise DeviceError(f"cuda was asked for, but it does not start: {self.device_note}")
                self._sessions[model] = session
            return self._sessions[model]


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


def open_session(model: Path | bytes, device: str, *, keeps_memory: bool = True) -> ort.InferenceSession:
    """An ONNX Runtime session set up for pictures of changing size.

    With `cuda` the caller asks the session whether it got it: ONNX Runtime only logs a failure.

    Args:
        model: File or contents.
        device: `cpu` or `cuda`.
        keeps_memory: Keep the memory of a picture for the next one; without it, networks that run rarely
            leave it to others.
    Raises:
        WeightsError: Not a network that ONNX Runtime can load.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 4  # A CUDA that does not start is reported by us, in words.
    options.intra_op_num_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    options.enable_cpu_mem_arena = keeps_memory
    # Spinning threads would slow down other work on a small host.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers: list = ["CPUExecutionProvider"]
    if device == "cuda":
        # EXHAUSTIVE, the default, searches for up to a second at every new picture size.
        cuda = {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"}
        providers.insert(0, ("CUDAExecutionProvider", cuda))
    try:
        return ort.InferenceSession(model, options, providers=providers)
    except Exception as error:  # ONNX Runtime's own exceptions have no common public base
        label = model.name if isinstance(model, Path) else "the model"
        raise WeightsError(f"{label} cannot be loaded by ONNX Runtime {ort.__version__}: {error}") from error


def resolve_styles(style: StyleChoice) -> dict[Style, float]:
    """Styles with weights that sum to 1.

    Raises:
        StyleError: A name that does not exist, no style at all, or weights that are negative,
            not finite, or all zero.
    """
    weights: dict[str | Style, float] = {style: 1.0} if isinstance(style, str | Style) else {**style}
    records: dict[Style, float] = defaultdict(float)
    try:
        for chosen, weight in weights.items():
            records[chosen if isinstance(chosen, Style) else get_style(str(chosen))] += float(weight)
    except (TypeError, ValueError, OverflowError) as error:
        raise StyleError(f"a blend needs numbers as weights, got {_named(weights)}") from error
    total = sum(records.values())
    if not records or not all(weight >= 0 for weight in records.values()) or not 0 < total < math.inf:
        raise StyleError(f"a blend needs weights of at least 0 with a sum above 0, got {_named(weights)}")
    return {record: weight / total for record, weight in records.items() if weight > 0}


def _named(weights: Mapping[str | Style, float]) -> dict:
    """Weights by name, for messages."""
    return {style.name if isinstance(style, Style) else style: weight for style, weight in weights.items()}


def learned_stroke_size(parts: Mapping[Style, float], *, fine: bool) -> float:
    """Stroke size that paints a picture at its own size; of a blend the mean by weight, in pixels."""
    return sum(weight * style.learned_stroke_size(fine=fine) for style, weight in parts.items())


def _missing_cuda() -> str:
    """Why CUDA cannot start, or nothing when it should; loads the CUDA libraries on the way."""
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        return "this ONNX Runtime was built without CUDA"
    try:
        driver = ctypes.CDLL("libcuda.so.1" if os.name == "posix" else "nvcuda.dll")
    except OSError:
        return "no NVIDIA driver on this machine"
    count = ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return "the NVIDIA driver finds no GPU"
    ort.preload_dlls()  # finds the libraries of the pip packages
    return ""


def _size_for(size: tuple[int, int], ratio: float) -> tuple[int, int]:
    """A picture's size divided by `ratio`, for strokes larger by it, within the network's limit."""
    limit = math.sqrt(MAX_WORKING_MEGAPIXELS * 1e6 / (size[0] * size[1]))
    return size_at(max(size) * min(1 / ratio, limit), size)


def _working_picture(photo: Image.Image, size: tuple[int, int]) -> Image.Image:
    """RGB of the width and height at which the network works."""
    flat = flatten_content(photo)
    return flat if size == flat.size else flat.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)


def _mix(photo: Image.Image, painting: Image.Image, strength: float, preserve_color: bool) -> Image.Image:
    """Mix the painting with the photo and its colors, a strip of rows at a time.

    The strips keep the memory flat: float pictures of 50 megapixels are 600 MB each.
    """
    mixed = Image.new("RGB", photo.size)
    for top in range(0, photo.height, STRIP_ROWS):
        box = (0, top, photo.width, min(top + STRIP_ROWS, photo.height))
        content, strip = to_batch(photo.crop(box)), to_batch(painting.crop(box))
        strip = blending.preserve_color(content, strip) if preserve_color else strip
        mixed.paste(from_batch(blending.apply_strength(content, strip, strength)), (0, top))
    return mixed
