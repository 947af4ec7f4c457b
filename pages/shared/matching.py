"""Which part of the photo takes its style from which part of the style pictures, in a refinement."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import streamlit as st
from PIL import Image

from pages.shared.choosing import Choice
from pages.shared.painting import screen_photo, screen_subject
from pages.shared.pictures import plain, sample_title
from stylecore import find_faces
from stylecore.images.encoding import encode_image
from stylecore.regions.matching import pair_masks
from stylecore.regions.pairs import MaskPair, is_empty

SUBJECT, BRUSH, COLORS = "subject", "brush", "colors"  # as recipes name them
WORDS = {SUBJECT: "subject with subject", BRUSH: "place with place", COLORS: "color with color"}
NOTHING = encode_image(Image.new("L", (1, 1)), "PNG")  # mask of a part that a picture does not have


@dataclass(frozen=True)
class Regions:
    """Which part of the photo takes its style from which part of the style pictures.

    Attributes:
        found_by: `subject`, `brush` or `colors`; empty if the pictures are taken as a whole.
        masks: PNGs: of each part that of the photo, then those of the style pictures.
        strokes: What was brushed on the pictures, see `RefinementRequest`.
    """

    found_by: str = ""
    masks: tuple[bytes, ...] = ()
    strokes: tuple[tuple[str, str, bytes], ...] = ()

    @property
    def key(self) -> tuple[str, int]:
        """What tells them from others."""
        return self.found_by, zlib.crc32(b"".join(self.masks))

    @property
    def words(self) -> str:
        """The choice in words, to follow the settings: `, subject with subject`."""
        return f", {WORDS[self.found_by]}" if self.found_by else ""


def match_subjects(photo: Choice, pictures: Sequence[Choice], weights: Sequence[float]) -> Regions:
    """Find the subjects of photo and style pictures; shows which of them have none.

    Args:
        photo: The photo.
        pictures: The style pictures.
        weights: Their shares; pictures of share 0 do not count.
    Returns:
        Pairs of faces and of subjects; none where the photo or all style pictures have no subject.
    """
    with st.spinner("Looking for the subjects ..."):
        masks = tuple(screen_subject(each.data) for each in (photo, *pictures))
    used = [
        (each, not is_empty(_opened(mask)))
        for each, mask, weight in zip((photo, *pictures), masks, (1.0, *weights), strict=True)
        if weight
    ]
    is_matched = used[0][1] and any(has_subject for _, has_subject in used[1:])
    missing = [plain(sample_title(each.name)) for each, has_subject in used if not has_subject]
    if missing:
        rest = "it gives its style to the background" if is_matched else "the pictures are taken as a whole"
        st.info(f"No subject was found in {' and '.join(missing)}: {rest}.", icon=":material/person_search:")
    if not is_matched:
        return Regions()
    return Regions(
        SUBJECT, _subject_masks(masks, tuple(screen_faces(each.data) for each in (photo, *pictures)))
    )


@st.cache_data(max_entries=20, show_spinner=False)
def _subject_masks(subjects: tuple[bytes, ...], faces: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return encode_pairs(pair_masks([_opened(mask) for mask in subjects], [_opened(mask) for mask in faces]))


def encode_pairs(pairs: Iterable[MaskPair]) -> tuple[bytes, ...]:
    """Pairs of masks as `Regions` holds them; each has a mask for each style picture."""
    return tuple(encode_image(mask, "PNG") for own, others in pairs for mask in (own, *others))


@st.cache_data(max_entries=50, show_spinner=False)
def screen_faces(photo: bytes) -> bytes:
    """Find the faces of a picture at screen size; returns their mask as PNG."""
    return encode_image(find_faces(screen_photo(photo)[0]), "PNG")


def _opened(mask: bytes) -> Image.Image:
    with Image.open(io.BytesIO(mask)) as image:
        return image.convert("L")
