"""A photo painted in all styles, and the sheet of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st
from PIL import Image

from pages.shared.own_styles import known_styles, style_title
from pages.shared.painting import Look, encode_screen, paint, screen_mask, screen_photo
from pages.shared.pictures import plain
from pages.shared.visit import visit
from stylecore.images.encoding import encode_image
from stylecore.images.sheets import contact_sheet
from stylecore.images.sizes import limit_long_side

SHEET_SIDE = 512  # px, long side of the pictures on a contact sheet
SHEET_COLUMNS = 4
CELL_WIDTH = 360  # px, of the sheet's cells, and long side of its pictures on the page


@dataclass(frozen=True)
class AllStyles:
    """A photo painted in every style.

    Attributes:
        tiles: Small JPEG or PNG pictures by the name of the style.
        sheet: JPEG of all pictures with their titles.
    """

    tiles: dict[str, bytes]
    sheet: bytes


def all_styles(photo: bytes, look: Look) -> AllStyles:
    """Paint a photo in every style, with the other settings of `look` and progress on the page.

    The visit keeps the newest result. A new choice of the visitor interrupts the painting.

    Raises:
        ImageError: The photo cannot be used.
    """
    styles = tuple(known_styles().values())
    if visit().sheet is not None and visit().sheet[:3] == (photo, look, styles):
        return visit().sheet[3]
    full, _ = screen_photo(photo)
    image = limit_long_side(full, SHEET_SIDE)
    mask = screen_mask(photo, look.where)
    mask = None if mask is None else mask.resize(image.size, Image.Resampling.BICUBIC)
    progress = st.progress(0.0)
    pictures = {}
    for style in styles:
        progress.progress(
            len(pictures) / len(styles), f"Painting all styles: {plain(style_title(style))}"
        )  # ends here after a new choice
        # In cells of this size the fast networks look the same, in less than half the time.
        pictures[style.name] = paint(image, replace(look, styles=((style, 1.0),)), mask, fine=False)
    cells = list(pictures.values())
    rows = [cells[i : i + SHEET_COLUMNS] for i in range(0, len(cells), SHEET_COLUMNS)]
    height = min(max(180, round(CELL_WIDTH * image.height / image.width)), 720)  # strips are cropped
    titles = [style_title(style) for style in styles]
    sheet = encode_image(contact_sheet(rows, titles=titles, cell=(CELL_WIDTH, height)), "JPEG")
    tiles = {name: encode_screen(limit_long_side(each, CELL_WIDTH)) for name, each in pictures.items()}
    painted = AllStyles(tiles, sheet)
    progress.empty()
    visit().sheet = photo, look, styles, painted
    return painted
