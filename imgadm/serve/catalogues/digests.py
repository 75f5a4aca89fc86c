"""SHA-1 and MD5 of the files that are served, found out once for every content of a file."""

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
"""What is another as soon as the content of a file is."""

MAX_KEPT = 50_000
WORTH_KEEPING = 16 << 20
"""Bytes of a file that takes a while to read; smaller ones are read again by the next server."""
_BLOCK = 1 << 20
_UNSURE_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Digests:
    """SHA-1 (hexadecimal), MD5 and size (bytes) of a content."""

    sha1: str
    md5: bytes
    size: int


class Hashing:
    """Makes the digests of bytes that pass."""

    def __init__(self) -> None:
        self._sha1 = Sha1()
        self._md5 = hashlib.md5(usedforsecurity=False)

    @property
    def size(self) -> int:
        """How many bytes have passed."""
        return self._sha1.length

    def update(self, data: memoryview) -> None:
        """Take ``data``."""
        self._sha1.update(data)
        self._md5.update(data)

    def digests(self) -> Digests:
        """Return the digests of all that has passed."""
        return Digests(self._sha1.hexdigest(), self._md5.digest(), self.size)


def digests_of(blocks: Iterable[memoryview]) -> Digests:
    """Return the digests of the bytes in ``blocks``."""
    hashing = Hashing()
    for block in blocks:
        hashing.update(block)
    return hashing.digests()


def blocks_of(file: BinaryIO) -> Iterable[memoryview]:
    """Return the bytes of ``file``, each block valid until the next."""
    memory = memoryview(bytearray(_BLOCK))
    while size := os.readv(file.fileno(), [memory]):
        yield memory[:size]


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the stamp of the content that the file with ``status`` has."""
    return (
        *(status.st_dev, status.st_ino, status.st_size),
        *(status.st_mtime_ns, status.st_ctime_ns),
    )


class Keeper(Protocol):
    """What remembers digests from one server to the next."""

    def load(self) -> dict[Stamp, Digests]: ...
    def save(self, known: Mapping[Stamp, Digests], /) -> None: ...


class DigestStore:
    """Digests by the stamps of files, in memory. Usable from several threads.

    It begins with what ``keeper`` has, and has that keep what comes.
    """

    def __init__(self, keeper: Keeper | None = None) -> None:
        self._keeper = keeper
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._known: dict[Stamp, Digests] = keeper.load() if keeper else {}
        self._work: SharedWork[Digests] = SharedWork()

    def known(self, stamp: Stamp) -> Digests | None:
        """Return the digests if nothing has to be read for them."""
        with self._lock:
            return self._known.get(stamp)

    def keep(self, stamp: Stamp, digests: Digests) -> None:
        """Keep the digests of a file whose content is known to be what they are of."""
        with self._lock:
            self._known[stamp] = digests
            if len(self._known) > MAX_KEPT:
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
        """Return the digests of the file, reading it if they are not known.

        ``None`` if that takes more than ``seconds``; then it goes on. Raises :class:`OSError` for a
        file that cannot be read, or has another stamp before or after that.
        """
        return self.known(stamp) or self._work.result(
            stamp, lambda: self._read(stamp, open_file), seconds
        )

    def _read(self, stamp: Stamp, open_file: Callable[[], BinaryIO]) -> Digests:
        with open_file() as file:
            self._check(stamp, file)
            digests = digests_of(blocks_of(file))
            self._check(stamp, file)
        # The clock of a file system does not tell two changes apart that follow soon.
        if abs(time.time_ns() - stamp[-1]) > _UNSURE_NS:
            self.keep(stamp, digests)
        return digests

    @staticmethod
    def _check(stamp: Stamp, file: BinaryIO) -> None:
        if stamp_of(os.fstat(file.fileno())) != stamp:
            raise OSError("the file changes while it is read")
