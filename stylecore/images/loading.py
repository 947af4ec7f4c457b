"""Pictures in and out: decode, orient, convert to sRGB, limit, resize, encode."""

from __future__ import annotations

import io
import math
import os
import secrets
import shutil
import warnings
from os import PathLike
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pillow_heif
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from stylecore.errors import ImageError
from stylecore.images.metadata import TAKEN, painting_options, read_taken

MIN_SIDE = 32  # px; the networks need that much
MAX_MEGAPIXELS = 100.0  # Pillow holds RGB of this size in 400 MB
PILLOW_MEGAPIXELS = 178  # what Pillow opens at most
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
PHOTO_EXTENSIONS = (
    ".jpg",
    ".jpeg",
    ".png",
    ".webp",
    ".heic",
    ".heif",
    ".gif",
    ".bmp",
    ".tif",
    ".tiff",
    ".avif",
    ".jfif",
)
MAX_SIDES = {"JPEG": 65_500, "WEBP": 16_383}  # px, what the formats can hold
SAVE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
SAVE_OPTIONS = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {"compress_level": 4},
    "WEBP": {"quality": 92},
}
pillow_heif.register_heif_opener(thumbnails=False)  # what iPhones write
# Pillow warns above 89 megapixels and raises at twice that; callers of `load_image` have their own limit.
# For the whole process: a context for each picture would change the filters of other threads.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
_SRGB = ImageCms.createProfile("sRGB")
# By EXIF orientation: how to bring a picture upright. `ImageOps.exif_transpose` also writes the
# EXIF block anew, and so fails on blocks with flaws that do no harm.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

Source = str | PathLike | bytes | BinaryIO | Image.Image


def load_image(
    source: Source, *, max_megapixels: float = MAX_MEGAPIXELS, max_side: int | None = None
) -> Image.Image:
    """Read a picture of any common kind as upright sRGB.

    The size is checked from the header, before any pixel is decoded. Of an animation the first
    frame is taken.

    Args:
        source: Path, encoded bytes, binary file object, or PIL image.
        max_megapixels: Largest accepted size, in millions of pixels; files have at most 178, where
            Pillow's own limit lies.
        max_side: Scale the picture down, if it is larger, to this many pixels on its long side, see
            `size_at`.
    Returns:
        A new image, mode RGB, or RGBA when the picture has an alpha channel or a transparent color. All
        that its `info` holds is under `TAKEN` when the photo was taken, a `stylecore.images.metadata.Taken`,
        if the file says so.
    Raises:
        ImageError: Not a picture, damaged, smaller than 32 px, or too large, or a limit that is no
            number. The message says what came and what is needed.
    """
    check_max_side(max_side)
    if not max_megapixels > 0:
        raise ImageError(f"max_megapixels is {max_megapixels}: a number above 0 is needed")
    label = _label(source)
    is_ours = not isinstance(source, Image.Image)
    image = _open(source, label, max_megapixels) if is_ours else source
    width, height = image.size
    if width * height > max_megapixels * 1e6:
        raise ImageError(
            f"{label} has {width} x {height} px ({width * height / 1e6:.0f} megapixels): "
            f"at most {max_megapixels:g} megapixels are accepted"
        )
    if min(width, height) < MIN_SIDE:
        raise ImageError(f"{label} has {width} x {height} px: at least {MIN_SIDE} px a side are needed")
    try:
        if is_ours and max_side is not None and image.format in ("JPEG", "MPO"):
            image.draft(None, (max_side, max_side))  # decodes at 1/2, 1/4 or 1/8 where that suffices
        taken = image.info.get(TAKEN) or read_taken(image)
        image.load()
        turn = _TURNS.get(_orientation(image))
        image = _to_srgb(image if turn is None else image.transpose(turn))
    except MemoryError:
        raise
    except Exception as error:  # decoders raise anything, from OSError to RuntimeError
        raise ImageError(f"{label} is damaged: {error}") from error
    if taken:
        image.info[TAKEN] = taken
    return image if max_side is None else limit_long_side(image, max_side)


def check_max_side(max_side: int | None) -> None:
    """Refuse a limit that no picture could keep.

    Raises:
        ImageError: Below 32 px, or not a number.
    """
    if max_side is not None and not max_side >= MIN_SIDE:
        raise ImageError(f"max_side is {max_side}: at least {MIN_SIDE} px are needed")


def load_style(source: Source, *, max_megapixels: float = MAX_MEGAPIXELS) -> Image.Image:
    """Read a picture that gives a style, see `load_image`.

    Returns:
        A new image, mode RGB; transparent parts are white.
    Raises:
        ImageError: As `load_image`, or the picture has a single color.
    """
    image = flatten(load_image(source, max_megapixels=max_megapixels))
    if all(low == high for low, high in image.getextrema()):
        raise ImageError(
            f"{_label(source)} has a single color: a style picture with strokes or texture is needed"
        )
    return image


