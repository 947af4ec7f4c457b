"""Sessions of ONNX Runtime, set up for pictures of changing size."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stylecore.errors import WeightsError
from stylecore.host.cgroups import thread_limit
from stylecore.host.extras import import_extra
from stylecore.host.gpu import missing_gpu

if TYPE_CHECKING:
    import onnxruntime as ort
else:
    # From 1.29 on ONNX Runtime would report its use to its maker, and is asked before it is imported.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    ort = import_extra("onnxruntime")


def open_session(
    model: Path | bytes,
    device: str,
    *,
    keeps_memory: bool = True,
    shares_memory: bool = False,
    is_compact: bool = False,
    initializers: Mapping[str, np.ndarray] | None = None,
    sizes: Mapping[str, int] | None = None,
    profile: Path | None = None,
) -> ort.InferenceSession:
    """An ONNX Runtime session set up for pictures of changing size.

    With `cuda` the caller asks the session whether it got it: ONNX Runtime only logs a failure.

    Args:
        model: File or contents.
        device: `cpu` or `cuda`.
        keeps_memory: Keep the memory of a picture for the next one; without it, networks that run rarely
            leave it to others.
        shares_memory: Take memory from one pool for all such sessions, which keeps it.
        is_compact: Take less memory and more time: the layout of channels stays as it is, and each result is
            freed after its last use instead of holding a smaller one later.
        initializers: Values of initializers that the model lacks, by name. They are not copied: the caller
            keeps them as long as the session.
        sizes: Of inputs, by name, where they are always the same: what follows from them is computed once.
            With `cuda` the session is captured as a CUDA graph: inputs and outputs must be bound, and stay
            where they are.
        profile: Path and beginning of the name of a file that the session writes when it ends profiling.
    Raises:
        WeightsError: Not a network that ONNX Runtime can load.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 4  # A CUDA that does not start is reported by us, in words.
    options.intra_op_num_threads = thread_limit() or 0
    options.enable_cpu_mem_arena = keeps_memory
    options.enable_mem_reuse = not is_compact
    if shares_memory:
        _register_shared_memory()
        options.add_session_config_entry("session.use_env_allocators", "1")
    if is_compact:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    # Spinning threads would slow down other work on a small host.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    if initializers:
        values = [ort.OrtValue.ortvalue_from_numpy(value) for value in initializers.values()]
        options.add_external_initializers(list(initializers), values)
    for name, size in (sizes or {}).items():
        options.add_free_dimension_override_by_name(name, size)
    providers: list = ["CPUExecutionProvider"]
    if device == "cuda":
        # EXHAUSTIVE, the default, searches for up to a second at every new picture size.
        cuda: dict[str, str] = {
            "cudnn_conv_algo_search": "HEURISTIC",
            "arena_extend_strategy": "kSameAsRequested",
        }
        if sizes:
            # Chosen once, so that the search pays, and without memory that moves.
            cuda |= {"enable_cuda_graph": "1", "cudnn_conv_algo_search": "EXHAUSTIVE"}
        providers.insert(0, ("CUDAExecutionProvider", cuda))
    try:
        return ort.InferenceSession(model, options, providers=providers)
    except Exception as error:  # ONNX Runtime's own exceptions have no common public base
        label = model.name if isinstance(model, Path) else "the model"
        raise WeightsError(f"{label} cannot be loaded by ONNX Runtime {ort.__version__}: {error}") from error


@cache
def _register_shared_memory() -> None:
    """Make the pool of `shares_memory`, which grows by what is needed and not by doubling."""
    place = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    ort.create_and_register_allocator(place, ort.OrtArenaCfg({"arena_extend_strategy": 1}))


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error of ONNX Runtime or of numpy means that too little memory is free, on CPU or GPU."""
    words = ("bad_alloc", "bad allocation", "failed to allocate memory", "out of memory")
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in words)


def missing_cuda() -> str:
    """Why CUDA cannot start, or nothing when it should; loads the CUDA libraries on the way."""
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        return "this ONNX Runtime was built without CUDA"
    if reason := missing_gpu():
        return reason
    ort.preload_dlls()  # finds the libraries of the pip packages
    return ""
