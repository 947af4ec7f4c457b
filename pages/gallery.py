"""Ready-made styles: choose a photo and a style, look, download."""

import streamlit as st

from pages.shared.choosing import choose_picture
from pages.shared.painting import Look, full_size, preview
from pages.shared.pictures import SAMPLES, short_title, tile_path
from stylecore import ImageError, StyleTransferError, list_styles
from stylecore.inference import MAX_STRENGTH

styles = {style.name: style for style in list_styles()}
state = st.session_state
if state.get("style") not in styles:
    asked_for = st.query_params.get("style")
    state.style = asked_for if asked_for in styles else next(iter(styles))


def choose_style(name: str) -> None:
    state.style = name
    st.query_params["style"] = name


st.html("<style>.stMainBlockContainer { padding-top: 2.5rem; }</style>")
st.header("Your photo, painted", anchor=False)
st.markdown("Choose a photo, tap a style: the painting is there in a second. Photos are never saved.")

photo_column, style_column = st.columns(2)
with photo_column:
    photo = choose_picture("Your photo", SAMPLES, key="photo")

# Style tiles: a strip that scrolls sideways where there is not room for all.
style_column.markdown("Style")
with style_column, st.grid(max(4, len(styles)), min_column_width=128, wrap=False, gap="xsmall"):
    for style in styles.values():
        with st.container(gap="xxsmall"):
            alt = f"A temple painted like {style.title}"
            st.image(tile_path(style.name).read_bytes(), width="stretch", alt=alt)
            st.button(
                short_title(style.name),
                key=f"style_{style.name}",
                type="primary" if style.name == state.style else "secondary",
                width="stretch",
                on_click=choose_style,
                args=(style.name,),
            )
style = styles[state.style]

strength_column, color_column = st.columns([3, 2], vertical_alignment="center")
strength = strength_column.slider(
    "Strength",
    min_value=0,
    max_value=round(100 * MAX_STRENGTH) - 50,
    value=100,
    step=5,
    format="%d%%",
    key="strength",
    help="0% is the photo, 100% the style; more exaggerates it.",
    bind="query-params",
)
preserve_color = color_column.toggle(
    "Keep the photo's colors",
    key="preserve_color",
    help="Takes brightness and strokes of the painting and leaves the colors as they are.",
    bind="query-params",
)

# Result beside the original.
look = Look(style.name, strength / 100, preserve_color)
try:
    result = preview(photo.data, look)
except ImageError as error:
    st.error(f"{error}. Choose another photo above.", icon=":material/image_not_supported:")
    st.stop()
except StyleTransferError as error:
    st.error(f"{error}. Please tell whoever runs this app.", icon=":material/error:")
    st.stop()

with st.grid(2, min_column_width=300, gap="small"):
    st.image(
        result.painted,
        caption=f"Painted: {short_title(style.name)}",
        width="stretch",
        alt=f"Your photo painted like {style.title}",
    )
    st.image(result.original, caption="Original", width="stretch", alt="Your photo as it was")

width, height = result.size
with st.container(horizontal=True, vertical_alignment="center"):
    st.download_button(
        f"Download in full size ({width} x {height})",
        data=lambda: full_size(photo.data, look),
        file_name=f"{photo.name}_{style.name}.png",
        mime="image/png",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
        key="download",
    )
    st.caption(f"Painted in {result.milliseconds} ms on {result.device}.")
st.caption(f"Style: {style.title}, {style.artist}, {style.year}. {style.credit}. {style.license}.")
