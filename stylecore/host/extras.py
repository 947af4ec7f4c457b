"""Optional packages: whether they are installed, and how to install them."""

from __future__ import annotations

from importlib import import_module, metadata, util
from types import ModuleType

from stylecore.errors import MissingExtraError

# Extras of the distribution by the module that they install.
EXTRAS = {
    "onnxruntime": "cpu",
    "torch": "custom",
    "onnx": "import",
    "av": "video",
    "cv2": "video",
    "tifffile": "tiff",
    "imagecodecs": "tiff",
    "ray": "scale",
    "openvino": "openvino",
}
RUNTIMES = ("onnxruntime", "onnxruntime-gpu")  # distributions that install the same module


def has_extra(module: str) -> bool:
    """Whether a module of `EXTRAS` is installed; it is not imported."""
    return util.find_spec(module) is not None


def import_extra(module: str) -> ModuleType:
    """Import a module of `EXTRAS`.

    Raises:
        MissingExtraError: It is not installed; the message has the command that installs it.
    """
    if not has_extra(module):
        raise missing_extra(module)
    return import_module(module)


def missing_extra(module: str) -> MissingExtraError:
    """Build the error that names the extra to install for a module of `EXTRAS`."""
    if module == "onnxruntime":
        return MissingExtraError(
            "painting needs ONNX Runtime, which is not installed: pip install 'impasto[cpu]', "
            "or 'impasto[gpu]' for an NVIDIA GPU"
        )
    return MissingExtraError(
        f"this needs {module}, which is not installed: pip install 'impasto[{EXTRAS[module]}]'"
    )


def runtime_conflict() -> str:
    """Describe the conflict, and its repair, if both builds of ONNX Runtime are installed; else empty."""
    installed = [name for name in RUNTIMES if _is_installed(name)]
    if len(installed) < len(RUNTIMES):
        return ""
    return (
        f"{' and '.join(installed)} are both installed and overwrite each other's files: "
        f"pip uninstall -y {' '.join(installed)}, then install one of the extras cpu and gpu again"
    )


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True
