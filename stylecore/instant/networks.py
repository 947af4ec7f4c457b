"""The networks that paint: those in `weights/`, and those that styles bring along."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np

from stylecore.errors import DeviceError, WeightsError
from stylecore.host.device_choices import check_device
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.host.weights import check_weights_file
from stylecore.instant.foreign import ForeignNetwork
from stylecore.instant.half import HalfNetwork
from stylecore.instant.layers import LayeredNetwork
from stylecore.instant.openvino_session import OpenVinoSession, has_openvino
from stylecore.instant.sessions import missing_cuda, open_session
from stylecore.styles.records import model_checksum
from stylecore.styles.style import Style, network_name
from stylecore.styles.trunk import add_to_weights

if TYPE_CHECKING:
    import onnxruntime as ort

    Session: TypeAlias = ort.InferenceSession | OpenVinoSession

WARM_SIZES = ((768, 1024), (1024, 768))  # px, of previews of most photos
MAX_HALF_NETWORKS = 4  # that stay loaded in float16
MAX_LAYERED_NETWORKS = 2  # that stay loaded as single layers
MAX_OWN_NETWORKS = 4  # of styles that stay loaded; each is opened in 20 ms, a foreign one in some 100


@dataclass(frozen=True)
class Network:
    """A network to paint with."""

    model: str = ""  # file name in `weights/`; empty for a foreign network
    style: Style | None = None  # that changes the weights, or has the foreign network

    @classmethod
    def of(cls, style: Style, *, fine: bool) -> Self:
        """Return the network of a style, the wider one if `fine` and there is one.

        Raises:
            StyleError: The style has no rows for it.
        """
        if style.foreign_network:
            return cls(style=style)
        model, _ = style.network(fine=fine)
        return cls(model, style if style.trunk.get(network_name(model)) else None)

    @property
    def is_foreign(self) -> bool:
        return not self.model


class Networks:
    """Loads networks when they are first needed. Safe to use in many threads.

    Args:
        device: As for `FastStylizer`.
    Attributes:
        device: `cuda` or `cpu`, where the sessions really run.
        device_note: Why `auto` chose the CPU; empty with CUDA.
    Raises:
        ValueError: Another device.
    """

    def __init__(self, device: str) -> None:
        check_device(device)
        self._asked_for = device
        self.device, self.device_note = "cpu", ""
        if device != "cpu":
            self.device_note = missing_cuda()
            self.device = "cpu" if self.device_note else "cuda"
        self._has_left_cuda = False
        self._lock = threading.Lock()
        self._shipped: dict[str, Session] = {}
        self._own: OrderedDict[Network, Session | ForeignNetwork] = OrderedDict()
        self._half: OrderedDict[Network, HalfNetwork] = OrderedDict()
        self._layers: OrderedDict[tuple[Network, str], LayeredNetwork] = OrderedDict()

    def start(self, models: Iterable[str]) -> None:
        """Open the first network that can be opened, which shows where networks really run.

        Args:
            models: File names in `weights/`.
        Raises:
            WeightsError: None can be opened; the message is about the first.
            DeviceError: As of `session`.
        """
        failure: WeightsError | None = None
        for model in dict.fromkeys(models):
            try:
                self.session(Network(model))
                return
            except WeightsError as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def session(self, network: Network) -> Session:
        """The session of a network in `weights/`, as it is or changed by a style.

        Raises:
            StyleError: The style's differences do not fit the network.
            WeightsError: The network is missing or damaged.
            DeviceError: `cuda` was asked for, and the network does not start there.
        """
        with self._lock:
            if network.style is not None:
                return self._kept(network, lambda: self._open_changed(network), self._own, MAX_OWN_NETWORKS)
            if network.model not in self._shipped:
                self._shipped[network.model] = self._open(_checked_file(network.model))
            return self._shipped[network.model]

    def foreign(self, style: Style) -> ForeignNetwork:
        """The foreign network of a style.

        Raises:
            StyleError: It is damaged or beyond the limits.
        """
        with self._lock:
            return self._kept(
                Network(style=style),
                lambda: ForeignNetwork(style.foreign_network, self.device),
                self._own,
                MAX_OWN_NETWORKS,
            )

    def leave_cuda(self, error: Exception) -> bool:
        """Go on with the CPU after CUDA has failed on a network that it painted with; returns whether it did.

        Raises:
            DeviceError: `cuda` was asked for.
        """
        with self._lock:
            if self.device == "cuda":
                reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
                if self._asked_for == "cuda":
                    raise DeviceError(f"cuda was asked for, and it stopped working: {reason}") from error
                self.device, self.device_note = "cpu", f"the GPU stopped working: {reason}"
                self._has_left_cuda = True
                for networks in (self._shipped, self._own, self._half, self._layers):
                    networks.clear()
            return self._has_left_cuda

    def row_length(self, network: Network) -> int:
        """Number of scales and shifts that a network in `weights/` needs."""
        return self.session(network).get_inputs()[1].shape[1]

    def layers(self, network: Network, device: str) -> LayeredNetwork:
        """A network in `weights/` as single layers on a device.

        Raises:
            StyleError, WeightsError: As of `session`.
        """
        with self._lock:
            return self._kept(
                (network, device),
                lambda: LayeredNetwork(network_contents(network), device),
                self._layers,
                MAX_LAYERED_NETWORKS,
            )

    def half(self, network: Network) -> HalfNetwork:
        """A network in `weights/` in float16, for GPUs.

        Raises:
            StyleError, WeightsError: As of `session`.
        """
        with self._lock:
            return self._kept(
                network,
                lambda: HalfNetwork(network_contents(network), self.device),
                self._half,
                MAX_HALF_NETWORKS,
            )

    def warm_up(self, network: Network) -> None:
        """Paint empty pictures with a network in float16, so that a GPU has all that it needs for it.

        Raises:
            StyleError, WeightsError: As of `session`.
        """
        self._warm_up(self.half(network))

    def _warm_up(self, half: HalfNetwork) -> None:
        rows = np.zeros((1, half.row_length), np.float32)
        for height, width in WARM_SIZES:
            half.paint(np.zeros((1, height, width, 3), np.uint8), rows)

    def _kept(
        self, key: Hashable, open_network: Callable[[], Any], kept: OrderedDict[Any, Any], most: int
    ) -> Any:
        """One of the networks used last; the one that was not used for longest leaves."""
        if key not in kept:
            kept[key] = open_network()
        kept.move_to_end(key)
        if len(kept) > most:
            kept.popitem(last=False)
        return kept[key]

    def _open_changed(self, network: Network) -> Session:
        return self._open(network_contents(network), keeps_memory=False)

    def _open(self, model: Path | bytes, *, keeps_memory: bool = True) -> Session:
        session = self._checked(open_session(model, self.device, keeps_memory=keeps_memory))
        if self.device == "cpu" and has_openvino():
            return OpenVinoSession(model, session, keeps_memory=keeps_memory)
        return session

    def _checked(self, session: ort.InferenceSession) -> ort.InferenceSession:
        """The session, if it runs where it was asked for."""
        if self.device == "cuda" and session.get_providers()[0] != "CUDAExecutionProvider":
            self.device = "cpu"
            self.device_note = "a GPU is there, but ONNX Runtime could not load CUDA for it"
        if self._asked_for == "cuda" and self.device != "cuda":
            raise DeviceError(f"cuda was asked for, but it does not start: {self.device_note}")
        return session


def _checked_file(model: str) -> Path:
    path = WEIGHTS_FOLDER / model
    check_weights_file(path, sha256=model_checksum(model))
    return path


def network_contents(network: Network) -> bytes:
    """The ONNX file of a network in `weights/`, with what its style changes."""
    contents = _checked_file(network.model).read_bytes()
    if network.style is None:
        return contents
    return add_to_weights(contents, network.style.trunk[network_name(network.model)])
