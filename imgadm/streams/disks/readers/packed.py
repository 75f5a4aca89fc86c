"""The unpacking of compressed clusters, each as a whole and to no more than its size."""

from __future__ import annotations

import zlib

from imgadm.streams.codecs.gzip import isal_library

_ZSTD_WINDOW = 8 << 20
"""The largest accepted window of a zstd frame, in bytes; clusters are smaller."""

_ZSTD_BLOCK = 128 << 10
"""The largest number of bytes of content in a zstd block (RFC 8878, section 3.1.1.2)."""


def smallest_zstd(size: int) -> int:
    """Return the smallest number of bytes that zstd can make of ``size`` bytes.

    They are the head of a frame and 4 bytes for each block in it.
    """
    return 6 + 4 * -(-size // _ZSTD_BLOCK)


def smallest_deflated(size: int) -> int:
    """Return the smallest number of bytes that deflate can make of ``size``; its limit is 1032."""
    return max(8, size // 1100)


def inflate_raw(packed: bytes, size: int) -> bytes | None:
    """Unpack deflate data without a header; None if it is damaged.

    Content behind the first ``size`` bytes is ignored.
    """
    library = isal_library.load_isal_zlib() or zlib
    try:
        content: bytes = library.decompressobj(-15).decompress(packed, size)
    except (zlib.error, library.error):
        return None
    return content


def inflate_zlib(packed: bytes, size: int) -> bytes | None:
    """Unpack zlib data (RFC 1950), which has a checksum; None if it is damaged or too long."""
    library = isal_library.load_isal_zlib() or zlib
    inflater = library.decompressobj(15)
    try:
        content: bytes = inflater.decompress(packed, size)
        if not inflater.eof and inflater.decompress(inflater.unconsumed_tail, 1):
            return None  # the content is longer than ``size``
    except (zlib.error, library.error):
        return None
    return content if inflater.eof else None


def unpack_zstd(packed: bytes, size: int) -> bytes | None:
    """Unpack one zstd frame, ignoring the bytes behind it; None if it is damaged."""
    import zstandard

    reader = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).stream_reader(packed)
    content = bytearray()
    try:
        while len(content) < size and (piece := reader.read(size - len(content))):
            content += piece
    except zstandard.ZstdError:
        return None
    return bytes(content)