def is_transparent(image: Image.Image) -> bool:
    """Whether anything of a picture is; screenshots have an alpha channel that hides nothing."""
    return image.mode == "RGBA" and image.getextrema()[3][0] < 255


def flatten(image: Image.Image, *, backdrop: str | tuple[int, int, int] = "white") -> Image.Image:
    """RGB, transparent parts of an RGBA image in the color of the backdrop; RGB is given back itself."""
    if image.mode == "RGB":
        return image
    color = image.convert("RGB")
    if image.mode != "RGBA":
        return color
    flat = Image.new("RGB", image.size, backdrop)
    flat.paste(color, mask=image.getchannel("A"))
    return flat


def flatten_content(image: Image.Image) -> Image.Image:
    """RGB of a photo that is about to be painted, transparent parts in the mean visible color.

    What hides under transparency (often black) would otherwise shift a network's statistics and
    bleed over the edges.
    """
    if image.mode != "RGBA":
        return flatten(image)
    pixels = np.asarray(image)
    color, alpha = pixels[..., :3], pixels[..., 3]
    # A large photo as float32 would take gigabytes; this sums a buffer at a time.
    total = np.einsum("hwc,hw->c", color, alpha, dtype=np.int64)
    mean = total / max(alpha.sum(dtype=np.int64), 1)
    return flatten(image, backdrop=tuple(int(value) for value in mean))


