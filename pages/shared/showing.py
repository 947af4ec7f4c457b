"""The views of a painted photo: before/after slider, download, share, and credits."""

from __future__ import annotations

import math
import zlib
from dataclasses import replace

import streamlit as st

from pages.shared.choosing import Choice, say_unusable, seen_strokes
from pages.shared.comparing import compare
from pages.shared.full_size import full_size, is_long
from pages.shared.full_size_views import offer_full_size
from pages.shared.own_styles import style_title
from pages.shared.painting import DOWNLOAD_FORMATS, Look, Preview, preview
from pages.shared.pictures import plain
from pages.shared.sharing import offer_share
from pages.shared.visit import visit
from pages.shared.where import BRUSH, EVERYTHING, Where
from stylecore import StyleTransferError, WeightsError, list_styles
from stylecore.images.encoding import MAX_SIDES
from stylecore.instant.enlarging import LEAST_FACTOR
from stylecore.instant.stylizer import working_size

LARGE_PIXELS = 3e6  # a larger photo takes more than a second
# The painting stays in view while the visitor chooses. On phones, where the choices are below it, the
# download comes last: the boxes of the column get `display: contents`, so that `order` applies to their
# parts. `min-height` keeps the painting's place while it is made.
STAY_CSS = """
@media (min-width: 641px) {
  .stColumn:has(.st-key-KEY) > .stVerticalBlock { position: sticky; top: 1rem; height: auto; }
  .st-key-KEY { --compare-height: 70vh; }
}
@media (max-width: 640px) {
  .stMain { scroll-padding-top: 45vh; }
  .stColumn:has(.st-key-KEY), .stColumn:has(.st-key-KEY) > .stVerticalBlock { display: contents; }
  :has(> .st-key-KEY) { position: sticky; top: 0; z-index: 5; width: 100%; }
  :has(> .st-key-KEY):not(:has(.stAlert)) { min-height: 62vw; }
  :has(> .st-key-take_home), :has(> .st-key-ways) { order: 1; }
  .st-key-KEY { --compare-height: 42vh; }
  .st-key-stage, :has(> .st-key-stage) { display: contents; }
  .st-key-stage :is(.stVerticalBlock:has(> * > .st-key-KEY), :has(> .stVerticalBlock > * > .st-key-KEY)) {
    display: contents; }
}
.st-key-KEY :is([data-testid=stImage] img, video) { max-height: var(--compare-height); object-fit: contain; }
"""


def keep_in_view(key: str) -> None:
    """Keep a container, in a column next to the choices, in view while the visitor chooses."""
    st.html(f"<style>{STAY_CSS.replace('KEY', key)}</style>")


def paint_photo(photo: Choice, look: Look) -> Preview | None:
    """Paint a photo at screen size; if that fails, show the reason and return None."""
    try:
        return preview(photo.data, look)
    except StyleTransferError as error:
        say_unusable(error, f"photo instead of {photo.file_name}")
        return None


def show_painting(painting: Preview, look: Look) -> None:
    """Show a painting in a column next to the choices, with `offer_download` below it."""
    keep_in_view("painting")
    with st.container(key="painting"):
        compare(
            painting.original,
            painting.painted,
            before_alt="Your photo as it was",
            after_alt=f"Your photo painted like {look_titles(look)}",
            is_sought=visit().take_sought(),
            key="compare",
        )


def choose_format(size: tuple[int, int], *, is_transparent: bool, key: str = "file_format") -> str:
    """Show the formats of `DOWNLOAD_FORMATS` that can hold a picture, and return the chosen one.

    Args:
        size: Width and height in pixels.
        is_transparent: Whether any part of the picture is transparent.
        key: Key of the widget.
    """
    filled = {"JPEG"} if is_transparent else set()  # formats that turn transparency into white
    formats = [
        name for name in DOWNLOAD_FORMATS if max(size) <= MAX_SIDES.get(name, math.inf) and name not in filled
    ]
    # With fewer formats it is another widget, so that the choice among all of them is kept.
    is_any = len(formats) == len(DOWNLOAD_FORMATS)
    wanted = st.session_state.get(key)
    return st.segmented_control(
        "File",
        formats,
        default=wanted if wanted in formats and not is_any else formats[0],
        required=True,
        key=key if is_any else f"{key}_{'_'.join(formats)}",
        help="JPEG is small and opens everywhere, WebP is smaller still; PNG keeps every pixel. "
        "JPEG cannot keep transparency.",
        label_visibility="collapsed",
        persist_state="session",
    )


