"""Lists of images as servers sent them, kept so that they are sent again only after a change.

A reply is used only when its server says that it is still the current one, so nothing here is ever
out of date. It is a convenience: what cannot be read is asked for again, what cannot be written is
not kept, and the directory may be removed at any time. Entries are named by a hash of what was
asked, and the owner alone can read them; what came for a user with a password is not kept at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

MAX_ENTRIES = 32
MAX_BYTES = 64 << 20
"""Of all entries together; one of them may take half of it."""

_HEAD = re.compile(rb"imgadm-reply 1 ([0-9a-f]{8}) ([!-~]{1,256})\n")
_MAX_HEAD_BYTES = 300
_ETAG = re.compile(r"[!-~]{1,256}")


@dataclass(frozen=True, slots=True)
class CachedReply:
    """A reply as it was sent; ``etag`` is what its server knows it by."""

    etag: str
    body: bytes


class ReplyCache:
    """Replies in the files of one directory, which is made when there is something to keep."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def find(self, request: str) -> CachedReply | None:
        """Return what was kept for ``request``, which says all that the reply depends on."""
        path = self._path(request)
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
        return CachedReply(head[2].decode("ascii"), body)

    def keep(self, request: str, reply: CachedReply) -> None:
        """Keep ``reply`` until something newer takes its room; no error if that is not possible."""
        if len(reply.body) > MAX_BYTES // 2 or not _ETAG.fullmatch(reply.etag):
            return
        path = self._path(request)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        head = f"imgadm-reply 1 {zlib.crc32(reply.body):08x} {reply.etag}\n"
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                descriptor = os.open(
                    unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
                )
                with os.fdopen(descriptor, "wb") as file:
                    file.write(head.encode("ascii"))
                    file.write(reply.body)
                unfinished.replace(path)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise
            self._make_room()
        except OSError:
            return

    def _path(self, request: str) -> Path:
        return self._directory / hashlib.sha256(request.encode()).hexdigest()

    def _make_room(self) -> None:
        """Remove what was not used for longest, and what dead processes left unfinished."""
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
