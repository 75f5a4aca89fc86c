"""What a server serves: images, each a manifest and the bytes of its file."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class StoredBytes:
    """An image file on disk, open for reading; the server closes it.

    Served in parts on demand. ``status`` is what :func:`os.fstat` said of ``file`` when it was
    opened. ``md5`` returns the MD5 of the file, ``None`` where that takes more than so many seconds
    to find out; with 0 nothing is done for it.
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
        """When the file was changed last, in seconds since 1970."""
        return self.status.st_mtime

    def has_changed(self) -> bool:
        """Tell whether the file has other content by now, as far as its size and time say."""
        now = os.fstat(self.file.fileno())
        then = self.status
        return (now.st_size, now.st_mtime_ns) != (then.st_size, then.st_mtime_ns)

    def close(self) -> None:
        """Close the file."""
        self.file.close()


@dataclass(frozen=True, slots=True)
class GeneratedBytes:
    """Image bytes made while they are sent; closing the generator ends their making.

    ``size`` is the exact number of bytes, ``md5`` their MD5, where they are known beforehand.
    """

    chunks: Generator[bytes | memoryview, None, None]
    size: int | None = None
    md5: bytes | None = None

    def close(self) -> None:
        """Close the generator."""
        self.chunks.close()


class HostedImage(Protocol):
    """One image on offer."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The manifest to serve, version 2."""

    def open_file(self) -> StoredBytes | GeneratedBytes | None:
        """Open the file that ``manifest["files"][0]`` describes; ``None`` if there is none.

        Raises :class:`OSError` or :class:`imgadm.base.errors.ImgadmError`, which the client sees as
        a failure of the server, without details.
        """


class Catalogue(Protocol):
    """The images of a server. Called from several threads, once for every request."""

    def images(self) -> Sequence[HostedImage]:
        """Return all images."""

    def find(self, uuid: str) -> HostedImage | None:
        """Return the image, ``None`` if it is not there."""


@dataclass(frozen=True, slots=True)
class CombinedCatalogue:
    """Several catalogues as one; of an image in two of them the first one's is served."""

    parts: Sequence[Catalogue]

    def images(self) -> Sequence[HostedImage]:
        found: dict[str, HostedImage] = {}
        for part in self.parts:
            for image in part.images():
                found.setdefault(image.manifest["uuid"], image)
        return list(found.values())

    def find(self, uuid: str) -> HostedImage | None:
        return next((image for part in self.parts if (image := part.find(uuid))), None)
