"""The widgets for style and look, the same on every page; the address keeps them."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shared.address import (
    forget,
    keep_choice,
    keep_choices,
    keep_number,
    keep_switch,
    unknown_in_address,
)
from pages.shared.browser_networks import browser_paints
from pages.shared.choosing import seen_strokes
from pages.shared.own_styles import is_shared, known_styles, style_title, tile_picture
from pages.shared.painting import Look
from pages.shared.pictures import mixture, plain, short_title
from pages.shared.streamlit_workarounds import drop_unknown_options, picture_is_button
from pages.shared.visit import visit
from stylecore import Style
from stylecore.instant.stylizer import MAX_STRENGTH
from stylecore.styles.style import GENERAL_MODEL

STROKES = {"fine": 0.6, "medium": 1.0, "coarse": 1.7}  # values of `stroke_scale`
MAX_BLEND = 4  # styles in one picture
OWN_STYLES_STAY = (
    "Styles of one's own last for one visit; as files they can be brought back on the page Your own style."
)
FILTER_FROM = 20  # styles; with fewer the tiles have no filter by kind
# More than three rows of tiles scroll in a box of their own. On phones the tiles are one row that scrolls
# sideways, so that the painting stays on the screen.
TILES_CSS = """
.st-key-style_tiles { max-height: min(26rem, 60vh); overflow-y: auto; padding: 2px;
                      grid-auto-rows: max-content; align-content: start; }
