"""The widgets for the settings of a refinement, and the checks of what is chosen."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shared import refining, sketching
from pages.shared.address import keep_choice, keep_switch
from pages.shared.choosing import Choice, say_unusable
from pages.shared.pictures import mixture, sample_title, sentence
from stylecore import OptimizationConfig, StyleTransferError
from stylecore.perception.constants import STYLE_WEIGHT

STROKES = {"fine": 0.7, "medium": 1.0, "coarse": 1.5}  # long side of the style picture / of the painting
LIKENESS = {  # style weights
    "closer to the photo": STYLE_WEIGHT / 4,
    "balanced": STYLE_WEIGHT,
    "closer to the style": 4 * STYLE_WEIGHT,
}
STYLE_LOSSES = {"gram": "Gram matrices", "wasserstein": "Wasserstein", "patches": "Patches"}
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


def choose_shares(styles: Sequence[Choice]) -> tuple[float, ...]:
    """Show a slider for the share of each of several style pictures."""
    if len(styles) == 1:
        return (1.0,)
    titles = [sample_title(style.name) for style in styles]
    weights = tuple(
        st.slider(f"Share of {title}", 0, 100, 50, key=key, persist_state="session") / 100
        for title, key in zip(titles, _share_keys(styles), strict=True)
    )
    if not any(weights):
        st.warning("All shares are 0: the pictures are mixed equally.")
        weights = (1.0,) * len(styles)
    st.caption(f"Mixed: {mixture(titles, weights)}")
    return weights


def _share_keys(pictures: Sequence[Choice]) -> list[str]:
    """Keys of the share sliders, by picture, so that a share stays with its picture."""
    checksums = [zlib.crc32(picture.data) for picture in pictures]
    return [
        f"share_{checksum}_{checksums[:place].count(checksum)}" for place, checksum in enumerate(checksums)
    ]


def choose_settings(place: DeltaGenerator) -> Settings:
    """Show the widgets for quality and colors, and a popover with the rest.

    Args:
        place: Row for the widgets.
    """
    qualities = {name: name.capitalize() for name in refining.QUALITIES}
    quality = place.segmented_control(
        "Quality",
        list(qualities),
        format_func=str.capitalize,
        default=keep_choice("quality", "quick", qualities),
        required=True,
        key="quality",
        help=QUALITY_HELP,
        persist_state="session",
    )
    preserve_color = place.toggle(
        "Keep the photo's colors",
        value=keep_switch("custom_preserve_color"),
        key="custom_preserve_color",
        persist_state="session",
    )
    is_classic = quality == "classic"
    with place.popover("More", icon=":material/tune:"):
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
    config = replace(refining.QUALITIES[quality], preserve_color=preserve_color)
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


def read_pictures(photo: Choice, styles: Sequence[Choice]) -> list[sketching.ScreenPicture]:
    """Read the photo and the style pictures; shows the reason and returns [] if one is unusable."""
    pictures = []
    for choice, what in ((photo, "photo"), *((style, "style picture") for style in styles)):
        try:
            pictures.append(sketching.screen_picture(choice.data))
            if choice is not photo:
                sketching.read_style(choice.data)  # raises an error if it gives no style
        except StyleTransferError as error:
            say_unusable(error, f"{what} above instead of {choice.file_name}")
            return []
    return pictures


def fit(size: tuple[int, int], config: OptimizationConfig, styles: int) -> OptimizationConfig | None:
    """Fit the settings to the free memory and show what is reduced; returns None if nothing fits.

    Args:
        size: Width and height of the photo.
        config: The chosen settings.
        styles: Number of style pictures.
    """
    if refining.job_queue().is_busy:  # a running job holds the memory that the next one will have
        return config
    try:
        plan = refining.plan(size, config, styles)
    except StyleTransferError as error:
        st.error(sentence(error), icon=":material/memory:")
        return None
    if plan.changes:
        st.warning(f"Little memory is free here, so the settings will be reduced: {', '.join(plan.changes)}.")
    return plan.config
