"""Networks of other projects as styles."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike

from PIL import Image

from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.images.loading import load_image
from stylecore.instant.stylizer import FastStylizer
from stylecore.styles.files import THUMBNAIL_SIDE, picture_bytes
from stylecore.styles.foreign.importing import import_network
from stylecore.styles.style import USUAL_STROKE_SIZE, Style, name_from

# Painted as the thumbnail of a style without a picture; a temple, as on the tiles of the ready-made styles.
THUMBNAIL_PHOTO = WEIGHTS_FOLDER / "learning_photos" / "golden_temple.webp"


def import_style(
    source: str | PathLike | bytes,
    *,
    title: str,
    name: str = "",
    artist: str = "",
    year: str = "",
    credit: str = "",
    license: str = "",
    picture: Image.Image | None = None,
    input_range: str | None = None,
) -> Style:
    """Read a painting network of another project as a style.

    Args:
        source: Network, see `import_network`.
        title: Name for people.
        name: Identifier; by default made from the title.
        artist: Who made the picture that the network learned.
        year: When.
        credit: Where the network comes from.
        license: Terms of the network.
        picture: RGB style picture, to show and to keep. Without one, the style's thumbnail is a photo of
            the project, painted by the network.
        input_range: See `import_network`.
    Raises:
        StyleError, MissingExtraError, ValueError: As for `import_network`.
    """
    imported = import_network(source, input_range=input_range)
    style = Style(
        name=name or name_from(title, "imported"),
        title=title,
        artist=artist,
        year=year,
        credit=credit,
        license=license,
        origin=f"imported from {imported.kind}",
        input_range=imported.input_range,
        foreign_network=imported.network,
        picture=b"" if picture is None else picture_bytes(picture),
    )
    if picture is None:
        picture = FastStylizer("cpu").stylize(
            load_image(THUMBNAIL_PHOTO), style, stroke_size=USUAL_STROKE_SIZE
        )
    return replace(style, thumbnail=picture_bytes(picture, THUMBNAIL_SIDE))
