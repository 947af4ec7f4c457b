"""Ready-made styles: choose a photo and a style, look, download."""

import streamlit as st

from pages.shared.choosing import choose_picture
from pages.shared.comparing import compare
from pages.shared.painting import Look, all_styles, full_size, preview
from pages.shared.pictures import SAMPLES, short_title, tile_path
from stylecore import ImageError, StyleTransferError, list_styles
from stylecore.inference import MAX_STRENGTH

STROKES = {"fine": 0.6, "medium": 1.0, "coarse": 1.7}  # multiples of the size that the network learned
MAX_BLEND = 4  # styles in one picture

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

controls = st.container(horizontal=True, vertical_alignment="bottom")
strength = controls.slider(
    "Strength",
    min_value=0,
    max_value=round(100 * MAX_STRENGTH) - 50,
    value=100,
    step=5,
    format="%d%%",
    key="strength",
    help="0% is the photo, 100% the style; more exaggerates it.",
    bind="query-params",
    width=320,
)
strokes = controls.segmented_control(
    "Strokes",
    list(STROKES),
    format_func=str.capitalize,
    default="medium",
    required=True,
    key="strokes",
    help="Finer strokes keep more of the photo; coarser ones show more of the brush.",
    bind="query-params",
)
preserve_color = controls.toggle(
    "Keep the photo's colors",
    key="preserve_color",
    help="Takes brightness and strokes of the painting and leaves the colors as they are.",
    bind="query-params",
)
shares = {style.name: 1.0}
with controls.popover("Blend", icon=":material/blender:"):
    others = st.multiselect(
        "Mix in other styles",
        [name for name in styles if name != style.name],
        format_func=short_title,
        max_selections=MAX_BLEND - 1,
        key="blend",
    )
    if others:
        for name in (style.name, *others):
            percent = st.slider(short_title(name), 0, 100, 50, 5, format="%d%%", key=f"share_of_{name}")
            shares[name] = percent / 100
        if not any(shares.values()):
            st.warning("All shares are 0: the styles are mixed equally.")
            shares = dict.fromkeys(shares, 1.0)

# Result beside the original.
look = Look(tuple(shares.items()), strength / 100, preserve_color, STROKES[strokes])
titles = " and ".join(short_title(name) for name, share in look.styles if share)
try:
    result = preview(photo.data, look)
except ImageError as error:
    st.error(f"{error}. Choose another photo above.", icon=":material/image_not_supported:")
    st.stop()
except StyleTransferError as error:
    st.error(f"{error}. Please tell whoever runs this app.", icon=":material/error:")
    st.stop()

compare(
    result.original,
    result.painted,
    before_alt="Your photo as it was",
    after_alt=f"Your photo painted like {titles}",
    key="compare",
)
st.caption(f"Painted: {titles}")

width, height = result.size
with st.container(horizontal=True, vertical_alignment="center"):
    st.download_button(
        f"Download in full size ({width} x {height})",
        data=lambda: full_size(photo.data, look),
        file_name=f"{photo.name}_{look.name}.png",
        mime="image/png",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
        key="download",
    )
    st.caption(f"Painted in {result.milliseconds} ms on {result.device}.")
for name, share in look.styles:
    if share:
        credited = styles[name]
        st.caption(
            f"{short_title(name)}: {credited.title}, {credited.artist}, {credited.year}. "
            f"{credited.credit}. {credited.license}."
        )

if st.toggle("All styles on this photo", key="all_styles"):
    sheet = all_styles(photo.data, Look((), look.strength, look.preserve_color, look.stroke_scale))
    st.image(sheet, width="stretch", alt="This photo in every style, each under its name")
    st.download_button(
        "Download the sheet",
        data=sheet,
        file_name=f"{photo.name}_all_styles.jpg",
        mime="image/jpeg",
        icon=":material/download:",
        on_click="ignore",
        key="download_sheet",
    )
