"""Recognition of clips by name and header, without the packages that read them."""

from __future__ import annotations

from pathlib import Path

from stylecore.video.animations import is_animated

VIDEO_EXTENSIONS = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".3gp", ".ogv", ".flv")
ANIMATED_EXTENSIONS = (".gif", ".webp", ".png", ".apng")
WRITTEN_EXTENSIONS = (".mp4", ".m4v", ".mov", ".webm", ".gif", ".webp")  # of `stylecore.video.writing`
TRANSPARENT_EXTENSIONS = (".webm", ".gif", ".webp")  # of these, the formats with transparency


def is_clip(path: Path) -> bool:
    """Whether a file is a video by its name, or an animated picture."""
    suffix = path.suffix.lower()
    return suffix in VIDEO_EXTENSIONS or (suffix in ANIMATED_EXTENSIONS and is_animated(path))


def painted_extension(path: Path) -> str:
    """Ending of the painting of a clip: its own where that can be written, else MP4, or WebP for PNG."""
    suffix = path.suffix.lower()
    if suffix in WRITTEN_EXTENSIONS:
        return suffix
    return ".webp" if suffix in ANIMATED_EXTENSIONS else ".mp4"
