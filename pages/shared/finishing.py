"""A drawing refined color by color in the style of a picture; needs torch."""

from __future__ import annotations

import zlib

import streamlit as st

from pages.shared import refinement_choices, refinement_views
from pages.shared.choosing import Choice
from pages.shared.job_views import show_running
from pages.shared.keeping import come_back
from pages.shared.long_jobs import job_queue
from pages.shared.marking import mark_colors
from pages.shared.painting import Look
from pages.shared.run_requests import RefinementRequest
from pages.shared.showing import paint_photo, seen_look, show_seen
from pages.shared.visit import visit
from stylecore import Style

TOKEN = "drawn"  # name of the run's token in the visit and in the address


def show_refined(look: Look, style: Style | None) -> None:
    """Show the drawing painted large, as `show_seen`, or refined, and how it can be refined.

    Args:
        look: The look of the page.
        style: The one style of the look, if it has a picture.
    """
    run = come_back(job_queue(), TOKEN, RefinementRequest)
    busy = run if run is not None and not run.is_finished else None
    stage, choice = st.container(), None
    has_drawing = seen_look(look) is not None
    if style is not None and has_drawing:
        with st.container(border=True):
            choice = _offer_refining(look, style, is_busy=busy is not None)
    has_refined = run is not None and run.result is not None
    is_current = run is not None and (not has_drawing or choice == run.about.choice)
    with stage:
        if busy is not None:
            show_running(busy)
            if not is_current:
                st.caption("The work in progress keeps its drawing and settings.")
        elif has_refined and is_current:
            refinement_views.show_result(run)
        else:
            if run is not None and not has_refined:
                refinement_views.show_failure(run)
            show_seen(look)
    if has_refined and not is_current:
        st.subheader("Your last refined drawing", anchor=False)
        refinement_views.show_result(run)


def _offer_refining(look: Look, style: Style, *, is_busy: bool) -> str:
    """Show the choices of a refinement and the button that starts it; returns what is chosen."""
    drawing, picture = visit().photo[0], Choice(style.picture, style.name)
    st.markdown("**Refine it, color by color**")
    st.caption(
        "Each color of your drawing is painted like a part of the style picture: brush over that part in the "
        "same color."
    )
    with st.grid(2, min_column_width=280, gap="medium"):
        mark_cell, settings_cell = st.container(), st.container()
    with mark_cell:
        regions = mark_colors(drawing, picture)
    painting = paint_photo(drawing, seen_look(look))
    with settings_cell:
        settings = refinement_choices.choose_settings(preserve_color=look.preserve_color)
        checksums = zlib.crc32(drawing.data), zlib.crc32(picture.data)
        choice = repr((checksums, settings.config, regions.key))
        if painting is not None:
            token = refinement_choices.offer_to_refine(
                drawing, [picture], (1.0,), settings, regions, painting, choice=choice, is_busy=is_busy
            )
            if token is not None:
                visit().tokens[TOKEN] = token
                visit().runs.append(token)
                st.rerun()
    return choice
