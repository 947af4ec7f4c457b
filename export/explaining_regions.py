"""Make the pictures of the page that explains how a part of a photo is painted.

    python -m export.explaining_regions

They show what the network takes for the subject, the mask with the photo's edges, the background with its
colors continued a little under the subject, as it is painted, and two paintings. Takes some seconds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from stylecore import FastStylizer, Region, find_subject, load_image
from stylecore.images.border_colors import continue_colors
from stylecore.images.encoding import encode_image
from stylecore.images.sheets import fit
from stylecore.instant.compositing import MARGIN
from stylecore.regions.masks import invert
from stylecore.regions.subject import SubjectFinder

SHARED = Path(__file__).resolve().parent.parent / "pages" / "shared"
FOLDER = SHARED / "explaining"
PHOTO, STYLE, ELSEWHERE = "portrait", "starry_night", "stained_glass"
SIDE = 800  # px, long side at which the photo is painted
SHOWN = 320, 320  # px, width and height


def main() -> None:
    photo = load_image(SHARED / "samples" / f"{PHOTO}.jpg", max_side=SIDE)
    subject = find_subject(photo)
    background = invert(subject)
    coarse = (255 * SubjectFinder().find_coarse(photo)).astype(np.uint8)
    save(photo, "where_photo")
    save(Image.fromarray(coarse).resize(photo.size, Image.Resampling.NEAREST), "where_coarse")
    save(subject, "where_subject")
    save(continue_colors(photo, background, margin=MARGIN), "where_continued")
    stylizer = FastStylizer()
    for name, region in (
        ("where_background", Region(subject)),
        ("where_both", Region(subject, ELSEWHERE)),
    ):
        save(stylizer.stylize(photo, STYLE, regions=[region]), name)


def save(image: Image.Image, name: str) -> None:
    (FOLDER / f"{name}.webp").write_bytes(encode_image(fit(image.convert("RGB"), SHOWN), "WEBP"))


if __name__ == "__main__":
    main()
