"""A drawing that is painted in the visitor's browser at every stroke, and large on the server."""

import streamlit as st

from pages.shared.address import keep_choice, write_address
from pages.shared.choosing import UPLOAD_TYPES, Choice, keep_seen, say_unusable
from pages.shared.drawing import Sheet, draw, enlarge_drawing, outline_sheet, picture_sheet
from pages.shared.entrance import come_in
from pages.shared.keeping import is_expected
from pages.shared.pictures import sentence
from pages.shared.showing import seen_look, show_seen
from pages.shared.styling import choose_look, choose_style
from pages.shared.visit import visit
from stylecore import StyleTransferError
from stylecore.host.extras import has_extra, missing_extra

SHEETS = {"empty": "Empty sheet", "house": "House", "fish": "Fish", "picture": "Your picture"}

come_in()
st.header("Your drawing, painted as you draw", anchor=False)
begin = st.segmented_control(
    "Begin with",
    list(SHEETS),
    format_func=SHEETS.get,
    default=keep_choice("sheet", "house", SHEETS),
    required=True,
    key="sheet",
    help="Another sheet replaces the drawing; Undo brings it back.",
    label_visibility="collapsed",
    persist_state="session",
)
sheet = outline_sheet(begin) if begin in ("house", "fish") else Sheet()
if begin == "picture":
    upload = st.file_uploader(
        "A picture to draw on, such as a pencil sketch", type=UPLOAD_TYPES, key="sketch"
    )
    if upload is not None:
        try:
            sheet = picture_sheet(upload.getvalue())
        except StyleTransferError as error:
            say_unusable(error, f"picture instead of {upload.name}")

# The sheet is above the choices, and needs what is chosen there.
sheet_place = st.container()
style_column, look_column = st.columns([3, 2])
with style_column:
    style = choose_style(in_browser=True)
    st.page_link("pages/custom.py", label="Or choose a picture of your own as the style.", width="content")
with look_column:
    look = choose_look(style, in_browser=True)
with sheet_place:
    drawn = draw(sheet, look, style=style)
if drawn is not None:
    keep_seen(Choice(enlarge_drawing(drawn.data), "drawing"), drawn.stroke_scale)
    visit().is_sought = True

# Paint it large, or refine it in the style of a picture.
(style, _), *others = look.styles
own = style if style.picture and not others else None
has_torch = has_extra("torch")
if has_torch and (own is not None or is_expected("drawn")):
    from pages.shared.finishing import show_refined

    show_refined(look, own)
else:
    show_seen(look)
    if own is not None and seen_look(look) is not None:
        st.caption(f"Refining is not installed here. {sentence(missing_extra('torch'))}")
write_address()
