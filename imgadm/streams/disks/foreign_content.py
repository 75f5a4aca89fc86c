"""The files that are not disks, recognised by their first and last bytes and never by name."""

from __future__ import annotations

import re
from dataclasses import dataclass

FOREIGN_HEAD_SIZE = 33 * 1024
"""The number of bytes from the start that :func:`foreign_content` needs."""


@dataclass(frozen=True)
class Foreign:
    """The kind of a file that is no disk, and advice on how to get a disk from it."""

    what: str
    advice: str


_UNPACK = "unpack it first"
_CONVERT = "convert it first: qemu-img convert -O raw"

OLD_QCOW = b"QFI\xfb\0\0\0\1"
"""The beginning of a qcow disk of version 1; that of qcow2 differs in the version only."""

_STREAM = "a ZFS send stream (an image file, perhaps)"

_SIGNATURES: tuple[tuple[str, str, bytes, int], ...] = (
    ("lz4 data", "decompress it first: lz4 -d", b"\x04\x22\x4d\x18", 0),
    ("lz4 data", "decompress it first: lz4 -d", b"\x02\x21\x4c\x18", 0),
    ("lzip data", "decompress it first: lzip -d", b"LZIP", 0),
    ("lzop data", "decompress it first: lzop -d", b"\x89LZO\0\r\n\x1a\n", 0),
    ("compress data (.Z)", "decompress it first: gzip -d", b"\x1f\x9d", 0),
    ("compress data (.Z)", "decompress it first: gzip -d", b"\x1f\xa0", 0),
    ("pack data (.z)", "decompress it first: gzip -d", b"\x1f\x1e", 0),
    ("lrzip data", "decompress it first: lrzip -d", b"LRZI", 0),
    ("rzip data", "decompress it first: rzip -d", b"RZIP", 0),
    ("Snappy data", "decompress it first", b"\xff\x06\0\0sNaPpY", 0),
    ("a 7z archive", _UNPACK, b"7z\xbc\xaf\x27\x1c", 0),
    ("a zip archive", _UNPACK, b"PK\x03\x04", 0),
    ("a zip archive", _UNPACK, b"PK\x05\x06", 0),
    ("a zip archive", _UNPACK, b"PK\x07\x08", 0),
    ("a rar archive", _UNPACK, b"Rar!\x1a\x07", 0),
    ("a cabinet archive", _UNPACK, b"MSCF\0\0\0\0", 0),
    ("an xar archive", _UNPACK, b"xar!", 0),
    ("a cpio archive", _UNPACK, b"070701", 0),
    ("a cpio archive", _UNPACK, b"070702", 0),
    ("a cpio archive", _UNPACK, b"070707", 0),
    ("a cpio archive", _UNPACK, b"\xc7\x71", 0),
    ("a cpio archive", _UNPACK, b"\x71\xc7", 0),
    ("a tar archive (an appliance, perhaps)", _UNPACK, b"ustar", 257),
    ("an ar archive or Debian package", _UNPACK, b"!<arch>\n", 0),
    ("an RPM package", _UNPACK, b"\xed\xab\xee\xdb", 0),
    ("a Windows image (WIM)", _UNPACK, b"MSWIM\0\0\0", 0),
    ("an EWF disk", "export it first: ewfexport -f raw", b"EVF\x09\r\n\xff\0", 0),
    ("an EWF disk", "export it first: ewfexport -f raw", b"LVF\x09\r\n\xff\0", 0),
    ("an EWF disk", "export it first: ewfexport -f raw", b"EVF2\r\n\x81\0", 0),
    ("an AFF disk", "export it first: affconvert", b"AFF10\r\n\0", 0),
    ("a cloop disk", _CONVERT, b"#!/bin/sh\n#V2.0 Format\n", 0),
    ("a QEMU disk of an old kind (qcow version 1)", _CONVERT, OLD_QCOW, 0),
    ("a QED disk", _CONVERT, b"QED\0", 0),
    ("a Parallels disk", _CONVERT, b"WithoutFreeSpace", 0),
    ("a Parallels disk", _CONVERT, b"WithouFreSpacExt", 0),
    ("a Bochs disk", _CONVERT, b"Bochs Virtual HD Image", 0),
    ("a VMware disk of an old kind", _CONVERT, b"COWD", 0),
    ("a VMware disk of the kind seSparse", _CONVERT, b"\xbe\xba\xfe\xca\0\0\0\0", 0),
    ("a VMware disk description", _CONVERT, b"# Disk DescriptorFile", 0),
    ("an old copy-on-write disk", _CONVERT, b"OOOM", 0),
    ("a MAME disk (CHD)", "extract it first: chdman extracthd", b"MComprHD", 0),
    ("an Android sparse image", "convert it first: simg2img", b"\x3a\xff\x26\xed", 0),
    ("a partclone image", "restore it first: partclone.restore", b"partclone-image", 0),
    ("a partimage image", "restore it first: partimage", b"PaRtImAgE-VoLuMe", 0),
    ("an ntfsclone image", "restore it first: ntfsclone --restore-image", b"\0ntfsclone-image", 0),
    ("an fsarchiver archive", "restore it first: fsarchiver restfs", b"FsA0", 0),
    ("a Ghost image", "restore it first", b"\xfe\xef\x01", 0),
    ("an Acronis image", "restore it first", b"\xce\x24\xb9\xa2\x20", 0),
    ("the state of a virtual machine", "name its disk", b"QEVM", 0),
    ("a btrfs send stream", "receive it first: btrfs receive", b"btrfs-stream\0", 0),
    ("a dump of a file system", "restore it first", b"\x6c\xea\0\0", 24),
    ("a dump of a file system", "restore it first", b"\0\0\xea\x6c", 24),
    (_STREAM, "install -m -f takes one", b"\xac\xcb\xba\xf5\x02", 8),
    (_STREAM, "install -m -f takes one", b"\x02\xf5\xba\xcb\xac", 11),
    ("encrypted data (OpenSSL)", "decrypt it first", b"Salted__", 0),
    ("a program", "name a disk", b"\x7fELF", 0),
    ("a PDF document", "name a disk", b"%PDF-", 0),
    ("a picture", "name a disk", b"\x89PNG\r\n\x1a\n", 0),
    ("a picture", "name a disk", b"\xff\xd8\xff", 0),
)
"""Kinds, advice, and bytes with the offset at which they stand."""

