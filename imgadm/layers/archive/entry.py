"""One entry of a layer's archive, whatever format its header had."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class EntryKind(enum.Enum):
    """What an entry makes."""

    FILE = "file"
    HARD_LINK = "hard link"
    SYMLINK = "symlink"
    CHARACTER_DEVICE = "character device"
    BLOCK_DEVICE = "block device"
    DIRECTORY = "directory"
    FIFO = "fifo"


@dataclass(slots=True)
class ArchiveEntry:
    """Names are bytes as archived; ``mode`` has the permission, set-id and sticky bits only.

    ``packed_size`` counts the bytes of data that follow in the archive, ``size`` those of the file.
    They differ where ``regions`` (offset and length of each region of data) leave holes.
    """

    name: bytes
    kind: EntryKind
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    packed_size: int
    size: int
    target: bytes = b""
    device: tuple[int, int] = (0, 0)
    xattrs: dict[bytes, bytes] = field(default_factory=dict)
    regions: list[tuple[int, int]] | None = None


def kept_owner(number: int) -> int:
    """The owner or group that a number of an archive stands for: kernels keep 32 bits of it.

    Some systems have -2 for nobody. Kernels take -1 for "leave it as it is", and what has just been
    made is root's. What does not fit stays as it is.
    """
    if -(1 << 31) <= number < 0:
        number += 1 << 32
    return 0 if number == (1 << 32) - 1 else number
