"""The file of an image while a client uploads it: checked against what the client announced."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from imgadm.serve.catalogues.digests import Digests, Hashing
from imgadm.serve.catalogues.writable.refusals import Refusal, RefusedError

MAX_UPLOAD_BYTES = 20 << 30
"""The largest file that a writable folder takes unless its operator sets another limit."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a client says of the file that it uploads.

    ``compression`` is one of a manifest's, ``sha1`` the SHA-1 in hexadecimal digits and
    ``dataset_guid`` a decimal number, the guid of the snapshot in the file; both may be missing.
    """

    compression: str
    sha1: str | None = None
    dataset_guid: str | None = None


class UploadBody(Protocol):
    """The bytes of a file while they arrive."""

    length: int | None
    """Their number, if the client has announced it."""

    def blocks(self) -> Iterator[memoryview]:
        """Yield the bytes in turn. Each block is valid until the next."""


def receive_upload(
    upload: UploadBody, file: BinaryIO, facts: FileFacts, *, folder: Path, limit: int
) -> Digests:
    """Write ``upload`` to ``file`` and sync it; return its digests.

    Raises :class:`RefusedError` if it has no byte, has more than ``limit`` bytes, does not fit on
    the disk of ``folder`` or has another SHA-1 than ``facts`` say. Errors of ``upload`` pass
    through.
    """
    if upload.length is not None:
        _check_size(upload.length, limit)
        status = os.statvfs(folder)
        available = status.f_bavail * status.f_frsize
        if upload.length > available:
            raise RefusedError(
                Refusal.NO_SPACE, f"{upload.length} bytes are needed, {available} are available"
            )
    hashing = Hashing()
    for block in upload.blocks():
        hashing.update(block)
        _check_size(hashing.size, limit)
        file.write(block)
    file.flush()
    os.fsync(file.fileno())
    if hashing.size == 0:
        raise RefusedError(
            Refusal.BAD_FILE, "image file size is 0 bytes, empty files are not allowed"
        )
    found = hashing.digests()
    if facts.sha1 not in (None, found.sha1):
        raise RefusedError(
            Refusal.BAD_FILE,
            f'"sha1" hash, {facts.sha1}, does not match the uploaded file sha1 hash, {found.sha1}',
        )
    return found


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise RefusedError(Refusal.TOO_BIG, f"the file is too big, at most {limit} bytes are taken")
