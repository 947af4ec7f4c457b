"""The widgets and views of photo looks: settings, look files, a running fitting, downloads."""

from __future__ import annotations

import zlib

import streamlit as st

from pages.shared.address import keep_choice, keep_number, keep_switch
from pages.shared.choosing import Choice
from pages.shared.comparing import compare
from pages.shared.entrance import why_stopped
from pages.shared.job_views import REFRESH_S, show_steps
from pages.shared.looking import (
    METHODS,
    LookJob,
    LookPreview,
    Mix,
    full_size_look,
    look_file,
    look_preview,
)
from pages.shared.matching import match_subjects
from pages.shared.painting import DOWNLOAD_FORMATS
from pages.shared.pictures import plain, sample_title, sentence
from pages.shared.sharing import offer_share
from pages.shared.showing import choose_format
from pages.shared.visit import visit
from pages.shared.where import Where
from pages.shared.where_choices import choose_where
from stylecore import PhotoLook, StyleError, StyleTransferError
from stylecore.errors import describe
from stylecore.host.jobs import JobState
from stylecore.images.encoding import encode_image
from stylecore.photoreal.cube import CUBE_ENDING
from stylecore.photoreal.look_files import LOOK_FILE_ENDING, MAX_FILE_BYTES
from stylecore.styles.style import name_from


def choose_mix(photo: Choice | None) -> Mix:
    """Show the widgets of what changes at once.

    Args:
        photo: The photo, of which a part can be chosen; None for a clip.
    """
    noun = "clip" if photo is None else "photo"
    strength, keep_light = (
        st.slider(
            label,
            min_value=0,
            max_value=100,
            value=keep_number(key, default, least=0, most=100),
            step=5,
            format="%d%%",
            key=key,
            help=text,
            persist_state="session",
        )
        for label, key, default, text in (
            ("Strength", "look_strength", 100, f"At 0% it is your {noun}."),
            (
                f"Keep the {noun}'s light",
                "look_light",
                0,
                f"How much of its own brightness the {noun} keeps. 60% suits faces and dark pictures.",
            ),
        )
    )
    where = Where() if photo is None else choose_where(photo, has_rest=False, has_faces=False)
    return Mix(strength / 100, keep_light / 100, where)


def choose_method() -> str:
    """Show the methods of fitting; returns one of `METHODS`."""
    return st.segmented_control(
        "Refined",
        list(METHODS),
        default=keep_choice("look_method", "natural", METHODS),
        format_func=METHODS.get,
        required=True,
        key="look_method",
        help="Natural keeps closest to what a camera sees; strong follows the picture further, and takes "
        "twice as long.",
        persist_state="session",
    )


def choose_regions(photo: Choice, reference: Choice) -> tuple[bytes, ...]:
    """Show whether subject takes the look of subject; returns the masks of `match_subjects`, or none."""
    is_matched = st.toggle(
        "Match subject with subject, background with background",
        value=keep_switch("match_looks"),
        key="match_looks",
        persist_state="session",
        help="A face takes the light of a face, a sky that of the sky behind it.",
    )
    try:
        return match_subjects(photo, [reference], (1.0,)).masks if is_matched else ()
    except StyleTransferError:  # the page shows it where the look would be
        return ()


