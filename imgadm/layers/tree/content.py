"""The writing of a file's content from the data of its entry."""

from __future__ import annotations

import os
from collections.abc import Iterable

from imgadm.layers.archive.entry import ArchiveEntry


def write_content(descriptor: int, entry: ArchiveEntry, data: Iterable[memoryview]) -> None:
    """Write the content of an empty file; holes stay holes. Raises OSError and LayerError."""
    if entry.regions is not None:
        _write_regions(descriptor, entry, data)
        return
    for view in data:
        _write(descriptor, view)


def _write_regions(descriptor: int, entry: ArchiveEntry, data: Iterable[memoryview]) -> None:
    """Write each region of data at its offset, and leave the rest a hole."""
    os.ftruncate(descriptor, entry.size)
    pieces = iter(data)
    piece = memoryview(b"")
    for offset, length in entry.regions or ():
        if length:
            os.lseek(descriptor, offset, os.SEEK_SET)
        while length:
            if not piece:
                piece = next(pieces)
            part, piece = piece[:length], piece[length:]
            _write(descriptor, part)
            length -= len(part)


def _write(descriptor: int, view: memoryview) -> None:
    written = os.write(descriptor, view)
    while written < len(view):
        written += os.write(descriptor, view[written:])
