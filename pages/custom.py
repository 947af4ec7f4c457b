"""Any style picture: an instant sketch, then an optimization that refines it before one's eyes."""

import importlib.util
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

import streamlit as st

from pages.shared.address import keep_choice, keep_switch, write_address
from pages.shared.choosing import Choice, choose_photo, choose_styles, say_unusable
from pages.shared.comparing import compare
from pages.shared.entrance import AWAY, come_in
from pages.shared.keeping import come_back, offer_to_stop
from pages.shared.painting import DOWNLOAD_FORMATS
from pages.shared.pictures import SAMPLES, STYLE_SAMPLES, duration, least_wait, mixture, sample_title
from pages.shared.showing import choose_format
from pages.shared.streamlit_workarounds import line_chart
from stylecore import StyleTransferError
from stylecore.errors import describe
from stylecore.images import encode_image, is_transparent
from stylecore.jobs import JobState
from stylecore.optimization_config import STYLE_WEIGHT

REFRESH_S = 1.0
STROKES = {"fine": 0.7, "medium": 1.0, "coarse": 1.5}  # long side of the style picture / of the painting
LIKENESS = {  # style weights
    "closer to the photo": STYLE_WEIGHT / 4,
    "balanced": STYLE_WEIGHT,
    "closer to the style": 4 * STYLE_WEIGHT,
}
STYLE_LOSSES = {"gram": "Gram matrices", "wasserstein": "Wasserstein", "patches": "Patches"}
QUALITY_HELP = (
    "Larger and longer from quick (384 px) over good (512 px) to best (1280 px, refined in three sizes). "
    "Classic is the recipe of 2015 as courses teach it: 2,500 small steps from a noisy photo, for those "
    "who want to see it happen."
)

come_in()
st.header("Any picture as the style", anchor=False)
if importlib.util.find_spec("torch") is None:
    st.warning(
        "This page needs torch, which is not installed here: `pip install -r requirements.txt`. "
        "The instant styles work without it."
    )
    st.stop()

from pages.shared import refining  # noqa: E402 - needs torch

state = st.session_state
st.markdown(
    "Choose a photo and any painting, drawing or texture. A sketch comes in seconds; refine what you like."
)


def share_keys(pictures: Sequence[Choice]) -> list[str]:
    """Keys of the widgets of the pictures' shares, which follow them when others come or go."""
    checksums = [zlib.crc32(picture.data) for picture in pictures]
    return [
        f"share_{checksum}_{checksums[:place].count(checksum)}" for place, checksum in enumerate(checksums)
    ]


photo_column, style_column = st.columns(2)
with photo_column:
    photo = choose_photo("Your photo", SAMPLES, key="content", has_camera=True)
with style_column:
    label = f"Your style picture, or up to {refining.MAX_STYLES} to mix"
    styles = choose_styles(label, STYLE_SAMPLES, key="style_picture", limit=refining.MAX_STYLES)
    weights = [1.0]
    if len(styles) > 1:
        weights = [
            st.slider(f"Share of {sample_title(style.name)}", 0, 100, 50, key=key, persist_state="session")
            / 100
            for style, key in zip(styles, share_keys(styles), strict=True)
        ]
        if not any(weights):
            st.warning("All shares are 0: the pictures are mixed equally.")
            weights = [1.0] * len(styles)
        st.caption(f"Mixed: {mixture([sample_title(style.name) for style in styles], weights)}")


def slide(label: str, key: str, default: str, words: Iterable[str]) -> str:
    """A slider of words; the classic recipe has none of them."""
    return st.select_slider(
        label,
        list(words),
        value=keep_choice(key, default, {word: word for word in words}),
        key=key,
        disabled=is_classic,
        persist_state="session",
    )


