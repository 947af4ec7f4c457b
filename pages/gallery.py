"""Ready-made styles: choose a photo and a style, look, download."""

from dataclasses import replace

import streamlit as st

from pages.shared.address import keep_switch, write_address
from pages.shared.choosing import choose_photo
from pages.shared.entrance import come_in
from pages.shared.pictures import SAMPLES
from pages.shared.sheets import all_styles
from pages.shared.showing import offer_download, paint_photo, show_credits, show_painting
from pages.shared.styling import choose_look, choose_style, show_tiles
from pages.shared.where_choices import choose_where

come_in()
st.header("Your photo, painted", anchor=False)
st.markdown("Choose a photo and tap a style: your painting is ready in a moment. Photos are never saved.")

painting_column, choice_column = st.columns([3, 2])
with choice_column:
    photo = choose_photo("Your photo", SAMPLES, key="photo")
    style = choose_style()
    look = replace(choose_look(style), where=choose_where(photo))
has_sheet = keep_switch("all_styles")
write_address()
with painting_column:
    painting = paint_photo(photo, look)
    if painting is None:
        st.stop()
    show_painting(painting, look)
    offer_download(photo, look, painting)

if st.toggle("All styles on this photo", value=has_sheet, key="all_styles", persist_state="session"):
    all_painted = all_styles(photo.data, replace(look, styles=()))
    st.caption("Tap a painting to see it large.")
    show_tiles(all_painted.tiles, alt="This photo", width=160, is_sought=True, key="sheet")
    st.download_button(
        "Download the sheet",
        data=all_painted.sheet,
        file_name=f"{photo.name}_all_styles.jpg",
        mime="image/jpeg",
        icon=":material/download:",
        on_click="ignore",
        key="download_sheet",
    )
show_credits(painting, look)
