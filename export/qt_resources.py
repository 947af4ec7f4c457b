"""Reads the files inside a Qt binary resource file (`.rcc`)."""

from __future__ import annotations

import struct
import zlib

IS_COMPRESSED, IS_FOLDER = 1, 2  # flags of an entry


def read_resources(data: bytes) -> dict[str, bytes]:
    """Unpack a resource file.

    Args:
        data: The whole file, format version 1 to 3, entries plain or compressed with zlib.
    Returns:
        Contents by path, such as "/game/pictures/cat.webp".
    Raises:
        ValueError: The data is no such file.
    Source: Qt's `rcc`, `RCCResourceLibrary::writeHeader` and `RCCFileInfo::writeDataInfo`.
    """
    if data[:4] != b"qres":
        raise ValueError("a Qt resource file begins with qres")
    version, tree, contents, names = struct.unpack_from(">4I", data, 4)
    entry_size = 14 if version == 1 else 22  # from version 2 on with a time of modification
    files = {}

    def name_at(offset: int) -> str:
        (length,) = struct.unpack_from(">H", data, names + offset)
        start = names + offset + 6  # after the length and a hash
        return data[start : start + 2 * length].decode("utf-16-be")

    def read_entry(index: int, folder: str) -> None:
        entry = tree + index * entry_size
        name_offset, flags, first, second = struct.unpack_from(">IHII", data, entry)
        path = f"{folder}/{name_at(name_offset)}" if index else ""  # the root has no name
        if flags & IS_FOLDER:
            for child in range(second, second + first):
                read_entry(child, path)
            return
        start = contents + second
        (length,) = struct.unpack_from(">I", data, start)
        content = data[start + 4 : start + 4 + length]
        files[path] = zlib.decompress(content[4:]) if flags & IS_COMPRESSED else content

    read_entry(0, "")
    return files
