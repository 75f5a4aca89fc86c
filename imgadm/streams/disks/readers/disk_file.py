"""The file that holds a disk: bytes and tables at any offset, and the errors of the readers."""

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
"""The largest table or description in bytes; those of the largest disks are smaller."""

_READ_AHEAD = 256 << 10
"""The number of bytes of tables that are read at once if they follow each other."""


class DiskFile:
    """A file of ``size`` bytes that holds a disk of ``format``; the caller owns the descriptor."""

    def __init__(self, descriptor: int, size: int, format_: str) -> None:
        self._descriptor = descriptor
        self.size = size
        self.format = format_
        self._ahead_from, self._ahead = 0, b""
        # The run of data that the last search found, and the offset from which it searched.
        self._data, self._seen_from = (0, 0), 0

    def bytes_at(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes at ``offset``. Raises DiskFormatError if the file ends before."""
        if size > _LARGEST_TABLE:
            raise self.damaged(f"a table of {size} bytes")
        self.require(offset, size)
        content = os.pread(self._descriptor, size, offset)
        if len(content) < size:
            raise self.cut_short()
        return content

    def table_at(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes like :meth:`bytes_at`, and read ahead the tables behind them."""
        at = offset - self._ahead_from
        if at >= 0 and at + size <= len(self._ahead):
            return self._ahead[at : at + size]
        in_order = offset == self._ahead_from + len(self._ahead)
        more = min(_READ_AHEAD, self.size - offset) if in_order else size
        self._ahead_from, self._ahead = offset, self.bytes_at(offset, max(size, more))
        return self._ahead[:size]

    def read_into(self, memory: memoryview, offset: int) -> None:
        """Fill ``memory`` from ``offset``. Raises DiskFormatError if the file ends before."""
        while memory.nbytes:
            content = os.pread(self._descriptor, memory.nbytes, offset)
            if not content:
                raise self.cut_short()
            memory[: len(content)] = content
            memory, offset = memory[len(content) :], offset + len(content)

    def data_within(self, start: int, end: int) -> tuple[int, int]:
        """Return the first run of data between ``start`` and ``end``, in whole clusters.

        The rest is holes of a sparse file, which read as zeros. Both results are ``end`` if there
        is no data.
        """
        if not self._seen_from <= start < self._data[1]:
            self._data, self._seen_from = self._next_data(start), start
        return min(max(start, self._data[0]), end), min(self._data[1], end)

    def _next_data(self, offset: int) -> tuple[int, int]:
        """Return the first run of data from ``offset``; all is data if the host can't tell."""
        if not hasattr(os, "SEEK_DATA"):
            return offset, self.size
        try:
            start = os.lseek(self._descriptor, offset, os.SEEK_DATA)
            end = os.lseek(self._descriptor, start, os.SEEK_HOLE)
        except OSError as error:
            return (self.size if error.errno == errno.ENXIO else offset), self.size
        return (start, end) if offset <= start < end else (offset, self.size)

    def unpack(self, layout: str, offset: int) -> tuple[Any, ...]:
        """Return the fields at ``offset`` by a ``layout`` of :mod:`struct`."""
        return struct.unpack(layout, self.bytes_at(offset, struct.calcsize(layout)))

    def require(self, offset: int, size: int) -> None:
        """Raise DiskFormatError unless the ``size`` bytes at ``offset`` are in the file."""
        if offset + size > self.size:
            raise self.cut_short()

    def begins_otherwise(self) -> DiskFormatError:
        """Return the error for a file whose first bytes are not those of the format."""
        return DiskFormatError(
            f"this is no {self.format} disk: it does not begin as one", wanted=self.format
        )

    def cut_short(self) -> DiskFormatError:
        """Return the error for a file that ends too early."""
        return DiskFormatError(
            f"the {self.format} disk is cut short: it has only {self.size} bytes, and its tables "
            "name more; copy it again, in full",
            got=self.size,
        )

    def damaged(self, how: str) -> DiskFormatError:
        """Return the error for a damaged disk; ``how`` is the damage."""
        return DiskFormatError(f"the {self.format} disk is damaged: {how}", got=self.format)

    def refused(self, why: str) -> DiskFormatError:
        """Return the error for a disk that imgadm does not read; ``why`` begins with a verb."""
        return DiskFormatError(f"the {self.format} disk {why}", got=self.format)

    def leads_on(self, how: str) -> DiskFormatError:
        """Return the error for a disk that needs another file; ``how`` begins with a verb."""
        return self.refused(
            f"{how}, and imgadm reads only disks in one file; if you trust it, make one file of "
            "all: qemu-img convert -O raw"
        )

    def encrypted(self) -> DiskFormatError:
        """Return the error for an encrypted disk."""
        return self.refused(
            "is encrypted; decrypt it first: qemu-img convert, with the key as --object secret,…"
        )


def is_zero(content: bytes) -> bool:
    """Tell whether all bytes are zeros."""
    return content == bytes(len(content))


def has_repeats(places: Iterable[int]) -> bool:
    """Tell whether a place other than 0 occurs twice."""
    used = sorted(place for place in places if place)  # a set would take more memory
    return any(map(eq, used, islice(used, 1, None)))


def in_steps(table: array[int], step: int) -> bool:
    """Tell whether each number is larger by ``step`` than the one before.

    That is so for a disk filled in order. No Python code runs for each number.
    """
    first, last = table[0], table[-1]
    return last - first == (len(table) - 1) * step and table == array(
        table.typecode, range(first, last + 1, step)
    )


def numbers(content: bytes, size: Literal[4, 8], order: Literal["big", "little"]) -> array[int]:
    """Return the unsigned numbers, of 4 or 8 bytes each, in a table."""
    table = array("I" if size == 4 else "Q", content)
    if order != sys.byteorder:
        table.byteswap()
    return table
