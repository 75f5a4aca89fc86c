"""The content of a disk as the maker of streams reads it: past its holes, in many pieces."""

from __future__ import annotations

import os
from itertools import cycle

from imgadm import streams
from imgadm.streams.disks.readers import MappedDisk

PIECES = (8192, 70_001, 1 << 20)


def content_of(disk: streams.Disk) -> bytes:
    content = disk.content
    if not isinstance(content, MappedDisk):
        return os.pread(content, disk.size, 0)
    read, pieces = bytearray(), cycle(PIECES)
    while len(read) < disk.size:
        start, end = content.find_data(len(read))
        read += bytes(min(start, disk.size) - len(read))
        while len(read) < min(end, disk.size):
            piece = content.read(len(read), min(next(pieces), end - len(read)))
            assert piece.nbytes
            read += piece
    return bytes(read)
