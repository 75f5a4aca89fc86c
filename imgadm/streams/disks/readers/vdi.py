"""The reader of VDI, VirtualBox's format: one table, and blocks in the order of their first use.

The layout is that of ``VDICore.h`` in VirtualBox.
"""

from __future__ import annotations

from collections.abc import Sequence

from imgadm.streams.disks.readers.disk_file import DiskFile, in_steps, numbers
from imgadm.streams.disks.readers.mapped import HOLE, MappedDisk

_SIGNATURE, _VERSION = 0xBEDA107F, 0x00010001
_DYNAMIC, _FIXED, _UNDO, _DIFFERENCING = 1, 2, 3, 4
_NOT_ALLOCATED, _DISCARDED = 0xFFFFFFFF, 0xFFFFFFFE
_PER_TABLE = 1 << 16


class _Vdi(MappedDisk):
    def __init__(self, file: DiskFile, size: int, block: int, table_at: int, data_at: int) -> None:
        super().__init__(file, size=size, cluster=block, per_table=_PER_TABLE)
        self._table_at, self._data_at = table_at, data_at

    def places(self, table: int) -> Sequence[int] | None:
        count = self.in_table(table)
        content = self.file.bytes_at(self._table_at + table * _PER_TABLE * 4, count * 4)
        if content == b"\xff" * len(content):
            return None
        blocks = numbers(content, 4, "little")
        if in_steps(blocks, 1) and blocks[-1] < _DISCARDED:
            first = self._data_at + blocks[0] * self.cluster
            return range(first, first + count * self.cluster, self.cluster)
        return [
            HOLE if block >= _DISCARDED else self._data_at + block * self.cluster
            for block in blocks
        ]


def read(file: DiskFile) -> MappedDisk:
    """Return the disk in ``file``, with all tables checked. Raises DiskFormatError and OSError."""
    signature, version, _, kind = file.unpack("<4I", 0x40)
    if signature != _SIGNATURE:
        raise file.begins_otherwise()
    if version != _VERSION:
        raise file.refused(f"has version {version >> 16}.{version & 0xFFFF}, and 1.1 can be read")
    if kind in (_UNDO, _DIFFERENCING):
        raise file.leads_on("holds only the differences from another disk, its parent")
    if kind not in (_DYNAMIC, _FIXED):
        raise file.refused(f"is of a type that imgadm does not know, {kind}")
    table_at, data_at = file.unpack("<2I", 0x154)
    size, block, extra, blocks = file.unpack("<Q3I", 0x170)
    link, parent = file.unpack("<16s16s", 0x1A8)
    if any(link) or any(parent):
        raise file.leads_on("names a parent")
    if not 4096 <= block <= 1 << 26 or block & (block - 1) or extra:
        raise file.refused(
            f"has blocks of {block} bytes, with {extra} more, which imgadm can't read"
        )
    if blocks * block < size or data_at < table_at + blocks * 4:
        raise file.damaged("its table does not fit its size")
    disk = _Vdi(file, size, block, table_at, data_at)
    disk.check()
    return disk
