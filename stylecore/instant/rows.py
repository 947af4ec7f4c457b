"""Features of a picture's rows, in memory or in a temporary file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from stylecore.errors import OutOfMemoryError

BORDER = 2  # rows that are added by reflection on each side


class RowStore:
    """Float16 features of shape (rows, C, W).

    Args:
        rows: Their number.
        shape: Shape (C, W) of a row.
        in_memory: Whether to hold them in memory, not in a temporary file.
    Raises:
        OutOfMemoryError: There is no room for the file.
    """

    def __init__(self, rows: int, shape: tuple[int, int], *, in_memory: bool) -> None:
        self._shape, self._row_bytes = shape, 2 * shape[0] * shape[1]
        self._rows = np.empty((rows, *shape), np.float16) if in_memory else None
        self._file: Any = None
        if not in_memory:
            try:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed in `close`
                self._file.truncate(rows * self._row_bytes)
            except OSError as error:
                raise self._no_room(rows, error) from error

    def read(self, start: int, stop: int, width: int) -> np.ndarray:
        """Rows from `start` to `stop`, cut to `width` columns."""
        if self._rows is not None:
            return self._rows[start:stop, :, :width]
        rows = np.empty((stop - start, *self._shape), np.float16)
        self._file.seek(start * self._row_bytes)
        left = rows.reshape(-1).view(np.uint8)
        while len(left):
            left = left[self._file.readinto(left) :]
        return rows[:, :, :width]

    def write(self, start: int, rows: np.ndarray) -> None:
        """Store rows from `start` on; they may be narrower than those of the store."""
        if self._rows is not None:
            self._rows[start : start + len(rows), :, : rows.shape[2]] = rows
            return
        if rows.shape[2] < self._shape[1]:
            rows = np.pad(rows, [(0, 0), (0, 0), (0, self._shape[1] - rows.shape[2])])
        try:
            self._file.seek(start * self._row_bytes)
            left = np.ascontiguousarray(rows).reshape(-1).view(np.uint8)
            while len(left):
                left = left[self._file.write(left) :]
        except OSError as error:
            raise self._no_room(start + len(rows), error) from error

    def close(self) -> None:
        """Free the memory or the file."""
        self._rows = None
        if self._file is not None:
            self._file.close()

    def _no_room(self, rows: int, error: OSError) -> OutOfMemoryError:
        return OutOfMemoryError(
            f"this photo needs {rows * self._row_bytes / 1e6:,.0f} MB in the folder for temporary files "
            f"({tempfile.gettempdir()}), which cannot be written: {error.strerror or error}"
        )


def windows(rows: Iterator[np.ndarray], *, is_reflected: bool, carried: int = BORDER) -> Iterator[np.ndarray]:
    """Parts of a sequence of rows with the rows before them that a layer sees again.

    Args:
        rows: The sequence in parts, of at least three rows each but for the last, which has at least one.
        is_reflected: Continue the sequence by two reflected rows on both ends.
        carried: Rows of a part that the next one begins with.
    """
    before: np.ndarray | None = None
    coming = next(rows, None)
    while coming is not None:
        part = coming if before is None else np.concatenate([before, coming])
        head = [part[BORDER:0:-1]] if is_reflected and before is None else []
        before = part[-carried:].copy()
        coming = next(rows, None)
        tail = [part[-BORDER : -BORDER - 2 : -1]] if is_reflected and coming is None else []
        yield np.concatenate([*head, part, *tail]) if head or tail else part
