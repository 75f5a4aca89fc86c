"""The gzip members that we write: short, and each telling in its header how long it is.

A gzip file is a sequence of members (RFC 1952, section 2.2), and every reader decodes them one
after the other. Ours have :data:`CONTENT_SIZE` bytes of content each, and an extra field (section
2.3.1.1), which readers skip that do not know it:

    SI1 SI2   "im"
    LEN       4
    data      size of the whole member in bytes, header and trailer included, little-endian

So a reader that knows it finds where the next member begins without decoding this one, and
decodes several at the same time. It has to check what it finds: anyone can write such a field.
"""

from __future__ import annotations

from imgadm.streams.engine.buffers import BUFFER_SIZE

#: Bytes of content in a member, except for the last: so many that what Python does for each hardly
#: counts, so few that those which eight threads have at a time take some 65 MiB.
CONTENT_SIZE = 2 * BUFFER_SIZE

#: Deflate, an extra field, no time, no hint, Unix; then the field but its data.
_BEGINNING = b"\x1f\x8b\x08\x04\0\0\0\0\0\x03" + b"\x08\0" + b"im" + b"\x04\0"

HEADER_SIZE = len(_BEGINNING) + 4
TRAILER_SIZE = 8

#: Largest member: content that deflate can't make smaller grows by less than this.
LARGEST_MEMBER = CONTENT_SIZE + CONTENT_SIZE // 64 + 1024


def header(member_size: int) -> bytes:
    """The header of a member that is ``member_size`` bytes long in all."""
    return _BEGINNING + member_size.to_bytes(4, "little")


def size_by_header(header: bytes) -> int | None:
    """The size that a member with this header tells, true or not; None: it is not of ours."""
    if len(header) < HEADER_SIZE or not header.startswith(_BEGINNING):
        return None
    return int.from_bytes(header[len(_BEGINNING) : HEADER_SIZE], "little")
