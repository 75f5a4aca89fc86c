"""What a disk file is: its format, told from its first bytes before anything else opens it.

A raw disk is whatever its owner has written to it. If that looks like another format, then the
worst it may do is to be read as such: formats that lead on to other files are refused by name,
from their headers, before a program that would follow them sees the file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from imgadm.streams.decoders import recognise
from imgadm.streams.errors import StreamError

#: Bytes from the start that :func:`format_of` wants to see, or all that there are.
HEAD_SIZE = 512
#: Bytes from the end that may tell more.
FOOT_SIZE = 512


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

#: Formats of disks that can be read; all but ``raw`` with the programs of QEMU.
FORMATS = ("raw", *(signature.format for signature in _READABLE))

#: Files that are not disks as they are, whatever their name says.
_FOREIGN = (
    _Signature("a QED disk", b"QED\0"),
    _Signature("a Parallels disk", b"WithoutFreeSpace"),
    _Signature("a Parallels disk", b"WithouFreSpacExt"),
    _Signature("a VMware disk of an old kind", b"COWD"),
    _Signature("a VMware disk description", b"# Disk DescriptorFile"),
    _Signature("a tar archive (an appliance, perhaps)", b"ustar", 257),
    _Signature("a zip archive", b"PK\x03\x04"),
    _Signature("a ZFS send stream (an image file, perhaps)", b"\xac\xcb\xba\xf5\x02", 8),
    _Signature("a ZFS send stream (an image file, perhaps)", b"\x02\xf5\xba\xcb\xac", 11),
)

#: A disk of this format that does not grow has nothing before its content.
_FIXED_VPC = b"conectix"

_QCOW2_EXTERNAL_DATA = 1 << 2


class DiskFormatError(StreamError):
    """A file is not a disk that can be read. ``got`` is its format, where that is known."""


def format_of(head: bytes, foot: bytes = b"") -> str:
    """The format of the disk that begins with ``head``, and ends with ``foot`` if that is known.

    It is one of :data:`FORMATS`; what looks like nothing else is raw. Raises DiskFormatError for
    what looks like something that is no disk, or one that cannot be read.
    """
    compression = recognise(head)
    if compression != "none":
        raise DiskFormatError(
            f"this is {compression} data; decompress it first, or say --format raw if its bytes "
            "are the disk",
            got=compression,
        )
    for signature in _FOREIGN:
        if _has(head, signature):
            raise DiskFormatError(
                f"this is {signature.format}; convert it first (qemu-img convert -O raw), or say "
                "--format raw if its bytes are the disk",
                got=signature.format,
            )
    found = next((known.format for known in _READABLE if _has(head, known)), None)
    if found is None and foot.startswith(_FIXED_VPC):
        return "vpc"
    return found or "raw"


def check_self_contained(format_: str, head: bytes, foot: bytes) -> None:
    """Raise DiskFormatError unless the disk with this beginning and end is all in its own file.

    A program that opens it would read what else it names, with the rights of whoever runs that.
    """
    known = next((known for known in _READABLE if known.format == format_), None)
    fixed = format_ == "vpc" and foot.startswith(_FIXED_VPC)
    if known is not None and not fixed and not _has(head, known):
        raise DiskFormatError(f"this is no {format_} disk, it begins otherwise", wanted=format_)
    if format_ == "qcow2":
        _check_qcow2(head)
    elif format_ == "vmdk" and head[12:20] == bytes(8):
        # QEMU takes the capacity 0 for a description of other files.
        raise _leads_on(format_, "is described by other files")


def _check_qcow2(head: bytes) -> None:
    if len(head) < 72:
        raise DiskFormatError("the qcow2 disk is cut short", got="qcow2")
    version, backing = struct.unpack_from(">IQ", head, 4)
    if version not in (2, 3):
        raise DiskFormatError(f"qcow version {version} cannot be read, 2 and 3 can", got=version)
    features = struct.unpack_from(">Q", head, 72)[0] if version == 3 and len(head) >= 80 else 0
    if backing != 0:
        raise _leads_on("qcow2", "has a backing file")
    if features & _QCOW2_EXTERNAL_DATA:
        raise _leads_on("qcow2", "has its data in another file")


def _leads_on(format_: str, how: str) -> DiskFormatError:
    return DiskFormatError(
        f"the {format_} disk {how}, and only what is all in one file is read; if you trust it, "
        "make one of it: qemu-img convert -O raw",
        got=format_,
    )


def _has(head: bytes, signature: _Signature) -> bool:
    return head.startswith(signature.magic, signature.offset)
