"""Device, precision and free memory of torch."""

from __future__ import annotations

import torch

from stylecore.errors import DeviceError
from stylecore.host.cgroups import thread_limit
from stylecore.host.device_choices import check_device
from stylecore.host.memory import free_memory


def select_device(device: str) -> torch.device:
    """Return the torch device for `auto`, `cpu` or `cuda`.

    If torch has more threads than a container's quota of processor time, it gets as many as that; it knows
    only the number of processors, and threads beyond the quota wait for each other.

    Raises:
        DeviceError: `cuda` was asked for and does not start.
        ValueError: Another device.
    """
    check_device(device)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise DeviceError("cuda was asked for, but torch finds no CUDA device that starts")
    limit = thread_limit()
    if limit is not None and limit < torch.get_num_threads():
        torch.set_num_threads(limit)
    return torch.device(device)


def autocast_dtype(device: torch.device, precision: str = "auto") -> torch.dtype | None:
    """Return the type for autocast, or None for float32.

    Args:
        device: Where the computation runs.
        precision: `float32`, `mixed`, or `auto`, which is mixed where the hardware is faster so.
    Raises:
        ValueError: Another precision.
    """
    if precision not in ("auto", "float32", "mixed"):
        raise ValueError(f"precision is {precision!r}: use auto, float32 or mixed")
    if precision == "float32":
        return None
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    # 1.7 times as fast as float32 on CPUs with bfloat16 instructions, slower on others.
    has_bfloat16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if precision == "mixed" or has_bfloat16 else None


def available_memory(device: str = "auto") -> int:
    """Return the bytes that are free for a computation on `auto`, `cpu` or `cuda`.

    On the CPU this is the smaller of the machine's free memory and the rest of the container's limit.

    Raises:
        DeviceError: `cuda` was asked for and does not start.
    """
    if select_device(device).type == "cuda":
        return torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    return free_memory()
