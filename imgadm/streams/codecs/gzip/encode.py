"""The gzip encoder (RFC 1952), which writes many members.

Every gzip program reads such files, and imgadm decodes the members in parallel. Intel's ISA-L makes
the levels 1 to 3 where it runs: ten times as fast as zlib, and up to a seventh larger. libdeflate
makes the levels 4 to 9 where it is available: as small as zlib's level of the same number, in a
third of the time. Elsewhere zlib makes them, with the levels of the program ``gzip``.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from imgadm.streams.codecs.encode_pieces import EncodePiece, encode_pieces
from imgadm.streams.codecs.gzip import isal_library, libdeflate, member_layout
from imgadm.streams.codecs.loading import EncoderSettings
from imgadm.streams.engine.stage import Context, Inlet, Outlet

if TYPE_CHECKING:
    from ctypes import CDLL

_HIGHEST_FAST = 3
"""The highest level that counts as fast, and the highest that ISA-L makes."""

_PIECE = 128 * 1024
"""The number of bytes that the fast levels either deflate or store."""

_WORTHWHILE = 1 / 4
"""The share of a piece that deflate must save, or else the fast levels store the piece.

Decoding a stored piece is copying, while long codes take as long to decode as any. That saves a
tenth of the time to decode a typical disk, and costs a hundredth of its size.
"""

_EMPTY = b"\x03\0"
"""The deflate data of an empty content."""

_LARGEST_STORED = 0xFFFF
"""The largest number of bytes in a stored block (RFC 1951, section 3.2.4)."""


def encode(inlet: Inlet, outlet: Outlet, context: Context, settings: EncoderSettings) -> None:
    """Write one member for every :data:`~.member_layout.CONTENT_SIZE` bytes of content."""
    encode_pieces(
        *(inlet, outlet, context, _encoder(settings.level)),
        size=member_layout.CONTENT_SIZE,
        threads=settings.threads,
    )


def _encoder(level: int) -> EncodePiece:
    fast = level <= _HIGHEST_FAST
    whole = None if fast else libdeflate.load_libdeflate()
    if whole is not None:
        return _whole_encoder(whole, level)
    library = (isal_library.load_isal_zlib() if fast else None) or zlib

    def encode_member(content: memoryview) -> bytes:
        encoder = library.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
        blocks = list(_pieces(encoder, content)) if fast else [encoder.compress(content)]
        blocks.append(encoder.flush())
        return _member(blocks, library.crc32(content), len(content))

    return encode_member


def _whole_encoder(library: CDLL, level: int) -> EncodePiece:
    def encode_member(content: memoryview) -> bytes:
        if not content:
            return _member([_EMPTY], 0, 0)
        deflated, crc = libdeflate.deflate(library, content, level)
        return _member([deflated], crc, len(content))

    return encode_member


def _member(blocks: Sequence[bytes | memoryview], crc: int, length: int) -> bytes:
    trailer = struct.pack("<II", crc, length)
    size = member_layout.HEADER_SIZE + sum(map(len, blocks)) + len(trailer)
    return b"".join([member_layout.header(size), *blocks, trailer])


def _pieces(encoder: Any, content: memoryview) -> Iterator[bytes]:
    """Yield the blocks of each piece, in whole bytes; they may refer to all pieces before."""
    for start in range(0, len(content), _PIECE):
        piece = content[start : start + _PIECE]
        deflated = encoder.compress(piece) + encoder.flush(zlib.Z_SYNC_FLUSH)
        worthwhile = len(deflated) <= len(piece) * (1 - _WORTHWHILE)
        yield deflated if worthwhile else _stored(piece)


def _stored(piece: memoryview) -> bytes:
    blocks: list[bytes | memoryview] = []
    for start in range(0, len(piece), _LARGEST_STORED):
        block = piece[start : start + _LARGEST_STORED]
        blocks += [struct.pack("<BHH", 0, len(block), ~len(block) & 0xFFFF), block]
    return b"".join(blocks)
