"""The state of one visit, apart from the values of widgets."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from pages.shared.choosing import Choice
    from pages.shared.clip_files import Clip
    from pages.shared.painting import Look
    from pages.shared.sheets import AllStyles
    from stylecore import PhotoLook, Style
    from stylecore.host.jobs import Job


@dataclass
class Chooser:
    """The state of the widgets that choose pictures.

    Attributes:
        sample: Name of the chosen sample; used while the visitor has chosen no picture of their own.
        uploader: Number of the uploader; an uploader with a new number is empty.
    """

    sample: str
    uploader: int = 0


@dataclass
class Visit:
    """The state of one session.

    Attributes:
        asked_for: Texts of the address when the visit began, by setting; removed once they are read.
        first_settings: First values of settings, by name.
        address_settings: Texts of settings that differ from their defaults, by name.
        page_settings: Texts that belong to the address of the current page only, by name.
        photo: The photo that is chosen on every page; empty if a sample is chosen.
        style_pictures: The chosen style pictures; empty if a sample is chosen.
        batch_photos: The photos that are chosen for a batch.
        reference: The picture whose light and colors a photo takes; empty if a sample is chosen.
        kept_look: Name and look of a look file that is used instead of the reference.
        look_uploader: Number of the uploader of look files; an uploader with a new number is empty.
        look_notice: Why a look file cannot be used; empty if it can.
        look_tokens: Tokens of the fitted looks, by what was chosen for them.
        clip: The chosen clip.
        is_look_of_clip: Whether the page Photo look takes the clip instead of the photo.
        clip_notice: Why the last clip that was brought there cannot be used, and the number of the uploader
            that followed.
        clip_still: The last frame that was read of a clip: the clip, the time in seconds, the encoded frame.
        choosers: States of the picture choosers, by the prefix of their widgets' keys.
        snapshot: The photo of the camera page.
        seen_live: The last picture that was painted in the browser, and the stroke scale there.
        is_upload_newer: Whether the camera page's upload is newer than its snapshot.
        style: Name of the chosen style; empty before the first page that has styles.
        is_blend_open: Whether the expander of the blend is open.
        is_sought: Whether the next script run scrolls to the painting.
        sheet: The last photo that was painted in all styles, its look, the styles, and the paintings.
        own_styles: The visitor's own styles by their name, the oldest first.
        kept_as: Names of the own styles by the SHA-256 of the style as it came.
        shown_style: Name of the own style that Your own style shows instead of the style pictures' one.
        brought: Number of the uploader of style files; an uploader with a new number is empty.
        bring_notice: What the page says about the style file that was brought last.
        keep_notice: Why a style could not be kept; empty if it could.
        lost_style: Style that the address asked for and that is not here, until another is chosen.
        adopted: Tokens of the learnings whose styles the visit has.
        fits: Tokens of the learnings that fit a style to one photo, started in this visit.
        fitted: The styles that they gave, by what was chosen for them, the oldest first.
        tokens: Tokens of the jobs that the pages show, by their name in the address.
        runs: Tokens of the visit's refinements, the oldest first.
        seen_choice: Pictures and settings that were chosen when an earlier refinement was opened; it stays in
            sight until they change.
        part: The part of the photo that is painted, see `Where`.
        brush_start: Part with which the brush begins on a photo on which nothing was drawn yet.
        brushes: What was drawn last by the keys of the widgets: the photo's version, and the mask as PNG.
        asked_share: Version of the file that is to be shared and not yet made, see `sharing`.
        share_requests: Number of files that were to be shared so far.
        watched_jobs: Jobs that every page keeps alive.
        owner: Random name of the visit, by which the queues count its jobs.
    """

    asked_for: dict[str, list[str]]
    first_settings: dict[str, object] = field(default_factory=dict)
    address_settings: dict[str, list[str]] = field(default_factory=dict)
    page_settings: dict[str, list[str]] = field(default_factory=dict)
    photo: list[Choice] = field(default_factory=list)
    style_pictures: list[Choice] = field(default_factory=list)
    batch_photos: list[Choice] = field(default_factory=list)
    reference: list[Choice] = field(default_factory=list)
    kept_look: tuple[str, PhotoLook] | None = None
    look_uploader: int = 0
    look_notice: str = ""
    look_tokens: dict[tuple, str] = field(default_factory=dict)
    clip: Clip | None = None
    is_look_of_clip: bool = False
    clip_notice: tuple[int, str] = -1, ""
    clip_still: tuple[Clip, float, bytes] | None = None
    choosers: dict[str, Chooser] = field(default_factory=dict)
    snapshot: Choice | None = None
    is_upload_newer: bool = False
    seen_live: tuple[Choice, float] | None = None
    style: str = ""
    is_blend_open: bool = False
    is_sought: bool = False
    sheet: tuple[bytes, Look, tuple[Style, ...], AllStyles] | None = None
    own_styles: dict[str, Style] = field(default_factory=dict)
    kept_as: dict[str, str] = field(default_factory=dict)
    shown_style: str = ""
    brought: int = 0
    bring_notice: str = ""
    keep_notice: str = ""
    lost_style: str = ""
    adopted: set[str] = field(default_factory=set)
    fits: set[str] = field(default_factory=set)
    fitted: dict[str, Style] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    seen_choice: str | None = None
    part: str = "everything"
    brush_start: str = "everything"
    brushes: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    asked_share: str = ""
    share_requests: int = 0
    watched_jobs: list[Job] = field(default_factory=list)
    owner: str = field(default_factory=secrets.token_hex)

    def forget_clip(self) -> None:
        """Choose no clip."""
        self.clip = self.clip_still = None
        self.is_look_of_clip = False

    def take_sought(self) -> bool:
        """Return `is_sought` and reset it."""
        is_sought, self.is_sought = self.is_sought, False
        return is_sought


def visit() -> Visit:
    """The state of this session."""
    if "visit" not in st.session_state:
        st.session_state.visit = Visit({name: st.query_params.get_all(name) for name in st.query_params})
    return st.session_state.visit
