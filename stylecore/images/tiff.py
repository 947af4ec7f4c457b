"""TIFF files: by Pillow where it reads them right, else by tifffile."""

from __future__ import annotations

import contextlib
import itertools
import logging
import operator
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin

from stylecore.host.extras import has_extra, missing_extra
from stylecore.images.problems import PictureProblem
from stylecore.images.tiff_values import to_image

if TYPE_CHECKING:
    import tifffile

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two: BigTIFF
MAX_DECODED_BYTES = 2**29  # of a page's values as they are stored
MAX_TILE_BYTES = 2**28
MAX_MISSING = 0.1  # share of a page's values that may be missing; they are black
_MAX_PAGES = 64  # that are searched for the full picture behind a preview
# Compressions whose decoders stop at the size that the page needs, or have a limit of their own (WebP, 1 GB),
# and the most that each makes of a byte: none, LZW, Deflate (old and new), PackBits, LZMA, Zstandard, WebP.
_GAINS = {1: 1, 5: 1366, 8: 1032, 32946: 1032, 32773: 64, 34925: 10**9, 50000: 10**9, 50001: 10**9}
_PILLOW_COMPRESSIONS = {1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946}
_RAW = {32803, 34892}  # color filter array, linear raw
_KINDS = "save it as a TIFF in RGB with 8 or 16 bits, or as a PNG"


class _Tag:
    """Numbers of TIFF tags. Source: TIFF 6.0, section 8; TIFF/EP; DNG 1.6."""

    SUBFILE, OLD_SUBFILE, BITS, COMPRESSION, PHOTOMETRIC = 254, 255, 258, 259, 262
    ORIENTATION, PLANAR, COLOR_MAP, EXTRA_SAMPLES, SAMPLE_FORMAT = 274, 284, 320, 338, 339
    EXIF, ICC, DNG = 34665, 34675, 50706


@dataclass(frozen=True)
class TiffPage:
    """A page that Pillow does not read right.

    Attributes:
        source: Path, or file that can seek.
        place: Index of the page in its file, and of the sub-page in it.
        size: Width and height as stored, before it is turned upright.
    """

    source: str | PathLike | BinaryIO
    place: tuple[int, ...]
    size: tuple[int, int]

    def decode(self) -> Image.Image:
        """Decode the page to 8 bits; EXIF orientation, time and color profile are set.

        Raises:
            PictureProblem: A kind that is not read, or too many bytes.
            Exception: Whatever tifffile raises for damaged files.
        """
        with _tiff_file(self.source) as file:
            page = _page_at(file, self.place)
            _check(page)
            axes = page.axes
            values = page.asarray(maxworkers=1)
            if axes not in ("YX", "YXS", "SYX"):
                raise PictureProblem(f"is a TIFF of volumes or series: {_KINDS}")
            values = np.moveaxis(values, 0, -1) if axes == "SYX" else np.atleast_3d(values)
            image = to_image(
                values,
                photometric=int(page.photometric),
                bits=page.bitspersample,
                extra_samples=tuple(int(kind) for kind in page.extrasamples),
                color_map=page.colormap,
            )
            _copy_tags(page, image)
        return image


def open_tiff(source: str | PathLike | BinaryIO) -> Image.Image | TiffPage:
    """Open a TIFF with the reader that reads it right.

    A preview in front of the full picture is passed over.

    Args:
        source: Path, or file that can seek.
    Raises:
        PictureProblem: A raw photo, a preview alone, or tifffile is needed and not installed.
        Exception: Whatever the readers raise.
    """
    image, error = None, None
    try:
        image = Image.open(source, formats=("TIFF",))
    except (Image.DecompressionBombError, MemoryError):
        raise
    except Exception as failure:  # kinds that Pillow does not know, among others
        error = failure
    if isinstance(image, TiffImagePlugin.TiffImageFile) and _is_plain(image.tag_v2):
        return image
    if not (has_extra("tifffile") and has_extra("imagecodecs")):
        raise PictureProblem(f"is a TIFF of a rarer kind: {missing_extra('tifffile')}") from error
    with _tiff_file(source) as file:
        place, page = _full_page(file)
        if isinstance(image, TiffImagePlugin.TiffImageFile) and len(place) == 1:
            with contextlib.suppress(SyntaxError):  # a kind that Pillow does not know
                image.seek(place[0])
                if _is_plain(image.tag_v2):
                    return image
        return TiffPage(source, place, (operator.index(page.imagewidth), operator.index(page.imagelength)))


