"""Disks in files: opened, their format told, and read at any offset."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from imgadm.streams.disks.disk_contents import (
    CONTENT_HEAD_SIZE,
    file_system_end,
    gpt_of,
    known_content,
    mbr_end,
)
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


class DiskLook:
    """What the first bytes of a disk's content tell: whether all is there, and what is odd."""

    def __init__(self, head: bytes) -> None:
        self._gpt = gpt_of(head)
        self._known = known_content(head)
        self._mbr_end = mbr_end(head)
        self._end = file_system_end(head) if self._gpt is None else self._gpt.partitions_end

    def check_size(self, size: int) -> None:
        """Raise DiskFormatError if a partition or file system ends behind the end of the disk.

        Likewise if the disk ends in the middle of a sector.
        """
        if self._end > size:
            raise DiskFormatError(
                f"the disk is cut short: it has {size} bytes, and what is on it needs {self._end}; "
                "copy it again, in full, or name its format with --format if it is as it should be",
                got=size,
                wanted=self._end,
            )
        if size % 512 and (self._gpt is not None or self._mbr_end):
            raise DiskFormatError(
                f"the disk is cut short, or something follows it: it has {size} bytes, and a disk "
                "with partitions has whole sectors of 512; copy it again, in full, or name its "
                "format with --format if it is as it should be",
                got=size,
            )

    def notes(self, size: int, volume_size: int) -> list[str]:
        """What an operator should know of a disk of that size, in a volume of that one."""
        notes = []
        if self._known is None:
            notes.append(
                "the disk has neither a partition table nor a file system that is known here: make "
                "sure that it is a disk"
            )
        if self._mbr_end > size:
            notes.append(
                f"the disk has {size} bytes, and its partitions need {self._mbr_end}: is it cut "
                "short?"
            )
        if volume_size != size:
            units = "sectors, as if it were cut short" if size % 512 else "blocks"
            notes.append(
                f"the disk has {size} bytes, which is no whole number of {units}: zeros fill it up "
                f"to {volume_size}" + self._moved(size)
            )
        elif self._gpt is not None and self._gpt.disk_size != size:
            notes.append(
                f"the disk has {size} bytes, and its GPT is made for {self._gpt.disk_size}: the "
                f"backup copy of the GPT is not at the end: {_MOVE}"
            )
        return notes

    def _moved(self, size: int) -> str:
        if self._gpt is None:
            return ""
        fits = min(size & -size, 4096)
        instead = f", or use --block-size {fits}, which fits" if fits >= 512 else ""
        return f"; the backup copy of its GPT is then not at the end: {_MOVE}{instead}"


_MOVE = "run sgdisk -e in the machine to move it there"


class Disk:
    """An open disk: ``format``, ``size`` in bytes, its ``content``, and a ``look`` at that.

    The content is a descriptor, or an object that reads by itself
    (``imgadm._native.DiskReader``). Use it as a context manager.
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
        """What is no longer the same after the disk has been written to."""
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISBLK(status.st_mode):
            raise DiskFormatError(
                "a file or a block device is wanted; save what a pipe or URL brings in a file",
                got=stat.filemode(status.st_mode),
            )
        return status.st_size, status.st_mtime_ns, status.st_ino

    @property
    def content(self) -> int | MappedDisk:
        return self._descriptor if self._mapped is None else self._mapped

    def check_unchanged(self) -> None:
        """Raise DiskChangedError if the file is not what it was when it was opened."""
        if self._status() != self._began:
            raise DiskChangedError(self.path)

    @property
    def closed(self) -> bool:
        """Whether the disk can't be read any more."""
        return self._descriptor < 0

    def close(self) -> None:
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
    """The size of the disk in a VHD that does not grow; raises DiskFormatError."""
    from imgadm.streams.disks.readers.vpc import fixed_size, vhd_footer

    footer = vhd_footer(tail[-VHD_FOOTER_SIZE:])
    if footer is None:
        raise DiskFormatError("this is no vpc disk, it begins and ends otherwise", wanted="vpc")
    return fixed_size(footer, size - VHD_FOOTER_SIZE)


class DiskChangedError(StreamError):
    """A disk was written to while it was read."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f'the disk "{path}" has changed while it was read: stop what writes to it, and try '
            "again"
        )


def open_disk(path: str | os.PathLike[str], *, as_format: str | None = None) -> Disk:
    """Open the disk in a file or block device, to be read.

    ``as_format`` is one of ``raw``, ``qcow2``, ``vmdk``, ``vhdx``, ``vpc`` and ``vdi``; None: tell
    by the first and last bytes. No other file is opened: a disk must be all in one, and whole.

    Raises DiskFormatError for what is no such disk, OSError.
    """
    check_path("path", path)
    if as_format is not None:
        check_choice("format", as_format, DISK_FORMATS)
    return Disk(Path(path), as_format)
