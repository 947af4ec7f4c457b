"""Photos in ZIP files."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from stylecore.errors import ImageError
from stylecore.images.files import PHOTO_EXTENSIONS

ZIP_EXTENSION = ".zip"
MAX_PHOTO_BYTES = 500_000_000  # of one photo, unpacked


@dataclass(frozen=True)
class ZipPhoto:
    """A photo in a ZIP file.

    Attributes:
        archive: The ZIP file.
        member: Name of the photo in it.
        checksum: CRC-32 of the photo.
    """

    archive: Path
    member: str
    checksum: int

    def __str__(self) -> str:
        return f"{self.archive}/{self.member}"

    def __fspath__(self) -> str:
        return str(self.archive)  # what no painting may overwrite

    @property
    def stem(self) -> str:
        return PurePosixPath(self.member).stem

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.member).suffix

    def read(self) -> BinaryIO:
        """Unpacks the encoded photo.

        Raises:
            ImageError: It is damaged, encrypted, or too large.
        """
        try:
            with zipfile.ZipFile(self.archive) as archive, archive.open(self.member) as file:
                data = file.read(MAX_PHOTO_BYTES + 1)
        except Exception as error:  # whatever zipfile and its decompressors raise on damaged data
            raise ImageError(f"{self} cannot be unpacked: {error}") from error
        if len(data) > MAX_PHOTO_BYTES:
            raise ImageError(f"{self} has more than {MAX_PHOTO_BYTES / 1e6:.0f} MB")
        file = io.BytesIO(data)
        file.name = str(self)  # for messages
        return file


def find_zip_photos(archive: Path) -> list[ZipPhoto]:
    """List the photos in a ZIP file by name; hidden ones (macOS adds `._` files) are skipped.

    Raises:
        ImageError: It cannot be read, or has no photos.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            members = file.infolist()
    except Exception as error:  # zipfile raises anything on damaged archives
        raise ImageError(f"{archive} cannot be read: {error}") from error
    photos = [
        ZipPhoto(archive, member.filename, member.CRC)
        for member in members
        if not member.filename.endswith("/")  # `is_dir` fails on an empty name
        and not PurePosixPath(member.filename).name.startswith(".")
        and PurePosixPath(member.filename).suffix.lower() in PHOTO_EXTENSIONS
    ]
    if not photos:
        raise ImageError(f"{archive} has no pictures ({', '.join(PHOTO_EXTENSIONS)})")
    return sorted(photos, key=lambda photo: photo.member)
