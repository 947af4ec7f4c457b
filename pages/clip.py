"""A video or an animated picture, painted without flicker."""

from dataclasses import replace

import streamlit as st

from pages.shared.address import keep_number, write_address
from pages.shared.choosing import Choice
from pages.shared.comparing import compare
from pages.shared.entrance import come_in
from pages.shared.keeping import come_back, show_refusals
from pages.shared.long_jobs import job_queue
from pages.shared.pictures import duration, sentence
from pages.shared.showing import keep_in_view, look_titles, paint_photo, show_style_credits, where_titles
from pages.shared.styling import choose_look, choose_style
from pages.shared.visit import visit
from pages.shared.where_choices import choose_where_in_clip
from stylecore import ClipError
from stylecore.host.extras import has_extra, missing_extra

come_in()
st.header("A clip, painted", anchor=False)
st.markdown(
    "Choose a short video or an animated picture: it is painted frame by frame, without flicker, and keeps "
    "its sound. Your clip itself is not kept."
)
if missing := [module for module in ("av", "cv2") if not has_extra(module)]:
    st.info(f"Painting clips is not installed here. {sentence(missing_extra(missing[0]))}")
    write_address()
    st.stop()
else:
    from pages.shared import clip_files, clip_painting, clip_views

# Choose.
limits = clip_files.clip_limits()
painting_column, choice_column = st.columns([3, 2])
with painting_column:
    stage, actions = st.container(key="stage"), st.container(key="take_home")
with stage:
    keep_in_view("painting")
still = None
with choice_column:
    upload = st.file_uploader(
        f"Your clip, up to {duration(limits.seconds)} of it and {limits.megabytes:g} MB",
        type=clip_files.UPLOAD_TYPES,
        key="clip",
        max_upload_size=max(1, int(limits.megabytes)),
        on_change=visit().forget_clip,
        help=f"Videos (MP4, MOV, WebM and others) or animated GIF, WebP and PNG, with frames of up to "
        f"{limits.megapixels:g} megapixels.",
    )
    if upload is not None and visit().clip is None:
        try:
            visit().clip = clip_files.read_clip(upload.getvalue(), upload.name)
        except ClipError as error:
            st.error(f"{sentence(error)} Choose another clip.", icon=":material/movie:")
    elif upload is None and visit().clip is not None:
        # Streamlit empties uploaders when the visitor goes to another page.
        clip_views.show_kept_clip(visit().clip)
    clip = visit().clip
    part = None if clip is None else clip_views.choose_part(clip, limits.seconds)
    if clip is not None:
        try:
            still = Choice(clip_views.still_of(clip, part[0]), clip.name)
        except ClipError as error:
            stage.error(sentence(error), icon=":material/movie:")
    style = choose_style()
    look = choose_look(style)
    look = replace(look, where=choose_where_in_clip(still))
    steadiness = st.slider(
        "Steadiness",
        min_value=0,
        max_value=100,
        value=keep_number("steadiness", 100, least=0, most=100),
        step=5,
        format="%d%%",
        key="steadiness",
        help="At 0% each frame is painted for itself, and the strokes flicker; at 100% they stay with what "
        "they paint.",
        persist_state="session",
    )
job = come_back(job_queue(), "clip", clip_painting.ClipRequest)
if clip is None and job is None:
    stage.info("Choose a clip: its first frame is painted at once, the whole clip when you say so.")
is_busy = job is not None and not job.is_finished
action_place = stage if clip is None else actions.container()  # above the buttons that paint
has_result = job is not None and job.is_finished and job.result is not None and not job.result.is_gone
painting = choice = None
if still is not None:
    with actions:
        file_format = clip_views.choose_clip_format(clip, is_transparent=look.where.is_cut_out)
    with stage:
        painting = paint_photo(still, clip_painting.still_look(clip, look))
    choice = clip.checksum, part, look.key, steadiness, file_format
write_address()
title = f"{look_titles(look)}{where_titles(look.where)}"
is_new = choice is not None and (job is None or job.about.choice != choice)

# Show.
with stage:
    if is_busy:
        clip_views.show_newest_frame(job)
        with action_place:
            clip_views.show_clip_progress(job)
    elif has_result and not is_new:
        clip_views.show_clip_result(job, key="painting")
        with action_place:
            clip_views.offer_clip_download(job, is_primary=not job.about.is_trial)
    else:
        if job is not None:
            clip_views.show_clip_failure(job)
        if painting is not None:
            with st.container(key="painting"):
                compare(
                    painting.original,
                    painting.painted,
                    before_alt="A frame of your clip as it was",
                    after_alt=f"A frame of your clip painted like {title}",
                    before_tag="Clip",
                    key="compare",
                )

# Paint.
if painting is not None:
    length_s = clip_files.part_length(clip, part, limits)
    megapixels = clip.info.width * clip.info.height / 1e6
    seconds = clip_painting.expected_seconds(length_s * clip.info.frame_rate, megapixels)
    with actions:
        pressed = clip_views.offer_to_start(
            "Paint the clip",
            length_s,
            seconds,
            icon=":material/brush:",
            is_answered=has_result and not is_new and not job.about.is_trial,
            is_busy=is_busy,
        )
        if pressed is not None:
            is_trial = pressed == clip_views.TRIAL
            request = clip_painting.ClipRequest(
                name=f"{clip.name}_{look.name}",
                title=title,
                still=painting.original,
                painted_still=painting.painted,
                megapixels=megapixels,
                start_s=part[0],
                end_s=part[0] + clip_views.TRIAL_S if is_trial else part[1],
                look=look,
                steadiness=steadiness / 100,
                file_format=file_format,
                is_trial=is_trial,
                choice=choice,
            )
            with show_refusals():
                expected_s = seconds * (clip_views.TRIAL_S / length_s if is_trial else 1)
                work = clip_painting.ClipWork(clip, request)
                visit().tokens["clip"] = clip_painting.start_clip(work, expected_s=expected_s)
                st.rerun()
if has_result and is_new and not is_busy:
    st.subheader("Your last clip", anchor=False)
    clip_views.show_clip_result(job, key="last_clip")
    clip_views.offer_clip_download(job, is_primary=False)
if painting is not None:
    show_style_credits(look)