settings = st.container(horizontal=True, vertical_alignment="bottom")
quality = settings.segmented_control(
    "Quality",
    list(refining.QUALITIES),
    format_func=str.capitalize,
    default=keep_choice("quality", "quick", {name: name.capitalize() for name in refining.QUALITIES}),
    required=True,
    key="quality",
    help=QUALITY_HELP,
    persist_state="session",
)
preserve_color = settings.toggle(
    "Keep the photo's colors",
    value=keep_switch("custom_preserve_color"),
    key="custom_preserve_color",
    persist_state="session",
)
is_classic = quality == "classic"
with settings.popover("More", icon=":material/tune:"):
    if is_classic:
        st.caption("The classic recipe has settings of its own.")
    strokes = slide("Strokes", "custom_strokes", "medium", STROKES)
    likeness = slide("Likeness", "likeness", "balanced", LIKENESS)
    style_loss = st.selectbox(
        "What makes a style",
        list(STYLE_LOSSES),
        index=list(STYLE_LOSSES).index(keep_choice("style_loss", "gram", STYLE_LOSSES)),
        format_func=STYLE_LOSSES.get,
        key="style_loss",
        disabled=is_classic,
        persist_state="session",
        help="Gram matrices (Gatys et al.) and Wasserstein distances compare textures as a whole; "
        "patches (Li and Wand) copy small pieces of the style picture.",
    )

config = replace(refining.QUALITIES[quality], preserve_color=preserve_color)
words = [quality]
if not is_classic:
    config = replace(
        config,
        stroke_size=round(STROKES[strokes] * config.max_side),
        style_weight=LIKENESS[likeness],
        style_loss=style_loss,
    )
    words += [f"{strokes} strokes", likeness]
    if style_loss != "gram":
        words.append(STYLE_LOSSES[style_loss])
if preserve_color:
    words.append("colors of the photo")


def show_first() -> None:
    """Have the painting in sight, and no sketch, until the visitor chooses something else."""
    state.seen_choice = None


def read_pictures() -> list[refining.ScreenPicture]:
    """The photo and the style pictures, or nothing and the reason on the page when one is unusable."""
    pictures = []
    for choice, next_step in ((photo, "photo"), *((style, "style picture") for style in styles)):
        try:
            pictures.append(refining.screen_picture(choice.data))
            if choice is not photo:
                refining.read_style(choice.data)  # refuses what gives no style
        except StyleTransferError as error:
            say_unusable(error, f"{next_step} above in place of {choice.file_name}")
            return []
    return pictures


def offer_refining(size: tuple[int, int]) -> None:
    """The button that starts a run, with the time that it will take."""
    fitting, shortage = config, ""
    if not refining.job_queue().is_busy:  # a running job holds the memory that the next one will have
        try:
            plan = refining.plan(size, config, len(styles))
            fitting, changes = plan.config, ", ".join(plan.changes)
            if changes:
                st.warning(f"Little memory is free here, so it will be: {changes}.")
        except StyleTransferError as error:
            shortage = str(error)
            st.error(f"{shortage}.", icon=":material/memory:")
    # A callback would start with the picture and the settings of the run before.
    if settings.button(
        f"Refine (about {duration(refining.expected_seconds(size, fitting))})",
        key="refine",
        type="primary",
        icon=":material/brush:",
        disabled=is_busy or bool(shortage),
    ):
        names = (photo.name, *(style.name for style in styles))
        try:
            state.run = refining.start_run(
                photo.data, mix, config, quality=quality, words=", ".join(words), names=names
            )
        except StyleTransferError as error:
            st.error(f"{error}.", icon=":material/hourglass:")
            return
        state.setdefault("runs", []).append(state.run)
        st.rerun()


run = come_back(refining.job_queue(), "run")
write_address()
if run is not None and state.run not in state.setdefault("runs", []):
    state.runs.append(state.run)  # found by its address
    show_first()
is_busy = run is not None and not run.is_finished
mix = tuple((style.data, weight) for style, weight in zip(styles, weights, strict=True))
pictures = read_pictures()
if pictures:
    offer_refining(pictures[0].size)


