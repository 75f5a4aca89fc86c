"""Disks in files: opened, their format told, and read at any offset."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from imgadm.streams.disk_formats import (
    FOOT_SIZE,
    FORMATS,
    HEAD_SIZE,
    DiskFormatError,
    check_self_contained,
    format_of,
)
from imgadm.streams.errors import StreamError
from imgadm.streams.whole_disks import check_whole

if TYPE_CHECKING:
    from imgadm.streams.qemu import QemuDisk


class Disk:
    """An open disk: ``format``, ``size`` in bytes, and its ``content``.

    The content is a descriptor, or an object that reads by itself
    (``imgadm._native.DiskReader``). Use it as a context manager.
    """

    def __init__(self, path: Path, format_: str | None, qemu_nbd: str) -> None:
        self.path = path
        self._qemu: QemuDisk | None = None
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            self._began = self._status()
            head = os.pread(self._descriptor, HEAD_SIZE, 0)
            size = os.lseek(self._descriptor, 0, os.SEEK_END)
            foot = os.pread(self._descriptor, FOOT_SIZE, max(0, size - FOOT_SIZE))
            self.format = format_ or format_of(head, foot)
            check_self_contained(self.format, head, foot)
            check_whole(self.format, self._descriptor, size)
            if self.format == "raw":
                self.size = size
            else:
                from imgadm.streams.qemu import QemuDisk

                self._qemu = QemuDisk(path, self.format, program=qemu_nbd)
                self.size = self._qemu.size
            if self.size == 0:
                raise DiskFormatError("the disk is empty", got=0)
        except BaseException:
            self.close()
            raise

    def _status(self) -> tuple[int, int, int]:
        """What is no longer the same after the disk has been written to."""
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISBLK(status.st_mode):
            raise DiskFormatError(
                "a file or a block device is wanted", got=stat.filemode(status.st_mode)
            )
        return status.st_size, status.st_mtime_ns, status.st_ino

    @property
    def content(self) -> int | QemuDisk:
        return self._descriptor if self._qemu is None else self._qemu

    def check_unchanged(self) -> None:
        """Raise DiskChangedError if the file is not what it was when it was opened."""
        if self._status() != self._began:
            raise DiskChangedError(self.path)

    def abort(self) -> None:
        """End whatever another thread waits for here."""
        if self._qemu is not None:
            self._qemu.abort()

    def close(self) -> None:
        if self._qemu is not None:
            self._qemu.close()
            self._qemu = None
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


class DiskChangedError(StreamError):
    """A disk was written to while it was read."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f'the disk "{path}" has changed while it was read: stop what writes to it, and try '
            "again"
        )


def open_disk(
    path: str | os.PathLike[str], *, as_format: str | None = None, qemu_nbd: str = "qemu-nbd"
) -> Disk:
    """Open the disk in a file or block device, to be read.

    ``as_format`` is one of ``raw``, ``qcow2``, ``vmdk``, ``vhdx``, ``vpc`` and ``vdi``; None: tell
    by the first bytes. All but ``raw`` are opened by QEMU's program ``qemu_nbd``, and must be all
    in one file, and whole: backing files are not followed.

    Raises DiskFormatError for what is no such disk, StreamError where QEMU can't open it, OSError.
    """
    if as_format is not None and as_format not in FORMATS:
        raise ValueError(f'unknown format "{as_format}", must be one of: {", ".join(FORMATS)}')
    return Disk(Path(path), as_format, qemu_nbd)
