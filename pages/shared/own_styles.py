"""The visitor's own styles, which stand first among all styles on every page of the visit."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from pages.shared.pictures import short_title, tile_path
from pages.shared.visit import visit
from stylecore import Style, StyleError, list_styles
from stylecore.host.byte_cache import ByteCache
from stylecore.images.encoding import encode_image
from stylecore.images.loading import load_image
from stylecore.images.sheets import fit
from stylecore.styles.style import name_from

MOST = 12  # own styles of one visit
MOST_BYTES = 120_000_000  # of their networks and pictures together
MOST_TITLE = 60  # characters of a title
TILE = (160, 120)  # px, width and height
TILE_BYTES = 4_000_000  # of all kept tiles, some 500


def known_styles() -> dict[str, Style]:
    """All styles by name: the visitor's own, the newest first, then the ready-made ones."""
    own = dict(reversed(visit().own_styles.items()))
    return own | {style.name: style for style in list_styles() if style.name not in own}


def kept_style(style: Style) -> Style | None:
    """The own style that a style is, or is kept as."""
    kept = visit().own_styles
    return kept.get(style.name if style in kept.values() else visit().kept_as.get(style.sha256, ""))


def add_style(style: Style, *, is_limited: bool = True) -> Style:
    """Keep a style for this visit, and choose it on all pages; one that is kept already stays one.

    Args:
        style: The style.
        is_limited: Whether number and memory of the kept styles are limited.
    Returns:
        The kept style, with a name that no other style has.
    Raises:
        StyleError: Too many styles are kept, or they take too much memory.
    """
    own = visit().own_styles
    kept = kept_style(style)
    if kept is None:
        if is_limited and len(own) >= MOST:
            raise StyleError(f"{MOST} styles of your own are here, which is the most: remove one first")
        if is_limited and sum(map(_size, own.values())) + _size(style) > MOST_BYTES:
            raise StyleError(
                f"your own styles would take more than {MOST_BYTES / 1e6:.0f} MB: remove one first"
            )
        title = clean_title(style.title) or "Own style"
        kept = replace(style, name=_free_name(title), title=title)
        own[kept.name] = kept
        visit().kept_as[style.sha256] = kept.name
    visit().style = kept.name
    return kept


def rename_style(name: str, title: str) -> None:
    """Give an own style another title; its name stays. An empty title changes nothing."""
    if title := clean_title(title):
        visit().own_styles[name] = replace(visit().own_styles[name], title=title)


def remove_style(name: str) -> None:
    """Forget an own style."""
    del visit().own_styles[name]
    visit().keep_notice = ""
    if visit().style == name:
        visit().style = ""  # the pages choose the first again
    if visit().shown_style == name:
        visit().shown_style = ""


def shown_style() -> Style | None:
    """The own style that the page Your own style shows, if the visitor chose one."""
    return visit().own_styles.get(visit().shown_style)


def is_shared(style: Style) -> bool:
    """Whether a style is rows for a network in `weights/`, without changes to it or a network of its own."""
    return bool(style.rows) and not style.trunk and not style.foreign_network


def style_title(style: Style) -> str:
    """The title of a style's tile: that of ready-made ones is shorter than that of the work of art."""
    return short_title(style.name) if tile_path(style.name).exists() or not style.title else style.title


def tile_picture(style: Style) -> bytes | None:
    """The picture of a style's tile: a painted sample, or the thumbnail of a style that has none."""
    if (path := tile_path(style.name)).exists():
        return path.read_bytes()
    return _tile(style.thumbnail) if style.thumbnail else None


def clean_title(title: str) -> str:
    """A title as style files may hold it: one line of printable characters."""
    printable = "".join(character if character.isprintable() else " " for character in title)
    return " ".join(printable.split())[:MOST_TITLE].strip()


def _free_name(title: str) -> str:
    taken = known_styles()
    numbered = (
        name_from(title, "own_style") + (f"_{number}" if number > 1 else "")
        for number in range(1, len(taken) + 2)
    )
    return next(name for name in numbered if name not in taken)


def _size(style: Style) -> int:
    trunk = sum(change.nbytes for changes in style.trunk.values() for change in changes.values())
    return len(style.foreign_network) + len(style.picture) + trunk


def _tile(thumbnail: bytes) -> bytes:
    key = hashlib.sha256(thumbnail).digest()
    return _tiles.get(key) or _tiles.keep(key, encode_image(fit(load_image(thumbnail), TILE), "JPEG"))


_tiles: ByteCache[bytes] = ByteCache(TILE_BYTES, len)
