"""The content of an image file, as a catalogue hands it out and a connection sends it."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class StoredBytes:
    """An image file on disk, open for reading.

    The server closes ``file`` when it has sent the reply, and may send only a part of it.
    ``status`` is what :func:`os.fstat` said of ``file`` when it was opened. ``md5`` takes a number
    of seconds and returns the MD5 of the file, or ``None`` if finding it out takes longer; with 0
    it returns only an MD5 that is known already.
    """

    file: BinaryIO
    status: os.stat_result
    md5: Callable[[float], bytes | None] = lambda _: None

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self.status.st_size

    @property
    def modified(self) -> float:
        """The time of the last change, in seconds since 1970."""
        return self.status.st_mtime

    def has_changed(self) -> bool:
        """Tell whether the size or the time of the file differs from ``status`` by now."""
        now = os.fstat(self.file.fileno())
        then = self.status
        return (now.st_size, now.st_mtime_ns) != (then.st_size, then.st_mtime_ns)

    def close(self) -> None:
        """Close the file."""
        self.file.close()


@dataclass(frozen=True, slots=True)
class GeneratedBytes:
    """The bytes of an image, made while they are sent.

    Closing the generator ``chunks`` stops their making. ``size`` is the exact number of bytes and
    ``md5`` their MD5, where they are known beforehand.
    """

    chunks: Generator[bytes | memoryview, None, None]
    size: int | None = None
    md5: bytes | None = None

    def close(self) -> None:
        """Close the generator."""
        self.chunks.close()
