"""gzip (RFC 1952) of many members, which every gzip reads and our decoder reads in parallel.

Levels 1 to 3 are those of Intel's ISA-L, ten times as fast as zlib's and up to a seventh larger,
where it runs; levels 4 to 9, and all of them elsewhere, are zlib's, which are those of ``gzip``.
"""

from __future__ import annotations

import zlib

from imgadm.streams import gzip_members, isal_library
from imgadm.streams.encoders import Settings
from imgadm.streams.encoders.pieces import EncodePiece, encode_pieces
from imgadm.streams.stage import Context, Inlet, Outlet

#: The highest level of those that are fast, and of ISA-L.
_HIGHEST_FAST = 3

#: Fast levels store a member of which deflate would save less than this. Decoding that is copying;
#: long codes take as long as any. It saves a fourteenth of the time to decode a disk of ours, and
#: costs a hundred and fiftieth of its size.
_WORTHWHILE = 1 / 8


def encode(inlet: Inlet, outlet: Outlet, context: Context, settings: Settings) -> None:
    """Write one member for every :data:`~imgadm.streams.gzip_members.CONTENT_SIZE` bytes."""
    encode_pieces(
        *(inlet, outlet, context, _encoder(settings.level)),
        size=gzip_members.CONTENT_SIZE,
        threads=settings.threads,
    )


def _encoder(level: int) -> EncodePiece:
    fast = level <= _HIGHEST_FAST
    deflate = _deflate_by_isal if fast and isal_library.load() else _deflate_by_zlib

    def encode_member(content: memoryview) -> bytes:
        deflated, trailer = deflate(content, level)
        if fast and len(deflated) > len(content) * (1 - _WORTHWHILE):
            deflated = _raw_deflate(content, 0)
        size = gzip_members.HEADER_SIZE + len(deflated) + len(trailer)
        return b"".join([gzip_members.header(size), deflated, trailer])

    return encode_member


def _deflate_by_isal(content: memoryview, level: int) -> tuple[memoryview | bytes, bytes]:
    isal = isal_library.load()
    encoded = memoryview(isal.compress(content, level, isal.COMP_GZIP_NO_HDR))
    return encoded[: -gzip_members.TRAILER_SIZE], bytes(encoded[-gzip_members.TRAILER_SIZE :])


def _deflate_by_zlib(content: memoryview, level: int) -> tuple[memoryview | bytes, bytes]:
    crc, length = zlib.crc32(content), len(content)
    return _raw_deflate(content, level), crc.to_bytes(4, "little") + length.to_bytes(4, "little")


def _raw_deflate(content: memoryview, level: int) -> bytes:
    encoder = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return encoder.compress(content) + encoder.flush()
