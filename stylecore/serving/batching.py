"""Runs of a network that several pictures of one size share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stylecore.instant.half import HalfNetwork
from stylecore.instant.networks import Network, Networks

MAX_RUN_PIXELS = 8e6  # of all pictures in a run, for its memory: up to 130 bytes a pixel


@dataclass(frozen=True, eq=False)
class Pass:
    """One picture's pass through a network.

    Attributes:
        network: ONNX Runtime session of a network in `weights/`, or its float16 variant.
        picture: As the network takes it: float32 of shape (1, 3, H, W), or uint8 of shape (1, H, W, 3).
        rows: Shape (1, R), float32.
        noise_origin: Row and column of the noise at the picture's upper left corner.
    """

    network: Any
    picture: np.ndarray
    rows: np.ndarray
    noise_origin: tuple[int, ...]

    @property
    def key(self) -> tuple:
        """Equal for passes that can share a run."""
        return id(self.network), self.picture.shape, self.noise_origin


RunPass = Callable[[Pass], np.ndarray]


class SharedNetworks(Networks):
    """Networks whose passes are run together with those of other threads.

    Args:
        device: As for `Networks`.
        run_pass: Called with each `Pass` in the thread that paints; returns the painting, like the picture.
    """

    def __init__(self, device: str, run_pass: RunPass) -> None:
        super().__init__(device)
        self._run_pass = run_pass

    def session(self, network: Network) -> Any:
        session = super().session(network)
        # The networks of a style's own are rarely used by two pictures at once.
        return session if network.style is not None else _SharedSession(session, self._run_pass)

    def half(self, network: Network) -> Any:
        half = super().half(network)
        return half if network.style is not None else _SharedHalf(half, self._run_pass)

    def warm_up(self, network: Network) -> None:
        self._warm_up(super().half(network))  # alone


class _SharedSession:
    """What `FastStylizer` uses of a session."""

    def __init__(self, session: Any, run_pass: RunPass) -> None:
        self._session, self._run_pass = session, run_pass

    def get_inputs(self) -> Any:
        return self._session.get_inputs()

    def run(self, _outputs: None, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        origin = tuple(feed["noise_origin"].tolist())
        return [self._run_pass(Pass(self._session, feed["image"], feed["rows"], origin))]


class _SharedHalf:
    """What `FastStylizer` uses of a float16 network."""

    def __init__(self, half: HalfNetwork, run_pass: RunPass) -> None:
        self._half, self._run_pass = half, run_pass
        self.row_length = half.row_length

    def paint(
        self, pixels: np.ndarray, rows: np.ndarray, *, noise_origin: tuple[int, int], is_repeated: bool
    ) -> np.ndarray:
        return self._run_pass(Pass(self._half, pixels, rows, noise_origin))


def run_together(passes: Sequence[Pass]) -> list[np.ndarray | Exception]:
    """Run passes, those of one network and size together.

    Returns:
        Their paintings in the same order, or what was raised for a picture alone.
    """
    groups: dict[tuple, list[int]] = defaultdict(list)
    for index, each in enumerate(passes):
        groups[each.key].append(index)
    paintings: list[np.ndarray | Exception] = [np.empty(0)] * len(passes)
    for indices in groups.values():
        size = max(1, int(MAX_RUN_PIXELS / (passes[indices[0]].picture.size / 3)))
        for start in range(0, len(indices), size):
            run = indices[start : start + size]
            for index, painting in zip(run, _run_each([passes[i] for i in run]), strict=True):
                paintings[index] = painting
    return paintings


def _run_each(passes: Sequence[Pass]) -> list[np.ndarray | Exception]:
    """Run passes together; if that fails, one by one, so that one does not fail the others."""
    try:
        return [*_run(passes)]
    except Exception as error:
        return [error] if len(passes) == 1 else [_run_each([each])[0] for each in passes]


def _run(passes: Sequence[Pass]) -> list[np.ndarray]:
    """One run of a network; the rows of each picture are its own."""
    pictures = np.concatenate([each.picture for each in passes])
    rows = np.concatenate([each.rows for each in passes])
    network, origin = passes[0].network, passes[0].noise_origin
    if isinstance(network, HalfNetwork):
        stylized = network.paint(pictures, rows, noise_origin=origin)
    else:
        feed = {"image": pictures, "rows": rows, "noise_origin": np.array(origin, np.int64)}
        (stylized,) = network.run(None, feed)
    return np.split(stylized, len(passes))
