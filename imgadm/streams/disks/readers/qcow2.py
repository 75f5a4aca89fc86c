"""The reader of qcow2, QEMU's format: two levels of tables, and clusters that may be compressed.

The layout is that of ``docs/interop/qcow2.txt`` in QEMU. Reference counts are ignored, because only
writers need them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imgadm.streams.disks.readers.disk_file import DiskFile, has_repeats, in_steps, is_zero, numbers
from imgadm.streams.disks.readers.mapped import HOLE, MappedDisk
from imgadm.streams.disks.readers.packed import (
    inflate_raw,
    smallest_deflated,
    smallest_zstd,
    unpack_zstd,
)

_MAGIC = 0x514649FB
_DIRTY, _CORRUPT, _EXTERNAL_DATA, _COMPRESSION, _EXTENDED = 1, 2, 4, 8, 16
_KNOWN_FEATURES = _DIRTY | _CORRUPT | _EXTERNAL_DATA | _COMPRESSION | _EXTENDED
_CLUSTER_BITS = range(9, 22)
_LARGEST_L1 = 32 << 20

_OFFSET = 0x00FFFFFFFFFFFE00
_COMPRESSED, _READS_AS_ZEROS = 1 << 62, 1
_SUBCLUSTERS = 32
_ENTRIES_AT_ONCE = 1024
"""The largest number of entries of a second table that are read together."""

_SECTOR = 512


@dataclass(frozen=True)
class _Header:
    version: int
    cluster_bits: int
    size: int
    l1_entries: int
    l1_at: int
    features: int
    zstd: bool


class _Qcow2(MappedDisk):
    """A qcow2 disk. Its clusters are subclusters where the disk has them.

    A packed place is made of an entry of a second table.
    """

    def __init__(self, file: DiskFile, header: _Header) -> None:
        self._header = header
        self._whole = 1 << header.cluster_bits
        self._extended = bool(header.features & _EXTENDED)
        parts = _SUBCLUSTERS if self._extended else 1
        self._entry_size = 16 if self._extended else 8
        entries = self._whole // self._entry_size
        at_once = min(entries, _ENTRIES_AT_ONCE)
        self._pieces = entries // at_once
        super().__init__(
            file,
            size=header.size,
            cluster=self._whole // parts,
            per_table=at_once * parts,
        )
        self.packed_size = self._whole
        self._inflate = unpack_zstd if header.zstd else inflate_raw
        smallest = smallest_zstd if header.zstd else smallest_deflated
        self.smallest_packed = smallest(self._whole)
        self._l1 = self._read_l1(-(-self.size // (self._whole * entries)))

    def _read_l1(self, needed: int) -> Sequence[int]:
        if self._header.l1_entries < needed or needed * 8 > _LARGEST_L1:
            raise self.file.damaged(f"its first table has {self._header.l1_entries} entries")
        table = numbers(self.file.bytes_at(self._header.l1_at, needed * 8), 8, "big")
        if has_repeats(entry & _OFFSET for entry in table):
            raise self.file.damaged("two parts of the disk have the same table")
        if any(entry & _OFFSET & (self._whole - 1) for entry in table):
            raise self.file.damaged("a table does not start at a cluster")
        return table

    def places(self, table: int) -> Sequence[int] | None:
        number, piece = divmod(table, self._pieces)
        at = self._l1[number] & _OFFSET
        if not at:
            return None
        size = self._whole // self._pieces
        content = self.file.table_at(at + piece * size, size)
        if is_zero(content):
            return None
        entries = numbers(content, 8, "big")
        if self._extended:
            return self._of_subclusters(entries)[: self.in_table(table)]
        entries = entries[: self.in_table(table)]
        if in_steps(entries, self._whole):
            first, last = self._place(entries[0]), self._place(entries[-1])
            if last - first == (len(entries) - 1) * self._whole and first >= 0:
                return range(first, last + 1, self._whole)
        if entries.count(entries[0]) == len(entries) and self._place(entries[0]) == HOLE:
            return None
        return [self._place(entry) for entry in entries]

    def _place(self, entry: int) -> int:
        if entry & _COMPRESSED:
            return ~(entry & (_COMPRESSED - 1)) - 1
        place = entry & _OFFSET
        if place == 0 or (entry & _READS_AS_ZEROS and self._header.version > 2):
            return HOLE
        if place & (self._whole - 1):
            raise self.file.damaged(f"data is at {place}, which is not the start of a cluster")
        return place

    def _of_subclusters(self, entries: Sequence[int]) -> list[int]:
        places: list[int] = []
        for entry, bitmap in zip(entries[::2], entries[1::2], strict=True):
            if entry & _COMPRESSED:
                packed = ~(entry & (_COMPRESSED - 1)) - 1
                places += [packed] * _SUBCLUSTERS
                continue
            place = self._place(entry & ~_READS_AS_ZEROS)
            if (bitmap & bitmap >> 32) & 0xFFFFFFFF or (place == HOLE and bitmap & 0xFFFFFFFF):
                raise self.file.damaged(
                    "a part of a cluster is marked both as data and as zeros, or has no place"
                )
            places += [
                place + part * self.cluster if bitmap >> part & 1 else HOLE
                for part in range(_SUBCLUSTERS)
            ]
        return places

    def _packed_range(self, place: int) -> tuple[int, int]:
        """Return the offset of a compressed cluster and the largest number of bytes that it has."""
        entry = ~(place + 1)
        shift = 62 - (self._header.cluster_bits - 8)
        offset, sectors = entry & ((1 << shift) - 1), entry >> shift
        return offset, (sectors + 1) * _SECTOR - offset % _SECTOR

    def check_packed(self, place: int, offset: int) -> None:
        begin, size = self._packed_range(place)
        if begin + size > self.file.size:
            # A cluster ends within its last sector, which the last one in a file need not fill.
            self.file.require(max(begin, begin + size - _SECTOR), 1)
            content = self._inflated(begin, self.file.size - begin)
            if content is None or len(content) < self._whole:
                raise self.file.cut_short()

    def unpack(self, place: int, offset: int) -> bytes:
        begin, size = self._packed_range(place)
        content = self._inflated(begin, min(size, self.file.size - begin))
        if content is None:
            raise self.file.damaged(f"the compressed data for its byte {offset} is wrong")
        return content

    def _inflated(self, begin: int, size: int) -> bytes | None:
        return self._inflate(self.file.bytes_at(begin, size), self._whole)


def read(file: DiskFile) -> MappedDisk:
    """Return the disk in ``file``, with all tables checked. Raises DiskFormatError and OSError."""
    magic, version, backing, _, cluster_bits, size, encryption, entries, l1 = file.unpack(
        ">IIQIIQIIQ", 0
    )
    if magic != _MAGIC:
        raise file.begins_otherwise()
    if version not in (2, 3):
        raise file.refused(
            f"is of qcow version {version}, and 2 and 3 can be read; convert it first: qemu-img "
            "convert -O raw"
        )
    if backing:
        raise file.leads_on("has a backing file")
    if encryption:
        raise file.encrypted()
    features, zstd = (0, False) if version == 2 else _features(file)
    if cluster_bits not in _CLUSTER_BITS:
        raise file.damaged(f"its clusters have 2^{cluster_bits} bytes")
    if features & _EXTENDED and cluster_bits < 14:
        raise file.damaged("its clusters are too small for parts")
    disk = _Qcow2(file, _Header(version, cluster_bits, size, entries, l1, features, zstd))
    disk.check()
    return disk


def _features(file: DiskFile) -> tuple[int, bool]:
    """Return the features that a reader must know, and whether the compression is zstd."""
    (features,) = file.unpack(">Q", 72)
    (length,) = file.unpack(">I", 100)
    if features & _EXTERNAL_DATA:
        raise file.leads_on("has its data in another file")
    if features & ~_KNOWN_FEATURES:
        raise file.refused(f"needs features that imgadm does not know: {features:#x}")
    if features & _CORRUPT:
        raise file.refused("says that it is damaged; look at it with qemu-img check -r all")
    compression = file.bytes_at(104, 1)[0] if length > 104 else 0
    if compression > 1:
        raise file.refused(f"has a compression that imgadm does not know, {compression}")
    return features, compression == 1