def offer_download(photo: Choice, look: Look, painting: Preview) -> None:
    """Show the download of the painting in the photo's own size, and the share button."""
    with st.container(key="take_home"):
        st.caption(plain(f"Painted: {look_titles(look)}{where_titles(look.where)}"))
        if painting.notice:
            st.info(f"{painting.notice[0].upper()}{painting.notice[1:]}.", icon=":material/info:")
        width, height = painting.size
        row = st.container(horizontal=True, vertical_alignment="bottom")
        with row:
            file_format = choose_format(painting.size, is_transparent=painting.is_transparent)
            if not is_long(painting.size):
                _offer_file(photo, look, painting.size, file_format)
        if is_long(painting.size):
            title = look_titles(look)
            offer_full_size(photo, look, painting.size, title=title, file_format=file_format, row=row)
        is_enlarged = max(width, height) >= LEAST_FACTOR * max(working_size(painting.size, look.stroke_scale))
        if width * height > LARGE_PIXELS and is_enlarged:
            takes = "" if is_long(painting.size) else " For a photo of this size this takes some seconds."
            st.caption(
                f"The strokes stay as large as you see them here, with finer brush work in them.{takes}"
            )


def _offer_file(photo: Choice, look: Look, size: tuple[int, int], file_format: str) -> None:
    """Show the buttons that paint a photo in its own size for the download and to share it."""
    ending, mime = DOWNLOAD_FORMATS[file_format]
    file_name = f"{photo.name}_{look.name}.{ending}"
    st.download_button(
        f"Download in full size ({size[0]} x {size[1]})",
        data=lambda: full_size(photo.data, look, file_format),
        file_name=file_name,
        mime=mime,
        type="primary",
        icon=":material/download:",
        on_click="ignore",
        key="download",
    )
    offer_share(
        lambda: full_size(photo.data, look, file_format),
        file_name=file_name,
        mime=mime,
        version=f"{zlib.crc32(photo.data)} {look.key} {file_format}",
        key="share",
    )


def seen_look(look: Look) -> Look | None:
    """A look with the strokes that the chosen photo had in the browser; None if it was not painted there."""
    scale = seen_strokes()
    return None if scale is None else replace(look, stroke_scale=scale)


def show_seen(look: Look) -> None:
    """Show the chosen photo painted large, with the strokes it had, if it was painted in the browser."""
    if (look := seen_look(look)) is None:
        return
    photo = visit().photo[0]
    st.subheader("Your picture in full size", anchor=False)
    with st.container():
        painting = paint_photo(photo, look)
        if painting is not None:
            show_painting(painting, look)
            offer_download(photo, look, painting)
    if painting is not None:
        st.caption("It is now the chosen photo on the other pages, too.")
        show_credits(painting, look)


def show_credits(painting: Preview, look: Look) -> None:
    """Show how a painting was made, and the credits of its styles."""
    is_gpu = painting.device == "cuda"
    server = "painting server's " if painting.is_served else ""
    st.caption(
        f"Painted in {max(painting.seconds, 0.01):.2g} s on the {server}{'GPU' if is_gpu else 'CPU'}. "
        f"{_address_note(look)}",
        help=None if is_gpu else f"No GPU is used: {painting.device_note}.",
    )
    show_style_credits(look)


def show_style_credits(look: Look) -> None:
    """Show the credits of a look's styles."""
    for style, share in (*look.styles, *look.where.elsewhere):
        facts = [style.artist, style.year, style.origin, style.credit, style.license]
        if share and any(facts):
            title = style_title(style)
            title = title if title == style.title else f"{title}: {style.title}"
            work = ", ".join(text for text in (title, style.artist, style.year, style.origin) if text)
            st.caption(plain(". ".join(text for text in (work, style.credit, style.license) if text) + "."))


def _address_note(look: Look) -> str:
    try:
        is_kept = all(style in list_styles() for style, _ in (*look.styles, *look.where.elsewhere))
    except WeightsError:  # the page has said so; an own style is painted without the ready-made ones
        is_kept = False
    if not is_kept:
        return "The address of this page does not hold your own style: send its file to a friend."
    if look.where.part == BRUSH:
        return "The address of this page keeps this look, but not what you brushed."
    return "The address of this page keeps this look: send it to a friend."


def look_titles(look: Look) -> str:
    """The titles of a look's styles: Fire, or Fire and Mosaic."""
    *others, last = [style_title(style) for style, share in look.styles if share]
    return f"{', '.join(others)} and {last}" if others else last


def where_titles(where: Where) -> str:
    """What is painted: `, on the subject`, and the styles of the rest: `, elsewhere Mosaic, faces kept`."""
    faces = ", faces kept" if where.keeps_faces else ""
    if where.part == EVERYTHING:
        return faces
    part = "what you brushed" if where.part == BRUSH else f"the {where.part}"
    titles = " and ".join(style_title(style) for style, _ in where.elsewhere)
    rest = "transparent" if where.is_cut_out else titles
    return f", on {part}{rest and f', elsewhere {rest}'}{faces}"
