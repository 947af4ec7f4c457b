"""Networks that styles bring along, as the visitor's browser loads them to paint by itself."""

from __future__ import annotations

from pages.shared.own_styles import is_shared
from stylecore.host.byte_cache import ByteCache
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.instant.networks import Network, network_contents
from stylecore.styles.style import Style

MOST_BYTES = 7_000_000  # of a network that a browser loads; Johnson's (2016) has 6.7 MB
KEPT_BYTES = 64_000_000  # of all visitors' networks


def browser_paints(style: Style) -> bool:
    """Whether browsers paint a style: unless it brings a network that is too large for them."""
    return is_shared(style) or (bool(style.rows or style.foreign_network) and _size(style) <= MOST_BYTES)


def keep_network(style: Style) -> str:
    """Keep the network that a style brings along for the visitor's browser; returns its file name.

    Raises:
        StyleError: The style's differences do not fit the network.
        WeightsError: The network that it changes is missing or damaged.
    """
    name = f"own-{style.sha256}.onnx"
    if _networks.get(name) is None:
        _networks.keep(name, style.foreign_network or network_contents(Network.of(style, fine=False)))
    return name


def kept_network(name: str) -> bytes | None:
    """A kept network by its file name, which only who has the style can know; None if there is none."""
    return _networks.get(name)


def _size(style: Style) -> int:
    return len(style.foreign_network) or (WEIGHTS_FOLDER / style.model).stat().st_size


_networks: ByteCache[bytes] = ByteCache(KEPT_BYTES, len)
