"""Networks that run on a server of the Open Inference Protocol: Triton, KServe, or `impasto serve`."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote

import numpy as np

from stylecore.errors import ServerError, StyleTransferError
from stylecore.instant.networks import Network, Networks
from stylecore.serving.client import PaintingServer
from stylecore.serving.tensors import LENGTH_HEADER, TensorMessage, read_answer, write_request
from stylecore.styles.style import network_name

TENSOR_SERVER_VARIABLE = "IMPASTO_TENSOR_SERVER"  # environment variable with the address of such a server
OUTPUT = "stylized"
logger = logging.getLogger(__name__)


class TensorNetworks(Networks):
    """Networks in `weights/` that another machine runs, by their names; this one runs all others.

    Pass it as `networks` to `FastStylizer`, which then decodes, blends and encodes here. Where the server
    does not answer, the network runs here. Networks that are changed by a style, and pictures that are
    painted layer by layer, stay here.

    Args:
        url: Address of the server, such as `http://triton:8000`.
        token: What it asks for as `Authorization: Bearer TOKEN`, if it does.
    Raises:
        ValueError: Not the address of a server.
    """

    def __init__(self, url: str, token: str = "") -> None:
        super().__init__("cpu")
        self._server = PaintingServer(url, token)

    def session(self, network: Network) -> Any:
        if network.style is not None or network.is_foreign:
            return super().session(network)
        return _RemoteSession(
            self._server, network.model, lambda: super(TensorNetworks, self).session(network)
        )


class _RemoteSession:
    """What `FastStylizer` uses of a session."""

    def __init__(self, server: PaintingServer, model: str, open_here: Any) -> None:
        self._server, self._open_here = server, open_here
        self._path = f"/v2/models/{quote(network_name(model), safe='')}"

    def get_inputs(self) -> Any:
        """The inputs; asked of the network here, which is the same file."""
        return self._open_here().get_inputs()

    def run(self, _outputs: None, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        try:
            return [self._ask(feed)]
        except StyleTransferError as error:
            logger.warning("the network runs in this process: %s", error)
            return self._open_here().run(None, feed)

    def _ask(self, feed: dict[str, np.ndarray]) -> np.ndarray:
        body, length = write_request(TensorMessage(feed, is_binary=True))
        headers = {"Content-Type": "application/octet-stream", LENGTH_HEADER: str(length)}
        response, answer = self._server.ask(f"{self._path}/infer", body=body, headers=headers)
        given = response.getheader(LENGTH_HEADER)
        stylized = read_answer(answer, int(given) if given else None).get(OUTPUT)
        if stylized is None or stylized.shape != feed["image"].shape or stylized.dtype != np.float32:
            raise ServerError(f"the server answers without {OUTPUT} of shape {list(feed['image'].shape)}")
        return stylized