@st.fragment(run_every=REFRESH_S if is_busy else None)
def show_run() -> None:
    """The running job: refreshed alone, without the rest of the page."""
    job = run
    job.touch()
    if job.is_finished:
        st.rerun()
    place = job.place
    shown = job.progress
    if place:
        others = [running.progress for running in refining.job_queue().running]
        wait = least_wait([other.newest.remaining_s for other in others if other and other.newest])
        st.info(f"Place {place} in line: another painting is being made{wait}.", icon=":material/hourglass:")
    elif shown is None or shown.newest is None:
        st.progress(0.0, "Starting ...")
    else:
        newest = shown.newest
        left = f"about {duration(newest.remaining_s)} left"
        if job.state is JobState.PAUSED:
            left = "paused for a shorter one"
        st.progress(newest.step / newest.steps, f"Step {newest.step} of {newest.steps}, {left}")
    label = "Leave the line" if place else "Stop and keep the best so far"
    offer_to_stop(job, label, "Stopping after this step ...", key="cancel")
    with st.grid(2, min_column_width=300, gap="small"):
        if shown is not None and shown.picture is not None:
            picture, caption = shown.picture, "The painting so far"
        elif run.about.sketch is not None:
            picture, caption = run.about.sketch, "The sketch to begin with"
        else:
            picture, caption = run.about.photo, "Your photo"
        st.image(picture, caption=caption, width="stretch", alt=caption)
        with st.container(gap="xsmall"):
            show_styles(run.about.styles, run.about.names[1:])
            if shown and shown.losses:
                loss_chart(shown.losses)


def show_styles(shown: Sequence[bytes], names: Sequence[str]) -> None:
    """Style pictures under what they are called."""
    with st.grid(2, gap="xsmall"):
        for picture, name in zip(shown, names, strict=True):
            title = sample_title(name)
            st.image(picture, caption=f"Style: {title}", width="stretch", alt=f"The style picture {title}")


def loss_chart(losses: Sequence[float]) -> None:
    x_label = "step; each larger size begins with a jump" if run.about.config.is_coarse_to_fine else "step"
    line_chart(losses, x_label=x_label, y_label="total loss", height=260)


def show_result() -> None:
    result, shown = run.result, run.progress
    if result.error is not None:
        st.warning(f"It ended early: {describe(result.error)}. This is the best picture before.")
    elif result.is_stopped:
        st.info(f"{AWAY if run.is_abandoned else ''}Stopped: this is the best picture so far.")
    if shown.changes:
        st.info(f"Little memory was free, so it became: {', '.join(shown.changes)}.")
    painting = shown.snapshots[-1][1]
    if run.about.quality == "classic":
        styles_row = [("Style", picture) for picture in run.about.styles]
        row = [("Content", run.about.photo), *styles_row, ("Generated", painting)]
        with st.grid(len(row), min_column_width=200, gap="small"):
            for caption, picture in row:
                st.image(picture, caption=caption, width="stretch", alt=caption)
    with st.grid(2, min_column_width=300, gap="small"):
        with st.container(gap="xsmall"):
            compare(
                run.about.photo,
                painting,
                before_alt="Your photo as it was",
                after_alt="Your photo in your style, refined",
                is_sought=state.pop("is_sought", False),
                key=f"compare_{state.run}",
            )
            st.caption(f"Refined ({run.about.words}): slide to compare")
        with st.container(gap="xsmall"):
            show_styles(run.about.styles, run.about.names[1:])
    names = "_".join(run.about.names)
    with st.container(horizontal=True, vertical_alignment="center"):
        file_format = choose_format(result.image.size, is_transparent=is_transparent(result.image))
        ending, mime = DOWNLOAD_FORMATS[file_format]
        st.download_button(
            f"Download ({result.image.width} x {result.image.height})",
            data=lambda: encode_image(result.image, file_format),
            file_name=f"{names}.{ending}",
            mime=mime,
            type="primary",
            icon=":material/download:",
            on_click="ignore",
            key="download_refined",
        )
        st.download_button(
            "Recipe",
            data=json.dumps(refining.recipe_of(run), indent=2),
            file_name=f"{names}.json",
            mime="application/json",
            icon=":material/description:",
            help="The settings: `python -m stylecore optimize PHOTO STYLE --recipe FILE` repeats it.",
            on_click="ignore",
            key="download_recipe",
        )
        if result.iterates:
            count = len(result.iterates)
            steps = f"{count} step{'s' * (count != 1)}"
            st.caption(
                f"{steps} in {duration(result.iterates[-1].elapsed_s)}. The address of this page opens this "
                "painting, for a while, for whoever gets it."
            )
    if len(shown.snapshots) > 1:
        with st.grid(2, min_column_width=300, gap="small"):
            with st.container():
                steps = [step for step, _ in shown.snapshots]
                step = st.select_slider(
                    "How it came about: step", steps, value=steps[-1], key=f"snapshot_{state.run}"
                )
                alt = f"The painting after step {step}"
                st.image(dict(shown.snapshots)[step], width="stretch", alt=alt)
            loss_chart(shown.losses)


