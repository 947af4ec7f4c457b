"""Any picture as the style: painted at once, then kept as a style, or refined by optimization."""

import zlib

import streamlit as st

from pages.shared.address import keep_switch, write_address
from pages.shared.adopting import adopt_learned_style, has_learned_style
from pages.shared.bringing import bring_style
from pages.shared.choosing import Choice, choose_photo, choose_styles
from pages.shared.entrance import come_in
from pages.shared.job_views import show_running
from pages.shared.keeping import come_back, show_refusals
from pages.shared.long_jobs import job_queue
from pages.shared.marking import keep_strokes, mark_places
from pages.shared.matching import BRUSH, SUBJECT, Regions, match_subjects
from pages.shared.own_style_views import show_own_tiles, show_style_card
from pages.shared.own_styles import kept_style, shown_style
from pages.shared.painting import Look
from pages.shared.pictures import SAMPLES, STYLE_SAMPLES, sentence
from pages.shared.run_requests import LearningRequest, RefinementRequest
from pages.shared.showing import offer_download, paint_photo, show_credits, show_painting
from pages.shared.style_pictures import MAX_MIXED, choose_shares, encode_pictures
from pages.shared.visit import visit
from pages.shared.where_choices import choose_where
from stylecore import LearningConfig
from stylecore.host.extras import has_extra, missing_extra

# Two pictures to brush on need the room of both cards.
WIDE_CSS = ".st-key-way_cards:has(.st-key-marked) { grid-template-columns: minmax(0, 1fr) !important; }"

come_in()
st.header("Any picture as the style", anchor=False)
st.markdown(
    "Choose a photo and any painting, drawing or texture: your photo is painted in it at once. "
    "Bring it closer in seconds, keep the style for other photos, or refine this painting."
)

# Choose.
painting_column, choice_column = st.columns([3, 2])
with choice_column:
    photo = choose_photo("Your photo", SAMPLES, key="content", has_camera=True)
    label = f"Your style picture, or up to {MAX_MIXED} to mix"
    pictures = choose_styles(label, STYLE_SAMPLES, key="style_picture", limit=MAX_MIXED)
    weights = choose_shares(pictures)
    preserve_color = st.toggle(
        "Keep the photo's colors",
        value=keep_switch("custom_preserve_color"),
        key="custom_preserve_color",
        persist_state="session",
    )
    where = choose_where(photo)
    show_own_tiles()
    bring_style()
with painting_column:
    stage, ways = st.container(key="stage"), st.container(key="ways")
st.html(f"<style>{WIDE_CSS}</style>")
with ways, st.grid(2, min_column_width=280, gap="small", key="way_cards"):
    keep_card, refine_card = st.container(border=True), st.container(border=True)
style = shown_style()
if style is not None:  # it is refined from the picture that is in its file
    pictures, weights = [Choice(style.picture, style.name)] if style.picture else [], (1.0,)
else:
    with stage:
        style = encode_pictures(pictures, weights)
choice = repr((zlib.crc32(photo.data), [zlib.crc32(each.data) for each in pictures], weights))
if style is not None and not style.trunk:
    style = visit().fitted.get(choice, style)
look = painting = None
if style is not None:
    look = Look(((kept_style(style) or style, 1.0),), preserve_color=preserve_color, where=where)
    with stage:
        painting = paint_photo(photo, look)
title = "" if style is None else style.title

# Run.
run = learning = None
has_torch = has_extra("torch")
if has_torch:
    from pages.shared import learning as learnings
    from pages.shared import learning_views, refinement_choices, refinement_views

    run = come_back(job_queue(), "run", RefinementRequest)
    learning = come_back(job_queue(), "learning", LearningRequest)
    if has_learned_style():  # found by the address
        adopt_learned_style()
        st.rerun()
is_found_by_address = run is not None and visit().tokens["run"] not in visit().runs
if is_found_by_address:
    visit().runs.append(visit().tokens["run"])
    keep_strokes(run.about.strokes)
busy = next((job for job in (learning, run) if job is not None and not job.is_finished), None)

config, regions = None, Regions()
with refine_card:
    st.markdown("**Refine this painting**")
    if has_torch:
        settings = refinement_choices.choose_settings(
            preserve_color=preserve_color, keep_faces=where.keeps_faces
        )
        config, match = settings.config, refinement_choices.choose_match()
        if painting is not None and pictures and match in (SUBJECT, BRUSH):
            find = match_subjects if match == SUBJECT else mark_places
            regions = find(photo, pictures, weights)
write_address()

# Show. A painting that was opened is shown until something else is chosen.
refined_choice = repr((choice, config, regions.key))
if is_found_by_address:
    visit().seen_choice = refined_choice
elif visit().seen_choice != refined_choice:
    visit().seen_choice = None
has_refined = run is not None and run.is_finished and run.result is not None
if busy is not None and busy is learning:
    is_new = choice != learning.about.choice
else:
    is_new = run is None or (visit().seen_choice is None and run.about.choice != refined_choice)
is_new = is_new and painting is not None
with stage:
    if busy is not None:
        show_running(busy)
    elif has_refined and not is_new:
        refinement_views.show_result(run)
    else:
        if run is not None and not has_refined:
            refinement_views.show_failure(run)
        if learning is not None:
            learning_views.show_learning_failure(learning)
        if painting is not None:
            show_painting(painting, look)
            offer_download(photo, look, painting)

# Keep, learn or refine.
names = (photo.name, *(each.name for each in pictures))
is_ready = has_torch and painting is not None and bool(pictures)


def learn(learning_config: LearningConfig) -> None:
    with show_refusals():
        visit().tokens["learning"] = token = learnings.start_learning(
            photo.data,
            [each.data for each in pictures],
            learning_config,
            names=names,
            instant=painting.painted,
            choice=choice,
        )
        if learning_config.is_for_photos:
            visit().fits.add(token)
        st.rerun()


can_be_fitted = is_ready and not style.trunk and style not in visit().fitted.values()
if can_be_fitted and busy is None and (is_new or not has_refined):
    with stage:
        if (fit_config := learning_views.offer_fit(title)) is not None:
            learn(fit_config)
with keep_card:
    if style is not None:
        show_style_card(style)
    if is_ready:
        learning_config = learning_views.offer_learning(title, weights, is_disabled=busy is not None)
        if learning_config is not None:
            learn(learning_config)
with refine_card:
    if not has_torch:
        st.caption(f"Learning and refining are not installed here. {sentence(missing_extra('torch'))}")
    if is_ready:
        token = refinement_choices.offer_to_refine(
            photo,
            pictures,
            weights,
            settings,
            regions,
            painting,
            choice=refined_choice,
            is_busy=busy is not None,
        )
        if token is not None:
            visit().tokens["run"] = token
            visit().runs.append(token)
            st.rerun()

# Earlier work.
if busy is not None and is_new:
    st.caption("The work in progress keeps its pictures and settings; go on with this one when it is done.")
    caption = "Your new choice, painted at once"
    st.image(painting.painted, caption=caption, width="stretch", alt=caption)
if has_refined and run is not busy:
    if is_new or busy is not None:
        is_last = visit().tokens["run"] == visit().runs[-1]
        st.subheader(f"Your {'last' if is_last else 'earlier'} painting", anchor=False)
        refinement_views.show_result(run)
    refinement_views.show_making(run)
if has_torch:
    opened = refinement_views.show_earlier(visit().runs, run, is_busy=busy is not None)
    if opened is not None:
        visit().tokens["run"], visit().seen_choice, visit().is_sought = opened, refined_choice, True
        st.rerun()
if painting is not None:
    show_credits(painting, look)
