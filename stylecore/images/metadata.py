"""Metadata of painted pictures: settings, software, IPTC's mark, and when the photo was taken.

Nothing else of the photo's metadata is kept: no place, no camera, no thumbnail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from os import PathLike

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

SOFTWARE = "Impasto 0.2"
TAKEN = "taken"  # key of `Image.info` under which a loaded picture has its `Taken`
# IPTC term for a picture that was edited with a trained model.
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
<xmp:CreatorTool>{SOFTWARE}</xmp:CreatorTool>
<Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>""".encode()


@dataclass(frozen=True)
class Taken:
    """When a photo was taken, as EXIF writes it.

    Attributes:
        time: `2024:05:17 18:30:00`, where it was taken.
        offset: Of that time from UTC, as `+02:00`; may be empty.
        fraction: Digits of the seconds after the point; may be empty.
    """

    time: str
    offset: str = ""
    fraction: str = ""


@dataclass(frozen=True)
class Description:
    """How a picture was made, for its file's metadata.

    Attributes:
        text: The settings in one line.
        is_generated: Whether a trained network changed the picture; its file then has IPTC's mark.
    """

    text: str
    is_generated: bool = True


def read_taken(image: Image.Image) -> Taken | None:
    """Read from an opened photo's EXIF when it was taken; None if that is missing or not in standard form.

    Call it before the pixels are loaded, which closes the file of a TIFF.
    """
    if image.format == "PNG" and "exif" not in image.info:
        return None  # Pillow would load the pixels to look for a block after them
    try:
        exif = image.getexif().get_ifd(ExifTags.IFD.Exif)
        time, offset, fraction = (
            str(exif.get(tag, "")).strip("\0 ")
            for tag in (
                ExifTags.Base.DateTimeOriginal,
                ExifTags.Base.OffsetTimeOriginal,
                ExifTags.Base.SubsecTimeOriginal,
            )
        )
        datetime.strptime(time, "%Y:%m:%d %H:%M:%S")
    except Exception:  # Pillow's EXIF parser raises anything, from SyntaxError to struct.error
        return None
    return Taken(
        time,
        offset if re.fullmatch(r"[+-]\d\d:\d\d", offset, re.ASCII) else "",
        fraction if re.fullmatch(r"\d{1,9}", fraction, re.ASCII) else "",
    )


def is_adobe_rgb(image: Image.Image) -> bool:
    """Whether an opened photo's EXIF names Adobe RGB as its color space. Source: DCF 2.0, 4.2.2.

    Call it before the pixels are loaded, as `read_taken`.
    """
    if image.format == "PNG":
        return False  # no camera writes them, and Pillow would load the pixels
    try:
        exif = image.getexif()
        color_space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace, 1)
        if color_space == 1:
            return False
        index = exif.get_ifd(ExifTags.IFD.Interop).get(ExifTags.Interop.InteropIndex, "")
    except Exception:  # as above
        return False
    return color_space == 2 or str(index).startswith("R03")


def painting_options(image_format: str, description: Description, taken: Taken | None) -> dict[str, object]:
    """Options of `Image.save` that write the metadata of a painting.

    Args:
        image_format: `PNG`, `JPEG` or `WEBP`.
        description: How it was made.
        taken: When the photo was taken.
    """
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = description.text
    exif[ExifTags.Base.Software] = SOFTWARE
    if taken:
        times = exif.get_ifd(ExifTags.IFD.Exif)
        times[ExifTags.Base.DateTimeOriginal] = taken.time
        if taken.offset:
            times[ExifTags.Base.OffsetTimeOriginal] = taken.offset
        if taken.fraction:
            times[ExifTags.Base.SubsecTimeOriginal] = taken.fraction
    if not description.is_generated:
        return {"exif": exif}
    if image_format != "PNG":
        return {"exif": exif, "xmp": XMP}
    chunks = PngInfo()  # Pillow has no option for XMP here
    chunks.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return {"exif": exif, "pnginfo": chunks}


def describe_painting(
    weights: Mapping[str, float], *, strength: float, preserve_color: bool, strokes: str
) -> Description:
    """Describe a painting of `FastStylizer`; at strength 0 it is the photo itself.

    Args:
        weights: By style name.
        strength: See `FastStylizer.stylize`.
        preserve_color: See `FastStylizer.stylize`.
        strokes: Size of the strokes, with its unit if it has one.
    """
    text = f"{_shares(weights.items())}, strength {strength:g}, strokes {strokes}{_colors(preserve_color)}"
    return Description(text, is_generated=strength > 0)


def describe_refinement(
    weights: Iterable[tuple[str, float]],
    *,
    steps: int,
    preserve_color: bool,
    keep_faces: bool,
    strokes: str,
) -> Description:
    """Describe a painting of `optimize_image`.

    Args:
        weights: Names of the style pictures with their weights.
        steps: Number of steps made.
        preserve_color: See `OptimizationConfig`.
        keep_faces: See `OptimizationConfig`.
        strokes: Size of the strokes, with its unit.
    """
    faces = ", faces kept" if keep_faces else ""
    return Description(
        f"{_shares(weights)}, {steps} steps, strokes {strokes}{_colors(preserve_color)}{faces}"
    )


def _shares(weights: Iterable[tuple[str, float]]) -> str:
    weights = list(weights)
    total = sum(weight for _, weight in weights)
    return "style " + ",".join(f"{name}:{weight / total:.2f}" for name, weight in weights if weight > 0)


def _colors(preserve_color: bool) -> str:
    return ", colors of the photo" if preserve_color else ""


def is_painting(path: str | PathLike) -> bool:
    """Whether a file was painted by this project, as its metadata say."""
    try:
        with Image.open(path) as image:
            software = image.getexif().get(ExifTags.Base.Software, "")
    except Exception:  # as above; `load_image` reports what is wrong with the file
        return False
    return str(software).startswith(SOFTWARE.partition(" ")[0])
