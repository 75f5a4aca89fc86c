"""The decompression of record payloads for which the native core needs libraries."""

from __future__ import annotations

import zlib

_SMALLEST_WINDOW_LIMIT = 8 * 1024 * 1024
"""The zstd window in bytes that is accepted for blocks of any size.

Every decoder should support it (RFC 8878, section 3.1.1.1.2).
"""


def inflate_payload(codec: str, payload: bytes, size: int) -> bytes:
    """Return the ``size`` bytes of content of a record's payload.

    The payload is a zlib stream if ``codec`` is ``gzip``, and a frame without its magic number if
    it is ``zstd``. Bytes behind them are padding. Raises ValueError for a damaged payload.
    """
    return _inflate_gzip(payload, size) if codec == "gzip" else _inflate_zstd(payload, size)


def _inflate_gzip(payload: bytes, size: int) -> bytes:
    decoder = zlib.decompressobj()
    try:
        content = decoder.decompress(payload, size + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if len(content) <= size and not decoder.eof:
        raise ValueError("the data ends in the middle")
    return content


def _inflate_zstd(payload: bytes, size: int) -> bytes:
    import zstandard

    magicless = zstandard.FORMAT_ZSTD1_MAGICLESS
    try:
        # The library allocates as much memory as a frame claims. Check the claims first.
        frame = zstandard.get_frame_parameters(payload, format=magicless)
        if frame.content_size not in (size, zstandard.CONTENTSIZE_UNKNOWN):
            raise ValueError(f"claims {frame.content_size} bytes, wanted {size}")
        if frame.dict_id:
            raise ValueError(f"needs the dictionary {frame.dict_id}, which no stream has")
        # OpenZFS compresses with windows no larger than the block.
        window = max(_SMALLEST_WINDOW_LIMIT, 1 << (size - 1).bit_length())
        if frame.window_size > window:
            raise ValueError(f"needs a window of {frame.window_size} bytes, more than {window}")
        decompressor = zstandard.ZstdDecompressor(format=magicless, max_window_size=window)
        return decompressor.decompress(payload, max_output_size=size, allow_extra_data=True)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from None
