"""The widgets for choosing pictures: uploads, the camera, or samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.shared.address import keep_choice
from pages.shared.pictures import Sample, plain, sentence
from pages.shared.streamlit_workarounds import flush_row, picture_is_button
from pages.shared.visit import Chooser, visit
from stylecore import ImageError, StyleTransferError
from stylecore.host.jobs import QueueFullError
from stylecore.images.files import PHOTO_EXTENSIONS

NAMED = 4  # most file names in the list of kept photos
UPLOAD_TYPES = [extension[1:] for extension in PHOTO_EXTENSIONS]


@dataclass(frozen=True)
class Choice:
    """A picture that the visitor chose.

    Attributes:
        data: The encoded file, unchecked.
        name: File name without its ending, for naming downloads.
        ending: Ending of the file name, such as `.jpg`; empty for samples and snapshots.
    """

    data: bytes
    name: str
    ending: str = ""

    @classmethod
    def of_upload(cls, upload: UploadedFile) -> Choice:
        """Take an uploaded file; its name may begin with folders."""
        path = Path(upload.name)
        return cls(upload.getvalue(), path.stem, path.suffix)

    @property
    def file_name(self) -> str:
        """The name of the visitor's file."""
        return self.name + self.ending


def choose_photo(
    label: str,
    samples: Mapping[str, Sample],
    *,
    key: str,
    has_camera: bool = False,
    more_types: Sequence[str] = (),
) -> Choice:
    """Show an uploader above a row of samples; the first sample is chosen at the start.

    A photo that was chosen on another page stays chosen.

    Args:
        label: Label of the uploader.
        samples: Sample pictures by name.
        key: Prefix of the widgets' keys.
        has_camera: Whether the camera is offered too.
        more_types: Endings of other files that can be uploaded, without a dot.
    """
    return _choose(
        label,
        samples,
        key=key,
        kept=visit().photo,
        limit=1,
        has_camera=has_camera,
        types=[*UPLOAD_TYPES, *more_types],
    )[0]


def choose_styles(label: str, samples: Mapping[str, Sample], *, key: str, limit: int) -> list[Choice]:
    """Choose between one and `limit` style pictures, see `choose_photo`."""
    kept = visit().style_pictures
    return _choose(label, samples, key=key, kept=kept, limit=limit, has_camera=True, on_choice=_show_pictures)


def choose_reference(label: str, samples: Mapping[str, Sample], *, key: str) -> Choice:
    """Choose the picture whose light and colors a photo takes, see `choose_photo`."""
    kept = visit().reference
    return _choose(label, samples, key=key, kept=kept, limit=1, has_camera=False)[0]


def _show_pictures() -> None:
    """Show the style pictures again, instead of one of the visitor's own styles."""
    visit().shown_style = ""


def keep_photo(photo: Choice) -> None:
    """Choose a photo on every page."""
    visit().photo[:] = [photo]


def keep_seen(photo: Choice, stroke_scale: float) -> None:
    """Choose a picture that was painted in the browser on every page, with the strokes that it had there."""
    keep_photo(photo)
    visit().snapshot = photo
    visit().seen_live = photo, stroke_scale


def seen_strokes() -> float | None:
    """The stroke scale that the chosen photo had in the browser; None if it was not painted there."""
    seen = visit().seen_live
    return seen[1] if seen is not None and visit().photo == [seen[0]] else None


def forget_photo(photo: Choice) -> None:
    """Undo `keep_photo`, unless another photo has been chosen since."""
    if visit().photo == [photo]:
        visit().photo.clear()


def say_unusable(error: StyleTransferError, what: str) -> None:
    """Show why a picture cannot be used, and the next step: choose another `what`, or tell the host."""
    if isinstance(error, QueueFullError):
        st.warning(sentence(error), icon=":material/hourglass:")
        st.button("Try again", key="try_again", icon=":material/refresh:")
        return
    if not isinstance(error, ImageError):
        st.error(f"{error}. Please tell the person who runs this app.", icon=":material/error:")
        return
    st.error(f"{sentence(error)} Choose another {plain(what)}.", icon=":material/image_not_supported:")


