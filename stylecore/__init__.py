"""Neural style transfer: instant styles by feed-forward networks, any style by optimization."""

from importlib import import_module

from stylecore.errors import (
    ClipError,
    DeviceError,
    ImageError,
    MissingExtraError,
    StoppedError,
    StyleError,
    StyleTransferError,
    WeightsError,
)
from stylecore.host.extras import EXTRAS, missing_extra
from stylecore.images.loading import load_image
from stylecore.styles.catalog import list_styles
from stylecore.styles.files import load_style_file, save_style_file
from stylecore.styles.style import Style

__version__ = "0.2.0"
__all__ = [
    "ClipError",
    "ClipLimits",
    "ClipProgress",
    "ClipResult",
    "DeviceError",
    "FastStylizer",
    "ImageError",
    "Iterate",
    "LearningConfig",
    "LearningProgress",
    "LookProgress",
    "MissingExtraError",
    "OptimizationConfig",
    "OptimizationResult",
    "PaintingProgress",
    "PhotoLook",
    "PhotoLookConfig",
    "Region",
    "StoppedError",
    "Style",
    "StyleError",
    "StyleTransferError",
    "WeightsError",
    "apply_look_to_clip",
    "encode_style",
    "find_faces",
    "find_subject",
    "fitting_config",
    "keep_faces",
    "learn_style",
    "list_styles",
    "load_image",
    "load_style_file",
    "optimize_image",
    "save_style_file",
    "stylize_clip",
]


# Imported on first use: onnxruntime takes half a second to import, torch several.
_LAZY = {
    "ClipLimits": "video.limits",
    "ClipProgress": "video.rewriting",
    "ClipResult": "video.rewriting",
    "FastStylizer": "instant.stylizer",
    "Iterate": "optimization.iterates",
    "LearningConfig": "learning.learning_config",
    "LearningProgress": "learning.learning_progress",
    "OptimizationConfig": "optimization.config",
    "OptimizationResult": "optimization.iterates",
    "LookProgress": "photoreal.fitting",
    "PaintingProgress": "instant.progress",
    "PhotoLook": "photoreal.looks",
    "PhotoLookConfig": "photoreal.config",
    "Region": "instant.compositing",
    "apply_look_to_clip": "photoreal.clips",
    "encode_style": "instant.encoder",
    "find_faces": "regions.faces",
    "fitting_config": "learning.learning_config",
    "find_subject": "regions.subject",
    "keep_faces": "regions.keeping",
    "learn_style": "learning.learn",
    "optimize_image": "optimization.optimize",
    "stylize_clip": "video.clips",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"stylecore.{_LAZY[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name in EXTRAS:
            raise missing_extra(error.name) from error
        raise
