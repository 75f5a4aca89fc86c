"""A private copy of a disk, made as cheaply as the file system allows."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sys
from pathlib import Path

from imgadm.base.files.opening import open_regular

_FICLONE = 0x40049409
"""The ioctl (linux/fs.h) that shares the extents of a file of the same file system.

btrfs, XFS and bcachefs have it.
"""

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_PIECE = 1024 * 1024
"""The most bytes that are copied through memory at a time."""

_STRETCH = 64 * 1024 * 1024
"""The most bytes that the kernel copies in one call; a signal waits for the end of that call."""


def copy_disk(source: Path, target: Path) -> None:
    """Copy the regular file ``source`` to the new file ``target``.

    The copy shares the blocks of ``source`` if the file system can do that. Otherwise only data is
    copied, and holes stay holes. Only its owner can read the copy. Raises OSError.
    """
    original = open_regular(source)
    try:
        copy = os.open(target, _NEW, 0o600)
        try:
            if not _reflink(original, copy):
                _copy_data(original, copy)
        finally:
            os.close(copy)
    finally:
        os.close(original)


def _reflink(source: int, target: int) -> bool:
    if sys.platform != "linux":
        return False
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def _copy_data(source: int, target: int) -> None:
    size = os.fstat(source).st_size
    os.ftruncate(target, size)
    for start, end in _data_extents(source, size):
        _copy_range(source, target, start, end)


def _data_extents(descriptor: int, size: int) -> list[tuple[int, int]]:
    """Return where the file holds data: everywhere, if the platform cannot tell."""
    if not hasattr(os, "SEEK_DATA"):
        return [(0, size)]
    extents = []
    position = 0
    while position < size:
        try:
            start = os.lseek(descriptor, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # no data follows
                break
            return [(0, size)]
        position = os.lseek(descriptor, start, os.SEEK_HOLE)
        extents.append((start, position))
    return extents


def _copy_range(source: int, target: int, start: int, end: int) -> None:
    if hasattr(os, "copy_file_range"):
        with contextlib.suppress(OSError):  # if it cannot, the loop below copies
            while start < end:
                stretch = min(_STRETCH, end - start)
                copied = os.copy_file_range(source, target, stretch, start, start)
                if copied == 0:
                    break
                start += copied
    while start < end:
        data = os.pread(source, min(_PIECE, end - start), start)
        if not data:
            break
        start += os.pwrite(target, data, start)
