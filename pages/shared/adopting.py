"""Styles that were learned for the visitor become own styles, on whichever page the visitor is by then."""

from __future__ import annotations

import streamlit as st

from pages.shared.long_jobs import job_queue
from pages.shared.own_styles import add_style
from pages.shared.pictures import plain
from pages.shared.visit import visit

MOST_FITTED = 6  # styles that were fitted to a photo, some 1 MB each


def has_learned_style() -> bool:
    """Whether a style has been learned that is not yet among the visitor's own."""
    token = visit().tokens.get("learning", "")
    job = job_queue().find(token)
    return token not in visit().adopted and job is not None and job.is_finished and job.result is not None


def adopt_learned_style() -> None:
    """Take the style that has been learned, once; one for any photo is kept among the visitor's own."""
    if not has_learned_style():
        return
    token, chosen = visit().tokens["learning"], visit().style
    job = job_queue().find(token)
    visit().adopted.add(token)
    if token in visit().fits:
        fitted = visit().fitted
        fitted[job.about.choice] = job.result
        for oldest in [*fitted][:-MOST_FITTED]:
            del fitted[oldest]
        return
    style = add_style(job.result, is_limited=False)  # it took minutes
    visit().style = chosen or style.name  # what is chosen on other pages stays
    visit().shown_style = style.name
    st.toast(f"Your style {plain(style.title)} is ready: it is the first of the tiles.", duration="long")
