"""Evaluation of painted clips: steadiness, next to style loss and sharpness, which blurring would lose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from torch import Tensor

from stylecore.errors import ClipError
from stylecore.instant.encoder import with_rows
from stylecore.instant.stylizer import FastStylizer
from stylecore.measuring.evaluation import read_photos
from stylecore.measuring.measure import Measure, gram_distance
from stylecore.measuring.moving_clips import (
    WIDTH,
    MovingClip,
    moving_cutout,
    pan_and_zoom,
    read_moving_clip,
)
from stylecore.measuring.style_targets import read_style_targets
from stylecore.styles.catalog import get_style
from stylecore.video.flow import positions
from stylecore.video.frames import Frame
from stylecore.video.painting import FramePainter, Look

STYLES = ("starry_night", "mosaic", "the_scream")
MEASURED = 6  # frames from one whose style loss and sharpness are measured to the next


def evaluate_video(
    content_folder: Path,
    clips: Sequence[Path] = (),
    *,
    names: Sequence[str] | None = None,
    frames: int = 30,
    fine: bool = False,
    steadiness: float = 1.0,
    device: str = "cpu",
    on_progress: Callable[[str], None] = lambda line: None,
) -> dict:
    """Measure how steady painted clips are.

    Two clips are made of photos, so that their flow is exact: a camera that pans and zooms, and a cut-out
    that moves over a background, with sensor noise. Clips from files are measured by estimated flow.

    Args:
        content_folder: Photos; the first two by name are used.
        clips: Video files.
        names: Styles; by default three.
        frames: Number of frames of each clip.
        fine: Measure the wider network.
        steadiness: As `stylize_clip` takes it.
        device: Device of the losses, `auto`, `cpu` or `cuda`.
        on_progress: Called with a line after each clip and style.
    Returns:
        `clips`, a list of records: `clip`, `style`, `is_exact`, the warping error of the `unpainted` clip,
        `by_frame` and `steady` painted, their `ratio`, `style_loss_ratio` and `sharpness_ratio` of steady to
        frame by frame; and `skipped`, why photos and clips could not be used.
    Raises:
        ImageError: No usable photo.
        StyleError: An unknown style.
    """
    photos, skipped = read_photos(content_folder, 2, 2 * WIDTH)
    first, *others = photos.values()
    made = [pan_and_zoom(first, frames), moving_cutout(first, (others or [first])[0], frames)]
    measured = []
    for path in clips:
        try:
            measured.append(read_moving_clip(path, frames))
        except ClipError as error:
            skipped.append(str(error))
    names = [get_style(name).name for name in names or STYLES]
    measure, stylizer = Measure(device), FastStylizer("cpu")
    targets = measure.on_device(read_style_targets(names))
    records = []
    for clip in made + measured:
        for name in names:
            record = {"clip": clip.name, "style": name, "is_exact": clip in made}
            record |= _measured(clip, stylizer, measure, targets[name], name, fine, steadiness)
            records.append(record)
            on_progress(f"{clip.name}, {name}: {record['by_frame']} -> {record['steady']}")
    return {"frames": frames, "fine": fine, "clips": records, "skipped": skipped}


def _measured(
    clip: MovingClip,
    stylizer: FastStylizer,
    measure: Measure,
    grams: Mapping[str, Tensor],
    name: str,
    fine: bool,
    steadiness: float,
) -> dict:
    by_frame = paint(clip.frames, stylizer, name, fine=fine, steadiness=0)
    steady = paint(clip.frames, stylizer, name, fine=fine, steadiness=steadiness)
    errors = [warping_error(frames, clip) for frames in (clip.frames, by_frame, steady)]
    chosen = slice(MEASURED - 1, None, MEASURED)
    losses = [
        np.mean([gram_distance(measure.grams(Image.fromarray(frame)), grams) for frame in frames[chosen]])
        for frames in (by_frame, steady)
    ]
    sharp = [np.mean([sharpness(frame) for frame in frames[chosen]]) for frames in (by_frame, steady)]
    return {
        "unpainted": round(errors[0], 2),
        "by_frame": round(errors[1], 2),
        "steady": round(errors[2], 2),
        "ratio": round(errors[2] / errors[1], 3),
        "style_loss_ratio": round(float(losses[1] / losses[0]), 3),
        "sharpness_ratio": round(float(sharp[1] / sharp[0]), 3),
    }


def paint(
    frames: Sequence[np.ndarray], stylizer: FastStylizer, name: str, *, fine: bool, steadiness: float
) -> list[np.ndarray]:
    """Paint frames in a row."""
    height, width = frames[0].shape[:2]
    look = Look({with_rows(get_style(name)): 1.0}, fine=fine, steadiness=steadiness)
    painter = FramePainter(stylizer, look, (width, height))
    return [painter(Frame(frame, None, Fraction(0), Fraction(0))).pixels for frame in frames]


def warping_error(frames: Sequence[np.ndarray], clip: MovingClip) -> float:
    """RMS difference, in levels of 255, of each frame from the one before warped, where the flow holds.

    Source: Lai et al. (2018), section 4.1. Differs: the root of the mean over all frames.
    """
    total, count = 0.0, 0
    for index, (flow, visible) in enumerate(zip(clip.flows, clip.visible, strict=True)):
        places = positions(*flow.shape[:2]) + flow
        before = frames[index].astype(np.float32)
        moved = cv2.remap(before, places, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        difference = (moved.clip(0, 255) - frames[index + 1])[visible]
        total += float(np.square(difference, dtype=np.float64).sum())
        count += difference.size
    return (total / max(count, 1)) ** 0.5


def sharpness(frame: np.ndarray) -> float:
    """Mean length of the gradient of the brightness."""
    y, x = np.gradient(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32))
    return float(np.hypot(x, y).mean())


def as_table(report: dict) -> str:
    """Format the report as a Markdown table, with means of the clips with exact and with estimated flow."""
    network = "fine" if report["fine"] else "fast"
    lines = [
        f"warping error in levels of 255, {report['frames']} frames, {network} network",
        "",
        "| clip | style | unpainted | frame by frame | steady | ratio | style loss | sharpness |",
        "|" + "---|" * 8,
    ]
    ratios = ("ratio", "style_loss_ratio", "sharpness_ratio")
    for record in report["clips"]:
        cells = [record[key] for key in ("clip", "style", "unpainted", "by_frame", "steady", *ratios)]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    for is_exact, kind in ((True, "exact"), (False, "estimated")):
        records = [record for record in report["clips"] if record["is_exact"] == is_exact]
        if records:
            means = [f"{np.mean([record[key] for record in records]):.3f}" for key in ratios]
            lines.append(f"| mean, {kind} flow | | | | | {' | '.join(means)} |")
    return "\n".join(lines)
