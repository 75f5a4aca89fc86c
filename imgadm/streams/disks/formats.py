"""The format of a disk, recognised by the first and last bytes of its file.

The owner of a raw disk can write anything to it, even a disk of another format. The worst that can
happen is that imgadm reads it as such, because no format makes it open other files; see
:mod:`imgadm.streams.disks.readers`.
"""

from __future__ import annotations

from dataclasses import dataclass

from imgadm.base.compressions import COMPRESSION_FORMATS, recognise_compression
from imgadm.streams.disks.foreign_content import OLD_QCOW, foreign_content
from imgadm.streams.errors import StreamError

TAIL_SIZE = 4096
"""The number of bytes from the end of a file that :func:`format_of` needs."""

VHD_COOKIE = b"conectix"
"""The beginning of the footer of a VHD.

A VHD of fixed size has the footer at its very end, and nothing before its content.
"""

VHD_FOOTER_SIZE = 512


@dataclass(frozen=True)
class _Signature:
    format: str
    magic: bytes
    offset: int = 0


_READABLE = (
    _Signature("qcow2", b"QFI\xfb"),
    _Signature("vmdk", b"KDMV"),
    _Signature("vhdx", b"vhdxfile"),
    _Signature("vpc", VHD_COOKIE),
    _Signature("vdi", b"\x7f\x10\xda\xbe", 0x40),
)

DISK_FORMATS = ("raw", *(signature.format for signature in _READABLE))
"""The formats of disks that imgadm reads."""


class DiskFormatError(StreamError):
    """A file is not a disk that imgadm reads; ``got`` is its format, if that is known."""


def format_of(head: bytes, tail: bytes = b"", size: int = 0) -> str:
    """Return the format of a disk, one of :data:`DISK_FORMATS`.

    ``head`` is its first FOREIGN_HEAD_SIZE bytes, or the whole disk. ``tail``, its last bytes, and
    ``size``, its size in bytes, may be left out if they are not known. A disk that looks like
    nothing else is raw. Raises DiskFormatError for a file that looks like anything but a disk, or
    like a disk that imgadm does not read.
    """
    compression = recognise_compression(head)
    if compression != "none":
        raise DiskFormatError(
            f"this is {compression} data; decompress it first "
            f"({COMPRESSION_FORMATS[compression].undo}), or say --format raw if its bytes are the "
            "disk",
            got=compression,
        )
    found = next(
        (known.format for known in _READABLE if head.startswith(known.magic, known.offset)), None
    )
    if found is not None and not head.startswith(OLD_QCOW):
        return found
    foreign = foreign_content(head, tail)
    if foreign is not None:
        raise DiskFormatError(
            f"this is {foreign.what}; {foreign.advice}, or say --format raw if its bytes are the "
            "disk",
            got=foreign.what,
        )
    if tail[-VHD_FOOTER_SIZE:].startswith(VHD_COOKIE):
        return "vpc"
    cut = size % VHD_FOOTER_SIZE
    if VHD_COOKIE in tail or (tail and 0 < cut < 8 and tail.endswith(VHD_COOKIE[:cut])):
        raise DiskFormatError(
            "the vpc disk is cut short, or other bytes follow it: its footer is not at its end; "
            "copy it again, in full, or say --format raw if its bytes are the disk",
            got="vpc",
        )
    return "raw"
