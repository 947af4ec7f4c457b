"""The views of the visitor's own styles: their tiles, and the card of the style that the page shows."""

from __future__ import annotations

import streamlit as st

from pages.shared.own_styles import add_style, kept_style, remove_style, rename_style, tile_picture
from pages.shared.pictures import plain, sentence
from pages.shared.streamlit_workarounds import picture_is_button
from pages.shared.visit import visit
from stylecore import Style, StyleTransferError
from stylecore.styles.files import STYLE_FILE_ENDING, encode_style_file
from stylecore.styles.style import name_from

PAGES = {  # where a style paints: label, page and icon of each
    "use_gallery": ("One photo", "pages/gallery.py", ":material/palette:"),
    "use_camera": ("Camera", "pages/camera.py", ":material/photo_camera:"),
    "use_batch": ("Several photos", "pages/batch.py", ":material/photo_library:"),
    "use_clip": ("A clip", "pages/clip.py", ":material/movie:"),
    "use_draw": ("A drawing", "pages/draw.py", ":material/draw:"),
}


def show_own_tiles() -> None:
    """Show a tile for each of the visitor's own styles; a tap shows the photo in it."""
    styles = list(reversed(visit().own_styles.values()))
    if not styles:
        return
    shown = visit().shown_style

    def show(name: str) -> None:
        visit().shown_style = visit().style = name

    st.markdown("Your styles")
    st.html(f"<style>{picture_is_button('.st-key-own_tiles', f'own_{shown}')}</style>")
    with st.grid("auto", min_column_width=96, gap="xsmall", key="own_tiles"):
        for style in styles:
            with st.container(gap="xxsmall"):
                if (picture := tile_picture(style)) is not None:
                    chosen = " (chosen)" if style.name == shown else ""
                    st.image(picture, width="stretch", alt=f"Your style {style.title}{chosen}")
                st.button(
                    plain(style.title),
                    key=f"own_{style.name}",
                    width="stretch",
                    on_click=show,
                    args=(style.name,),
                )
    st.caption("They stay until you close or reload this page: download the files of those you want to keep.")


def show_style_card(style: Style) -> None:
    """Show what can be done with the style that the page shows: keep, name, download, paint elsewhere."""
    kept = kept_style(style)
    if kept is None:
        st.markdown("**Keep this style**")
        st.caption("It then paints any photo at once, as the ready-made styles do.")
    else:
        st.markdown("**Your style**")
        st.text_input(
            "Title",
            value=kept.title,
            key=f"title_{kept.name}",
            on_change=_take_title,
            args=(kept.name,),
            label_visibility="collapsed",
        )
    with st.container(horizontal=True, gap="small"):
        if kept is None:
            st.button(
                "Keep it as it is",
                key="keep_style",
                icon=":material/bookmark_add:",
                on_click=_keep,
                args=(style,),
            )
        st.download_button(
            "Download the style",
            data=encode_style_file(kept or style),
            file_name=f"{name_from((kept or style).title, 'own_style')}{STYLE_FILE_ENDING}",
            mime="application/octet-stream",
            icon=":material/download:",
            help="Drop it into “Bring a style file” on another day, or send it to a friend.",
            on_click="ignore",
            key="download_style",
        )
        if kept is not None:
            st.button(
                "Remove",
                key="remove_style",
                icon=":material/delete:",
                type="tertiary",
                on_click=remove_style,
                args=(kept.name,),
            )
    if visit().keep_notice:
        st.warning(visit().keep_notice)
    st.caption("Paint with it:")
    with st.container(horizontal=True, gap="small"):
        for key, (label, page, icon) in PAGES.items():
            if st.button(label, key=key, icon=icon) and _keep(style):
                st.switch_page(page)


def _keep(style: Style) -> bool:
    """Keep a style; if that fails, note the reason and return False."""
    try:
        add_style(style)
    except StyleTransferError as error:
        visit().keep_notice = sentence(error)
        return False
    visit().keep_notice = ""
    return True


def _take_title(name: str) -> None:
    rename_style(name, st.session_state[f"title_{name}"])
