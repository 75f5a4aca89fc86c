"""What a disk file is: its format, told from its first and last bytes before anything reads more.

A raw disk is whatever its owner has written to it. If that looks like another format, then the
worst it may do is to be read as such: no format leads on to other files, see
:mod:`imgadm.streams.disks.readers`.
"""

from __future__ import annotations

from dataclasses import dataclass

from imgadm.base.compressions import COMPRESSION_FORMATS, recognise_compression
from imgadm.streams.disks.foreign_content import OLD_QCOW, foreign_content
from imgadm.streams.errors import StreamError

TAIL_SIZE = 4096
"""Bytes from the end that :func:`format_of` wants to see, or all that there are."""


@dataclass(frozen=True)
class _Signature:
    format: str
    magic: bytes
    offset: int = 0


_READABLE = (
    _Signature("qcow2", b"QFI\xfb"),
    _Signature("vmdk", b"KDMV"),
    _Signature("vhdx", b"vhdxfile"),
    _Signature("vpc", b"conectix"),
    _Signature("vdi", b"\x7f\x10\xda\xbe", 0x40),
)

DISK_FORMATS = ("raw", *(signature.format for signature in _READABLE))
"""Formats of disks that can be read."""

VHD_COOKIE = b"conectix"
"""How the footer of a VHD begins, which is at the very end of one that does not grow. Such a disk
has nothing before its content.
"""

VHD_FOOTER_SIZE = 512


class DiskFormatError(StreamError):
    """A file is not a disk that can be read. ``got`` is its format, where that is known."""


def format_of(head: bytes, tail: bytes = b"", size: int = 0) -> str:
    """The format of the disk that begins with ``head``; its end and ``size`` tell more, if known.

    ``head`` has FOREIGN_HEAD_SIZE bytes, or all that there are. The format is one of
    :data:`DISK_FORMATS`; what looks like nothing else is raw. Raises DiskFormatError for what looks
    like something that is no disk, or one that cannot be read.
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
            "the vpc disk is cut short, or something follows it: its footer is not at its end; "
            "copy it again, in full, or say --format raw if its bytes are the disk",
            got="vpc",
        )
    return "raw"
