"""What the app remembers of one visit, apart from the values of its widgets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from pages.shared.choosing import Choice
    from pages.shared.painting import AllStyles, Look
    from stylecore.host.jobs import Job


@dataclass
class Chooser:
    """What a chooser of pictures remembers.

    Attributes:
        sample: Name of the chosen sample, which counts while no picture of the visitor's does.
        uploader: Number of the uploader; the next one is empty.
    """

    sample: str
    uploader: int = 0


@dataclass
class Visit:
    """What one session remembers.

    Attributes:
        asked_for: Texts that the address had when the visitor came, by setting, until one asks for them.
        first_settings: Values that settings began with, by name.
        address_settings: Texts of settings that differ from their defaults, by name.
        page_settings: Texts that only the page that runs has in its address, by name.
        photo: The photo that is chosen on every page; empty while a sample is.
        style_pictures: The style pictures that are chosen; empty while a sample is.
        batch_photos: The photos that are chosen for a batch.
        choosers: By the prefix of their widgets' keys.
        snapshot: The photo of the camera page.
        is_upload_newer: Whether the camera page's upload came after its snapshot.
        style: Name of the chosen style; empty before the first page that has styles.
        is_blend_open: Whether a blend has been in use, which leaves its expander open.
        is_sought: Whether the page that runs next scrolls to the painting.
        sheet: The last photo that was painted in all styles, how, and the paintings.
        tokens: Of the jobs that the pages show, by their name in the address.
        runs: Tokens of the visit's refinements, the oldest first.
        seen_choice: Pictures and settings that were chosen when an earlier refinement was opened: they have
            no sketch until others are chosen.
        asked_share: Version of the file that is to be shared and not made yet, see `sharing`.
        watched_jobs: Jobs that every page watches.
    """

    asked_for: dict[str, list[str]]
    first_settings: dict[str, object] = field(default_factory=dict)
    address_settings: dict[str, list[str]] = field(default_factory=dict)
    page_settings: dict[str, list[str]] = field(default_factory=dict)
    photo: list[Choice] = field(default_factory=list)
    style_pictures: list[Choice] = field(default_factory=list)
    batch_photos: list[Choice] = field(default_factory=list)
    choosers: dict[str, Chooser] = field(default_factory=dict)
    snapshot: Choice | None = None
    is_upload_newer: bool = False
    style: str = ""
    is_blend_open: bool = False
    is_sought: bool = False
    sheet: tuple[bytes, Look, AllStyles] | None = None
    tokens: dict[str, str] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    seen_choice: tuple | None = None
    asked_share: str = ""
    watched_jobs: list[Job] = field(default_factory=list)

    def take_sought(self) -> bool:
        """Whether the page scrolls to the painting, for the first who asks."""
        is_sought, self.is_sought = self.is_sought, False
        return is_sought


def visit() -> Visit:
    """The record of this session."""
    if "visit" not in st.session_state:
        st.session_state.visit = Visit({name: st.query_params.get_all(name) for name in st.query_params})
    return st.session_state.visit
