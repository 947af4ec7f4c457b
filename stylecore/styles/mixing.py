"""One style from several: the mean of their rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from PIL import Image

from stylecore.errors import StyleError
from stylecore.images.loading import load_image
from stylecore.images.sheets import fit
from stylecore.styles.files import PICTURE_SIDE, THUMBNAIL_SIDE, picture_bytes
from stylecore.styles.style import Style, name_from


def mix_styles(styles: Mapping[Style, float], *, title: str) -> Style:
    """Make one style that paints as a blend of others does.

    Its picture has a strip of each of theirs, as wide as its share: read anew it gives about the same rows.

    Args:
        styles: Styles of one network, without trunks of their own, with pictures; and their weights.
        title: Title of the mixed style.
    Raises:
        StyleError: The styles are for different networks, have networks of their own or no pictures, or
            the weights are not usable.
    """
    total = sum(styles.values())
    if not styles or min(styles.values()) < 0 or not total > 0:
        raise StyleError("a mixture needs weights of at least 0 with a sum above 0")
    shares = {style: weight / total for style, weight in styles.items() if weight}
    first = next(iter(shares))
    for style in shares:
        if style.trunk or style.foreign_network or not style.rows or style.networks != first.networks:
            raise StyleError(
                f"the style {style.name!r} cannot be mixed with others: it needs another network"
            )
        if not style.picture:
            raise StyleError(f"the style {style.name!r} cannot be mixed with others: it has no picture")
    rows = {
        network: np.average([style.rows[network] for style in shares], axis=0, weights=[*shares.values()])
        for network in first.rows
    }
    picture = _strips(shares)
    return replace(
        first,
        name=name_from(title, "mixture"),
        title=title,
        rows=rows,
        stroke_size=round(sum(style.stroke_size * share for style, share in shares.items())),
        picture=picture_bytes(picture),
        thumbnail=picture_bytes(picture, THUMBNAIL_SIDE),
    )


def _strips(shares: Mapping[Style, float]) -> Image.Image:
    width, height = PICTURE_SIDE, PICTURE_SIDE * 3 // 4
    joined = Image.new("RGB", (width, height))
    left, share_before = 0, 0.0
    for style, share in shares.items():
        share_before += share
        right = round(width * share_before)
        if right > left:
            joined.paste(fit(load_image(style.picture), (right - left, height)), (left, 0))
        left = right
    return joined
