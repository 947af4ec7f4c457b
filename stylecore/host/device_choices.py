"""Devices that a user can choose, for torch and ONNX Runtime alike."""

from __future__ import annotations

DEVICES = ("auto", "cpu", "cuda")


def check_device(device: str) -> None:
    """Refuse a device that does not exist.

    Raises:
        ValueError: The message names what came and what is needed.
    """
    if device not in DEVICES:
        raise ValueError(f"device is {device!r}: use one of {', '.join(DEVICES)}")
