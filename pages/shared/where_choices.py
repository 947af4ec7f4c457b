"""The widgets for the part of the photo that is painted, and for the rest of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st
from PIL import Image

from pages.shared.address import forget, keep_choice, keep_switch
from pages.shared.brushing import TINTED_ALT, choose_snapping, draw_mask, tinted
from pages.shared.choosing import Choice
from pages.shared.own_styles import known_styles, style_title
from pages.shared.painting import encode_screen, has_face, screen_mask, screen_picture
from pages.shared.pictures import sentence
from pages.shared.visit import visit
from pages.shared.where import BACKGROUND, BRUSH, EVERYTHING, FOUND, SUBJECT, Where
from stylecore import ImageError, StyleTransferError, WeightsError
from stylecore.images.loading import load_image

PARTS = {
    EVERYTHING: "All",
    SUBJECT: "Subject",
    BACKGROUND: "Background",
    BRUSH: "My brush",
}
# Names of styles have no colons.
PHOTO, TRANSPARENT = ":photo", ":transparent"
LOOKS = {PHOTO: "The photo itself", TRANSPARENT: "Nothing: transparent"}
CLIP_LOOKS = {**LOOKS, PHOTO: "The clip itself"}
NOT_IN_FRAME = {
    SUBJECT: "No subject was found in this frame. In the clip, frames without one stay as they are.",
    BACKGROUND: "No subject was found in this frame, so all of it is painted.",
}


def choose_where(
    photo: Choice | None, *, has_brush: bool = True, has_rest: bool = True, has_faces: bool = True
) -> Where:
    """Show the choice of what is painted; the address keeps it, but no brush.

    Args:
        photo: The chosen photo, on which the part is shown; None if there is none, or many.
        has_brush: Whether the part can be drawn.
        has_rest: Whether the rest can have another look than that of the photo.
        has_faces: Whether faces can be kept.
    """
    place, notes = st.container(horizontal=True, vertical_alignment="bottom"), st.container()
    with place:
        part = _choose_part([part for part in PARTS if part != BRUSH or has_brush])
        keeps_faces = has_faces and _choose_faces()
    where = Where(part, keeps_faces=keeps_faces)
    if part != EVERYTHING and has_rest:
        where = _choose_rest(where, LOOKS)
    if part in (EVERYTHING, BRUSH):
        forget("elsewhere")
    if part == BRUSH:
        forget("where")
    else:
        forget("snap_brush")
    if photo is None:
        return where
    try:
        if keeps_faces and not has_face(photo.data):
            notes.info("No face was found in this photo.", icon=":material/search_off:")
        if part in FOUND:
            _show_found(photo, where)
        return _show_brush(photo, where) if part == BRUSH else where
    except StyleTransferError:  # the page shows it where the painting would be
        return where


def choose_where_in_clip(frame: Choice | None) -> Where:
    """Show the choice of what of a clip is painted; the address keeps it. Clips have no brush.

    Args:
        frame: A frame of the clip, in which the part is looked for; None if there is no clip.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        part = _choose_part([part for part in PARTS if part != BRUSH])
        where = Where(part, keeps_faces=_choose_faces())
    if part == EVERYTHING:
        forget("elsewhere")
        return where
    where = _choose_rest(where, CLIP_LOOKS)
    try:
        if frame is not None and screen_mask(frame.data, where) is None:
            st.info(NOT_IN_FRAME[part], icon=":material/search_off:")
    except StyleTransferError:  # the page shows it where the painting would be
        pass
    return where


def _choose_faces() -> bool:
    return st.toggle(
        "Keep faces",
        value=keep_switch("keep_faces"),
        key="keep_faces",
        help="Faces stay nearer to the photo.",
        persist_state="session",
    )


def _choose_part(parts: Sequence[str]) -> str:
    if st.session_state.get("where", EVERYTHING) not in parts:  # drawn on another page
        st.session_state["where"] = EVERYTHING

    def follow() -> None:
        """Begin the brush with what was painted before."""
        visit().brush_start = visit().part

    part = st.segmented_control(
        "Where",
        parts,
        format_func=PARTS.get,
        default=keep_choice("where", EVERYTHING, {part: PARTS[part] for part in parts}),
        required=True,
        key="where",
        on_change=follow,
        help="The style is painted there alone; the rest can stay as it is, or have a style of its own.",
        persist_state="session",
    )
    visit().part = part
    return part


def _choose_rest(where: Where, looks: Mapping[str, str]) -> Where:
    """Show the choice of the look that the rest has: a style, or one of `looks`."""
    try:
        styles = known_styles()
    except WeightsError:  # the page has said so
        styles = dict(visit().own_styles)
    titles = {**looks} | {name: style_title(style) for name, style in styles.items()}
    if st.session_state.get("elsewhere", PHOTO) not in titles:  # an own style that was removed
        st.session_state["elsewhere"] = PHOTO
    first = keep_choice("elsewhere", PHOTO, titles)
    chosen = st.selectbox(
        "The rest",
        list(titles),
        index=list(titles).index(first) if first in titles else 0,
        format_func=lambda name: titles.get(name, name),
        key="elsewhere",
        persist_state="session",
    )
    elsewhere = () if chosen in looks else ((styles[chosen], 1.0),)
    return replace(where, elsewhere=elsewhere, is_cut_out=chosen == TRANSPARENT)


def _show_found(photo: Choice, where: Where) -> None:
    """Show what was found as a tint over the photo, if the visitor wants to see it."""
    mask = screen_mask(photo.data, where)
    if mask is None:
        st.info("No subject was found in this photo, so all of it is painted.", icon=":material/search_off:")
    elif st.toggle("Show it on the photo", key="show_where", persist_state="session"):
        picture = tinted(load_image(screen_picture(photo.data).encoded), mask)
        st.image(encode_screen(picture), width="stretch", alt=TINTED_ALT)
        st.caption("Something is missing, or too much? Choose “My brush” and correct it.")


def _show_brush(photo: Choice, where: Where) -> Where:
    """Show the photo to draw on, and what to do while nothing is drawn."""

    def start() -> Image.Image | None:
        part = visit().brush_start
        return screen_mask(photo.data, Where(part)) if part in FOUND else None

    where = replace(where, brush=draw_mask(photo.data, start=start, key="brush"))
    where = replace(where, is_snapped=choose_snapping("snap_brush"))
    visit().brush_start = EVERYTHING
    # Below the canvas, which would be drawn anew if something appeared above it.
    try:
        if screen_mask(photo.data, where) is None:
            st.info("Nothing is brushed yet, so everything is painted: draw on the photo.")
    except ImageError as error:
        st.warning(sentence(error))
        return replace(where, brush=b"")
    return where