def _is_plain(tags: TiffImagePlugin.ImageFileDirectory_v2) -> bool:
    """Whether Pillow reads the first page right."""
    if tags.get(_Tag.COMPRESSION, 1) not in _PILLOW_COMPRESSIONS or _Tag.DNG in tags:
        return False
    if tags.get(_Tag.SUBFILE, 0) & 1 or tags.get(_Tag.OLD_SUBFILE) == 2:
        return False
    photometric, bits = tags.get(_Tag.PHOTOMETRIC, 0), set(tags.get(_Tag.BITS, (1,)))
    is_planar = tags.get(_Tag.PLANAR, 1) == 2
    if set(tags.get(_Tag.SAMPLE_FORMAT, (1,))) != {1} or (is_planar and _Tag.EXTRA_SAMPLES in tags):
        return False
    if bits == {16}:
        return photometric in (1, 2) and not is_planar
    if photometric == 3:
        return max(tags.get(_Tag.COLOR_MAP, (0,))) > 255  # else a table of 8 bits
    return bits <= {1, 2, 4, 8} and photometric in (0, 1, 2, 5, 6)


def _tiff_file(source: str | PathLike | BinaryIO) -> tifffile.TiffFile:
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # it logs what is wrong, and raises as well
    if not isinstance(source, (str, PathLike)):
        source.seek(0)
    return tifffile.TiffFile(source)


def _full_page(file: tifffile.TiffFile) -> tuple[tuple[int, ...], tifffile.TiffPage]:
    """The first page that is no preview of another one."""
    first = file.pages.first.aspage()
    candidates: list[tuple[tuple[int, ...], tifffile.TiffPage]] = []
    for at, pages in (((), file.pages), ((0,), first.pages or ())):
        numbered = enumerate(itertools.islice(pages, _MAX_PAGES))
        candidates += [((*at, index), page.aspage()) for index, page in numbered]
    if _Tag.DNG in first.tags or any(page.photometric in _RAW for _, page in candidates):
        raise PictureProblem("is a raw photo of a camera: develop it, and save it as JPEG or TIFF")
    for place, page in candidates:
        if not page.subfiletype & 1:
            return place, page
    raise PictureProblem("is a TIFF with a preview alone, without the full picture")


def _page_at(file: tifffile.TiffFile, place: tuple[int, ...]) -> tifffile.TiffPage:
    page = file.pages[place[0]].aspage()
    for index in place[1:]:
        page = (page.pages or ())[index].aspage()
    return page


def _check(page: tifffile.TiffPage) -> None:
    """Refuse what would not be decoded, or to more bytes than stated, before it is decoded."""
    if page.dtype is None or page.dtype.kind not in "uif" or not isinstance(page.bitspersample, int):
        raise PictureProblem(f"is a TIFF with values of a kind that is not read: {_KINDS}")
    if int(page.compression) not in _GAINS:
        name = getattr(page.compression, "name", "unknown")
        raise PictureProblem(f"is a TIFF with a compression that is not read here ({name}): {_KINDS}")
    sizes = (page.imagedepth, page.imagelength, page.imagewidth, page.samplesperpixel)
    tile = (page.tiledepth, page.tilelength, page.tilewidth, page.samplesperpixel)
    for shape, limit in ((sizes, MAX_DECODED_BYTES), (tile, MAX_TILE_BYTES)):
        count = int(np.prod([max(int(side), 1) for side in shape], dtype=object)) * page.dtype.itemsize
        if count > limit:
            raise PictureProblem(
                f"is a TIFF of {count / 2**20:,.0f} MB when decoded: at most {limit / 2**20:,.0f} MB are "
                "accepted; save it with 8 bits, or smaller"
            )
    present = min(sum(page.databytecounts), page.parent.filehandle.size) * _GAINS[int(page.compression)]
    needed = page.nbytes * page.bitspersample / (8 * page.dtype.itemsize)  # values may be packed
    if present < needed * (1 - MAX_MISSING):
        raise PictureProblem(f"is cut off: at most {present / needed:.0%} of the picture is there")


def _copy_tags(page: tifffile.TiffPage, image: Image.Image) -> None:
    exif = image.getexif()
    exif[ExifTags.Base.Orientation] = page.tags.valueof(_Tag.ORIENTATION, default=1)
    taken = page.tags.valueof(_Tag.EXIF, default=None)
    if isinstance(taken, dict):
        own = exif.get_ifd(ExifTags.IFD.Exif)
        for tag in (ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal):
            if tag.name in taken:
                own[tag] = taken[tag.name]
    profile = page.tags.valueof(_Tag.ICC, default=None)
    if isinstance(profile, bytes):
        image.info["icc_profile"] = profile