def show_kept(kept: list[Choice], *, key: str) -> None:
    """Show the names of kept choices, and a button that removes them."""
    names = [choice.file_name for choice in kept]
    if len(names) > NAMED:
        names[NAMED - 1 :] = [f"{len(names) - NAMED + 1} more"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(plain(f"Still chosen: {', '.join(names)}"))
        st.button(
            "Remove" if len(names) == 1 else "Remove all",
            key=key,
            icon=":material/close:",
            type="tertiary",
            on_click=kept.clear,
        )


def _choose(
    label: str,
    samples: Mapping[str, Sample],
    *,
    key: str,
    kept: list[Choice],
    limit: int,
    has_camera: bool,
    types: Sequence[str] = UPLOAD_TYPES,
    on_choice: Callable[[], None] = lambda: None,
) -> list[Choice]:
    state = st.session_state
    titles = {name: sample.title for name, sample in samples.items()}
    known = visit().choosers.get(key)
    current = None if known is None else known.sample
    first = keep_choice(f"{key}_sample", next(iter(samples)), titles, current=current)
    chooser = visit().choosers.setdefault(key, Chooser(first))

    def forget() -> None:
        kept.clear()
        on_choice()

    def choose_sample(name: str) -> None:
        chooser.sample = name
        forget()
        chooser.uploader += 1  # a new, empty uploader
        state.pop(f"{key}_camera", None)
        state[f"{key}_has_camera"] = False

    def follow_upload() -> None:
        """Let a new upload replace the snapshot; a removed file changes nothing else."""
        forget()
        if state[f"{key}_{chooser.uploader}"]:
            state.pop(f"{key}_camera", None)
            state[f"{key}_has_camera"] = False

    uploads = st.file_uploader(
        label,
        type=types,
        key=f"{key}_{chooser.uploader}",
        accept_multiple_files=limit > 1,
        on_change=follow_upload,
    )
    uploads = uploads if isinstance(uploads, list) else [upload for upload in [uploads] if upload]
    if len(uploads) > limit:
        st.warning(f"You chose {len(uploads)} pictures; only the first {limit} are used.")
    # The camera is below the samples, but with a snapshot none of them is marked as chosen.
    kept_place, samples_place, camera_place = st.container(), st.container(), st.container()
    snapshot = None
    if has_camera and camera_place.toggle("Use the camera", key=f"{key}_has_camera"):
        snapshot = camera_place.camera_input(label, key=f"{key}_camera", on_change=forget, resolution="720p")
    if snapshot is not None:
        kept[:] = [Choice(snapshot.getvalue(), "snapshot")]
    elif uploads:
        kept[:] = [Choice.of_upload(upload) for upload in uploads[:limit]]
    elif kept:
        # Streamlit empties uploaders when the visitor goes to another page.
        with kept_place:
            show_kept(kept, key=f"{key}_remove")
    sampled = None if kept else chooser.sample
    samples_place.html(
        f"<style>{flush_row(f'{key}_samples')}"
        f"{picture_is_button(f'.st-key-{key}_samples', f'{key}_sample_{sampled}')}</style>"
    )
    row = samples_place.grid(
        max(4, len(samples)), min_column_width=96, wrap=False, gap="xsmall", key=f"{key}_samples"
    )
    with row:
        for name, sample in samples.items():
            with st.container(gap="xxsmall"):
                alt = f"Sample: {sample.title}{' (chosen)' if name == sampled else ''}"
                st.image(sample.thumbnail.read_bytes(), width="stretch", alt=alt)
                st.button(
                    sample.title,
                    key=f"{key}_sample_{name}",
                    width="stretch",
                    on_click=choose_sample,
                    args=(name,),
                )
    if sampled is None:
        return list(kept)
    return [Choice(samples[sampled].path.read_bytes(), sampled)]