@media (max-width: 640px) {
  .st-key-style_tiles { grid-template-columns: none !important; grid-auto-flow: column;
                        grid-auto-columns: 6.5rem; overflow-x: auto; }
}
"""


def choose_style(*, in_browser: bool = False) -> Style:
    """Show tiles of all styles; the choice is kept on the other pages and in the address.

    Args:
        in_browser: Whether only styles are offered that browsers paint.
    """
    styles = {
        name: style for name, style in known_styles().items() if not in_browser or browser_paints(style)
    }
    if visit().style in visit().own_styles and visit().style not in styles:
        title = plain(visit().own_styles[visit().style].title)
        st.info(f"{title} brings a network that is too large for browsers. It paints on the other pages.")
        visit().style = ""
    ready_made = next(name for name in styles if name not in visit().own_styles)
    for name in ("blend", "style"):
        visit().lost_style = next(iter(unknown_in_address(name, styles)), visit().lost_style)
    first = keep_choice("style", ready_made, {name: name for name in styles}, current=visit().style)
    visit().style = visit().style or first

    # On a change of page the tiles begin with the chosen one in sight.
    chosen = f".st-key-style_tiles > :has(.st-key-style_{visit().style})"
    st.html(f"<style>{TILES_CSS}{chosen} {{ scroll-initial-target: nearest; }}</style>")
    st.markdown("Style")
    if visit().lost_style:
        title = plain(short_title(visit().lost_style))
        st.info(f"The style {title} of this address is not here. {OWN_STYLES_STAY}", icon=":material/brush:")
    # The visitor's own come first, then the style of a link.
    tiles = sorted(
        styles.values(), key=lambda style: (style.name not in visit().own_styles, style.name != first)
    )
    kind = _choose_kind(tiles)
    shown = [style for style in tiles if kind in (None, style.kind) or style.name == visit().style]
    pictures = {style.name: tile_picture(style) for style in shown}
    show_tiles(pictures, alt="A temple", width=96, key="style")
    return styles[visit().style]


def show_tiles(
    pictures: Mapping[str, bytes | None], *, alt: str, width: int, is_sought: bool = False, key: str
) -> None:
    """Show a picture for each style, with a button that chooses the style.

    Args:
        pictures: Encoded pictures by the name of the style; None shows the button only.
        alt: Alternative text; the title of the style follows it.
        width: Least width in pixels.
        is_sought: Whether the page scrolls to the painting after a choice.
        key: Prefix of the widgets' keys.
    """

    def choose(name: str) -> None:
        visit().style, visit().is_sought, visit().lost_style = name, is_sought, ""

    styles = known_styles()
    st.html(f"<style>{picture_is_button(f'.st-key-{key}_tiles', f'{key}_{visit().style}')}</style>")
    with st.grid("auto", min_column_width=width, gap="xsmall", key=f"{key}_tiles"):
        for name, picture in pictures.items():
            title = style_title(styles[name])
            with st.container(gap="xxsmall"):
                if picture is not None:
                    chosen = " (chosen)" if name == visit().style else ""
                    st.image(picture, width="stretch", alt=f"{alt} painted like {title}{chosen}")
                st.button(plain(title), key=f"{key}_{name}", width="stretch", on_click=choose, args=(name,))


def _is_general(style: Style) -> bool:
    """Whether the general network paints a style, which has no network in common with ready-made ones."""
    return style.model == GENERAL_MODEL


def _choose_kind(styles: list[Style]) -> str | None:
    """Show a filter by kind of style; returns the chosen kind, or None for all."""
    if len(styles) < FILTER_FROM:
        return None
    kinds = list(dict.fromkeys(style.kind for style in styles if style.kind))
    return st.pills(
        "Kind of style",
        kinds,
        format_func=str.capitalize,
        key="kind",
        label_visibility="collapsed",
        persist_state="session",
    )


def choose_look(style: Style | None, *, in_browser: bool = False) -> Look:
    """Show the widgets for strength, strokes, colors and, if a style is given, others to blend with it.

    Args:
        style: The chosen style.
        in_browser: Whether it is painted in the browser: with medium strokes, and in blends of styles of one
            network. One that brings a network along is not blended there.
    """
    most = round(100 * MAX_STRENGTH) - 50
    controls = st.container(horizontal=True, vertical_alignment="bottom")
    strength = controls.slider(
        "Strength",
        min_value=0,
        max_value=most,
        value=keep_number("strength", 100, least=0, most=most),
        step=5,
        format="%d%%",
        key="strength",
        help="0% is the photo, 100% the style; more exaggerates it.",
        persist_state="session",
        width=320,
    )
    stroke_scale = STROKES["medium"] if in_browser else _choose_strokes(controls)
    preserve_color = controls.toggle(
        "Keep the photo's colors",
        value=keep_switch("preserve_color"),
        key="preserve_color",
        help="Takes brightness and strokes from the painting, and the colors from the photo.",
        persist_state="session",
    )
    if style is None:
        shares = {}
    elif in_browser and not is_shared(style):
        shares = {style: 1.0}
    else:
        shares = _choose_shares(style, in_browser=in_browser)
    return Look(tuple(shares.items()), strength / 100, preserve_color, stroke_scale)


def _choose_strokes(controls: DeltaGenerator) -> float:
    """Show the choice of strokes, with those that the photo had in the browser; returns their scale."""
    scale = seen_strokes()
    if scale is not None and controls.toggle(
        "Strokes as seen live",
        value=True,
        key="strokes_as_seen",
        help="As large as when the picture was taken or drawn. Switch it off to choose others.",
        persist_state="session",
    ):
        return scale
    strokes = controls.segmented_control(
        "Strokes",
        list(STROKES),
        format_func=str.capitalize,
        default=keep_choice("strokes", "medium", {name: name.capitalize() for name in STROKES}),
        required=True,
        key="strokes",
        help="Finer strokes keep more of the photo; coarser ones show more of the brush.",
        persist_state="session",
    )
    return STROKES[strokes]


def _choose_shares(style: Style, *, in_browser: bool) -> dict[Style, float]:
    styles = {
        name: other
        for name, other in known_styles().items()
        if not in_browser or (is_shared(other) and _is_general(other) == _is_general(style))
    }
    titles = {name: style_title(other) for name, other in styles.items() if name != style.name}
    drop_unknown_options("blend", titles)  # the chosen style is none of them
    first = keep_choices("blend", titles, limit=MAX_BLEND - 1)
    # Opened when a blend is in use, so that the visitor sees it; only the visitor closes it.
    visit().is_blend_open |= bool(st.session_state.get("blend", first))
    with st.expander("Blend", icon=":material/blender:", expanded=visit().is_blend_open):
        others = st.multiselect(
            "Mix in other styles",
            list(titles),
            default=[name for name in first if name in titles],
            format_func=lambda name: titles.get(name, name),  # a removed one may still be chosen
            max_selections=MAX_BLEND - 1,
            select_all=False,
            key="blend",
            persist_state="session",
        )
        for name in titles.keys() - set(others):
            forget(f"share_of_{name}")
        if not others:
            forget(f"share_of_{style.name}")
            return {style: 1.0}
        shares = {}
        for name in (style.name, *others):
            percent = st.slider(
                plain(style_title(styles[name])),
                min_value=0,
                max_value=100,
                value=keep_number(f"share_of_{name}", 50, least=0, most=100),
                step=5,
                key=f"share_of_{name}",
                persist_state="session",
            )
            shares[styles[name]] = percent / 100
        if not any(shares.values()):
            st.warning("All shares are 0: the styles are mixed equally.")
            shares = dict.fromkeys(shares, 1.0)
        parts = [plain(style_title(part)) for part in shares]
        st.caption(f"Mixed: {mixture(parts, list(shares.values()))}")
    return shares
