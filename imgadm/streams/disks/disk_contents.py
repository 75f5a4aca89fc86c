"""The content of a disk: partition tables and file systems, recognised by their first bytes."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

CONTENT_HEAD_SIZE = 132 * 1024
"""The number of bytes from the start of a disk that the functions of this module need."""

_KNOWN: tuple[tuple[str, bytes, int], ...] = (
    ("a partition table", b"\x55\xaa", 510),
    ("a GPT", b"EFI PART", 512),
    ("a GPT", b"EFI PART", 4096),
    ("an Apple partition map", b"ER", 0),
    ("an Amiga partition table", b"RDSK", 0),
    ("an SGI label", b"\x0b\xe5\xa9\x41", 0),
    ("a Sun label", b"\xda\xbe", 508),
    ("a Sun label", b"\xbe\xda", 508),
    ("a BSD label", b"\x57\x45\x56\x82", 0),
    ("a BSD label", b"\x57\x45\x56\x82", 64),
    ("a BSD label", b"\x57\x45\x56\x82", 512),
    ("an ext file system", b"\x53\xef", 1080),
    ("XFS", b"XFSB", 0),
    ("btrfs", b"_BHRfS_M", 0x10040),
    ("ZFS", b"\x01\x01\0\0\0\0\0\0\0\0\0\x01", 16384),
    ("ZFS", b"\x01\0\0\0\0\0\0\0\x01\0\0\0", 16384),
    ("UFS", b"\x54\x19\x01\0", 8192 + 1372),
    ("UFS", b"\0\x01\x19\x54", 8192 + 1372),
    ("UFS", b"\x19\x01\x54\x19", 65536 + 1372),
    ("UFS", b"\x19\x54\x01\x19", 65536 + 1372),
    ("LUKS", b"LUKS\xba\xbe", 0),
    ("LVM", b"LABELONE", 0),
    ("LVM", b"LABELONE", 512),
    ("a RAID", b"\xfc\x4e\x2b\xa9", 0),
    ("a RAID", b"\xfc\x4e\x2b\xa9", 4096),
    ("NTFS", b"NTFS    ", 3),
    ("exFAT", b"EXFAT   ", 3),
    ("ReFS", b"ReFS\0\0\0\0", 3),
    ("FAT", b"FAT1", 54),
    ("FAT", b"FAT32   ", 82),
    ("swap space", b"SWAPSPACE2", 4086),
    ("squashfs", b"hsqs", 0),
    ("EROFS", b"\xe2\xe1\xf5\xe0", 1024),
    ("F2FS", b"\x10\x20\xf5\xf2", 1024),
    ("HFS", b"H+", 1024),
    ("HFS", b"HX", 1024),
    ("HFS", b"BD", 1024),
    ("APFS", b"NXSB", 32),
    ("JFS", b"JFS1", 32768),
    ("ReiserFS", b"ReIsEr", 65536 + 52),
    ("NILFS", b"\x34\x34", 1030),
    ("bcache", b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81", 4120),
    ("cramfs", b"\x45\x3d\xcd\x28", 0),
    ("romfs", b"-rom1fs-", 0),
    ("ISO 9660", b"CD001", 32769),
    ("UDF", b"BEA01", 32769),
    ("Minix", b"\x8f\x13", 1040),
    ("Minix", b"\x68\x24", 1040),
    ("Minix", b"\x5a\x4d", 1048),
)
"""The known contents, each with bytes and the offset at which they stand."""

_GPT = b"EFI PART"
_PROTECTIVE = 0xEE
_SECTORS = (512, 4096)
_ENTRIES = 128


@dataclass(frozen=True)
class Gpt:
    """A GPT at the start of a disk.

    ``disk_size`` is the size in bytes of the disk that it was made for, and ``partitions_end`` the
    offset at which the last partition ends.
    """

    disk_size: int
    partitions_end: int


def known_content(head: bytes) -> str | None:
    """Return the content of a disk that begins with ``head``; None if imgadm does not know it."""
    for what, magic, offset in _KNOWN:
        if head.startswith(magic, offset):
            return what
    return None if any(head) else "zeros"


def mbr_end(head: bytes) -> int:
    """Return the offset in bytes at which the last partition of an MBR ends; 0 without an MBR.

    The boot sector of a file system has the mark of an MBR, but no entries of partitions.
    """
    end = 0
    if head[510:512] != b"\x55\xaa":
        return 0
    for at in range(446, 510, 16):
        status, kind, start, count = struct.unpack_from("<B3xB3xII", head, at)
        if status & 0x7F or kind == _PROTECTIVE:
            return 0
        if kind and start:
            end = max(end, (start + count) * 512)
    return end


def gpt_of(head: bytes) -> Gpt | None:
    """Return the GPT of a disk that begins with ``head``; None if it has no valid one.

    The layout is that of the UEFI specification, section 5.3.
    """
    for sector in _SECTORS:
        header = head[sector : sector + 512]
        if not header.startswith(_GPT) or len(header) < 512:
            continue
        size, checksum = struct.unpack_from("<II", header, 12)
        blank = header[:16] + bytes(4) + header[20 : max(20, min(size, 512))]
        if size < 92 or zlib.crc32(blank) != checksum:
            continue
        (alternate,) = struct.unpack_from("<Q", header, 32)
        at, count, length = struct.unpack_from("<QII", header, 72)
        entries = at * sector
        ends = [0]
        for index in range(min(count, _ENTRIES) if length >= 128 else 0):
            entry = head[entries + index * length : entries + index * length + 48]
            if len(entry) == 48 and any(entry[:16]):
                ends.append((int.from_bytes(entry[40:48], "little") + 1) * sector)
        return Gpt((alternate + 1) * sector, max(ends))
    return None


def file_system_end(head: bytes) -> int:
    """Return the offset in bytes at which a file system ends that begins with the disk.

    Returns 0 if there is none, or if its kind does not record its size.
    """
    if head.startswith(b"XFSB"):
        block, blocks = struct.unpack_from(">IQ", head, 4)
        return int(block * blocks)
    if head.startswith(b"hsqs") and len(head) >= 48:
        return int.from_bytes(head[40:48], "little")
    if head.startswith(b"\x53\xef", 1080) and len(head) >= 2048:
        return _ext_end(head)
    if head.startswith(b"CD001", 32769) and len(head) >= 32768 + 132:
        blocks, block = struct.unpack_from("<I44xH", head, 32768 + 80)
        return int(blocks * block)
    return 0


def _ext_end(head: bytes) -> int:
    """Return the end of ext2, ext3 or ext4 (the layout is in the kernel's ``fs/ext4/ext4.h``)."""
    (blocks,) = struct.unpack_from("<I", head, 1024 + 0x4)
    (size,) = struct.unpack_from("<I", head, 1024 + 0x18)
    (features,) = struct.unpack_from("<I", head, 1024 + 0x60)
    if features & 0x80:  # 64 bits
        blocks |= struct.unpack_from("<I", head, 1024 + 0x150)[0] << 32
    return int(blocks << (10 + size)) if size <= 6 else 0