def bring_look() -> None:
    """Show the uploader of look files; one that can be read is used instead of the reference."""
    place = st.container()
    upload = st.file_uploader(
        f"Or a look that you kept ({LOOK_FILE_ENDING})",
        type=[LOOK_FILE_ENDING[1:]],
        key=f"look_file_{visit().look_uploader}",
        max_upload_size=-(-MAX_FILE_BYTES // 10**6),
    )
    if upload is not None:
        visit().look_notice = ""
        try:
            look = PhotoLook.load(upload.getvalue())
            visit().kept_look = upload.name.removesuffix(LOOK_FILE_ENDING), look
            st.session_state["look_light"] = 5 * round(20 * look.config.keep_light)
        except StyleError as error:
            visit().look_notice = f"{plain(upload.name)}: {sentence(error)}"
        visit().look_uploader += 1  # a new, empty uploader
        st.rerun()
    if visit().look_notice:
        place.warning(visit().look_notice)


def show_kept_look() -> Choice:
    """Show the look of a look file, and a button that removes it; returns its reference picture."""

    def forget() -> None:
        visit().kept_look = None

    name, look = visit().kept_look
    with st.container(horizontal=True, vertical_alignment="center"):
        st.image(look.reference, width=96, alt="The picture whose look it is")
        st.markdown(plain(f"The look {name}"))
        st.button("Remove", key="remove_look", icon=":material/close:", type="tertiary", on_click=forget)
    return Choice(encode_image(look.reference, "PNG"), name)


@st.fragment(run_every=REFRESH_S)
def show_newest_look(job: LookJob) -> None:
    """Show the newest picture of a running fitting next to the photo; only this part is refreshed."""
    state = job.progress
    picture = state.picture if state is not None and state.picture is not None else job.about.first
    _compare(job.about.photo, picture, job.about.names[1], key="compare")


@st.fragment(run_every=REFRESH_S)
def show_fitting(job: LookJob) -> None:
    """Show the progress of a fitting, and the button that stops it; only this part is refreshed."""
    job.touch()
    if job.is_finished:
        st.rerun()
    show_steps(job, verb="made", key="stop_look")


def show_look_failure(job: LookJob) -> None:
    """Show why a finished job has no look, if it has none, or why it is not the best one."""
    if job.error is not None:
        st.error(f"Refining failed: {describe(job.error)}. Start it again.", icon=":material/error:")
    elif job.state is JobState.CANCELLED:
        message = "Stopped before it started." if job.result is None else "Stopped: the best so far."
        st.info(f"{why_stopped(job)}{message}")


def show_look(shown: LookPreview, name: str) -> None:
    """Show a photo next to its look."""
    _compare(shown.original, shown.changed, name, key="compare", is_sought=visit().take_sought())


def _compare(before: bytes, after: bytes, name: str, *, key: str, is_sought: bool = False) -> None:
    compare(
        before,
        after,
        before_alt="Your photo as it was",
        after_alt=f"Your photo in the look of {sample_title(name)}",
        after_tag="Look",
        is_sought=is_sought,
        key=key,
    )


def offer_look_downloads(
    photo: Choice, look: PhotoLook, mix: Mix, shown: LookPreview, name: str, *, is_primary: bool
) -> None:
    """Show the downloads of a photo in a look.

    Args:
        photo: The photo.
        look: The look that is shown.
        mix: How strong it is.
        shown: The preview.
        name: Name of the reference.
        is_primary: Whether the download is what the page leads to.
    """
    label = name_from(name, "look")
    width, height = shown.size
    with st.container(horizontal=True, vertical_alignment="bottom"):
        file_format = choose_format(shown.size, is_transparent=shown.is_transparent)
        ending, mime = DOWNLOAD_FORMATS[file_format]
        file_name = f"{photo.name}_{label}.{ending}"

        def make() -> bytes:
            return full_size_look(photo.data, look, mix, name, file_format)

        st.download_button(
            f"Download in full size ({width} x {height})",
            data=make,
            file_name=file_name,
            mime=mime,
            type="primary" if is_primary else "secondary",
            icon=":material/download:",
            on_click="ignore",
            key="download",
        )
        version = f"{zlib.crc32(photo.data)} {zlib.crc32(look.grid.tobytes())} {mix.key} {file_format}"
        offer_share(make, file_name=file_name, mime=mime, version=version, key="share")
    offer_look_files(look, mix, label)


def offer_look_files(look: PhotoLook, mix: Mix, label: str) -> None:
    """Show the downloads of a look for other photos and other programs."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.download_button(
            "Keep the look",
            data=lambda: look_file(look, mix),
            file_name=f"{label}{LOOK_FILE_ENDING}",
            mime="application/octet-stream",
            icon=":material/bookmark_add:",
            help="A small file for other photos: drop it in here on another day, or send it to a friend.",
            on_click="ignore",
            key="download_look",
        )
        st.download_button(
            "Color table",
            data=lambda: look.encode_cube(label, mix.strength, keep_light=mix.keep_light),
            file_name=f"{label}{CUBE_ENDING}",
            mime="application/octet-stream",
            icon=":material/palette:",
            help="A .cube file (LUT) for photo and video editors: what the look does to each color, "
            "wherever that is in the picture.",
            on_click="ignore",
            key="download_cube",
        )


def show_last_look(job: LookJob) -> None:
    """Show a look whose photo is not chosen any more, such as after the page was loaded again."""
    look, name = job.result, job.about.names[1]
    shown = look_preview(job.about.photo, look, job.about.mix)
    st.subheader("Your last look", anchor=False)
    _compare(shown.original, shown.changed, name, key="compare_last")
    st.caption("For its full size choose the photo again, and drop the kept look in.")
    offer_look_files(look, job.about.mix, name_from(name, "look"))
