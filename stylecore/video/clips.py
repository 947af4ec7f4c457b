"""Paint whole clips, file to file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from os import PathLike
from pathlib import Path

from stylecore.instant.blends import resolve_styles
from stylecore.instant.compositing import StyleChoice
from stylecore.instant.encoder import with_rows
from stylecore.instant.stylizer import FastStylizer, check_settings
from stylecore.regions.parts import check_part
from stylecore.styles.style import Style
from stylecore.video.limits import ClipLimits
from stylecore.video.mask_files import MaskFile
from stylecore.video.painting import FramePainter, Look
from stylecore.video.region_painting import RegionPainter
from stylecore.video.rewriting import ClipProgress, ClipResult, Reader, rewrite_clip
from stylecore.video.writing import check_alpha


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
    where_mask: str | PathLike | None = None,
    elsewhere: StyleChoice | None = None,
    cut_out: bool = False,
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
        target: File to write; its ending is the format: `.mp4`, `.m4v`, `.mov`, `.webm`, `.gif` or `.webp`;
            the last three keep transparency.
        style: As `FastStylizer.stylize` takes it.
        steadiness: 0 paints each frame for itself, 1 is the steadiest.
        strength: 0 gives the clip, 1 the style, up to 2 exaggerates it.
        preserve_color: Keep the clip's colors, take brightness and strokes of the style.
        stroke_scale: Size of the brush marks, 0.1 to 10. At 1, frames of up to 1,024 px are painted at their
            own size, larger ones with strokes as large as in frames of 1,024 px.
        fine: Paint with the finer network, in up to three times the time.
        where: Part of the frames that is painted: `subject`, `background` or `faces`; by default all.
        where_mask: File that is white where frames are painted, of the clip's size: a picture for all frames,
            or a clip with a mask for each; see `stylecore.video.mask_files.MaskFile`.
        elsewhere: What the rest is painted in, with the same settings; by default it stays as it is.
        cut_out: Make the rest transparent.
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
        ImageError: `max_side` is below 32 px, or the mask is no picture, empty, or of another size.
        ValueError: A setting out of range, another part, or settings that exclude or need each other.
        WeightsError: The network that finds the part is missing or damaged.
    Source: docs/measurements.md has how steadiness was chosen; `SteadyPainter` has the papers.
    """
    check_settings(strength, stroke_scale)
    _check_where(where, where_mask, elsewhere, cut_out=cut_out)
    if cut_out:
        check_alpha(Path(target))
    own_limits = limits or ClipLimits.from_environment()
    look = Look(_parts(style), strength, preserve_color, stroke_scale, fine, steadiness)
    rest = None if elsewhere is None else replace(look, parts=_parts(elsewhere))
    engine = stylizer or FastStylizer()

    def make_painter(reader: Reader, size: tuple[int, int]) -> RegionPainter:
        mask: str | MaskFile | None = where
        if where_mask is not None:
            clip_size = reader.info.width, reader.info.height
            mask = MaskFile(where_mask, clip_size, size, start_s=start_s, end_s=end_s, limits=own_limits)
        return RegionPainter(
            FramePainter(engine, look, size),
            mask,
            rest=None if rest is None else FramePainter(engine, rest, size),
            is_cut_out=cut_out,
            keeps_faces=keep_faces,
        )

    return rewrite_clip(
        source,
        target,
        make_painter,
        max_side=max_side,
        start_s=start_s,
        end_s=end_s,
        limits=own_limits,
        on_progress=on_progress,
        should_stop=should_stop,
    )


def _check_where(
    where: str | None, where_mask: str | PathLike | None, elsewhere: StyleChoice | None, *, cut_out: bool
) -> None:
    if where is not None:
        check_part(where)
    if where is not None and where_mask is not None:
        raise ValueError("where and where_mask both choose what is painted: give one of them up")
    is_part = where is not None or where_mask is not None
    if not is_part and (elsewhere is not None or cut_out):
        raise ValueError("elsewhere and cut_out would do nothing without where or where_mask")
    if elsewhere is not None and cut_out:
        raise ValueError("elsewhere paints what cut_out makes transparent: give one of them up")


def _parts(style: StyleChoice) -> dict[Style, float]:
    return {with_rows(part): weight for part, weight in resolve_styles(style).items()}
