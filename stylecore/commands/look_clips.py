"""Clips of the `look` command."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from stylecore.commands.clips import report_frames
from stylecore.commands.console import progress
from stylecore.photoreal.config import PhotoLookConfig
from stylecore.photoreal.looks import PhotoLook

if TYPE_CHECKING:
    from stylecore.photoreal.clips import KeyProgress


def write_look_of_clip(
    source: Path,
    output: Path,
    look: PhotoLook | Image.Image,
    config: PhotoLookConfig,
    options: argparse.Namespace,
    should_stop: Callable[[], bool],
) -> dict:
    """Gives one clip a look; returns the record for `--json`.

    Raises:
        ClipError: It cannot be read or written, or Ctrl-C came before its first frame.
    """
    from stylecore.photoreal.clips import apply_look_to_clip

    started = time.perf_counter()
    result = apply_look_to_clip(
        source,
        output,
        look,
        config,
        strength=1.0 if options.strength is None else options.strength,
        max_side=options.max_side,
        start_s=options.start,
        end_s=options.end,
        on_fit=_report_fit,
        on_progress=report_frames(source),
        should_stop=should_stop,
    )
    milliseconds = round((time.perf_counter() - started) * 1000)
    progress(
        f"{source} -> {output}: {result.width} x {result.height} px, {result.frames} frames, "
        f"{milliseconds} ms"
    )
    return {
        "photo": str(source),
        "output": str(output),
        "width": result.width,
        "height": result.height,
        "frames": result.frames,
        "method": config.method,
        "is_fitted": not isinstance(look, PhotoLook),
        "milliseconds": milliseconds,
    }


def _report_fit(state: KeyProgress) -> None:
    """Prints the last step of each key frame."""
    if state.fit.step == state.fit.steps:
        progress(f"key frame {state.key}/{state.keys}  style {state.fit.style_loss:.3f}")
