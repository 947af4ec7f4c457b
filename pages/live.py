"""The camera painted live, in the visitor's browser; a picture of it goes to the other pages."""

import streamlit as st

from pages.shared.address import write_address
from pages.shared.choosing import Choice, keep_seen
from pages.shared.entrance import come_in
from pages.shared.live_camera import live_camera
from pages.shared.own_styles import style_title
from pages.shared.showing import keep_in_view, show_seen
from pages.shared.styling import choose_look, choose_style
from pages.shared.visit import visit

come_in()
st.header("Your camera, painted live", anchor=False)
st.markdown(
    "Painted on your own device: nothing is sent until you take a picture, and nothing is ever saved."
)

live_column, choice_column = st.columns([3, 2])
with choice_column:
    style = choose_style(in_browser=True)
    look = choose_look(style, in_browser=True)
write_address()
with live_column:
    keep_in_view("live_stage")
    with st.container(key="live_stage"):
        taken = live_camera(look, alt=f"Your camera painted like {style_title(style)}")
    st.page_link("pages/camera.py", label="No live camera? Take or choose a single photo.", width="content")
if taken is not None:
    keep_seen(Choice(taken.data, "snapshot"), taken.stroke_scale)
    visit().is_sought = True

show_seen(look)
