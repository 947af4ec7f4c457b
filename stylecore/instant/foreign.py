"""Networks of others, as style files hold them, run by ONNX Runtime."""

from __future__ import annotations

import numpy as np

from stylecore.errors import OutOfMemoryError, StyleError
from stylecore.instant.sessions import is_out_of_memory, open_session
from stylecore.styles.foreign.building import IMAGE, LEAST_SIDE, check_framed
from stylecore.styles.foreign.graph import read_graph
from stylecore.styles.foreign.shapes import peak_values

MAX_BYTES = 2_000_000_000  # that painting may take, as the wider ready-made network does at 16 megapixels
# ONNX Runtime takes 1.8 to 2.3 times the values that are in use at once, see docs/measurements.md.
BYTES_PER_VALUE = 2.2 * 4
TRIAL_SHAPE = (1, 3, 256, 256)


class ForeignNetwork:
    """Paints in the one style of an imported network. Safe to call from several threads.

    Args:
        network: ONNX, `Style.foreign_network`; checked once more, as files come from strangers.
        device: `cpu` or `cuda`.
    Attributes:
        max_megapixels: Size of the largest picture that it should paint at once, for its memory.
    Raises:
        StyleError: It is not a network as the import stores them.
    """

    def __init__(self, network: bytes, device: str = "cpu") -> None:
        graph = read_graph(network)
        check_framed(graph)
        bytes_per_pixel = (
            BYTES_PER_VALUE * peak_values(graph, TRIAL_SHAPE) / (TRIAL_SHAPE[2] * TRIAL_SHAPE[3])
        )
        self.max_megapixels = MAX_BYTES / bytes_per_pixel / 1e6
        try:
            self.session = open_session(network, device, keeps_memory=False)
            self.paint(np.zeros((1, 3, LEAST_SIDE, LEAST_SIDE), np.float32))
        except Exception as error:  # ONNX Runtime's exceptions have no common public base
            raise StyleError("the imported network cannot be run by ONNX Runtime: it is damaged") from error

    def paint(self, batch: np.ndarray) -> np.ndarray:
        """Paint pictures.

        Args:
            batch: Shape (N, 3, H, W), in [0, 1].
        Returns:
            Same shape, in [0, 1].
        Raises:
            StyleError: The network fails on pictures of this size.
            OutOfMemoryError: Too little memory is free.
        """
        height, width = batch.shape[2:]
        # Small pictures are continued by reflection to what the network's own padding needs.
        lacking = [(0, max(0, LEAST_SIDE - side)) for side in (height, width)]
        if any(map(any, lacking)):
            batch = np.pad(batch, [(0, 0), (0, 0), *lacking], mode="reflect")
        # Many networks take a single picture at a time.
        try:
            painted = [self.session.run(None, {IMAGE: picture[None]})[0] for picture in batch]
        except Exception as error:  # ONNX Runtime's exceptions have no common public base
            if is_out_of_memory(error):
                raise OutOfMemoryError(f"too little memory is free for {width} x {height} px") from error
            raise StyleError(f"the imported network fails on a picture of {width} x {height} px") from error
        return np.concatenate(painted)[:, :, :height, :width]
