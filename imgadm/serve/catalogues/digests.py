"""The SHA-1 and MD5 of served files, computed once for every content of a file."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from imgadm._native import Sha1
from imgadm.serve.catalogues.shared_work import SharedWork

Stamp = tuple[int, int, int, int, int]
"""Device, inode, size, and the two times of a file: they change with its content."""

WORTH_KEEPING = 16 << 20
"""The least size, in bytes, of a file whose digests are kept for the next server."""
_MAX_KEPT = 50_000
_BLOCK = 1 << 20
_UNSURE_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Digests:
    """The SHA-1 (hexadecimal digits), MD5 and size (bytes) of a content."""

    sha1: str
    md5: bytes
    size: int


class Hashing:
    """A computation of the digests of bytes that come in pieces."""

    def __init__(self) -> None:
        self._sha1 = Sha1()
        self._md5 = hashlib.md5(usedforsecurity=False)

    @property
    def size(self) -> int:
        """The number of bytes that have come."""
        return self._sha1.length

    def update(self, data: memoryview) -> None:
        """Add ``data``."""
        self._sha1.update(data)
        self._md5.update(data)

    def digests(self) -> Digests:
        """Return the digests of all bytes that have come."""
        return Digests(self._sha1.hexdigest(), self._md5.digest(), self.size)


def digests_of(blocks: Iterable[memoryview]) -> Digests:
    """Return the digests of the bytes in ``blocks``."""
    hashing = Hashing()
    for block in blocks:
        hashing.update(block)
    return hashing.digests()


def blocks_of(file: BinaryIO) -> Iterable[memoryview]:
    """Yield the bytes of ``file`` in blocks, each valid until the next."""
    memory = memoryview(bytearray(_BLOCK))
    while size := os.readv(file.fileno(), [memory]):
        yield memory[:size]


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the stamp of the file with this ``status``."""
    return (
        *(status.st_dev, status.st_ino, status.st_size),
        *(status.st_mtime_ns, status.st_ctime_ns),
    )


class Keeper(Protocol):
    """A store of digests that outlives a server."""

    def load(self) -> dict[Stamp, Digests]:
        """Return the digests that are kept."""

    def save(self, known: Mapping[Stamp, Digests], /) -> None:
        """Keep the digests in ``known``."""


class DigestStore:
    """Digests by the stamps of files, in memory. Several threads may use it.

    It begins with the digests that ``keeper`` has, and hands new ones to it.
    """

    def __init__(self, keeper: Keeper | None = None) -> None:
        self._keeper = keeper
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._known: dict[Stamp, Digests] = keeper.load() if keeper else {}
        self._work: SharedWork[Digests] = SharedWork()

    def known(self, stamp: Stamp) -> Digests | None:
        """Return the digests of a file, ``None`` if they have not been computed yet."""
        with self._lock:
            return self._known.get(stamp)

    def keep(self, stamp: Stamp, digests: Digests) -> None:
        """Keep the digests of the file that has this ``stamp``."""
        with self._lock:
            self._known[stamp] = digests
            if len(self._known) > _MAX_KEPT:
                del self._known[next(iter(self._known))]
        if self._keeper is not None and digests.size >= WORTH_KEEPING:
            with self._saving:
                self._keeper.save(self._all())

    def _all(self) -> dict[Stamp, Digests]:
        with self._lock:
            return dict(self._known)

    def find_out(
        self, stamp: Stamp, open_file: Callable[[], BinaryIO], seconds: float | None = None
    ) -> Digests | None:
        """Return the digests of the file; it is read if they are not known.

        Returns ``None`` if that takes more than ``seconds``; the reading goes on then. Raises
        :class:`OSError` if the file cannot be read, or has another stamp before or after reading.
        """
        return self.known(stamp) or self._work.result(
            stamp, lambda: self._read(stamp, open_file), seconds
        )

    def _read(self, stamp: Stamp, open_file: Callable[[], BinaryIO]) -> Digests:
        with open_file() as file:
            self._check(stamp, file)
            digests = digests_of(blocks_of(file))
            self._check(stamp, file)
        # Two changes soon after each other may get the same time from the file system.
        if abs(time.time_ns() - stamp[-1]) > _UNSURE_NS:
            self.keep(stamp, digests)
        return digests

    @staticmethod
    def _check(stamp: Stamp, file: BinaryIO) -> None:
        if stamp_of(os.fstat(file.fileno())) != stamp:
            raise OSError("the file changes while it is read")
