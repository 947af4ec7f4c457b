"""Paint pictures at their own size with the networks of a blend, at once or layer by layer."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, closing
from functools import reduce

import numpy as np
from PIL import Image

from stylecore.errors import OutOfMemoryError, StoppedError, StyleError, StyleTransferError
from stylecore.host.painting_memory import painting_memory
from stylecore.images.arrays import from_batch, from_pixels, to_batch, to_pixels
from stylecore.images.sizes import size_at
from stylecore.instant.blends import mean_rows, titles_of
from stylecore.instant.layers import LayeredPicture, rows_at_once
from stylecore.instant.networks import Network, Networks
from stylecore.instant.progress import Meter
from stylecore.instant.sessions import is_out_of_memory
from stylecore.styles.catalog import ready_made_styles
from stylecore.styles.style import Style, network_name

Blend = dict[Network, dict[Style, float]]

LANCZOS = Image.Resampling.LANCZOS
# Memory and work of a network for each pixel grow with its width, as the length of its rows does.
ROW_BYTES = 0.09  # bytes a pixel for each value of the rows: 66 of the fast networks, 132 of the fine ones
FAST_ROWS = 736  # values of the fast networks
LAYERS_WORK = 1.5  # times the work of a picture that is painted at once
FEATURES_SHARE = 0.5  # of the memory
PAINT_SHARE = 0.2  # of this work, after the statistics are known
GPU_PIXELS = 16_000_000  # that a GPU paints at once, while it does not run out of memory
LEAST_SIDE = 128  # px, long side down to which a picture is made smaller when too little memory is free
MAX_NOTED_STYLES = 50  # that float16 cannot hold
logger = logging.getLogger(__name__)


class Painter:
    """Paints pictures at their own size. Safe to use in many threads.

    Args:
        networks: Loads and runs the networks.
    Attributes:
        captures_graphs: Whether sizes of frames that repeat become CUDA graphs, see `HalfNetwork.paint`.
    """

    captures_graphs = False

    def __init__(self, networks: Networks) -> None:
        self._networks = networks
        self._networks.start(style.model for style in ready_made_styles())
        self._proven_pixels = math.inf  # painted at once without running out of memory
        self._too_large_for_half: set[tuple[Network, frozenset[Style]]] = set()

    def warm_up(self) -> None:
        """On a GPU, load what paints the ready-made styles; what fails is logged, and shows again later."""
        if self._networks.device != "cuda":
            return
        networks = [Network.of(style, fine=fine) for fine in (True, False) for style in ready_made_styles()]
        for network in dict.fromkeys(networks):
            try:
                self._networks.warm_up(network)
            except Exception as error:  # ONNX Runtime's own exceptions have no common public base
                logger.warning("%s cannot be warmed up: %s", network.model, error)

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
            fine: As `FastStylizer.stylize` takes it.
            noise_origin: Row and column of the noise at the picture's upper left corner, at least 0.
        """
        return self._run_all(
            _by_network(parts, fine=fine), batch, noise_origin, is_repeated=self.captures_graphs
        )

    def paint_picture(
        self, image: Image.Image, parts: Mapping[Style, float], *, fine: bool, meter: Meter
    ) -> Image.Image:
        """Paint a picture at its own size, or at the largest that the foreign networks can paint.

        One that would take more memory than `painting_memory` is painted layer by layer, which gives the same
        painting.

        Args:
            image: RGB.
            parts: As `paint_batch` takes them.
            fine: As `paint_batch` takes it.
            meter: Counts the work.
        """
        size = within(image.size, self.max_megapixels(parts))
        if size == image.size:
            try:
                return self._paint_own_size(image, _by_network(parts, fine=fine), meter)
            except (MemoryError, OutOfMemoryError) as error:
                if max(size) < 2 * LEAST_SIDE:
                    raise _too_little_memory(size) from error
            size = size_at(max(size) / 2, size)
            meter.notes.append(
                f"little memory was free, so it was painted at {size[0]} x {size[1]} px and enlarged"
            )
        smaller = self.paint_picture(image.resize(size, LANCZOS), parts, fine=fine, meter=meter)
        return smaller.resize(image.size, LANCZOS)

    def _paint_own_size(self, image: Image.Image, networks: Blend, meter: Meter) -> Image.Image:
        pixels = image.width * image.height
        if pixels <= self._most_pixels(networks):
            try:
                painting = self._paint_at_once(image, networks)
                meter.add(pixels * _work(networks))
                return painting
            except (MemoryError, OutOfMemoryError):
                if all(network.is_foreign for network in networks):
                    raise
                self._proven_pixels = min(self._proven_pixels, pixels / 2)
                meter.notes.append(
                    "little memory was free, so it was painted layer by layer, which takes longer"
                )
        try:
            return self._paint_layers(image, networks, meter, self._networks.device)
        except StoppedError:
            raise
        except Exception as error:  # ONNX Runtime's own exceptions have no common public base
            is_out = isinstance(error, (MemoryError, OutOfMemoryError))
            if self._networks.device == "cuda" and is_out:
                meter.notes.append("little memory was free on the GPU, so it was painted on the CPU")
            elif is_out or isinstance(error, StyleTransferError) or not self._networks.leave_cuda(error):
                raise
        return self._paint_layers(image, networks, meter, "cpu")

    def _paint_at_once(self, image: Image.Image, networks: Blend) -> Image.Image:
        """Paint a picture in one pass, on a GPU in float16 where that suffices."""
        network, *others = networks
        if not others and self._is_half(network, networks[network]):
            painted = self._paint_half(network, np.asarray(image)[None], networks[network])
            if painted is not None:
                return Image.fromarray(painted[0])
        return from_batch(self._run_all(networks, to_batch(image), (0, 0)))

    def _is_half(self, network: Network, weights: Mapping[Style, float]) -> bool:
        """Whether a network paints in float16."""
        is_gpu = self._networks.device == "cuda" and not network.is_foreign
        return is_gpu and (network, frozenset(weights)) not in self._too_large_for_half

    def _paint_half(
        self,
        network: Network,
        pixels: np.ndarray,
        weights: Mapping[Style, float],
        noise_origin: tuple[int, int] = (0, 0),
        *,
        is_repeated: bool = False,
    ) -> np.ndarray | None:
        """Paint pictures as `HalfNetwork.paint` does; None if float32 has to.

        Raises:
            OutOfMemoryError: Too little memory is free on the GPU.
        """
        try:
            half = self._networks.half(network)
            rows = mean_rows(network.model, weights, half.row_length)
            return half.paint(pixels, rows[None], noise_origin=noise_origin, is_repeated=is_repeated)
        except StyleError:
            raise
        except Exception as error:  # ONNX Runtime's own exceptions have no common public base
            if is_out_of_memory(error):
                raise _too_little_memory(pixels.shape[2:0:-1]) from error
            # float32 paints what float16 cannot hold, and sees whether the GPU is still there.
            logger.warning("float16 fails, float32 is used: %s", error)
            if isinstance(error, ArithmeticError):
                if len(self._too_large_for_half) >= MAX_NOTED_STYLES:
                    self._too_large_for_half.clear()
                self._too_large_for_half.add((network, frozenset(weights)))
            return None

    def work(self, size: tuple[int, int], parts: Mapping[Style, float], *, fine: bool) -> float:
        """The work of a picture of this width and height, in pixels of the fast network."""
        networks, pixels = _by_network(parts, fine=fine), size[0] * size[1]
        return pixels * _work(networks) * (LAYERS_WORK if pixels > self._most_pixels(networks) else 1.0)

    def max_megapixels(self, parts: Mapping[Style, float]) -> float:
        """Size of the largest picture that all foreign networks of a blend can paint."""
        networks = [self._networks.foreign(style) for style in parts if style.foreign_network]
        return min((network.max_megapixels for network in networks), default=math.inf)

    def _most_pixels(self, networks: Blend) -> float:
        """Pixels that the networks paint at once."""
        lengths = [_length(*entry) for entry in networks.items() if not entry[0].is_foreign]
        if not lengths:
            return math.inf  # the picture is as small as they need it
        is_gpu = self._networks.device == "cuda"
        usual = GPU_PIXELS if is_gpu else painting_memory() / (ROW_BYTES * max(lengths))
        return min(usual, self._proven_pixels)

    def _paint_layers(self, image: Image.Image, networks: Blend, meter: Meter, device: str) -> Image.Image:
        memory = FEATURES_SHARE * painting_memory() / len(networks)
        layered: list[tuple[LayeredPicture, float]] = []
        foreign = []
        work = image.width * image.height * LAYERS_WORK * _work(networks)
        widest = max(_length(*entry) for entry in networks.items() if not entry[0].is_foreign)
        step = rows_at_once(image.width, widest)
        with ExitStack() as stack:
            for network, weights in networks.items():
                if network.is_foreign:  # the picture is as small as it needs it
                    foreign.append(self._run(network, to_batch(image), weights))
                    continue
                rows = mean_rows(network.model, weights, self._networks.row_length(network))
                picture = LayeredPicture(self._networks.layers(network, device), rows, image, step, memory)
                layered.append((stack.enter_context(closing(picture)), sum(weights.values())))
                for share in picture.measure():
                    meter.add((1 - PAINT_SHARE) * work * share / len(networks))
            painting, top = Image.new("RGB", image.size), 0
            for parts in zip(*(picture.paint() for picture, _ in layered), strict=True):
                bottom = top + parts[0].shape[2]
                outputs = [part * np.float32(share) for part, (_, share) in zip(parts, layered, strict=True)]
                outputs += [painted[:, :, top:bottom] for painted in foreign]
                painted = reduce(np.add, outputs)
                _check_finite(painted, (style for weights in networks.values() for style in weights))
                painting.paste(from_batch(painted), (0, top))
                meter.add(PAINT_SHARE * work * (bottom - top) / image.height)
                top = bottom
        return painting

    def _run_all(
        self,
        networks: Blend,
        batch: np.ndarray,
        noise_origin: tuple[int, int],
        *,
        is_repeated: bool = False,
    ) -> np.ndarray:
        """The sum of the networks' outputs."""
        outputs = (
            self._run(network, batch, weights, noise_origin, is_repeated=is_repeated)
            for network, weights in networks.items()
        )
        return reduce(np.add, outputs)

    def _run(
        self,
        network: Network,
        batch: np.ndarray,
        weights: dict[Style, float],
        noise_origin: tuple[int, int] = (0, 0),
        *,
        is_repeated: bool = False,
    ) -> np.ndarray:
        """The network's output for the mean of its styles' rows, times the sum of their weights."""
        share = sum(weights.values())
        stylized = None
        if network.is_foreign:
            (style,) = weights
            stylized = self._networks.foreign(style).paint(batch)
        elif self._is_half(network, weights):
            painted = self._paint_half(
                network, to_pixels(batch), weights, noise_origin, is_repeated=is_repeated
            )
            stylized = None if painted is None else from_pixels(painted)
        if stylized is None:
            stylized = self._run_session(network, batch, weights, noise_origin)
        _check_finite(stylized, weights)
        return stylized if share == 1 else stylized * np.float32(share)

    def _run_session(
        self,
        network: Network,
        batch: np.ndarray,
        weights: dict[Style, float],
        noise_origin: tuple[int, int],
    ) -> np.ndarray:
        """The network's output in float32; on the CPU if CUDA fails in the middle."""
        session = self._networks.session(network)
        rows = mean_rows(network.model, weights, session.get_inputs()[1].shape[1])
        feed = {"image": batch, "rows": rows[None], "noise_origin": np.array(noise_origin, np.int64)}
        try:
            return session.run(None, feed)[0]
        except Exception as error:  # as above
            if is_out_of_memory(error):
                raise _too_little_memory(batch.shape[:1:-1]) from error
            if not self._networks.leave_cuda(error):
                raise
        return self._networks.session(network).run(None, feed)[0]


