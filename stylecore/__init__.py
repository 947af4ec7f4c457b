"""Neural style transfer: instant styles by feed-forward networks, any style by optimization."""

from stylecore.errors import DeviceError, ImageError, StyleError, StyleTransferError, WeightsError
from stylecore.images import load_image
from stylecore.styles import Style, list_styles

__version__ = "0.1.0"
__all__ = [
    "DeviceError",
    "FastStylizer",
    "ImageError",
    "Style",
    "StyleError",
    "StyleTransferError",
    "WeightsError",
    "list_styles",
    "load_image",
]


def __getattr__(name: str) -> object:
    # Loaded on first use: onnxruntime takes a good part of a second to import.
    if name == "FastStylizer":
        from stylecore.inference import FastStylizer

        return FastStylizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
