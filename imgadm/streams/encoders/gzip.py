"""gzip (RFC 1952) of many members, which every gzip reads and our decoder reads in parallel.

Levels 1 to 3 are those of Intel's ISA-L, ten times as fast as zlib's and up to a seventh larger,
where it runs; levels 4 to 9, and all of them elsewhere, are zlib's, which are those of ``gzip``.
"""

from __future__ import annotations

import functools
import zlib

from imgadm.streams import gzip_members, isal_library
from imgadm.streams.encoders import Settings
from imgadm.streams.encoders.pieces import EncodePiece, encode_pieces
from imgadm.streams.stage import Context, Inlet, Outlet

#: The highest level of ISA-L.
_HIGHEST_ISAL = 3


def encode(inlet: Inlet, outlet: Outlet, context: Context, settings: Settings) -> None:
    """Write one member for every :data:`~imgadm.streams.gzip_members.CONTENT_SIZE` bytes."""
    encode_pieces(
        *(inlet, outlet, context, _encoder(settings.level)),
        size=gzip_members.CONTENT_SIZE,
        threads=settings.threads,
    )


def _encoder(level: int) -> EncodePiece:
    isal = isal_library.load()
    if isal is None or level > _HIGHEST_ISAL:
        return functools.partial(_encode_by_zlib, level)

    def encode_by_isal(content: memoryview) -> bytes:
        return _member(isal.compress(content, level, isal.COMP_GZIP_NO_HDR))

    return encode_by_isal


def _encode_by_zlib(level: int, content: memoryview) -> bytes:
    encoder = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    crc, length = zlib.crc32(content), len(content)
    trailer = crc.to_bytes(4, "little") + length.to_bytes(4, "little")
    return _member(encoder.compress(content), encoder.flush(), trailer)


def _member(*parts: bytes) -> bytes:
    size = gzip_members.HEADER_SIZE + sum(map(len, parts))
    return b"".join([gzip_members.header(size), *parts])