def within(size: tuple[int, int], max_megapixels: float) -> tuple[int, int]:
    """A picture's width and height, smaller where it has more pixels than that."""
    ratio = math.sqrt(max_megapixels * 1e6 / (size[0] * size[1]))
    return size if ratio > 0.99 else size_at(max(size) * ratio, size)


def _too_little_memory(size: tuple[int, ...]) -> OutOfMemoryError:
    return OutOfMemoryError(f"too little memory is free for {size[0]} x {size[1]} px")


def _by_network(parts: Mapping[Style, float], *, fine: bool) -> Blend:
    by_network: Blend = defaultdict(dict)
    for style, weight in parts.items():
        by_network[Network.of(style, fine=fine)][style] = weight
    return by_network


def _length(network: Network, styles: Iterable[Style]) -> int:
    """Length of the rows that the styles have for a network."""
    return len(next(iter(styles)).rows[network_name(network.model)])


def _work(networks: Blend) -> float:
    """The work of a pixel, in pixels of the fast network."""
    lengths = [FAST_ROWS if entry[0].is_foreign else _length(*entry) for entry in networks.items()]
    return sum((length / FAST_ROWS) ** 1.5 for length in lengths)


def _check_finite(values: np.ndarray, styles: Iterable[Style]) -> None:
    if not np.isfinite(values.sum()):
        raise StyleError(f"{titles_of(styles)} cannot be painted: the style's numbers are too large")
