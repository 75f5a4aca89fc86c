"""A disk whose clusters are where its tables say: checked as a whole, then read at any offset."""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence

from imgadm.streams.disks.readers.disk_file import DiskFile

HOLE = -1
"""What a table says of a cluster that reads as zeros."""

_LARGEST_DISK = 64 << 40
"""Bytes of the largest disk that any of these formats is used for: vhdx ends there, vmdk before."""

_READ_SIZE = 1024 * 1024
"""Bytes of one read."""

_SMALLEST_HOLE = 256 * 1024
"""Bytes of a hole that is worth telling; what is shorter is read with the data around it."""


class MappedDisk(ABC):
    """``size`` bytes in clusters; each is a hole, or at its place in the file, plain or packed.

    A place is an offset in the file if the cluster is there as it is, :data:`HOLE`, or a number
    below that which only the format understands, for a packed one.
    """

    smallest_packed = 8
    """Bytes in the file of what one packed place is for, at least."""

    def __init__(self, file: DiskFile, *, size: int, cluster: int, per_table: int) -> None:
        if size == 0:
            raise file.refused("is empty")
        if size > _LARGEST_DISK:
            raise file.refused(
                f"has {size} bytes, and disks of up to {_LARGEST_DISK} bytes can be read"
            )
        self.file = file
        self.size = size
        self.cluster = cluster
        self.per_table = per_table
        # Bytes of the disk that one packed place is for; the others are for one cluster.
        self.packed_size = cluster
        # Called before each read; what it raises ends a long one.
        self.before_read: Callable[[], object] = lambda: None
        self._content = memoryview(bytearray(_READ_SIZE))
        self._table: tuple[int, Sequence[int] | None] = (-1, None)
        self._unpacked: tuple[int, bytes] = (HOLE, b"")
        # How many plain clusters there are, and how many packed places.
        self._plain = self._packed = 0
        # Where runs of data begin and end.
        self._starts, self._ends = array("Q"), array("Q")

    @abstractmethod
    def places(self, table: int) -> Sequence[int] | None:
        """Of the clusters that a table is about, as far as the disk goes; None: all are holes."""

    def check_packed(self, place: int, offset: int) -> None:
        """Raise DiskFormatError if the file has not all of the packed cluster for this offset."""
        raise NotImplementedError

    def unpack(self, place: int, offset: int) -> bytes:
        """The content of a packed cluster. Raises DiskFormatError if it is damaged."""
        raise NotImplementedError

    def in_table(self, table: int) -> int:
        """How many clusters the disk has there."""
        clusters = -(-self.size // self.cluster)
        return min(self.per_table, clusters - table * self.per_table)

    def check(self) -> None:
        """Look at every table; raises DiskFormatError if one names what is not in the file."""
        tables = -(-self.size // (self.cluster * self.per_table))
        for table in range(tables):
            places = self.places(table)
            if places is None:
                continue
            offset = table * self.per_table * self.cluster
            if isinstance(places, range) and places.step == self.cluster:
                self._check_plain(places.start, offset, len(places))
            else:
                for place in places:
                    if place >= 0:
                        self._check_plain(place, offset, 1)
                    elif place != HOLE and offset % self.packed_size == 0:
                        self.check_packed(place, offset)
                        self._packed += 1
                        self._note_data(offset, offset + self.packed_size)
                    offset += self.cluster
            # Each cluster has its own place; only a disk that is made to do harm shares one.
            least = (self._plain - 1) * self.cluster + self._packed * self.smallest_packed
            if least > self.file.size:
                raise self.file.damaged("its tables name more clusters than the file has")

    def _check_plain(self, place: int, offset: int, clusters: int) -> None:
        """Some that follow each other, on the disk and in the file."""
        size = min(clusters * self.cluster, self.size - offset)
        self.file.require(place, size)
        self._plain += clusters
        end = place + size
        while place < end:  # room that was made for a disk in advance is data, and there is none
            start, stop = self.file.data_within(place, end)
            if start < stop:
                self._note_data(offset + start - place, offset + stop - place)
            place, offset = stop, offset + stop - place

    def _note_data(self, offset: int, end: int) -> None:
        end = min(end, self.size)
        if self._ends and offset - self._ends[-1] < _SMALLEST_HOLE:
            self._ends[-1] = max(end, self._ends[-1])
        else:
            self._starts.append(offset)
            self._ends.append(end)

    def find_data(self, offset: int) -> tuple[int, int]:
        """The first run at or after ``offset`` that may hold data; past the end if none does."""
        run = bisect_right(self._ends, offset)
        if run == len(self._ends):
            return max(offset, self.size), max(offset, self.size)
        return max(self._starts[run], offset), self._ends[run]

    def read(self, offset: int, size: int) -> memoryview:
        """At most ``size`` bytes from ``offset``, good until the next call; none at the end.

        Raises DiskFormatError for a damaged cluster, OSError.
        """
        self.before_read()
        content = self._content[: max(0, min(size, _READ_SIZE, self.size - offset))]
        done = 0
        while done < content.nbytes:
            done += self._fill(content[done:], offset + done)
        return content

    def _fill(self, memory: memoryview, offset: int) -> int:
        """Fill the beginning of the memory, from one place; how much that was."""
        number, within = divmod(offset, self.cluster)
        table, index = divmod(number, self.per_table)
        if self._table[0] != table:
            self._table = (table, self.places(table))
        places = self._table[1]
        if places is None:
            count = min(memory.nbytes, (self.per_table - index) * self.cluster - within)
            memory[:count] = bytes(count)
            return count
        place = places[index]
        count = min(memory.nbytes, self.cluster - within)
        if place < HOLE:
            within = offset % self.packed_size
            count = min(memory.nbytes, self.packed_size - within)
            memory[:count] = self._unpack(place, offset - within)[within : within + count]
            return count
        while count < memory.nbytes and index + 1 < len(places):
            index += 1
            following = HOLE if place == HOLE else place + within + count
            if places[index] != following:
                break
            count = min(memory.nbytes, count + self.cluster)
        if place == HOLE:
            memory[:count] = bytes(count)
        else:
            self.file.read_into(memory[:count], place + within)
        return count

    def _unpack(self, place: int, offset: int) -> bytes:
        if self._unpacked[0] != place:
            content = self.unpack(place, offset)
            if len(content) < min(self.packed_size, self.size - offset):
                raise self.file.damaged(f"the data for its byte {offset} ends too early")
            self._unpacked = (place, content)
        return self._unpacked[1]
