"""Paint whole clips, file to file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from os import PathLike

from stylecore.instant.blends import resolve_styles
from stylecore.instant.compositing import StyleChoice
from stylecore.instant.encoder import with_rows
from stylecore.instant.stylizer import FastStylizer, check_settings
from stylecore.regions.parts import check_part
from stylecore.styles.style import Style
from stylecore.video.limits import ClipLimits
from stylecore.video.painting import FramePainter, Look
from stylecore.video.region_painting import RegionPainter
from stylecore.video.rewriting import ClipProgress, ClipResult, Reader, rewrite_clip


def stylize_clip(
    source: str | PathLike,
    target: str | PathLike,
    style: StyleChoice,
    *,
    steadiness: float = 1.0,
    strength: float = 1.0,
    preserve_color: bool = False,
    stroke_scale: float = 1.0,
    fine: bool = True,
    where: str | None = None,
    elsewhere: StyleChoice | None = None,
    keep_faces: bool = False,
    max_side: int | None = None,
    start_s: float = 0.0,
    end_s: float | None = None,
    stylizer: FastStylizer | None = None,
    limits: ClipLimits | None = None,
    on_progress: Callable[[ClipProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> ClipResult:
    """Paint a clip without flicker, and keep its sound. Frames stream through: only a few are in memory.

    Args:
        source: MP4, MOV, WebM, MKV or AVI, or an animated GIF, WebP or PNG.
        target: File to write; its ending is the format: `.mp4`, `.m4v`, `.mov`, `.webm`, `.gif` or `.webp`.
        style: As `FastStylizer.stylize` takes it.
        steadiness: 0 paints each frame for itself, 1 is the steadiest.
        strength: 0 gives the clip, 1 the style, up to 2 exaggerates it.
        preserve_color: Keep the clip's colors, take brightness and strokes of the style.
        stroke_scale: Size of the brush marks, 0.1 to 10. At 1, frames of up to 1,024 px are painted at their
            own size, larger ones with strokes as large as in frames of 1,024 px.
        fine: Paint with the finer network, in up to three times the time.
        where: Part of the frames that is painted: `subject`, `background` or `faces`; by default all.
        elsewhere: What the rest is painted in, with the same settings; by default it stays as it is.
        keep_faces: Paint faces with three tenths of the strength.
        max_side: Scale larger frames down to this long side in pixels.
        start_s: Start of the part that is painted, in seconds.
        end_s: Its end; by default the end of the clip.
        stylizer: The engine; by default one on the best device.
        limits: Of the clip; by default those of the environment, see `ClipLimits`.
        on_progress: Called after each frame.
        should_stop: Asked after each frame; if it returns True, what is painted so far becomes the file.
    Returns:
        What was written.
    Raises:
        ClipError: The clip cannot be read or the file not written, or the clip is beyond a limit.
        StyleError: As `FastStylizer.stylize`.
        ImageError: `max_side` is below 32 px.
        ValueError: A setting out of range, another part, or `elsewhere` without `where`.
        WeightsError: The network that finds the part is missing or damaged.
    Source: docs/measurements.md has how steadiness was chosen; `SteadyPainter` has the papers.
    """
    check_settings(strength, stroke_scale)
    if where is not None:
        check_part(where)
    elif elsewhere is not None:
        raise ValueError("elsewhere would do nothing without where")
    look = Look(_parts(style), strength, preserve_color, stroke_scale, fine, steadiness)
    rest = None if elsewhere is None else replace(look, parts=_parts(elsewhere))
    engine = stylizer or FastStylizer()

    def make_painter(_: Reader, size: tuple[int, int]) -> RegionPainter:
        return RegionPainter(
            FramePainter(engine, look, size),
            where,
            rest=None if rest is None else FramePainter(engine, rest, size),
            keeps_faces=keep_faces,
        )

    return rewrite_clip(
        source,
        target,
        make_painter,
        max_side=max_side,
        start_s=start_s,
        end_s=end_s,
        limits=limits,
        on_progress=on_progress,
        should_stop=should_stop,
    )


def _parts(style: StyleChoice) -> dict[Style, float]:
    return {with_rows(part): weight for part, weight in resolve_styles(style).items()}
