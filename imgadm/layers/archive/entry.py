"""One entry of a layer's archive, the same for every format of header."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class EntryKind(enum.Enum):
    """The kind of file that an entry makes."""

    FILE = "file"
    HARD_LINK = "hard link"
    SYMLINK = "symlink"
    CHARACTER_DEVICE = "character device"
    BLOCK_DEVICE = "block device"
    DIRECTORY = "directory"
    FIFO = "fifo"


@dataclass(slots=True)
class ArchiveEntry:
    """One entry of an archive.

    ``name``, ``target`` and the attributes are bytes as archived. ``mode`` has the permission,
    set-id and sticky bits only. ``packed_size`` is the number of bytes of data that follow in the
    archive, ``size`` that of the file. They differ where ``regions`` (offset and length of each
    region of data) leave holes.
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
