"""Whether there is a GPU, asked without any library that is large."""

from __future__ import annotations

import ctypes
import os


def missing_gpu() -> str:
    """Why no NVIDIA GPU can be used, or nothing when the driver finds one."""
    try:
        driver = ctypes.CDLL("libcuda.so.1" if os.name == "posix" else "nvcuda.dll")
    except OSError:
        return "no NVIDIA driver on this machine"
    count = ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return "the NVIDIA driver finds no GPU"
    return ""
