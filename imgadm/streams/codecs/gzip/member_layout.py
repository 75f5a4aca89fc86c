"""The layout of the gzip members that imgadm writes: short, with their size in the header.

A gzip file is a sequence of members (RFC 1952, section 2.2), and every reader decodes them one
after the other. A member of imgadm's has :data:`CONTENT_SIZE` bytes of content, and an extra field
(section 2.3.1.1), which readers skip if they do not know it:

    SI1 SI2   "im"
    LEN       4
    data      size of the whole member in bytes, header and trailer included, little-endian

A reader that knows the field finds the beginning of the next member without decoding this one, and
decodes several members at the same time. It must check their sizes, because anyone can write such a
field.
"""

from __future__ import annotations

from imgadm.streams.engine.buffers import BUFFER_SIZE

CONTENT_SIZE = 2 * BUFFER_SIZE
"""The number of bytes of content in every member but the last.

They are so many that Python's work for each member hardly counts, and so few that the members in
the hands of eight threads take some 65 MiB.
"""

_BEGINNING = b"\x1f\x8b\x08\x04\0\0\0\0\0\x03" + b"\x08\0" + b"im" + b"\x04\0"
"""The header: deflate, an extra field, no time, no hint, Unix; then the field without its data."""

HEADER_SIZE = len(_BEGINNING) + 4
TRAILER_SIZE = 8

LARGEST_MEMBER = CONTENT_SIZE + CONTENT_SIZE // 64 + 1024
"""The size of the largest member: content that deflate can't shrink grows by less than this."""


def header(member_size: int) -> bytes:
    """Return the header of a member of ``member_size`` bytes, header and trailer included."""
    return _BEGINNING + member_size.to_bytes(4, "little")


def size_by_header(header: bytes) -> int | None:
    """Return the size that ``header`` records, true or not; None if imgadm did not write it."""
    if len(header) < HEADER_SIZE or not header.startswith(_BEGINNING):
        return None
    return int.from_bytes(header[len(_BEGINNING) : HEADER_SIZE], "little")
