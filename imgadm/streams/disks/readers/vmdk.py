"""The reader of VMDK in one file, VMware's format: sparse, or compressed for transport.

The layout is that of VMware's "Virtual Disk Format 5.0", sections 4 and 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imgadm.streams.disks.readers.disk_file import DiskFile, has_repeats, in_steps, is_zero, numbers
from imgadm.streams.disks.readers.mapped import HOLE, MappedDisk
from imgadm.streams.disks.readers.packed import inflate_zlib, smallest_deflated
from imgadm.streams.disks.readers.vmdk_description import described_sectors

_SECTOR = 512
_LAYOUT = "<4sIIQQQQIQQQ?4sH"
_UNTOUCHED = b"\n \r\n"  # a transfer in text mode changes these bytes
_REDUNDANT, _ZEROED_GRAINS, _COMPRESSED, _MARKERS = 1 << 1, 1 << 2, 1 << 16, 1 << 17
_KNOWN_FLAGS = 1 | _REDUNDANT | _ZEROED_GRAINS | _COMPRESSED | _MARKERS
_DEFLATE = 1
_AT_END = (1 << 64) - 1
"""The offset that means: the copy of the header at the end has the offset of the tables."""

_FOOTER = 3
_ZEROED = 1
_MARKER = 12
_LARGEST_GRAIN = 1 << 15
"""The largest grain in sectors.

VMware's grains have 128. The specification demands more than 8, and other programs make smaller
ones.
"""

_LARGEST_DIRECTORY = 16 << 20
"""The largest directory in bytes; a disk of 64 TiB with VMware's grains needs half of that."""


@dataclass(frozen=True)
class _Header:
    version: int
    flags: int
    capacity: int  # this and all sizes and offsets below are in sectors
    grain: int
    description: int
    description_size: int
    per_table: int
    directory: int
    overhead: int
    compression: int


class _Vmdk(MappedDisk):
    """A VMDK disk. A packed place is made of the offset of the grain's marker."""

    def __init__(self, file: DiskFile, header: _Header, sectors: int) -> None:
        grain = header.grain * _SECTOR
        super().__init__(file, size=sectors * _SECTOR, cluster=grain, per_table=header.per_table)
        self._header = header
        self._packs = bool(header.flags & _COMPRESSED)
        self.smallest_packed = _MARKER + smallest_deflated(grain)
        tables = -(-self.size // (grain * header.per_table))
        if tables * 4 > _LARGEST_DIRECTORY:
            raise file.damaged(f"it has {tables} tables")
        directory = file.bytes_at(header.directory * _SECTOR, tables * 4)
        self._tables = numbers(directory, 4, "little")
        if has_repeats(self._tables):
            raise file.damaged("two parts of the disk have the same table")

    def places(self, table: int) -> Sequence[int] | None:
        at = self._tables[table]
        if at == 0:
            return None
        content = self.file.table_at(at * _SECTOR, self.per_table * 4)
        if is_zero(content):
            return None
        grains = numbers(content, 4, "little")[: self.in_table(table)]
        if not self._packs and in_steps(grains, self._header.grain):
            first, last = self._place(grains[0]), self._place(grains[-1])
            if first > _ZEROED:
                return range(first, last + 1, self.cluster)
        return [self._place(sector) for sector in grains]

    def _place(self, sector: int) -> int:
        if sector == 0 or (sector == _ZEROED and self._header.flags & _ZEROED_GRAINS):
            return HOLE
        if sector < self._header.overhead and not self._packs:
            raise self.file.damaged(f"data is in sector {sector}, among its tables")
        return ~(sector * _SECTOR) - 1 if self._packs else sector * _SECTOR

    def _packed_range(self, place: int, offset: int) -> tuple[int, int]:
        begin = ~(place + 1)
        sector, size = self.file.unpack("<QI", begin)
        if sector * _SECTOR != offset or not 0 < size <= 2 * self.cluster + 4096:
            raise self.file.damaged(f"the data for its byte {offset} has the mark of another place")
        return begin + _MARKER, size

    def check_packed(self, place: int, offset: int) -> None:
        begin = ~(place + 1)
        self.file.require(begin, _MARKER + 1)
        if (
            begin + _MARKER + 2 * self.cluster + 4096 > self.file.size
        ):  # otherwise it can't reach beyond the end
            self.file.require(*self._packed_range(place, offset))

    def unpack(self, place: int, offset: int) -> bytes:
        content = inflate_zlib(self.file.bytes_at(*self._packed_range(place, offset)), self.cluster)
        if content is None:
            raise self.file.damaged(f"the compressed data for its byte {offset} is wrong")
        return content


def read(file: DiskFile) -> MappedDisk:
    """Return the disk in ``file``, with all tables checked. Raises DiskFormatError and OSError."""
    header = _header(file, 0)
    if header.directory == _AT_END:
        header = _footer(file, header)
    _check(file, header)
    disk = _Vmdk(file, header, _sectors(file, header))
    disk.check()
    return disk


def _header(file: DiskFile, offset: int) -> _Header:
    magic, *fields, _, untouched, compression = file.unpack(_LAYOUT, offset)
    if magic != b"KDMV":
        raise file.cut_short() if offset else file.begins_otherwise()
    if untouched != _UNTOUCHED:
        raise file.damaged("a transfer in text mode has changed it; copy it again in binary mode")
    version, flags, capacity, grain, description, size, per_table, _, directory, over = fields
    return _Header(
        version, flags, capacity, grain, description, size, per_table, directory, over, compression
    )


def _footer(file: DiskFile, first: _Header) -> _Header:
    """Return the header at the end, which stands between its marker and that of the end."""
    if file.size < 4 * _SECTOR:
        raise file.cut_short()
    marker = file.unpack("<8xII", file.size - 3 * _SECTOR)
    if marker != (0, _FOOTER) or any(file.bytes_at(file.size - _SECTOR, _SECTOR)):
        raise file.cut_short()
    footer = _header(file, file.size - 2 * _SECTOR)
    if footer.directory == _AT_END or footer.capacity != first.capacity:
        raise file.damaged("the header at its end contradicts the one at its beginning")
    return footer


def _check(file: DiskFile, header: _Header) -> None:
    if header.version not in (1, 2, 3):
        raise file.refused(f"has version {header.version}, and 1 to 3 can be read")
    if header.flags & ~_KNOWN_FLAGS:
        raise file.refused(f"has flags that imgadm does not know: {header.flags:#x}")
    packs = bool(header.flags & _COMPRESSED)
    if packs != bool(header.flags & _MARKERS) or header.compression != (_DEFLATE if packs else 0):
        raise file.refused("is compressed in a way that imgadm does not know")
    if header.capacity == 0:
        raise file.leads_on("is described by other files")
    if not 1 <= header.grain <= _LARGEST_GRAIN or header.grain & (header.grain - 1):
        raise file.damaged(f"its grains have {header.grain} sectors")
    if not 0 < header.per_table <= 512:
        raise file.damaged(f"its tables have {header.per_table} entries")


def _sectors(file: DiskFile, header: _Header) -> int:
    """Return the size of the disk in sectors, by its description."""
    if header.description == 0 or header.description_size == 0:
        raise file.leads_on("is a part of a disk that another file describes")
    content = file.bytes_at(header.description * _SECTOR, header.description_size * _SECTOR)
    sectors = described_sectors(content.partition(b"\0")[0], file)
    # VirtualBox rounds the capacity up to whole grains, but not the size of the disk.
    if not 0 <= header.capacity - sectors < max(header.grain, 128):
        raise file.damaged(f"it describes {sectors} sectors, and has {header.capacity}")
    return sectors