def show_earlier() -> None:
    """The visitor's other paintings that are still there."""
    others = [(other, refining.job_queue().find(other)) for other in reversed(state.get("runs", []))]
    finished = [(other, found) for other, found in others if found and found is not run and found.result]
    if not finished:
        return
    st.subheader("Your earlier paintings", anchor=False)
    st.caption("Here for a while, until you close or reload this page: download what you like.")
    with st.grid("auto", min_column_width=160, gap="small"):
        for other, found in finished:
            with st.container(gap="xxsmall"):
                alt = f"{found.about.names[0]}, refined ({found.about.words})"
                st.image(found.progress.snapshots[-1][1], width="stretch", alt=alt)
                if st.button("Show", key=f"show_{other}", disabled=is_busy, width="stretch", help=alt):
                    state.run, state.is_sought = other, True
                    show_first()
                    st.rerun()


def show_sketch(shown: Sequence[bytes]) -> None:
    """What is chosen, painted in one pass; `shown` are the photo and the style pictures."""
    sketch, file_format, milliseconds = refining.sketch(photo.data, mix, preserve_color)
    ending, mime = DOWNLOAD_FORMATS[file_format]
    with st.grid(2, min_column_width=300, gap="small"):
        with st.container(gap="xsmall"):
            compare(
                shown[0],
                sketch,
                before_alt="Your photo as it was",
                after_alt="A quick sketch of your photo in your style",
                after_tag="Sketch",
                key="compare_sketch",
            )
            with st.container(horizontal=True, vertical_alignment="center"):
                st.download_button(
                    "Download the sketch",
                    data=sketch,
                    file_name=f"{'_'.join([photo.name, *(style.name for style in styles)])}_sketch.{ending}",
                    mime=mime,
                    icon=":material/download:",
                    on_click="ignore",
                    key="download_sketch",
                )
                st.caption(
                    f"Instant sketch, painted in {milliseconds / 1000:.1f} s. Refining works out its "
                    "strokes: quick in 384 px, good in 512 px, best in 1280 px."
                )
        with st.container(gap="xsmall"):
            show_styles(shown[1:], [style.name for style in styles])


chosen = [picture.encoded for picture in pictures]
choice = chosen, weights, config
if state.get("seen_choice", choice) is None:
    state.seen_choice = choice
elif state.get("seen_choice") != choice:
    state.pop("seen_choice", None)  # what is chosen from now on is to be seen
has_painting = run is not None and (is_busy or run.result is not None)
is_seen = choice == state.get("seen_choice")
has_new = bool(pictures) and not (
    has_painting and (is_seen or run.about.is_of(chosen[0], chosen[1:], weights, config))
)
if run is not None and not has_painting:
    if run.error is not None:
        st.error(f"The optimization failed: {describe(run.error)}.", icon=":material/error:")
    else:
        st.info(f"{AWAY if run.is_abandoned else ''}Stopped before it began.")
if has_new and not is_busy:
    show_sketch(chosen)
    if has_painting:
        is_last = state.run == state.runs[-1]
        st.subheader(f"Your {'last' if is_last else 'earlier'} painting", anchor=False)
if is_busy:
    show_run()
elif has_painting:
    show_result()
if has_new and is_busy:
    st.subheader("Sketch of what is chosen now", anchor=False)
    st.caption("The painting that is being made keeps what it began with; refine this one after it.")
    show_sketch(chosen)
show_earlier()
