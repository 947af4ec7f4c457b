"""Places that the visitor marks in photo and style pictures, in one color what belongs together."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence

import streamlit as st
from PIL import Image, ImageColor

from pages.shared.brushed import brushed_region, read_strokes
from pages.shared.brushing import Drawn, choose_snapping, draw_mask
from pages.shared.choosing import Choice
from pages.shared.drawing import COLORS as PENCILS
from pages.shared.matching import BRUSH, COLORS, NOTHING, Regions, encode_pairs
from pages.shared.painting import screen_photo, screen_picture
from pages.shared.pictures import sample_title, sentence
from pages.shared.visit import visit
from stylecore import ImageError
from stylecore.images.encoding import encode_image
from stylecore.regions.doodles import color_masks, find_colors, mark_masks, pair_nearest_colors
from stylecore.regions.pairs import is_empty

MARKS = {"Pink": "#e5007d", "Blue": "#1f62e0", "Green": "#1f9d45", "Orange": "#f08a24"}
SAME_PENCIL = 30.0  # distance in RGB up to which a color of a drawing has the name of a pencil
NOTHING_MARKED = (
    "Nothing is marked yet, so your photo takes the style of the whole picture: brush over a place in your "
    "photo and, in the same color, over the place in the style picture that it should look like."
)
NEAREST = (
    "Nothing is marked, so each color of your drawing takes the style of what is nearest to it in color: to "
    "choose yourself, brush over places in the style picture."
)
Color = tuple[int, int, int]


def mark_places(photo: Choice, pictures: Sequence[Choice], weights: Sequence[float]) -> Regions:
    """Show photo and style pictures to brush on, and what lacks on one of them.

    Args:
        photo: The photo.
        pictures: The style pictures.
        weights: Their shares; pictures of share 0 are not shown, and give no part.
    """
    with st.grid(2, min_column_width=280, gap="small", key="marked"):
        drawn = [_show_sheet(photo, "Your photo", MARKS, key="marks_0")]
        for place, (picture, weight) in enumerate(zip(pictures, weights, strict=True), start=1):
            title = f"The style picture {sample_title(picture.name)}"
            drawn.append(_show_sheet(picture, title, MARKS, key=f"marks_{place}") if weight else b"")
    is_snapped, colors = choose_snapping("snap_marks"), _numbers(MARKS)
    own, *others = (
        _parts(picture.data, strokes, colors, is_snapped)
        for picture, strokes in zip((photo, *pictures), drawn, strict=True)
    )
    _show_what_lacks(own, others)
    kept = visit().brushes
    strokes = tuple(
        (key, *kept[key]) for place, each in enumerate(drawn) if each and (key := f"marks_{place}")
    )
    masks = _shared(own, others)
    return Regions(BRUSH, masks, strokes) if masks else Regions()


def mark_colors(drawing: Choice, picture: Choice) -> Regions:
    """Show a style picture to brush on in the colors of a drawing, and what is not marked.

    Without any marks each color is paired with what is nearest to it in the style picture.
    """
    try:
        colors, own = _drawn_parts(drawing.data)
    except ImageError as error:
        st.info(f"{sentence(error)} The pictures are taken as a whole.")
        return Regions()
    names, title = _named(colors), f"The style picture {sample_title(picture.name)}"
    strokes = _show_sheet(picture, title, names, key="color_marks")
    marked = _parts(picture.data, strokes, colors, choose_snapping("snap_marks"))
    if all(mask == NOTHING for mask in marked):
        st.info(NEAREST)
        return Regions(COLORS, _nearest(drawing.data, picture.data))
    left = [name for name, mask in zip(names, marked, strict=True) if mask == NOTHING]
    if left:
        st.info(f"Not marked: {_listed(left)}; they take the style of what is left of the style picture.")
    return Regions(BRUSH, _shared(own, [marked]))


def keep_strokes(strokes: Iterable[tuple[str, str, bytes]]) -> None:
    """Begin the brushes with the strokes of a run, unless something was brushed meanwhile."""
    for key, version, drawn in strokes:
        visit().brushes.setdefault(key, (version, drawn))


def _show_sheet(picture: Choice, title: str, colors: Mapping[str, str], *, key: str) -> bytes:
    """Show a picture to brush on; returns the strokes."""
    drawn = Drawn(f"{title}, with what you marked", f"Places in: {title}", colors)
    with st.container(gap="xsmall"):
        st.caption(title)
        return draw_mask(picture.data, drawn, key=key)


def _show_what_lacks(own: Sequence[bytes], others: Sequence[Sequence[bytes]]) -> None:
    """Show which colors are on one side alone."""
    on_photo = {name for name, mask in zip(MARKS, own, strict=True) if mask != NOTHING}
    on_styles = {name for masks in others for name, mask in zip(MARKS, masks, strict=True) if mask != NOTHING}
    if not on_photo and not on_styles:
        st.info(NOTHING_MARKED)
    for lone, here, there in (
        (on_photo - on_styles, "your photo", "the style picture"),
        (on_styles - on_photo, "the style picture", "your photo"),
    ):
        if lone:
            names = _listed(name for name in MARKS if name in lone)
            st.info(f"Only {here} has {names}: brush over the place in {there} in the same color, too.")


def _shared(own: Sequence[bytes], others: Sequence[Sequence[bytes]]) -> tuple[bytes, ...]:
    """Masks of the parts that the photo and a style picture have, as `Regions` holds them."""
    parts = zip(own, *others, strict=True)
    shared = [part for part in parts if part[0] != NOTHING and set(part[1:]) != {NOTHING}]
    return tuple(mask for part in shared for mask in part)


@st.cache_data(max_entries=50, show_spinner=False)
def _parts(picture: bytes, strokes: bytes, colors: tuple[Color, ...], is_snapped: bool) -> tuple[bytes, ...]:
    """Masks of what is brushed in each color, PNG; `NOTHING` for colors that are not there."""
    if not strokes:
        return (NOTHING,) * len(colors)
    with Image.open(io.BytesIO(screen_picture(picture).encoded)) as image:
        masks = mark_masks(read_strokes(strokes, image.size), colors)
        regions = [
            mask if is_empty(mask) else brushed_region(mask, image, is_snapped=is_snapped) for mask in masks
        ]
    return tuple(NOTHING if is_empty(mask) else encode_image(mask, "PNG") for mask in regions)


@st.cache_data(max_entries=20, show_spinner=False)
def _drawn_parts(drawing: bytes) -> tuple[tuple[Color, ...], tuple[bytes, ...]]:
    """The flat colors of a drawing, and their masks as PNG.

    Raises:
        ImageError: More than 8 colors.
    """
    image, _ = screen_photo(drawing)
    colors = find_colors(image, "your drawing")
    return tuple(colors), tuple(encode_image(mask, "PNG") for mask in color_masks(image, colors))


@st.cache_data(max_entries=20, show_spinner=False)
def _nearest(drawing: bytes, picture: bytes) -> tuple[bytes, ...]:
    return encode_pairs(pair_nearest_colors(screen_photo(drawing)[0], [screen_photo(picture)[0]]))


def _named(colors: Iterable[Color]) -> dict[str, str]:
    """Colors as `#rrggbb` by the names of the pencils, or by their number."""
    named: dict[str, str] = {}
    for number, color in enumerate(colors, start=1):
        distances = {name: math.dist(ImageColor.getrgb(code), color) for name, code in PENCILS.items()}
        name = min(distances, key=lambda each: distances[each])
        is_pencil = distances[name] <= SAME_PENCIL and name not in named
        named[name if is_pencil else f"Color {number}"] = f"#{bytes(color).hex()}"
    return named


def _numbers(colors: Mapping[str, str]) -> tuple[Color, ...]:
    return tuple(ImageColor.getrgb(code)[:3] for code in colors.values())


def _listed(names: Iterable[str]) -> str:
    """Names in a sentence: `pink, blue and green`."""
    *others, last = (name.lower() for name in names)
    return f"{', '.join(others)} and {last}" if others else last
