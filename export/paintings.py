"""Style pictures cut from scans of paintings. The scans are not part of the project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageEnhance

from stylecore.images.loading import load_image


@dataclass(frozen=True)
class Detail:
    """The part of a painting that is used as a style picture.

    Its strokes have the size wanted on photos; frames, margins and signatures are cut off.
    """

    scan: str  # file name
    box: tuple[float, float, float, float] = (0.02, 0.02, 0.98, 0.98)  # left, top, right, bottom; fractions
    hue: float = 0.0  # degrees of rotation
    saturation: float = 1.0  # factor
    contrast: float = 1.0  # factor of the distance from the mean brightness
    black_point: int = 0  # level, 0 to 255, that becomes black, with all below


DETAILS = {
    "starry_night": Detail("van_gogh_starry_night.jpg", (0.09, 0.04, 0.92, 0.87)),
    # Without the upper spray, which becomes a lattice of rings.
    "the_wave": Detail("hokusai_great_wave.jpg", (0.47, 0.41, 1.0, 1.0)),
    "the_scream": Detail("munch_the_scream_painting.jpg", (0.02, 0.02, 0.925, 0.98)),
    # The fire alone, with red embers and black smoke; the whole painting gives a dull yellow.
    "fire": Detail(
        "turner_burning_of_the_houses_of_parliament_16x9.jpg",
        (0.1, 0.02, 0.58, 0.95),
        hue=-10.0,
        saturation=1.5,
        contrast=1.6,
        black_point=30,
    ),
    # The print's dark browns become black.
    "gold_black": Detail(
        "klimt_adele_bloch_bauer.jpg", (0.3, 0.25, 0.98, 0.98), saturation=0.85, contrast=1.7, black_point=50
    ),
    # Teal becomes rose, white petals stay white.
    "pink": Detail("van_gogh_almond_blossom.jpg", hue=145.0, saturation=1.5, contrast=1.2),
    "landscape": Detail("van_gogh_wheat_field_with_cypresses.jpg"),
    # In the whole print the rain is as fine as the network's grid.
    "rain": Detail("hiroshige_sudden_shower_over_shin_ohashi_trimmed.jpg", (0.02, 0.2, 0.82, 0.75)),
    "pointillism": Detail("seurat_a_sunday_on_la_grande_jatte.jpg", (0.05, 0.3, 0.6, 0.95)),
    "composition": Detail("kandinsky_composition_vii.jpg"),
    "four_trees": Detail("schiele_four_trees.jpg", contrast=1.4),
    "parnassum": Detail("klee_ad_parnassum.jpg"),
    "red_fuji": Detail("hokusai_red_fuji.jpg", (0.12, 0.06, 0.95, 0.94)),
    "ink": Detail(
        "huang_gongwang_dwelling_in_the_fuchun_mountains.jpg", (0.22, 0.05, 0.9, 0.95), contrast=1.3
    ),
    "water_lilies": Detail("monet_water_lilies.jpg", saturation=1.2, contrast=1.5),
    "tesserae": Detail("delaunay_portrait_de_metzinger.jpg", (0.02, 0.02, 0.98, 0.7)),
    "cubism": Detail("mondrian_composition_1913_grey_yellow.jpg", (0.12, 0.12, 0.88, 0.88)),
    "pastel": Detail("degas_blue_dancers.jpg"),
}


def cut_out(detail: Detail, scans: Path) -> Image.Image:
    """Cut a detail from its scan and adjust its colors.

    Raises:
        ImageError: The scan is missing or unreadable.
    """
    image = load_image(scans / detail.scan).convert("RGB")
    image = image.crop(
        tuple(round(part * length) for part, length in zip(detail.box, image.size * 2, strict=True))
    )
    if detail.hue:
        hue, saturation, value = image.convert("HSV").split()
        hue = hue.point(lambda shade: round(shade + detail.hue / 360 * 256) % 256)
        image = Image.merge("HSV", (hue, saturation, value)).convert("RGB")
    image = ImageEnhance.Color(image).enhance(detail.saturation)
    image = ImageEnhance.Contrast(image).enhance(detail.contrast)
    return image.point(lambda level: round((level - detail.black_point) * 255 / (255 - detail.black_point)))
