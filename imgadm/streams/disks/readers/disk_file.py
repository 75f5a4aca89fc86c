"""The file that a disk is in: bytes and tables at any offset, or an error that says why not."""

from __future__ import annotations

import errno
import os
import struct
import sys
from array import array
from collections.abc import Iterable
from itertools import islice
from operator import eq
from typing import Any, Literal

from imgadm.streams.disks.formats import DiskFormatError

_LARGEST_TABLE = 64 << 20
"""Of one table or description, in bytes; those of the largest disks are smaller."""

_READ_AHEAD = 256 << 10
"""Bytes of tables that are read at once where they follow each other."""


class DiskFile:
    """``size`` bytes behind a borrowed descriptor, which hold a disk of ``format``."""

    def __init__(self, descriptor: int, size: int, format_: str) -> None:
        self._descriptor = descriptor
        self.size = size
        self.format = format_
        self._ahead_from, self._ahead = 0, b""
        # Where the file has data, as far as the last look told: nothing before, something up to.
        self._data, self._seen_from = (0, 0), 0

    def bytes_at(self, offset: int, size: int) -> bytes:
        """Exactly so many bytes; raises DiskFormatError if the file ends before."""
        if size > _LARGEST_TABLE:
            raise self.damaged(f"a table of {size} bytes")
        self.require(offset, size)
        content = os.pread(self._descriptor, size, offset)
        if len(content) < size:
            raise self.cut_short()
        return content

    def table_at(self, offset: int, size: int) -> bytes:
        """As :meth:`bytes_at`, for one of many: those that follow in the file are read with it."""
        at = offset - self._ahead_from
        if at >= 0 and at + size <= len(self._ahead):
            return self._ahead[at : at + size]
        in_order = offset == self._ahead_from + len(self._ahead)
        more = min(_READ_AHEAD, self.size - offset) if in_order else size
        self._ahead_from, self._ahead = offset, self.bytes_at(offset, max(size, more))
        return self._ahead[:size]

    def read_into(self, memory: memoryview, offset: int) -> None:
        """Fill the memory; raises DiskFormatError if the file ends before."""
        while memory.nbytes:
            content = os.pread(self._descriptor, memory.nbytes, offset)
            if not content:
                raise self.cut_short()
            memory[: len(content)] = content
            memory, offset = memory[len(content) :], offset + len(content)

    def data_within(self, start: int, end: int) -> tuple[int, int]:
        """The first run of data there, whole clusters of the file system; both are ``end`` if all
        is a hole of the file, which is sparse: zeros that were never written.
        """
        if not self._seen_from <= start < self._data[1]:
            self._data, self._seen_from = self._next_data(start), start
        return min(max(start, self._data[0]), end), min(self._data[1], end)

    def _next_data(self, offset: int) -> tuple[int, int]:
        """The first run of data at or after the offset; where no one can tell, all is data."""
        if not hasattr(os, "SEEK_DATA"):
            return offset, self.size
        try:
            start = os.lseek(self._descriptor, offset, os.SEEK_DATA)
            end = os.lseek(self._descriptor, start, os.SEEK_HOLE)
        except OSError as error:
            return (self.size if error.errno == errno.ENXIO else offset), self.size
        return (start, end) if offset <= start < end else (offset, self.size)

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
    return content == bytes(len(content))


def has_repeats(places: Iterable[int]) -> bool:
    """Whether a place that is not 0 is there twice; a sorted list takes less memory than a set."""
    used = sorted(place for place in places if place)
    return any(map(eq, used, islice(used, 1, None)))


def in_steps(table: array[int], step: int) -> bool:
    """Whether each number is larger by ``step`` than the one before, as in a disk filled in order.

    It is found out at once, without a look at each in turn.
    """
    first, last = table[0], table[-1]
    return last - first == (len(table) - 1) * step and table == array(
        table.typecode, range(first, last + 1, step)
    )


def numbers(content: bytes, size: Literal[4, 8], order: Literal["big", "little"]) -> array[int]:
    """The unsigned numbers, of 4 or 8 bytes each, that a table consists of."""
    table = array("I" if size == 4 else "Q", content)
    if order != sys.byteorder:
        table.byteswap()
    return table
