"""Any style picture: an instant sketch, then an optimization that refines it and shows its progress."""

import streamlit as st

from pages.shared.address import write_address
from pages.shared.choosing import choose_photo, choose_styles
from pages.shared.entrance import come_in
from pages.shared.keeping import come_back
from pages.shared.pictures import SAMPLES, STYLE_SAMPLES, duration, sentence
from pages.shared.visit import visit
from stylecore import StyleTransferError
from stylecore.host.extras import has_extra, missing_extra

come_in()
st.header("Any picture as the style", anchor=False)
if not has_extra("torch"):
    st.warning(f"{sentence(missing_extra('torch'))} The instant styles work without it.")
    st.stop()

from pages.shared import refinement_choices as choices  # noqa: E402 - these need torch
from pages.shared import refinement_views as views  # noqa: E402
from pages.shared import refining  # noqa: E402

st.markdown(
    "Choose a photo and any painting, drawing or texture. You get a sketch in seconds; refine it if you like."
)

# Choose.
photo_column, style_column = st.columns(2)
with photo_column:
    photo = choose_photo("Your photo", SAMPLES, key="content", has_camera=True)
with style_column:
    label = f"Your style picture, or up to {refining.MAX_STYLES} to mix"
    styles = choose_styles(label, STYLE_SAMPLES, key="style_picture", limit=refining.MAX_STYLES)
    weights = choices.choose_shares(styles)
mix = tuple((style.data, weight) for style, weight in zip(styles, weights, strict=True))
settings_place = st.container(horizontal=True, vertical_alignment="bottom")
settings = choices.choose_settings(settings_place)

# Run.
run = come_back(refining.job_queue(), "run")
write_address()
token = visit().tokens.get("run")
is_found_by_address = run is not None and token not in visit().runs
if is_found_by_address:
    visit().runs.append(token)
is_busy = run is not None and not run.is_finished
pictures = choices.read_pictures(photo, styles)
if pictures:
    fitting = choices.fit(pictures[0].size, settings.config, len(styles))
    seconds = refining.expected_seconds(pictures[0].size, fitting or settings.config)
    # A callback would start with the picture and the settings of the previous script run.
    if settings_place.button(
        f"Refine (about {duration(seconds)})",
        key="refine",
        type="primary",
        icon=":material/brush:",
        disabled=is_busy or fitting is None,
    ):
        try:
            token = refining.start_run(
                photo.data,
                mix,
                settings.config,
                quality=settings.quality,
                words=settings.words,
                names=(photo.name, *(style.name for style in styles)),
            )
            visit().tokens["run"] = token
            visit().runs.append(token)
            st.rerun()
        except StyleTransferError as error:
            st.error(sentence(error), icon=":material/hourglass:")

# Show and save. An opened painting has no sketch above it until something else is chosen.
chosen = tuple(picture.encoded for picture in pictures)
choice = chosen, weights, settings.config
if is_found_by_address:
    visit().seen_choice = choice
elif visit().seen_choice != choice:
    visit().seen_choice = None
is_seen = visit().seen_choice is not None
has_painting = run is not None and (is_busy or run.result is not None)
has_new = bool(pictures) and not (
    has_painting and (is_seen or run.about.is_of(chosen[0], chosen[1:], weights, settings.config))
)


def show_sketch() -> None:
    views.show_sketch(photo, styles, mix, preserve_color=settings.config.preserve_color)


if run is not None and not has_painting:
    views.show_failure(run)
if has_new and not is_busy:
    show_sketch()
    if has_painting:
        is_last = token == visit().runs[-1]
        st.subheader(f"Your {'last' if is_last else 'earlier'} painting", anchor=False)
if is_busy:
    views.show_run(run)
elif has_painting:
    views.show_result(run)
if has_new and is_busy:
    st.subheader("Sketch of your new choice", anchor=False)
    st.caption("The painting in progress keeps its pictures and settings; refine this one when it is done.")
    show_sketch()
opened = views.show_earlier(visit().runs, run, is_busy=is_busy)
if opened is not None:
    visit().tokens["run"], visit().seen_choice, visit().is_sought = opened, choice, True
    st.rerun()
