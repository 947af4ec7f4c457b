"""A photo or clip in the light and colors of another picture; it stays a photo."""

import zlib

import streamlit as st

from pages.shared import look_views, looking
from pages.shared.address import write_address
from pages.shared.choosing import choose_photo, choose_reference, say_unusable
from pages.shared.entrance import come_in
from pages.shared.keeping import come_back, show_refusals
from pages.shared.long_jobs import job_queue
from pages.shared.pictures import REFERENCE_SAMPLES, SAMPLES, duration, sample_title, sentence
from pages.shared.showing import keep_in_view
from pages.shared.visit import visit
from stylecore import StyleTransferError
from stylecore.host.extras import has_extra, missing_extra
from stylecore.host.jobs import JobState
from stylecore.photoreal.config import INSTANT

come_in()
st.header("Your photo in another light", anchor=False)
st.markdown(
    "Choose a photo, and a picture whose light and colors it should take: an evening, a film, a painting. "
    "It stays a photo: no strokes, and every edge where it was. Clips are taken, too."
)
has_torch = has_extra("torch")
has_clips = has_extra("av") and has_extra("cv2")
if has_clips:
    from pages.shared import clip_views, look_clip_views, look_clips

# Choose.
picture_column, choice_column = st.columns([3, 2])
clip = visit().clip if has_clips and visit().is_look_of_clip else None
with choice_column:
    if clip is not None:
        part, photo = look_clip_views.choose_part(clip)  # its first frame stands for it
    else:
        photo = choose_photo(
            "Your photo or clip" if has_clips else "Your photo",
            SAMPLES,
            key="look_photo",
            more_types=look_clip_views.MORE_TYPES if has_clips else (),
        )
        if has_clips:
            look_clip_views.take_clip(photo)
    if visit().kept_look is not None:
        reference = look_views.show_kept_look()
    else:
        reference = choose_reference(
            "The picture whose light and colors it takes", REFERENCE_SAMPLES, key="reference"
        )
        look_views.bring_look()
    mix = look_views.choose_mix(photo if clip is None else None)
    method = look_views.choose_method()
    masks = look_views.choose_regions(photo, reference) if clip is None else ()
with picture_column:
    stage, actions = st.container(key="stage"), st.container(key="take_home")
with stage:
    keep_in_view("painting")

# A clip: its first frame at once, and the whole clip when the visitor says so.
clip_job = come_back(job_queue(), "look_clip", look_clips.LookClipRequest) if has_clips else None
if clip is not None:
    with actions:
        file_format = clip_views.choose_clip_format(clip)
    write_address()
    shown = None
    if photo is not None:
        with stage:
            shown = look_clip_views.preview_frame(photo, reference, mix)
    if shown is not None:
        request = look_clip_views.make_request(
            clip, part, shown, reference, method if has_torch else INSTANT, mix, file_format
        )
        look_clip_views.show_clip(clip_job, request, stage, actions)
        with actions:
            look_clip_views.offer_clip(clip_job, clip, request, reference)
        if look_clip_views.is_made(clip_job) and clip_job.about.choice != request.choice:
            look_clip_views.show_last_clip(clip_job)
    st.stop()

# A photo: the look that was fitted to it, or else the one at once.
choice = zlib.crc32(photo.data), zlib.crc32(reference.data), method, bool(masks)
last = come_back(job_queue(), "look", looking.LookRequest)
write_address()
is_own = last is not None and visit().tokens["look"] in visit().look_tokens.values()
job = job_queue().find(visit().look_tokens.get(choice))
if last is not None and last.about.choice == choice:
    job = last
busy = last if last is not None and not last.is_finished else None
has_fitted = job is not None and job.is_finished and job.result is not None

look = shown = None
is_for_this = has_fitted
with stage:
    try:
        if has_fitted:
            look = job.result
        elif visit().kept_look is not None:
            look = visit().kept_look[1]
            is_for_this = looking.is_fitted_to(look, photo.data)
        else:
            look = looking.instant_look(photo.data, reference.data, masks)
        shown = looking.look_preview(photo.data, look, mix)
    except StyleTransferError as error:
        say_unusable(error, "picture")
    with st.container(key="painting"):
        if busy is not None and busy is job:
            look_views.show_newest_look(busy)
        elif shown is not None:
            look_views.show_look(shown, reference.name)

# Refine it, and take it home.
with actions:
    if job is not None and job.is_finished:
        look_views.show_look_failure(job)
    if busy is not None:
        if busy is not job:
            st.caption("Your look of before is still being refined.")
        look_views.show_fitting(busy)
    if shown is not None:
        if is_for_this:
            st.caption(f"The look of {sample_title(reference.name)}, refined for this photo.")
        else:
            st.caption("At once, by the colors as a whole. Refined, it fits this photo place by place.")
        if not has_torch:
            st.caption(f"Refining is not installed here. {sentence(missing_extra('torch'))}")
        elif busy is None and not (is_for_this and (job is None or job.state is JobState.DONE)):
            label = f"Refine the look (about {duration(looking.expected_seconds(method))})"
            # A callback would start with the pictures of the previous script run.
            is_started = st.button(
                label,
                key="refine_look",
                type="secondary" if is_for_this else "primary",
                icon=":material/wb_twilight:",
            )
            if is_started:
                names = photo.name, reference.name
                with show_refusals():
                    token = looking.start_look(
                        photo.data,
                        reference.data,
                        method,
                        mix,
                        names=names,
                        choice=choice,
                        region_masks=masks,
                    )
                    visit().tokens["look"] = visit().look_tokens[choice] = token
                    st.rerun()
        is_end = is_for_this or not has_torch
        look_views.offer_look_downloads(photo, look, mix, shown, reference.name, is_primary=is_end)
if last is not None and last is not job and not is_own and last.result is not None:
    look_views.show_last_look(last)
if clip_job is not None:
    look_clip_views.show_last_clip(clip_job)