_DESCRIPTION = re.compile(rb"#\s*disk descriptorfile")
"""The beginning of a disk description, in lower case."""

_DMG = b"koly"
_BOOTABLE = b"\x55\xaa"
_TEXT_SIZE = 512
_TEXT = bytes({7, 8, 9, 10, 12, 13, 27} | (set(range(0x20, 0x100)) - {0x7F}))
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_LOOK = "a server may have sent it in place of the disk: look into it"
_WEB_PAGE = Foreign("a web page", _LOOK)
_PAGE = (b"<!doctype", b"<html", b"<head>", b"<body")
_CD, _CD_AT = b"CD001", 32769


def foreign_content(head: bytes, tail: bytes = b"") -> Foreign | None:
    """Return the kind of a file that begins with ``head`` and ends with ``tail``.

    Returns None if the file may be a disk.
    """
    for what, advice, magic, offset in _SIGNATURES:
        if head.startswith(magic, offset):
            return Foreign(what, advice)
    if tail[-512:].startswith(_DMG):
        return Foreign("an Apple disk (dmg)", "convert it first: dmg2img")
    if _is_lzma(head):
        return Foreign("lzma data", "decompress it first: xz --format=lzma -d")
    if _is_old_tar(head):
        return Foreign("a tar archive", _UNPACK)
    if head.startswith(_CD, _CD_AT) and not _has_partitions(head):
        return Foreign(
            "an image of a CD or DVD without a partition table",
            "a virtual machine takes it as a CD drive",
        )
    return _text(head)


def _has_partitions(head: bytes) -> bool:
    kinds = head[450:512:16][:4]
    return (head[510:512] == _BOOTABLE and any(kinds)) or head.startswith((b"ER", b"EFI PART"))


def _is_lzma(head: bytes) -> bool:
    """Tell whether ``head`` can be the beginning of a .lzma file.

    Such files have no magic bytes, but few other files begin so by chance. The rules are those of
    ``src/liblzma/common/alone_decoder.c`` in XZ Utils.
    """
    if len(head) < 14 or head[0] >= 9 * 5 * 5 or head[510:512] == _BOOTABLE:
        return False
    dictionary, size = int.from_bytes(head[1:5], "little"), int.from_bytes(head[5:13], "little")
    power = dictionary & (dictionary - 1)
    round_ = power == 0 or power == (dictionary ^ power) >> 1 or dictionary == 0xFFFFFFFF
    # The first byte of the range coder is always 0.
    known = size == (1 << 64) - 1 or 0 < size < 1 << 38
    return dictionary >= 4096 and round_ and known and head[13] == 0


def _is_old_tar(head: bytes) -> bool:
    """Tell whether the checksum of the first header is right; old archives have no magic bytes."""
    field = head[148:156]
    digits = field.strip(b" \0")
    if len(head) < 512 or not head[0] or not digits or not re.fullmatch(rb"[0-7]+", digits):
        return False
    return int(digits, 8) == sum(head[:512]) - sum(field) + 8 * 0x20


def _text(head: bytes) -> Foreign | None:
    """Return the kind of a text; None if ``head`` is no text.

    No disk begins with a sector of text.
    """
    begin = head[:_TEXT_SIZE]
    if begin.lstrip().lower().startswith(_PAGE):
        return _WEB_PAGE
    marked = begin.startswith(_MARKS[1:])
    text = begin.replace(b"\0", b"") if marked else begin
    if not text.strip() or text.translate(None, _TEXT):
        return None
    if not marked and not _is_utf8(begin):
        return None
    for mark in _MARKS:
        text = text.removeprefix(mark)
    words = text.lstrip().lower()
    if _DESCRIPTION.search(words):
        return Foreign("a VMware disk description", _CONVERT)
    if words.startswith(b"<"):
        return Foreign("an XML document", _LOOK) if words.startswith(b"<?xml") else _WEB_PAGE
    return Foreign("a JSON text" if words.startswith((b"{", b"[")) else "a text", _LOOK)


def _is_utf8(begin: bytes) -> bool:
    try:
        begin.decode()
    except UnicodeDecodeError as error:
        return (
            error.start > len(begin) - 4 and len(begin) == _TEXT_SIZE
        )  # the end of the sector cuts a character
    return True
