"""Runs of a network that several pictures of one size share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stylecore.instant.networks import Network, Networks

MAX_RUN_PIXELS = 8e6  # of all pictures in a run, for its memory: up to 130 bytes a pixel


@dataclass(frozen=True, eq=False)
class Pass:
    """One picture's pass through a network.

    Attributes:
        session: ONNX Runtime session of a network in `weights/`.
        feed: Its inputs: `image` of shape (1, 3, H, W), `rows` (1, R) and `noise_origin` (2,).
    """

    session: Any
    feed: dict[str, np.ndarray]

    @property
    def key(self) -> tuple:
        """Equal for passes that can share a run."""
        return id(self.session), self.feed["image"].shape, self.feed["noise_origin"].tobytes()


class SharedNetworks(Networks):
    """Networks whose passes are run together with those of other threads.

    Args:
        device: As for `Networks`.
        run_pass: Called with each `Pass` in the thread that paints; returns the painting, shape (1, 3, H, W).
    """

    has_half = False  # runs are shared in float32

    def __init__(self, device: str, run_pass: Callable[[Pass], np.ndarray]) -> None:
        super().__init__(device)
        self._run_pass = run_pass

    def session(self, network: Network) -> Any:
        session = super().session(network)
        # The networks of a style's own are rarely used by two pictures at once.
        return session if network.style is not None else _SharedSession(session, self._run_pass)


class _SharedSession:
    """What `FastStylizer` uses of a session."""

    def __init__(self, session: Any, run_pass: Callable[[Pass], np.ndarray]) -> None:
        self._session, self._run_pass = session, run_pass

    def get_inputs(self) -> Any:
        return self._session.get_inputs()

    def run(self, _outputs: None, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        return [self._run_pass(Pass(self._session, feed))]


def run_together(passes: Sequence[Pass]) -> list[np.ndarray]:
    """Run passes, those of one network and size together; returns their paintings in the same order."""
    groups: dict[tuple, list[int]] = defaultdict(list)
    for index, each in enumerate(passes):
        groups[each.key].append(index)
    paintings: list[np.ndarray] = [np.empty(0)] * len(passes)
    for indices in groups.values():
        height, width = passes[indices[0]].feed["image"].shape[2:]
        size = max(1, int(MAX_RUN_PIXELS / (height * width)))
        for start in range(0, len(indices), size):
            run = indices[start : start + size]
            for index, painting in zip(run, _run([passes[i] for i in run]), strict=True):
                paintings[index] = painting
    return paintings


def _run(passes: Sequence[Pass]) -> list[np.ndarray]:
    """One run of a network; the rows of each picture are its own."""
    feed = {name: np.concatenate([each.feed[name] for each in passes]) for name in ("image", "rows")}
    feed["noise_origin"] = passes[0].feed["noise_origin"]
    (stylized,) = passes[0].session.run(None, feed)
    return [stylized[i : i + 1] for i in range(len(passes))]
