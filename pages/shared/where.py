"""The part of a photo that is painted, the look of the rest, and whether faces are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from pages.shared.brushed import brushed_region, read_strokes
from stylecore import Style
from stylecore.regions.masks import invert

EVERYTHING, SUBJECT, BACKGROUND, BRUSH = "everything", "subject", "background", "brush"
FOUND = (SUBJECT, BACKGROUND)  # parts that are found in the photo


@dataclass(frozen=True)
class Where:
    """The part of a photo that is painted, the look of the rest, and whether faces are kept.

    Attributes:
        part: `everything`, `subject`, `background` or `brush`.
        elsewhere: Styles with weights that the rest is painted in; empty leaves it as it is.
        is_cut_out: The rest becomes transparent.
        keeps_faces: Faces are painted weaker, see `keep_faces`.
        brush: Picture whose alpha is the brushed part, of the photo's proportions; empty if there is none.
        is_snapped: The borders of the brushed part move onto edges of the photo.
    """

    part: str = EVERYTHING
    elsewhere: tuple[tuple[Style, float], ...] = ()
    is_cut_out: bool = False
    keeps_faces: bool = False
    brush: bytes = b""
    is_snapped: bool = False

    @property
    def key(self) -> tuple:
        """What tells it from others, for caches: styles as their SHA-256."""
        elsewhere = tuple((style.sha256, weight) for style, weight in self.elsewhere)
        brush = hashlib.sha256(self.brush).digest()
        return self.part, elsewhere, self.is_cut_out, self.keeps_faces, brush, self.is_snapped

    @property
    def words(self) -> str:
        """The choice in words, for metadata: `, on the subject, elsewhere mosaic, faces kept`."""
        faces = ", faces kept" if self.keeps_faces else ""
        if self.part == EVERYTHING:
            return faces
        part = "a brushed part" if self.part == BRUSH else f"the {self.part}"
        names = "_".join(style.name for style, _ in self.elsewhere)
        rest = "transparent" if self.is_cut_out else names or "the photo"
        return f", on {part}, elsewhere {rest}{faces}"

    def mask(self, photo: Image.Image, find_subject: Callable[[], Image.Image]) -> Image.Image | None:
        """Return the mask of the part that is painted.

        Args:
            photo: The picture.
            find_subject: Returns the mask of the picture's subject; called when it is needed.
        Returns:
            Soft mask, mode L, of the picture's size; None where all of it is painted: if everything was
            chosen, if the picture has no subject, or if nothing is brushed.
        Raises:
            ImageError: The brush was drawn on a picture of other proportions, or cannot be read.
            WeightsError: The network that finds subjects is missing or damaged.
        """
        if self.part == EVERYTHING:
            return None
        mask = self._brushed(photo) if self.part == BRUSH else find_subject()
        if mask is None or mask.getbbox() is None:
            return None
        return invert(mask) if self.part == BACKGROUND else mask

    def _brushed(self, photo: Image.Image) -> Image.Image | None:
        """The region that was drawn, at the photo's size; None if nothing was drawn."""
        if not self.brush:
            return None
        strokes = read_strokes(self.brush, photo.size).getchannel("A")
        return brushed_region(strokes, photo, is_snapped=self.is_snapped)
