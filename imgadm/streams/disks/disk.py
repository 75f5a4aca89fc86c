"""The disks in files and block devices: opened, recognised, and read at any offset."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from imgadm.streams.disks.disk_contents import CONTENT_HEAD_SIZE
from imgadm.streams.disks.disk_look import DiskLook
from imgadm.streams.disks.formats import (
    DISK_FORMATS,
    TAIL_SIZE,
    VHD_COOKIE,
    VHD_FOOTER_SIZE,
    DiskFormatError,
    format_of,
)
from imgadm.streams.engine.arguments import check_choice, check_path
from imgadm.streams.errors import StreamError

if TYPE_CHECKING:
    from imgadm.streams.disks.readers import MappedDisk


class Disk:
    """An open disk; a context manager, which closes it.

    ``format`` is one of DISK_FORMATS, ``size`` the size of the disk in bytes, and ``look`` the
    facts that its first bytes tell.
    """

    def __init__(self, path: Path, format_: str | None) -> None:
        self.path = path
        self._mapped: MappedDisk | None = None
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            self._began = self._status()
            head = os.pread(self._descriptor, CONTENT_HEAD_SIZE, 0)
            size = os.lseek(self._descriptor, 0, os.SEEK_END)
            tail = os.pread(self._descriptor, TAIL_SIZE, max(0, size - TAIL_SIZE))
            self.format = format_ or format_of(head, tail, size)
            self.size = size
            if self.format == "vpc" and not head.startswith(VHD_COOKIE):
                self.size = _size_by_footer(tail, size)
            elif self.format != "raw":
                from imgadm.streams.disks.readers import open_mapped

                self._mapped = open_mapped(self.format, self._descriptor, size)
                self.size = self._mapped.size
                head = bytes(self._mapped.read(0, CONTENT_HEAD_SIZE))
            if self.size == 0:
                raise DiskFormatError("the disk is empty", got=0)
            self.look = DiskLook(head)
            if format_ is None:
                self.look.check_size(self.size)
        except BaseException:
            self.close()
            raise

    def _status(self) -> tuple[int, int, int]:
        """Return the facts of the file that change when something writes to it."""
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISBLK(status.st_mode):
            raise DiskFormatError(
                "a disk must be a file or a block device; save a pipe or URL to a file first",
                got=stat.filemode(status.st_mode),
            )
        return status.st_size, status.st_mtime_ns, status.st_ino

    @property
    def content(self) -> int | MappedDisk:
        """The content of the disk: a descriptor, or an ``imgadm._native.DiskReader``."""
        return self._descriptor if self._mapped is None else self._mapped

    def check_unchanged(self) -> None:
        """Raise DiskChangedError if something has written to the file since it was opened."""
        if self._status() != self._began:
            raise DiskChangedError(self.path)

    @property
    def closed(self) -> bool:
        """Whether the disk can't be read any more."""
        return self._descriptor < 0

    def close(self) -> None:
        """Close the disk. Closing it again does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _size_by_footer(tail: bytes, size: int) -> int:
    """Return the size of the disk in a VHD of fixed size. Raises DiskFormatError."""
    from imgadm.streams.disks.readers.vpc import fixed_size, vhd_footer

    footer = vhd_footer(tail[-VHD_FOOTER_SIZE:])
    if footer is None:
        raise DiskFormatError(
            "this is no vpc disk: it has no footer at its beginning or end", wanted="vpc"
        )
    return fixed_size(footer, size - VHD_FOOTER_SIZE)


class DiskChangedError(StreamError):
    """Something wrote to a disk while imgadm read it."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f'the disk "{path}" has changed while it was read: stop the program that writes to it, '
            "and try again"
        )


def open_disk(path: str | os.PathLike[str], *, as_format: str | None = None) -> Disk:
    """Open the disk in a file or block device for reading.

    ``as_format`` is one of ``raw``, ``qcow2``, ``vmdk``, ``vhdx``, ``vpc`` and ``vdi``. With None,
    the first and last bytes show the format. No other file is opened: the whole disk must be in
    this one.

    Raises DiskFormatError for a file that is no such disk, ValueError for an unknown format, and
    OSError.
    """
    check_path("path", path)
    if as_format is not None:
        check_choice("format", as_format, DISK_FORMATS)
    return Disk(Path(path), as_format)
