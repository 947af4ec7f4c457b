"""The widgets and views of photo looks of clips."""

from __future__ import annotations

import io
import zlib
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shared import clip_views, look_clips, looking
from pages.shared.choosing import UPLOAD_TYPES, Choice, say_unusable
from pages.shared.clip_files import Clip, clip_limits, part_length, read_clip
from pages.shared.clip_painting import start_clip
from pages.shared.comparing import compare
from pages.shared.keeping import show_refusals
from pages.shared.pictures import REFERENCE_SAMPLES, sentence
from pages.shared.visit import visit
from stylecore import ClipError, StyleTransferError
from stylecore.styles.style import name_from
from stylecore.video.animations import is_animated
from stylecore.video.recognizing import ANIMATED_EXTENSIONS, VIDEO_EXTENSIONS

CLIP_ENDINGS = (*VIDEO_EXTENSIONS, *ANIMATED_EXTENSIONS)
MORE_TYPES = [ending[1:] for ending in CLIP_ENDINGS if ending[1:] not in UPLOAD_TYPES]
Part = tuple[float, float | None]  # start in seconds, and the end if that is chosen


def take_clip(photo: Choice) -> None:
    """Choose what was uploaded as the clip instead of the photo, if it is one."""
    chooser, ending = visit().choosers["look_photo"], photo.ending.lower()
    is_new = bool(st.session_state.get(f"look_photo_{chooser.uploader}"))  # not from another page
    is_clip = ending in VIDEO_EXTENSIONS or (
        ending in ANIMATED_EXTENSIONS and is_animated(io.BytesIO(photo.data))
    )
    if not (is_new and is_clip):
        if visit().clip_notice[0] == chooser.uploader and not is_new:
            st.error(visit().clip_notice[1], icon=":material/movie:")
        return
    visit().photo.clear()
    visit().forget_clip()
    chooser.uploader += 1  # a new, empty uploader
    try:
        visit().clip = read_clip(photo.data, photo.file_name)
        visit().is_look_of_clip = True
    except ClipError as error:
        visit().clip_notice = chooser.uploader, f"{sentence(error)} Choose another photo or clip."
    st.rerun()


def choose_part(clip: Clip) -> tuple[Part, Choice | None]:
    """Show the chosen clip and a slider for its part; returns the part, and its first frame if it has one."""
    clip_views.show_kept_clip(clip)
    part = clip_views.choose_part(clip, clip_limits().seconds)
    try:
        return part, Choice(clip_views.still_of(clip, part[0]), clip.name)
    except ClipError as error:
        st.error(sentence(error), icon=":material/movie:")
        return part, None


def preview_frame(still: Choice, reference: Choice, mix: looking.Mix) -> looking.LookPreview | None:
    """Give a frame the kept look, or else the one at once; shows why that is not possible."""
    try:
        look = looking.instant_look(still.data, reference.data)
        if visit().kept_look is not None:
            look = visit().kept_look[1]
        return looking.look_preview(still.data, look, mix)
    except StyleTransferError as error:
        say_unusable(error, "picture")
        return None


def show_clip(
    job: look_clips.LookClipJob | None,
    request: look_clips.LookClipRequest,
    stage: DeltaGenerator,
    actions: DeltaGenerator,
) -> None:
    """Show the clip that is made, was made of what is chosen now, or a frame of it.

    Args:
        job: The visitor's last one.
        request: What is chosen now.
        stage: Where it is shown.
        actions: Where its progress and its download are.
    """
    with stage:
        if job is not None and not job.is_finished:
            clip_views.show_newest_frame(job)
            with actions:
                clip_views.show_clip_progress(job)
        elif is_made(job) and job.about.choice == request.choice:
            clip_views.show_clip_result(job, key="painting")
            with actions:
                clip_views.offer_clip_download(job, is_primary=not job.about.is_trial)
        else:
            if job is not None and not is_made(job):
                clip_views.show_clip_failure(job)
            _show_frame(request)


def is_made(job: look_clips.LookClipJob | None) -> bool:
    """Whether a job has made a clip that is there still."""
    return job is not None and job.is_finished and job.result is not None and not job.result.is_gone


def _show_frame(request: look_clips.LookClipRequest) -> None:
    with st.container(key="painting"):
        compare(
            request.still,
            request.painted_still,
            before_alt="A frame of your clip as it was",
            after_alt=f"A frame of your clip in the look of {request.title}",
            before_tag="Clip",
            after_tag="Look",
            key="compare",
        )
    if visit().kept_look is not None:
        st.caption("A kept look gives a clip its colors as a whole.")
    else:
        st.caption("At once, by the colors as a whole. In the clip, the look fits each scene place by place.")


def make_request(
    clip: Clip,
    part: Part,
    shown: looking.LookPreview,
    reference: Choice,
    method: str,
    mix: looking.Mix,
    file_format: str,
) -> look_clips.LookClipRequest:
    """What all of the chosen part of a clip is given."""
    return look_clips.LookClipRequest(
        name=f"{clip.name}_{name_from(reference.name, 'look')}",
        title=sample.title if (sample := REFERENCE_SAMPLES.get(reference.name)) else reference.name,
        still=shown.original,
        painted_still=shown.changed,
        megapixels=clip.info.width * clip.info.height / 1e6,
        length_s=part_length(clip, part, clip_limits()),
        frame_rate=clip.info.frame_rate,
        start_s=part[0],
        end_s=part[1],
        method=method,
        mix=mix,
        file_format=file_format,
        is_trial=False,
        choice=(clip.checksum, part, zlib.crc32(reference.data), method, mix.key, file_format),
    )


def offer_clip(
    job: look_clips.LookClipJob | None, clip: Clip, request: look_clips.LookClipRequest, reference: Choice
) -> None:
    """Show the buttons that start the clip, and start it."""
    is_busy = job is not None and not job.is_finished
    is_answered = is_made(job) and job.about.choice == request.choice and not job.about.is_trial
    kept = visit().kept_look
    seconds = look_clips.expected_clip_seconds(request, is_fitted=kept is None)
    pressed = clip_views.offer_to_start(
        "Make the clip",
        request.length_s,
        seconds,
        icon=":material/wb_twilight:",
        is_answered=is_answered,
        is_busy=is_busy,
    )
    if pressed is None:
        return
    if pressed == clip_views.TRIAL:
        length_s = clip_views.TRIAL_S
        request = replace(request, length_s=length_s, end_s=request.start_s + length_s, is_trial=True)
        seconds = look_clips.expected_clip_seconds(request, is_fitted=kept is None)
    work = look_clips.LookClipWork(clip, reference.data if kept is None else kept[1], request)
    with show_refusals():
        visit().tokens["look_clip"] = start_clip(work, expected_s=seconds)
        st.rerun()


def show_last_clip(job: look_clips.LookClipJob) -> None:
    """Show a clip that is not chosen any more, such as after the page was loaded again."""
    st.subheader("Your last clip" if job.is_finished else "Your clip", anchor=False)
    if not job.is_finished:
        clip_views.show_newest_frame(job, key="last_clip")
        clip_views.show_clip_progress(job)
    elif is_made(job):
        clip_views.show_clip_result(job, key="last_clip")
        clip_views.offer_clip_download(job, is_primary=False)
    else:
        clip_views.show_clip_failure(job)
