"""Sessions of ONNX Runtime, set up for pictures of changing size."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import TYPE_CHECKING

from stylecore.errors import WeightsError
from stylecore.host.cgroups import thread_limit
from stylecore.host.extras import import_extra

if TYPE_CHECKING:
    import onnxruntime as ort
else:
    # From 1.29 on ONNX Runtime would report its use to its maker, and is asked before it is imported.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    ort = import_extra("onnxruntime")


def open_session(
    model: Path | bytes, device: str, *, keeps_memory: bool = True, is_compact: bool = False
) -> ort.InferenceSession:
    """An ONNX Runtime session set up for pictures of changing size.

    With `cuda` the caller asks the session whether it got it: ONNX Runtime only logs a failure.

    Args:
        model: File or contents.
        device: `cpu` or `cuda`.
        keeps_memory: Keep the memory of a picture for the next one; without it, networks that run rarely
            leave it to others.
        is_compact: Take less memory and more time: the layout of channels stays as it is, and each result is
            freed after its last use instead of holding a smaller one later.
    Raises:
        WeightsError: Not a network that ONNX Runtime can load.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 4  # A CUDA that does not start is reported by us, in words.
    options.intra_op_num_threads = thread_limit() or 0
    options.enable_cpu_mem_arena = keeps_memory
    options.enable_mem_reuse = not is_compact
    if is_compact:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
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


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error of ONNX Runtime or of numpy means that too little memory is free, on CPU or GPU."""
    words = ("bad_alloc", "bad allocation", "failed to allocate memory", "out of memory")
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in words)


def missing_cuda() -> str:
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
