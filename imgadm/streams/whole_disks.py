"""Whether a disk file is all there, by its own tables.

QEMU reads what a file lacks at its end as zeros, and says nothing: a download that was cut would
become an image with holes. Only in ``vhdx`` and ``vpc`` it looks for that by itself.
"""

from __future__ import annotations

import os
import struct
from typing import Any

from imgadm.streams.disk_formats import DiskFormatError

_SECTOR = 512

#: Larger tables than QEMU takes are left for it to refuse.
_QCOW2_TABLE_BYTES = 8 << 20
_QCOW2_CLUSTER_BITS = range(9, 22)
_VMDK_TABLES = 1 << 19
_VMDK_GRAINS_PER_TABLE = 512

#: Instead of where the tables are: in the copy of the header at the end, two sectors before it.
_VMDK_AT_END = (1 << 64) - 1


def check_whole(format_: str, descriptor: int, size: int) -> None:
    """Raise DiskFormatError if the file, of ``size`` bytes, is shorter than its tables say."""
    least = 0
    try:
        match format_:
            case "qcow2":
                least = _qcow2_size(descriptor)
            case "vmdk":
                least = _vmdk_size(descriptor, size)
            case "vdi":
                least = _vdi_size(descriptor)
    except struct.error:
        least = size + 1  # a table is cut itself
    if least > size:
        raise DiskFormatError(
            f"the {format_} disk is cut short, it has only {size} bytes; copy it again, in full",
            got=size,
        )


def _qcow2_size(descriptor: int) -> int:
    """The start of the last cluster that is in use, and one byte of it."""
    version, cluster_bits = _read(descriptor, ">4xI12xI", 0)
    table_offset, clusters = _read(descriptor, ">QI", 48)
    order = _read(descriptor, ">I", 96)[0] if version > 2 else 4
    table_bytes = clusters << cluster_bits if cluster_bits in _QCOW2_CLUSTER_BITS else 0
    if not 0 < table_bytes <= _QCOW2_TABLE_BYTES or order > 6:
        return 0
    table = _read(descriptor, f">{table_bytes // 8}Q", table_offset)
    used = next((index for index in reversed(range(len(table))) if table[index]), None)
    if used is None:
        return 0
    cluster = 1 << cluster_bits
    (counts,) = _read(descriptor, f"{cluster}s", table[used] & -_SECTOR)
    counted_before = used * (cluster * 8 >> order)
    last = counted_before + ((len(counts.rstrip(b"\0")) - 1) * 8 >> order)
    return int(last * cluster + 1)


def _vmdk_size(descriptor: int, size: int) -> int:
    """The start of the last grain in use, and one byte of it."""
    (directory,) = _read(descriptor, "<Q", 56)
    header = 0
    if directory == _VMDK_AT_END:
        header = size - 2 * _SECTOR
        if header < 0 or _read(descriptor, "4s", header) != (b"KDMV",):
            return size + 1
    capacity, grain = _read(descriptor, "<QQ", header + 12)
    (in_table,) = _read(descriptor, "<I", header + 44)
    (directory,) = _read(descriptor, "<Q", header + 56)
    if not grain or not 0 < in_table <= _VMDK_GRAINS_PER_TABLE:
        return 0
    tables = -(-capacity // (grain * in_table))
    if tables > _VMDK_TABLES:
        return 0
    last = 0
    for table in filter(None, _read(descriptor, f"<{tables}I", directory * _SECTOR)):
        last = max(last, *_read(descriptor, f"<{in_table}I", table * _SECTOR), table)
    return int(last * _SECTOR + 1)


def _vdi_size(descriptor: int) -> int:
    """The end of the last block: they are in the file in the order of their first use."""
    (data,) = _read(descriptor, "<I", 0x158)
    block, extra, _, allocated = _read(descriptor, "<4I", 0x178)
    return int(data + allocated * (block + extra))


def _read(descriptor: int, layout: str, offset: int) -> tuple[Any, ...]:
    """What the file has at ``offset``; ``struct.error`` where it ends before."""
    if offset >= 1 << 63:
        raise struct.error
    return struct.unpack(layout, os.pread(descriptor, struct.calcsize(layout), offset))
