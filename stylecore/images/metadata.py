"""What a file says of a painting: how and with what it was made, and when its photo was taken.

Nothing else of the photo's metadata is kept: no place, no camera, no thumbnail.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from os import PathLike

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

SOFTWARE = "Impasto 0.2"
TAKEN = "taken"  # key of `Image.info` under which a loaded picture has its `Taken`
# The IPTC's word for a picture that was edited with a trained model.
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


def read_taken(image: Image.Image) -> Taken | None:
    """When an opened photo was taken, None where its EXIF does not say so in the standard's form.

    Call it before the pixels are loaded, with which the file of a TIFF is closed.
    """
    if image.format == "PNG" and "exif" not in image.info:
        return None  # Pillow would load the pixels to look behind them
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


def painting_options(image_format: str, description: str, taken: Taken | None) -> dict[str, object]:
    """What `Image.save` needs to write the metadata of a painting.

    Args:
        image_format: `PNG`, `JPEG` or `WEBP`.
        description: How it was painted.
        taken: When the photo was taken.
    """
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = description
    exif[ExifTags.Base.Software] = SOFTWARE
    if taken:
        times = exif.get_ifd(ExifTags.IFD.Exif)
        times[ExifTags.Base.DateTimeOriginal] = taken.time
        if taken.offset:
            times[ExifTags.Base.OffsetTimeOriginal] = taken.offset
        if taken.fraction:
            times[ExifTags.Base.SubsecTimeOriginal] = taken.fraction
    if image_format != "PNG":
        return {"exif": exif, "xmp": XMP}
    chunks = PngInfo()  # Pillow has no option for XMP here
    chunks.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return {"exif": exif, "pnginfo": chunks}


def describe_painting(
    weights: Mapping[str, float], *, strength: float, preserve_color: bool, strokes: str
) -> str:
    """The settings of a painting in one line.

    Args:
        weights: By style name.
        strength: As the stylizer takes it.
        preserve_color: The same.
        strokes: Their size, with its unit if it has one.
    """
    total = sum(weights.values())
    styles = ",".join(f"{name}:{weight / total:.2f}" for name, weight in weights.items() if weight > 0)
    colors = ", colors of the photo" if preserve_color else ""
    return f"style {styles}, strength {strength:g}, strokes {strokes}{colors}"


def is_painting(path: str | PathLike) -> bool:
    """Whether a file was painted by this project, as its metadata say."""
    try:
        with Image.open(path) as image:
            software = image.getexif().get(ExifTags.Base.Software, "")
    except Exception:  # as above; what is wrong with the file is said when it is read
        return False
    return str(software).startswith(SOFTWARE.partition(" ")[0])
