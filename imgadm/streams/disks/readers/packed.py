"""Compressed clusters: unpacked whole, into no more than their size."""

from __future__ import annotations

import zlib

from imgadm.streams.codecs.gzip import isal_library

_ZSTD_WINDOW = 8 << 20
"""Bytes of history that a zstd frame may want; clusters are smaller."""

_ZSTD_BLOCK = 128 << 10
"""Bytes of content in a block of such a frame, at most (RFC 8878, section 3.1.1.2)."""


def smallest_zstd(size: int) -> int:
    """Bytes that zstd makes of so many, at least: a frame's head, and 4 for each block in it."""
    return 6 + 4 * -(-size // _ZSTD_BLOCK)


def smallest_deflated(size: int) -> int:
    """Bytes that deflate makes of so many, at least: its ratio has a limit, 1032."""
    return max(8, size // 1100)


def inflate_raw(packed: bytes, size: int) -> bytes | None:
    """Deflate data without a header; what follows ``size`` bytes of content is ignored."""
    library = isal_library.load_isal_zlib() or zlib
    try:
        content: bytes = library.decompressobj(-15).decompress(packed, size)
    except (zlib.error, library.error):
        return None
    return content


def inflate_zlib(packed: bytes, size: int) -> bytes | None:
    """Deflate data in zlib's wrapping (RFC 1950), which ends with a checksum of its content."""
    library = isal_library.load_isal_zlib() or zlib
    inflater = library.decompressobj(15)
    try:
        content: bytes = inflater.decompress(packed, size)
        if not inflater.eof and inflater.decompress(inflater.unconsumed_tail, 1):
            return None  # there is more than that
    except (zlib.error, library.error):
        return None
    return content if inflater.eof else None


def unpack_zstd(packed: bytes, size: int) -> bytes | None:
    """One zstd frame; what follows it is ignored."""
    import zstandard

    reader = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).stream_reader(packed)
    content = bytearray()
    try:
        while len(content) < size and (piece := reader.read(size - len(content))):
            content += piece
    except zstandard.ZstdError:
        return None
    return bytes(content)
