"""A drawing that is painted in the visitor's browser at every stroke, and large on the server."""

import streamlit as st

from pages.shared.address import keep_choice, write_address
from pages.shared.choosing import UPLOAD_TYPES, Choice, keep_seen, say_unusable
from pages.shared.drawing import Sheet, draw, enlarge_drawing, outline_sheet, picture_sheet
from pages.shared.entrance import come_in
from pages.shared.showing import show_seen
from pages.shared.styling import choose_look, choose_style
from pages.shared.visit import visit
from stylecore import StyleTransferError

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
with look_column:
    look = choose_look(style, in_browser=True)
write_address()
with sheet_place:
    drawn = draw(sheet, look, style=style)
if drawn is not None:
    keep_seen(Choice(enlarge_drawing(drawn.data), "drawing"), drawn.stroke_scale)
    visit().is_sought = True

show_seen(look)