def find_pictures(folder: str | PathLike) -> list[Path]:
    """Picture files directly in a folder, by name; hidden ones are none (Macs leave `._` files).

    Raises:
        ImageError: There are none, or no folder that can be read.
    """
    if not os.path.isdir(folder):
        raise ImageError(f"{folder} is no folder")
    try:
        files = [path for path in Path(folder).iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise ImageError(f"{folder} cannot be read: {error.strerror}") from error
    pictures = sorted(
        path for path in files if path.suffix.lower() in PHOTO_EXTENSIONS and not os.path.isdir(path)
    )
    if not pictures:
        raise ImageError(f"{folder} has no pictures ({', '.join(PHOTO_EXTENSIONS)})")
    return pictures


def limit_long_side(image: Image.Image, max_side: int) -> Image.Image:
    """The image itself, or a copy scaled down to `max_side` pixels on its long side, see `size_at`."""
    return resize_long_side(image, max_side) if max(image.size) > max_side else image


def resize_long_side(image: Image.Image, side: int) -> Image.Image:
    """A copy scaled to `side` pixels on its long side, see `size_at`; Lanczos."""
    return image.resize(size_at(side, image.size), Image.Resampling.LANCZOS)


def size_at(side: float, size: tuple[int, int]) -> tuple[int, int]:
    """Width and height at `side` pixels on the long side.

    Narrow strips stay longer, so that no side is under 32 px.
    """
    scale = max(side / max(size), MIN_SIDE / min(size))
    width, height = (max(MIN_SIDE, round(length * scale)) for length in size)
    return width, height


def to_batch(image: Image.Image) -> np.ndarray:
    """Pixels as a network takes them: shape (1, 3, H, W), float32 in [0, 1]."""
    planes = np.stack([np.asarray(band) for band in image.convert("RGB").split()])
    return np.divide(planes[None], np.float32(255), dtype=np.float32)


def from_batch(batch: np.ndarray) -> Image.Image:
    """RGB image of a network's output of shape (1, 3, H, W), clipped to [0, 1] and rounded."""
    planes = np.clip(batch[0], 0, 1) * np.float32(255) + np.float32(0.5)
    return Image.merge("RGB", [Image.fromarray(plane) for plane in planes.astype(np.uint8)])


def free_path(path: Path, taken: set[Path]) -> Path:
    """The path, or with `_2` and so on where it is taken: two cameras both write IMG_0001.

    Args:
        path: Where a picture would go.
        taken: Paths given out so far; gets the new one.
    """
    free, number = path, 2
    while free in taken:
        free, number = path.with_stem(f"{path.stem}_{number}"), number + 1
    taken.add(free)
    return free


def save_format(path: str | PathLike) -> str:
    """Name of the format that a file name's ending stands for.

    Raises:
        ImageError: An ending that cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SAVE_FORMATS:
        raise ImageError(
            f"{Path(path).name} ends in {suffix or 'nothing'}: use one of {', '.join(SAVE_FORMATS)}"
        )
    return SAVE_FORMATS[suffix]


def encode_image(image: Image.Image, image_format: str, *, description: str = "") -> bytes:
    """Encoded file of an RGB or RGBA image.

    Args:
        image: The picture. Transparent parts become white in a JPEG.
        image_format: `PNG`, `JPEG` or `WEBP`.
        description: How it was painted. When there is one, the file also says by what software, that a
            trained network was used, and when the photo was taken, if `image.info` does, see
            `stylecore.images.metadata`.
    Raises:
        ImageError: A WEBP of more than 16,383 px or a JPEG of more than 65,500 px a side.
    """
    if max(image.size) > MAX_SIDES.get(image_format, math.inf):
        raise ImageError(f"{image_format} cannot hold {image.width} x {image.height} px: use PNG")
    options = SAVE_OPTIONS[image_format]
    if description:
        options = options | painting_options(image_format, description, image.info.get(TAKEN))
    if image_format == "JPEG":
        image = flatten(image)
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def write_image(image: Image.Image, path: str | PathLike, *, description: str = "") -> None:
    """Write a picture file; one that is there is replaced once the new one is complete.

    Folders are made where they are missing, a link stays one, and a file's permissions stay.

    Args:
        image: The picture, see `encode_image`.
        path: Its ending gives the format.
        description: See `encode_image`.
    Raises:
        ImageError: An ending that cannot be written, or a picture too large for the format.
        OSError: The file cannot be written; what was there is as before.
    """
    contents = encode_image(image, save_format(path), description=description)
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        with partial.open("xb") as file:
            file.write(contents)
        if target.exists():
            shutil.copymode(target, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _label(source: Source) -> str:
    if isinstance(source, Image.Image):
        source = getattr(source, "filename", "") or "the picture"
    if isinstance(source, (str, PathLike)):
        return Path(source).name or str(source)
    name = getattr(source, "name", None)
    return Path(name).name if isinstance(name, str) else "the file"


def _open(source: str | PathLike | bytes | BinaryIO, label: str, max_megapixels: float) -> Image.Image:
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        return Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError as error:
        limit = PILLOW_MEGAPIXELS  # the size is not told
        raise ImageError(
            f"{label} has over {limit} megapixels: at most {min(max_megapixels, limit):g} megapixels "
            "are accepted"
        ) from error
    except FileNotFoundError as error:
        raise ImageError(f"{label} does not exist") from error
    except UnidentifiedImageError as error:
        if _is_empty(source):
            raise ImageError(f"{label} is empty: a picture file is needed") from error
        raise ImageError(
            f"{label} is not a picture that can be read: use JPEG, PNG, WebP, HEIC, AVIF, GIF, BMP or TIFF"
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # as above
        raise ImageError(f"{label} cannot be read: {error}") from error


def _is_empty(source: str | PathLike | bytes | BinaryIO) -> bool:
    if isinstance(source, bytes):
        return not source
    if isinstance(source, (str, PathLike)):
        return Path(source).stat().st_size == 0
    try:
        source.seek(0)
    except OSError:  # a pipe, of which something has been read
        return False
    return not source.read(1)


def _orientation(image: Image.Image) -> int | None:
    try:
        return image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # Pillow's EXIF parser raises anything, from SyntaxError to struct.error
        return None


def _to_srgb(image: Image.Image) -> Image.Image:
    """Convert any mode to 8-bit sRGB, RGBA when there is an alpha channel or a transparent color."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith(("I", "F")):  # 16-bit and 32-bit grey
        image = _grey_to_8_bit(image)
    has_alpha = image.has_transparency_data
    if image.mode in ("La", "RGBa"):  # color times alpha
        image = image.convert({"La": "LA", "RGBa": "RGBA"}[image.mode])
    elif image.mode in ("P", "PA", "1") or (has_alpha and image.mode in ("L", "RGB")):
        image = image.convert("RGBA" if has_alpha else "RGB")
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    color = _apply_profile(image, profile) if profile else image
    color = color.convert("RGB")
    if alpha is not None:
        color.putalpha(alpha)
    color.info.clear()  # profiles that hold no more, and depth maps, which cannot be cached
    return color


def _grey_to_8_bit(image: Image.Image) -> Image.Image:
    values = np.nan_to_num(np.asarray(image, dtype=np.float32))
    # Integers are read as 16 bits, the only depth that cameras write; floats up to the next usual scale.
    scales = (1.0, 255.0, 65535.0) if image.mode == "F" else (65535.0,)
    full_scale = next((scale for scale in scales if values.max() <= scale), scales[-1])
    grey = Image.fromarray((np.clip(values / full_scale, 0, 1) * 255 + 0.5).astype(np.uint8))
    if "transparency" in image.info:
        grey.putalpha(
            Image.fromarray(np.where(values == image.info["transparency"], 0, 255).astype(np.uint8))
        )
    return grey


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image:
    if image.mode == "LA":
        image = image.convert("L")
    elif image.mode == "RGBA":
        image = image.convert("RGB")
    try:
        source_profile = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, source_profile, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image  # A profile for another color space, or a broken one: pixels as they are.
