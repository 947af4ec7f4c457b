"""The widgets for the settings of a refinement, and the checks of what is chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from pages.shared import long_jobs, refining
from pages.shared.address import forget, keep_choice
from pages.shared.choosing import Choice
from pages.shared.keeping import show_refusals
from pages.shared.matching import BRUSH, SUBJECT, Regions
from pages.shared.painting import Preview
from pages.shared.pictures import duration, sentence
from stylecore import OptimizationConfig, StyleTransferError
from stylecore.perception.constants import STYLE_WEIGHT

STROKES = {"fine": 0.7, "medium": 1.0, "coarse": 1.5}  # long side of the style picture / of the painting
LIKENESS = {  # style weights
    "closer to the photo": STYLE_WEIGHT / 4,
    "balanced": STYLE_WEIGHT,
    "closer to the style": 4 * STYLE_WEIGHT,
}
STYLE_LOSSES = {"gram": "Gram matrices", "wasserstein": "Wasserstein", "patches": "Patches"}
WHOLE = "whole"
MATCHES = {WHOLE: "Whole", SUBJECT: "Subjects", BRUSH: "Places I mark"}
QUALITY_HELP = (
    "Quick paints at 384 px, good at 512 px, best at 1280 px in three rounds; larger takes longer. "
    "Classic is the method of 2015 as it is taught in courses: 2,500 small steps from a noisy photo, "
    "for watching how it works."
)


@dataclass(frozen=True)
class Settings:
    """The chosen settings of a refinement.

    Attributes:
        quality: Name of one of `refining.QUALITIES`.
        config: The settings.
        words: The settings as text for the page: "quick, medium strokes, balanced".
    """

    quality: str
    config: OptimizationConfig
    words: str


def choose_match() -> str:
    """Show how parts of the photo and of the style pictures are matched; returns one of `MATCHES`."""
    match = st.segmented_control(
        "Match",
        list(MATCHES),
        format_func=MATCHES.get,
        default=keep_choice("match", WHOLE, MATCHES),
        required=True,
        key="match",
        help="The photo takes the style of the whole style picture; or a face that of a face, and a sky that "
        "of the sky behind it; or you mark the places that belong together in both pictures.",
        persist_state="session",
    )
    if match != BRUSH:
        forget("snap_marks")
    return match


def choose_settings(*, preserve_color: bool, keep_faces: bool = False) -> Settings:
    """Show the widget for the quality, and a popover with the rest.

    Args:
        preserve_color: Whether the photo's colors are kept.
        keep_faces: Whether faces stay nearer to the photo.
    """
    qualities = {name: name.capitalize() for name in refining.QUALITIES}
    quality = st.segmented_control(
        "Quality",
        list(qualities),
        format_func=str.capitalize,
        default=keep_choice("quality", "quick", qualities),
        required=True,
        key="quality",
        help=QUALITY_HELP,
        persist_state="session",
    )
    is_classic = quality == "classic"
    with st.popover("More", icon=":material/tune:"):
        if is_classic:
            st.caption("Classic has fixed settings of its own.")
        strokes = _slide("Strokes", "custom_strokes", "medium", STROKES, is_disabled=is_classic)
        likeness = _slide("Likeness", "likeness", "balanced", LIKENESS, is_disabled=is_classic)
        style_loss = st.selectbox(
            "What makes a style",
            list(STYLE_LOSSES),
            index=list(STYLE_LOSSES).index(keep_choice("style_loss", "gram", STYLE_LOSSES)),
            format_func=STYLE_LOSSES.get,
            key="style_loss",
            disabled=is_classic,
            persist_state="session",
            help="Gram matrices (Gatys et al.) and Wasserstein distances compare textures as a whole; "
            "patches (Li and Wand) copy small pieces of the style picture.",
        )
    config = replace(refining.QUALITIES[quality], preserve_color=preserve_color, keep_faces=keep_faces)
    words = [quality]
    if not is_classic:
        stroke_size = round(STROKES[strokes] * config.max_side)
        config = replace(
            config, stroke_size=stroke_size, style_weight=LIKENESS[likeness], style_loss=style_loss
        )
        words += [f"{strokes} strokes", likeness]
        if style_loss != "gram":
            words.append(STYLE_LOSSES[style_loss])
    if preserve_color:
        words.append("colors of the photo")
    if keep_faces:
        words.append("faces kept")
    return Settings(quality, config, ", ".join(words))


def _slide(label: str, key: str, default: str, words: Iterable[str], *, is_disabled: bool) -> str:
    """Show a slider of words, which the address keeps."""
    return st.select_slider(
        label,
        list(words),
        value=keep_choice(key, default, {word: word for word in words}),
        key=key,
        disabled=is_disabled,
        persist_state="session",
    )


def fit(size: tuple[int, int], config: OptimizationConfig, styles: int) -> OptimizationConfig | None:
    """Fit the settings to the free memory and show what is reduced; returns None if nothing fits.

    Args:
        size: Width and height of the photo.
        config: The chosen settings.
        styles: Number of style pictures.
    """
    # A running job holds the memory that the next one will have, and the server has memory of its own.
    if long_jobs.runs_elsewhere() or long_jobs.job_queue().is_busy:
        return config
    try:
        plan = refining.plan(size, config, styles)
    except StyleTransferError as error:
        st.error(sentence(error), icon=":material/memory:")
        return None
    if plan.changes:
        st.warning(f"Little memory is free here, so the settings will be reduced: {', '.join(plan.changes)}.")
    return plan.config


def offer_to_refine(
    photo: Choice,
    pictures: Sequence[Choice],
    weights: Sequence[float],
    settings: Settings,
    regions: Regions,
    painting: Preview,
    *,
    choice: str,
    is_busy: bool,
) -> str | None:
    """Show the button that starts a refinement; returns the token of the run once it is pressed.

    Args:
        photo: The photo.
        pictures: The style pictures.
        weights: Their shares.
        settings: See `choose_settings`.
        regions: Which part takes its style from which.
        painting: The instant painting.
        choice: See `RefinementRequest`.
        is_busy: Whether it cannot start now.
    """
    fitting = fit(painting.size, settings.config, len(pictures))
    seconds = refining.expected_seconds(painting.size, fitting or settings.config)
    # A callback would start with the picture and the settings of the previous script run.
    is_started = st.button(
        f"Refine (about {duration(seconds)})",
        key="refine",
        icon=":material/brush:",
        disabled=is_busy or fitting is None,
    )
    if is_started:
        with show_refusals():
            return refining.start_run(
                photo.data,
                tuple((each.data, weight) for each, weight in zip(pictures, weights, strict=True)),
                settings.config,
                quality=settings.quality,
                words=settings.words,
                names=(photo.name, *(each.name for each in pictures)),
                instant=painting.painted,
                choice=choice,
                regions=regions,
            )
    return None
