"""The reader of VHDX, Hyper-V's format: regions, metadata, and one table.

The layout is that of Microsoft's [MS-VHDX].
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from uuid import UUID

from imgadm.streams.disks.readers.crc32c import crc32c
from imgadm.streams.disks.readers.disk_file import DiskFile, is_zero, numbers
from imgadm.streams.disks.readers.mapped import HOLE, MappedDisk

_KIB, _MIB = 1 << 10, 1 << 20
_HEADERS, _REGIONS = (64 * _KIB, 128 * _KIB), (192 * _KIB, 256 * _KIB)
_TABLE = UUID("2DC27766-F623-4200-9D64-115E9BFD4A08")
_METADATA = UUID("8B7CA206-4790-4B9A-B8FE-575F050F886E")
_PARAMETERS = UUID("CAA16737-FA36-4D43-B3B6-33F0AA44E76B")
_SIZE = UUID("2FA54224-CD1B-4876-B211-5DBED83BF4B8")
_SECTOR = UUID("8141BF1D-A96F-4709-BA47-F233A8FAAB5F")
_PARENT = UUID("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C")
_OTHER_ITEMS = {
    UUID("CDA348C7-445D-4471-9CC9-E9885251C556"),  # physical sector size
    UUID("BECA12AB-B2E6-4523-93EF-C309E000C746"),  # the identifier of the disk
}
_REGION_REQUIRED, _ITEM_REQUIRED = 1, 4
_HAS_PARENT = 2

_ZEROS, _PRESENT, _PARTLY = (0, 1, 2, 3, 5), 6, 7
"""The states of a block: read as zeros, all in the file, and partly in a parent."""

_PER_TABLE = 1 << 14


class _Vhdx(MappedDisk):
    def __init__(
        self, file: DiskFile, size: int, block: int, sector: int, region: tuple[int, int]
    ) -> None:
        super().__init__(file, size=size, cluster=block, per_table=_PER_TABLE)
        self._at, length = region
        # After so many blocks the table has an entry for a bitmap that only parents need.
        self._chunk = (sector << 23) // block
        if self._entry(-(-size // block) - 1) * 8 + 8 > length:
            raise file.damaged("its table does not fit its size")

    def _entry(self, block: int) -> int:
        return block + block // self._chunk

    def places(self, table: int) -> Sequence[int] | None:
        first = table * _PER_TABLE
        last = first + self.in_table(table) - 1
        begin, end = self._entry(first), self._entry(last) + 1
        content = self.file.bytes_at(self._at + begin * 8, (end - begin) * 8)
        if is_zero(content):
            return None
        entries = numbers(content, 8, "little")
        return [self._place(entries[self._entry(at) - begin]) for at in range(first, last + 1)]

    def _place(self, entry: int) -> int:
        state = entry & 7
        if state in _ZEROS:
            return HOLE
        if state == _PARTLY:
            raise self.file.leads_on("has a part of a block in another disk")
        if state != _PRESENT:
            raise self.file.damaged(f"a block is in the state {state}")
        return entry >> 20 << 20


def read(file: DiskFile) -> MappedDisk:
    """Return the disk in ``file``, with all tables checked. Raises DiskFormatError and OSError."""
    if file.bytes_at(0, 8) != b"vhdxfile":
        raise file.begins_otherwise()
    _check_header(file)
    regions = _regions(file)
    items = _items(file, *regions[_METADATA])
    try:
        block, flags = struct.unpack_from("<II", items[_PARAMETERS])
        (size,) = struct.unpack("<Q", items[_SIZE])
        (sector,) = struct.unpack("<I", items[_SECTOR])
    except (KeyError, struct.error) as error:
        raise file.damaged("its metadata lack a size") from error
    if flags & _HAS_PARENT or _PARENT in items:
        raise file.leads_on("holds only the differences from another disk, its parent")
    if flags & ~3:
        raise file.refused(f"has flags that imgadm does not know: {flags:#x}")
    if sector not in (512, 4096) or not _MIB <= block <= 256 * _MIB or block & (block - 1):
        raise file.damaged(f"it has blocks of {block} bytes and sectors of {sector}")
    disk = _Vhdx(file, size, block, sector, regions[_TABLE])
    disk.check()
    return disk


def _check_header(file: DiskFile) -> None:
    """Check the newer of the two headers, whose log must be empty."""
    headers = [file.bytes_at(offset, 4 * _KIB) for offset in _HEADERS]
    whole = [header for header in headers if _is_whole(header, b"head")]
    if not whole:
        raise file.damaged("both copies of its header are damaged")
    newest = max(whole, key=lambda header: int.from_bytes(header[8:16], "little"))
    _, version = struct.unpack_from("<HH", newest, 64)
    if version != 1:
        raise file.refused(f"has version {version}, and 1 can be read")
    if any(newest[48:64]):
        raise file.refused(
            "was not closed: its log has changes that are not on the disk yet; attach it once on "
            "its host, or run qemu-img check -r all"
        )


def _is_whole(content: bytes, signature: bytes) -> bool:
    (checksum,) = struct.unpack_from("<I", content, 4)
    summed = content[:4] + bytes(4) + content[8:]
    return content.startswith(signature) and crc32c(summed) == checksum


def _regions(file: DiskFile) -> dict[UUID, tuple[int, int]]:
    """Return the offset and length of the table and of the metadata."""
    content = next(
        (
            table
            for table in (file.bytes_at(offset, 64 * _KIB) for offset in _REGIONS)
            if _is_whole(table, b"regi")
        ),
        None,
    )
    if content is None:
        raise file.damaged("it has no list of regions that is whole")
    (count,) = struct.unpack_from("<I", content, 8)
    found = {}
    for index in range(min(count, 2047)):
        name, offset, length, flags = struct.unpack_from("<16sQII", content, 16 + 32 * index)
        region = UUID(bytes_le=name)
        if region in (_TABLE, _METADATA):
            found[region] = (offset, length)
        elif flags & _REGION_REQUIRED:
            raise file.refused(f"needs a region that imgadm does not know, {region}")
    if len(found) != 2:
        raise file.damaged("a region is missing")
    for offset, length in found.values():
        file.require(offset, length)
    return found


def _items(file: DiskFile, offset: int, length: int) -> dict[UUID, bytes]:
    """Return the items of the metadata."""
    content = file.bytes_at(offset, min(length, _MIB))
    if len(content) < 64 * _KIB or not content.startswith(b"metadata"):
        raise file.damaged("its metadata are wrong")
    (count,) = struct.unpack_from("<H", content, 10)
    items = {}
    for index in range(min(count, 1023)):
        name, at, size, flags = struct.unpack_from("<16s3I", content, 32 + 32 * index)
        item = UUID(bytes_le=name)
        if item in (_PARAMETERS, _SIZE, _SECTOR, _PARENT):
            items[item] = content[at : at + min(size, 8)]
        elif flags & _ITEM_REQUIRED and item not in _OTHER_ITEMS:
            raise file.refused(f"needs metadata that imgadm does not know, {item}")
    return items
