"""The reader of VHD, the format of Virtual PC, Hyper-V and Azure: a footer, perhaps a table.

A dynamic disk has a table. A fixed disk is a raw disk with a footer.

The layout is that of Microsoft's "Virtual Hard Disk Image Format Specification", version 1.0.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from imgadm.streams.disks.formats import VHD_COOKIE, VHD_FOOTER_SIZE, DiskFormatError
from imgadm.streams.disks.readers.disk_file import DiskFile, numbers
from imgadm.streams.disks.readers.mapped import HOLE, MappedDisk

_VERSION = 0x00010000
_FIXED, _DYNAMIC, _DIFFERENCING = 2, 3, 4
_NOT_ALLOCATED = 0xFFFFFFFF
_PER_TABLE = 1 << 14
_SECTOR = 512

_BY_GEOMETRY = (b"vpc ", b"qemu")
"""The creators whose disks have the size of their geometry: Virtual PC, and QEMU before 2.1."""

_LARGEST_GEOMETRY = (65535, 16, 255)
"""The largest geometry; a disk with it may be larger."""


@dataclass(frozen=True)
class VhdFooter:
    """The fields of a footer.

    ``size`` is the size of the disk in bytes, ``stored`` the size that the footer records.
    ``header_at`` is the offset of the header of a dynamic disk.
    """

    type: int
    size: int
    stored: int
    header_at: int


def vhd_footer(content: bytes) -> VhdFooter | None:
    """Return the footer in ``content``, the last VHD_FOOTER_SIZE bytes of a file.

    Returns None if they are no footer. Raises DiskFormatError for a damaged footer.
    """
    if len(content) < VHD_FOOTER_SIZE or not content.startswith(VHD_COOKIE):
        return None
    version, header_at, creator = struct.unpack_from(">IQ4x4s", content, 12)
    (stored,) = struct.unpack_from(">Q", content, 48)
    *geometry, kind, checksum = struct.unpack_from(">HBBII", content, 56)
    if checksum != _checksum(content, 64):
        raise DiskFormatError(
            "the vpc disk is damaged: the checksum of its footer is wrong", got="vpc"
        )
    if version != _VERSION:
        raise DiskFormatError(
            f"the vpc disk has version {version >> 16}.{version & 0xFFFF}, and 1.0 can be read",
            got="vpc",
        )
    size = stored
    if creator in _BY_GEOMETRY and tuple(geometry) != _LARGEST_GEOMETRY:
        cylinders, heads, sectors = geometry
        size = cylinders * heads * sectors * _SECTOR
        if size > stored:
            raise DiskFormatError(
                f"the vpc disk is damaged: it has {stored} bytes, and a geometry of {size}",
                got="vpc",
            )
    return VhdFooter(kind, size, stored, header_at)


def fixed_size(footer: VhdFooter, content_size: int) -> int:
    """Return the size of a fixed disk with ``content_size`` bytes before its footer.

    Raises DiskFormatError if the footer is not that of a fixed disk, or records another size.
    """
    if footer.type == _DIFFERENCING:
        raise DiskFormatError(_DIFFERS, got="vpc")
    if footer.type != _FIXED:
        raise DiskFormatError(
            f"the vpc disk is of type {footer.type}, and its first bytes are not those of the type",
            got="vpc",
        )
    if footer.stored != content_size:
        raise DiskFormatError(
            f"the vpc disk is {'cut short' if content_size < footer.stored else 'damaged'}: its "
            f"footer says {footer.stored} bytes, and the file has {content_size}; copy it again, "
            "in full",
            got=content_size,
            wanted=footer.stored,
        )
    return footer.size


_DIFFERS = (
    "the vpc disk holds only the differences from another disk, its parent, and imgadm reads only "
    "disks in one file; if you trust it, make one file of all: qemu-img convert -O raw"
)


def _checksum(content: bytes, field: int) -> int:
    """Return the ones' complement of the sum of all bytes but those of the field itself."""
    return ~(sum(content) - sum(content[field : field + 4])) & 0xFFFFFFFF


class _DynamicVhd(MappedDisk):
    def __init__(self, file: DiskFile, size: int, block: int, table_at: int) -> None:
        super().__init__(file, size=size, cluster=block, per_table=_PER_TABLE)
        self._table_at = table_at
        bitmap = block // _SECTOR // 8
        self._before_data = -(-bitmap // _SECTOR) * _SECTOR

    def places(self, table: int) -> Sequence[int] | None:
        count = self.in_table(table)
        content = self.file.bytes_at(self._table_at + table * _PER_TABLE * 4, count * 4)
        if content == b"\xff" * len(content):
            return None
        return [
            HOLE if sector == _NOT_ALLOCATED else sector * _SECTOR + self._before_data
            for sector in numbers(content, 4, "big")
        ]


def read(file: DiskFile) -> MappedDisk:
    """Return the dynamic disk in ``file``, with its table checked.

    A fixed disk is read as a raw disk without its footer. Raises DiskFormatError and OSError.
    """
    footer = vhd_footer(file.bytes_at(0, VHD_FOOTER_SIZE))
    if footer is None:
        raise file.begins_otherwise()
    if footer.type == _DIFFERENCING:
        raise DiskFormatError(_DIFFERS, got="vpc")
    if footer.type != _DYNAMIC:
        raise file.refused(
            f"is of type {footer.type}, and its first bytes are not those of the type"
        )
    if (
        file.size < 2 * VHD_FOOTER_SIZE
        or file.bytes_at(file.size - VHD_FOOTER_SIZE, 8) != VHD_COOKIE
    ):
        raise DiskFormatError(
            "the vpc disk is cut short: its footer is not at its end; copy it again, in full",
            got=file.size,
        )
    header = file.bytes_at(footer.header_at, 1024)
    cookie, table_at = struct.unpack_from(">8s8xQ", header)
    version, entries, block, checksum = struct.unpack_from(">4I", header, 24)
    if cookie != b"cxsparse" or checksum != _checksum(header, 36):
        raise file.damaged("its header is wrong")
    if version != _VERSION or block & (block - 1) or not 4096 <= block <= 1 << 28:
        raise file.refused(
            f"has version {version:#x} and blocks of {block} bytes, which imgadm can't read"
        )
    if entries * block < footer.size:
        raise file.damaged("its table does not fit its size")
    disk = _DynamicVhd(file, footer.size, block, table_at)
    disk.check()
    return disk
