"""Variants of the painting networks: graphs in `weights/variants/` that get a network's weights at loading.

`export.variants` writes the graphs. One serves all networks of a width, shipped or changed by a style.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from stylecore.errors import OutOfMemoryError, WeightsError
from stylecore.host.weights import check_weights_file
from stylecore.instant.sessions import is_out_of_memory, open_session
from stylecore.styles.records import VARIANTS_FOLDER, variant_checksums
from stylecore.styles.trunk import read_noise, read_weights

OTHER_WEIGHTS = 5  # of a network, besides two of each block


class NetworkWeights:
    """The weights in the ONNX file of a painting network.

    Args:
        network: Contents of the file.
    Attributes:
        values: In the order of the layers: of the stem for photo and noise; two of each block; of both
            enlarging layers; the bias of the last one.
        noise: uint8 of shape (H, W).
        channels: Of the residual blocks.
        blocks: Their number.
    Raises:
        StyleError: It is no painting network.
    """

    def __init__(self, network: bytes) -> None:
        self.values, self.noise = list(read_weights(network).values()), read_noise(network)
        self.channels, self.blocks = len(self.values[0]), (len(self.values) - OTHER_WEIGHTS) // 2


class Variant:
    """A graph of `weights/variants/` with weights.

    Args:
        kind: Name of the graph, see `export.variants`.
        network: Of which network it is.
        weights: The weights of the graph, in its order.
        device: `cpu` or `cuda`.
        sizes: See `open_session`.
        profile: See `open_session`.
    Attributes:
        session: Lives as long as the variant, which holds its weights.
    Raises:
        WeightsError: There is no such graph for networks of this width, or its file is damaged.
    """

    def __init__(
        self,
        kind: str,
        network: NetworkWeights,
        weights: Sequence[np.ndarray],
        device: str,
        *,
        sizes: Mapping[str, int] | None = None,
        profile: Path | None = None,
    ) -> None:
        path = VARIANTS_FOLDER / variant_file(kind, network.channels, network.blocks)
        if path.name not in (checksums := variant_checksums()):
            raise WeightsError(f"there is no graph {path.name} for networks of this width")
        check_weights_file(path, sha256=checksums[path.name])
        self._given = {f"weight_{i}": np.array(values) for i, values in enumerate(weights)}
        self.session = open_session(
            path, device, shares_memory=True, initializers=self._given, sizes=sizes, profile=profile
        )

    def run(self, feed: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """All outputs for these inputs.

        Raises:
            OutOfMemoryError: Too little memory is free on the device.
        """
        try:
            return self.session.run(None, feed)
        except Exception as error:  # ONNX Runtime's own exceptions have no common public base
            if is_out_of_memory(error):
                raise OutOfMemoryError("too little memory is free for a part of a picture") from error
            raise


def variant_file(kind: str, channels: int, blocks: int) -> str:
    """Name of the file in `weights/variants/`."""
    return f"{kind}_{channels}x{blocks}.onnx"
