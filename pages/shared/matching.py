"""Subject matched with subject in a refinement: the masks of the visitor's photo and style pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence

import streamlit as st
from PIL import Image

from pages.shared.choosing import Choice
from pages.shared.painting import screen_photo, screen_subject
from pages.shared.pictures import plain, sample_title
from stylecore import find_faces
from stylecore.images.encoding import encode_image
from stylecore.regions.pairs import is_empty

WORDS = "subject with subject"  # among the settings of a refinement


def match_subjects(photo: Choice, pictures: Sequence[Choice], weights: Sequence[float]) -> tuple[bytes, ...]:
    """Find the subjects of photo and style pictures; shows which of them have none.

    Args:
        photo: The photo.
        pictures: The style pictures.
        weights: Their shares; pictures of share 0 do not count.
    Returns:
        Masks as PNG: of the subjects, the photo's first, then of the faces; none where the photo or all style
        pictures have no subject.
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
        return ()
    return *masks, *(screen_faces(each.data) for each in (photo, *pictures))


@st.cache_data(max_entries=50, show_spinner=False)
def screen_faces(photo: bytes) -> bytes:
    """Find the faces of a picture at screen size; returns their mask as PNG."""
    return encode_image(find_faces(screen_photo(photo)[0]), "PNG")


def _opened(mask: bytes) -> Image.Image:
    with Image.open(io.BytesIO(mask)) as image:
        return image.convert("L")
