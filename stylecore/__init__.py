"""Neural style transfer: instant styles by feed-forward networks, any style by optimization."""

from importlib import import_module

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
    # Loaded on first use: onnxruntime takes half a second to import, torch several.
    module = {
        "FastStylizer": "inference",
        "Iterate": "optimization",
        "OptimizationConfig": "optimization_config",
        "OptimizationResult": "optimization",
        "optimize_image": "optimization",
    }.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"stylecore.{module}"), name)
