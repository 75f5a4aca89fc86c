"""The base of disks whose tables say where in the file their clusters are.

The tables are checked as a whole. Then the disk can be read at any offset.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence

from imgadm.streams.disks.readers.disk_file import DiskFile

HOLE = -1
"""The place of a cluster that reads as zeros."""

_LARGEST_DISK = 64 << 40
"""The largest size of a disk in bytes: the limit of vhdx; that of vmdk is lower."""

_READ_SIZE = 1024 * 1024
"""The largest number of bytes of one read."""

_SMALLEST_HOLE = 256 * 1024
"""The size in bytes of the smallest reported hole; shorter ones are read with the data around."""


class MappedDisk(ABC):
    """A disk of ``size`` bytes in clusters of ``cluster`` bytes, ``per_table`` of them in a table.

    Each cluster has a *place*: :data:`HOLE`; an offset in the file if the cluster is stored plain;
    or a number below :data:`HOLE`, which only the format understands, for a packed cluster.
    ``packed_size`` is the number of bytes of the disk that one packed place holds. Each read first
    calls ``before_read``, whose exception ends a long read.
    """

    smallest_packed = 8
    """The smallest number of bytes in the file that a packed place needs."""

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
        self.packed_size = cluster
        self.before_read: Callable[[], object] = lambda: None
        self._content = memoryview(bytearray(_READ_SIZE))
        self._table: tuple[int, Sequence[int] | None] = (-1, None)
        self._unpacked: tuple[int, bytes] = (HOLE, b"")
        # The numbers of plain clusters and of packed places.
        self._plain = self._packed = 0
        # The offsets at which runs of data begin and end.
        self._starts, self._ends = array("Q"), array("Q")

    @abstractmethod
    def places(self, table: int) -> Sequence[int] | None:
        """Return the places of the clusters of a table that the disk has; None if all are holes."""

    def check_packed(self, place: int, offset: int) -> None:
        """Raise DiskFormatError unless the file has all bytes of the packed cluster at ``place``.

        ``offset`` is the offset of the cluster on the disk. A format without packed places does
        not define this method, nor :meth:`unpack`: nothing calls them then.
        """
        raise NotImplementedError

    def unpack(self, place: int, offset: int) -> bytes:
        """Return the content of a packed cluster. Raises DiskFormatError if it is damaged."""
        raise NotImplementedError

    def in_table(self, table: int) -> int:
        """Return the number of clusters of a table that the disk has."""
        clusters = -(-self.size // self.cluster)
        return min(self.per_table, clusters - table * self.per_table)

    def check(self) -> None:
        """Check every table. Raises DiskFormatError if one names bytes that are not in the file."""
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
            # Each cluster has a place of its own; only a disk made to do harm shares places.
            least = (self._plain - 1) * self.cluster + self._packed * self.smallest_packed
            if least > self.file.size:
                raise self.file.damaged("its tables name more clusters than the file has")

    def _check_plain(self, place: int, offset: int, clusters: int) -> None:
        """Check clusters that follow each other on the disk and in the file."""
        size = min(clusters * self.cluster, self.size - offset)
        self.file.require(place, size)
        self._plain += clusters
        end = place + size
        while place < end:  # a disk may name room that was made in advance and holds no data
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
        """Return the first run from ``offset`` that may hold data; past the end if none does."""
        run = bisect_right(self._ends, offset)
        if run == len(self._ends):
            return max(offset, self.size), max(offset, self.size)
        return max(self._starts[run], offset), self._ends[run]

    def read(self, offset: int, size: int) -> memoryview:
        """Return at most ``size`` bytes from ``offset``, and none at the end.

        They are valid until the next call.

        Raises DiskFormatError for a damaged cluster, and OSError.
        """
        self.before_read()
        content = self._content[: max(0, min(size, _READ_SIZE, self.size - offset))]
        done = 0
        while done < content.nbytes:
            done += self._fill(content[done:], offset + done)
        return content

    def _fill(self, memory: memoryview, offset: int) -> int:
        """Fill the beginning of ``memory`` from one place, and return the number of bytes."""
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
