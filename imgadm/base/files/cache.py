"""A cache of bytes that can be fetched or computed again, in the files of one directory.

The cache is a convenience. An entry that cannot be read or is damaged counts as missing, an entry
that cannot be written is not kept, and the directory may be removed at any time. Each entry has a
tag by which its reader can tell that it is still right. Files are named by a hash of their
subject, and only their owner can read them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import zlib
from pathlib import Path
from typing import NamedTuple

from imgadm.base.errors import FileSystemError
from imgadm.base.files.creation import NewFile
from imgadm.base.files.replacement import make_directory, write_fully

MAX_ENTRIES = 256
MAX_BYTES = 64 << 20
"""The most bytes of all entries together; one entry may take half of them."""

_HEAD = re.compile(rb"imgadm-cache 1 ([0-9a-f]{8}) ([!-~]{1,256})\n")
_MAX_HEAD_BYTES = 300
_TAG = re.compile(r"[!-~]{1,256}")


class CacheEntry(NamedTuple):
    """Some bytes, and a ``tag`` of printable ASCII that tells whether they are still right."""

    tag: str
    body: bytes


class Cache:
    """Entries in ``directory``, which the first entry creates."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def find(self, subject: str) -> CacheEntry | None:
        """Return the entry of ``subject``, a text that says what its bytes depend on, or None."""
        path = self._path(subject)
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_size > MAX_BYTES // 2 + _MAX_HEAD_BYTES:
                    return None
                head = _HEAD.fullmatch(file.readline(_MAX_HEAD_BYTES))
                body = file.read()
            if head is None or int(head[1], 16) != zlib.crc32(body):
                return None
        except OSError:
            return None
        # The time of its last use decides which entry goes when there are too many.
        with contextlib.suppress(OSError):
            os.utime(path)
        return CacheEntry(head[2].decode("ascii"), body)

    def keep(self, subject: str, entry: CacheEntry) -> None:
        """Keep ``entry`` until newer entries need its room. Never raises."""
        if len(entry.body) > MAX_BYTES // 2 or not _TAG.fullmatch(entry.tag):
            return
        head = f"imgadm-cache 1 {zlib.crc32(entry.body):08x} {entry.tag}\n"
        try:
            self._make_directory()
            with NewFile(self._path(subject), mode=0o600, hidden=True) as file:
                write_fully(file.descriptor, head.encode("ascii"))
                write_fully(file.descriptor, entry.body)
                file.commit()
            self._make_room()
        except (OSError, FileSystemError):
            return

    def _make_directory(self) -> None:
        make_directory(self._directory.parent)
        self._directory.mkdir(mode=0o700, exist_ok=True)

    def _path(self, subject: str) -> Path:
        name = hashlib.sha256(subject.encode("utf-8", "surrogateescape")).hexdigest()
        return self._directory / name

    def _make_room(self) -> None:
        """Remove the entries not used for longest, and unfinished files of dead processes."""
        entries = []
        for path in self._directory.iterdir():
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                entries.append((status.st_mtime_ns, status.st_size, path))
        room = MAX_BYTES
        for number, (_, size, path) in enumerate(sorted(entries, reverse=True)):
            room -= size
            if number >= MAX_ENTRIES or room < 0:
                with contextlib.suppress(OSError):
                    path.unlink()
