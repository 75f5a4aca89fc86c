"""The parser of 512-byte header blocks: v7, ustar (POSIX.1-1988), GNU and star."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from imgadm.base.text import excerpt
from imgadm.layers.rules.errors import LayerError

TAR_BLOCK_SIZE = 512
ZERO_BLOCK = bytes(TAR_BLOCK_SIZE)

_FIELDS = struct.Struct("100s8s8s8s12s12s8s1s100s8s32s32s8s8s155s12s")
_CHECKSUM = slice(148, 156)
_SIGNED = struct.Struct("512b")


@dataclass(slots=True)
class Header:
    """The fields of a header block, without the long names that other blocks may have."""

    name: bytes
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    type: bytes
    target: bytes
    device: tuple[int, int]
    block: bytes


def parse_header(block: bytes) -> Header:
    """Return the fields of a header. Raises LayerError (``format``) for any other block."""
    (
        name, mode, uid, gid, size, mtime, checksum, kind, target,
        magic, _, _, major, minor, prefix, star,
    ) = _FIELDS.unpack(block)  # fmt: skip
    _check_sum(block, checksum)
    name = name.partition(b"\0")[0]
    device = (0, 0)
    if magic.startswith(b"ustar"):
        if kind in b"34":
            device = (number(major), number(minor))
        if magic[5:6] == b"\0":
            if star.endswith(b"tar\0"):
                prefix = prefix[:131]
            if prefix[0]:
                name = prefix.partition(b"\0")[0] + b"/" + name
    length = number(size)
    if length < 0:
        raise LayerError("format", "its size is negative", entry=name)
    return Header(
        name,
        number(mode),
        number(uid),
        number(gid),
        length,
        number(mtime),
        kind,
        target.partition(b"\0")[0],
        device,
        block,
    )


def number(field: bytes) -> int:
    """Return the number in a field: octal digits, or base 256 if the first bit is set.

    A blank field is zero. Blanks and zero bytes may come before the digits. Go's reader, which
    container tools use, passes over both; a reader that stopped at the first would take a mode or a
    size for zero. Raises LayerError (``format``).
    """
    if field[0] & 0x80:
        value = int.from_bytes(field, "big", signed=False) & ((1 << (8 * len(field) - 1)) - 1)
        if field[0] & 0x40:
            value -= 1 << (8 * len(field) - 1)
        return value
    digits = field.lstrip(b" \0").partition(b"\0")[0].rstrip(b" ")
    if not digits:
        return 0
    try:
        if digits.isdigit():
            return int(digits, 8)
    except ValueError:
        pass
    raise LayerError("format", f'a header has "{excerpt(digits)}" where an octal number should be')


def _check_sum(block: bytes, field: bytes) -> None:
    try:
        wanted = number(field)
    except LayerError:
        wanted = -1
    blanked = 8 * 0x20 - sum(block[_CHECKSUM])
    if sum(block) + blanked == wanted:
        return
    # Some old writers added up the bytes as signed numbers.
    signed = _SIGNED.unpack(block)
    if sum(signed) - sum(signed[_CHECKSUM]) + 8 * 0x20 != wanted:
        raise LayerError(
            "format", "this is no tar archive, or a damaged one: the checksum of a header is wrong"
        )
