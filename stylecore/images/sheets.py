"""Contact sheets: pictures in equal cells under their titles."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont, ImageOps

from stylecore.images.colors import flatten

GAP = 6  # px
TITLE_SHARE = 0.09  # height of the letters as a share of a cell's width


def contact_sheet(
    rows: Sequence[Sequence[Image.Image]], *, titles: Sequence[str] = (), cell: tuple[int, int] = (320, 260)
) -> Image.Image:
    """Arrange pictures in rows, each cropped to its cell.

    Args:
        rows: Pictures, row by row; the rows may differ in length.
        titles: One for each column, above the first row, or one for each picture, above it.
        cell: Width and height of a cell in pixels.
    Returns:
        RGB image on white; transparent parts of the pictures are white, too.
    Raises:
        ValueError: No picture, or a number of titles that fits neither columns nor pictures.
    """
    columns = max((len(row) for row in rows), default=0)
    count = sum(len(row) for row in rows)
    if not count:
        raise ValueError("a contact sheet needs at least one picture, got none")
    if titles and len(titles) not in (columns, count):
        raise ValueError(f"{len(titles)} titles for {columns} columns of {count} pictures")
    width, height = cell
    line = round(width * TITLE_SHARE * 1.6) if titles else 0
    is_by_picture = len(titles) == count
    lines = len(rows) if is_by_picture else 1
    size = (columns * (width + GAP) - GAP, len(rows) * (height + GAP) - GAP + lines * line)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(max(8, round(width * TITLE_SHARE)))
    number = 0
    for y, row in enumerate(rows):
        top = y * (height + GAP) + (y + 1 if is_by_picture else 1) * line
        for x, picture in enumerate(row):
            left = x * (width + GAP)
            sheet.paste(fit(flatten(picture), cell), (left, top))
            if titles and (is_by_picture or y == 0):
                title = titles[number if is_by_picture else x]
                draw.text((left + width / 2, top - line / 2), title, fill="#222222", font=font, anchor="mm")
            number += 1
    return sheet


def fit(image: Image.Image, cell: tuple[int, int]) -> Image.Image:
    """Scale an image to cover a cell, and crop what exceeds it: a third above, two thirds below."""
    return ImageOps.fit(image, cell, Image.Resampling.LANCZOS, centering=(0.5, 1 / 3))
