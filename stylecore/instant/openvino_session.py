"""Networks by OpenVINO in bfloat16, on processors that multiply it faster than float32."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

from stylecore.errors import WeightsError
from stylecore.host.cgroups import thread_limit
from stylecore.host.extras import has_extra, import_extra

if TYPE_CHECKING:
    import onnxruntime as ort

FASTER = "BF16"  # capability of a processor; in float32 OpenVINO is no faster than ONNX Runtime
# That OpenVINO paints, all that photos have at the default strokes; with larger pictures it gains less and
# takes twice the memory, see docs/measurements.md.
MAX_PIXELS = 1024**2


@cache
def has_openvino() -> bool:
    """Whether OpenVINO is installed and the processor has bfloat16."""
    if not has_extra("openvino"):
        return False
    core = import_extra("openvino").Core()
    return "CPU" in core.available_devices and FASTER in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class OpenVinoSession:
    """A network on the CPU, with the calls of `onnxruntime.InferenceSession` that painting uses.

    Multiplies in bfloat16: paintings differ from float32's by half a level in the mean. Safe to use in many
    threads.

    Args:
        model: ONNX file or its contents.
        plain: The same network by ONNX Runtime, which paints large pictures.
        keeps_memory: See `stylecore.instant.sessions.open_session`.
    Raises:
        MissingExtraError: OpenVINO is not installed.
        WeightsError: Not a network that OpenVINO can load.
    """

    def __init__(
        self, model: Path | bytes, plain: ort.InferenceSession, *, keeps_memory: bool = True
    ) -> None:
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16",
            "INFERENCE_NUM_THREADS": thread_limit() or 0,
            "NUM_STREAMS": 1,
        }
        core = import_extra("openvino").Core()
        try:
            self._network = core.compile_model(core.read_model(model), "CPU", settings)
        except RuntimeError as error:
            label = model.name if isinstance(model, Path) else "the model"
            raise WeightsError(f"{label} cannot be loaded by OpenVINO: {error}") from error
        self._plain, self._keeps_memory = plain, keeps_memory
        self._idle: SimpleQueue[Any] = SimpleQueue()  # requests, each for one thread at a time

    def get_inputs(self) -> list[Any]:
        return self._plain.get_inputs()

    def run(self, outputs: None, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """All outputs of the network for inputs by name; `image` is one of them, shape (N, 3, H, W)."""
        count, _, height, width = feed["image"].shape
        if count * height * width > MAX_PIXELS:
            return self._plain.run(outputs, feed)
        try:
            request = self._idle.get_nowait()
        except Empty:
            request = self._network.create_infer_request()
        try:
            found = request.infer(feed)
            return [np.array(found[output]) for output in self._network.outputs]  # the request goes on
        finally:
            if self._keeps_memory:
                self._idle.put(request)
            else:
                del request
                self._network.release_memory()
