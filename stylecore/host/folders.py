"""Folders of the project: inside the package in a wheel, next to it in a checkout."""

from __future__ import annotations

from pathlib import Path

PACKAGE_FOLDER = Path(__file__).resolve().parents[1]


def _folder(in_wheel: str, in_checkout: str) -> Path:
    packaged = PACKAGE_FOLDER / in_wheel
    return packaged if packaged.is_dir() else PACKAGE_FOLDER.parent / in_checkout


WEIGHTS_FOLDER = _folder("weights", "weights")
APP_SCRIPT = _folder("app", ".") / "streamlit_app.py"
