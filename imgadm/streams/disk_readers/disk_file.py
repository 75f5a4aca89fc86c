"""The file that a disk is in: bytes and tables at any offset, or an error that says why not."""

from __future__ import annotations

import os
import struct
import sys
from array import array
from typing import Any, Literal

from imgadm.streams.disk_formats import DiskFormatError

#: Of one table or description, in bytes; those of the largest disks are smaller.
_LARGEST_TABLE = 64 << 20


class DiskFile:
    """``size`` bytes behind a borrowed descriptor, which hold a disk of ``format``."""

    def __init__(self, descriptor: int, size: int, format_: str) -> None:
        self._descriptor = descriptor
        self.size = size
        self.format = format_

    def bytes_at(self, offset: int, size: int) -> bytes:
        """Exactly so many bytes; raises DiskFormatError if the file ends before."""
        if size > _LARGEST_TABLE:
            raise self.damaged(f"a table of {size} bytes")
        self.require(offset, size)
        content = os.pread(self._descriptor, size, offset)
        if len(content) < size:
            raise self.cut_short()
        return content

    def read_into(self, memory: memoryview, offset: int) -> None:
        """Fill the memory; raises DiskFormatError if the file ends before."""
        while memory.nbytes:
            content = os.pread(self._descriptor, memory.nbytes, offset)
            if not content:
                raise self.cut_short()
            memory[: len(content)] = content
            memory, offset = memory[len(content) :], offset + len(content)

    def unpack(self, layout: str, offset: int) -> tuple[Any, ...]:
        return struct.unpack(layout, self.bytes_at(offset, struct.calcsize(layout)))

    def require(self, offset: int, size: int) -> None:
        """Raise DiskFormatError unless that range is in the file."""
        if offset + size > self.size:
            raise self.cut_short()

    def begins_otherwise(self) -> DiskFormatError:
        return DiskFormatError(
            f"this is no {self.format} disk, it begins otherwise", wanted=self.format
        )

    def cut_short(self) -> DiskFormatError:
        return DiskFormatError(
            f"the {self.format} disk is cut short: it has only {self.size} bytes, and its tables "
            "name more; copy it again, in full",
            got=self.size,
        )

    def damaged(self, how: str) -> DiskFormatError:
        return DiskFormatError(f"the {self.format} disk is damaged: {how}", got=self.format)

    def refused(self, why: str) -> DiskFormatError:
        """What the disk is or has, by which it cannot be read."""
        return DiskFormatError(f"the {self.format} disk {why}", got=self.format)

    def leads_on(self, how: str) -> DiskFormatError:
        return self.refused(
            f"{how}, and only a disk that is all in one file is read; if you trust it, make one "
            "file of all: qemu-img convert -O raw"
        )

    def encrypted(self) -> DiskFormatError:
        return self.refused(
            "is encrypted; decrypt it first: qemu-img convert, with the key as --object secret,…"
        )


def is_zero(content: bytes) -> bool:
    return content.count(0) == len(content)


def numbers(content: bytes, size: Literal[4, 8], order: Literal["big", "little"]) -> array[int]:
    """The unsigned numbers, of 4 or 8 bytes each, that a table consists of."""
    table = array("I" if size == 4 else "Q", content)
    if order != sys.byteorder:
        table.byteswap()
    return table
