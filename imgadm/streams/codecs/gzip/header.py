"""The reader of gzip member headers (RFC 1952, section 2.3.1), which have no largest size.

ISA-L needs a whole header at a time (https://github.com/intel/isa-l/issues/224), and has no room
for long ones. Therefore this module reads the headers, and every decoder gets :data:`PLAIN_HEADER`
instead.
"""

from __future__ import annotations

import zlib

from imgadm.base.compressions import COMPRESSION_FORMATS
from imgadm.streams.codecs.byte_source import ByteSource
from imgadm.streams.errors import DecompressionError

PLAIN_HEADER = COMPRESSION_FORMATS["gzip"].magics[0] + b"\x08\0\0\0\0\0\0\xff"
"""A header without optional fields, which decoders get in the place of any header."""

LONGEST_HEADER = 16 * 1024 * 1024
"""The number of bytes beyond which a header is refused."""

_FLAG_HEADER_CRC, FLAG_EXTRA, FLAG_NAME, FLAG_COMMENT = 2, 4, 8, 16
_RESERVED = 0xE0
_DEFLATE = 8

_TEXT_PIECE = 4096
"""The number of bytes that are searched for the end of a text at a time."""


def skip_header(source: ByteSource) -> None:
    """Take the header at the position of ``source``, and check it.

    Raises DecompressionError if there is no valid header, or if it is cut short or longer than
    :data:`LONGEST_HEADER`.
    """
    header = _Header(source)
    fixed = header.take(len(PLAIN_HEADER))
    method, flags = fixed[2], fixed[3]
    if method != _DEFLATE:
        raise header.error(f"the data is compressed by method {method}, wanted {_DEFLATE}, deflate")
    if flags & _RESERVED:
        raise header.error(f"the header has unknown flags, {flags:#04x}")
    if flags & FLAG_EXTRA:
        header.take(int.from_bytes(header.take(2), "little"))
    for text in (FLAG_NAME, FLAG_COMMENT):
        if flags & text:
            header.skip_text()
    if flags & _FLAG_HEADER_CRC:
        wanted = header.crc & 0xFFFF
        if int.from_bytes(header.take(2), "little") != wanted:
            raise header.error("the header has a wrong checksum")


class _Header:
    """The part of one header that has been read; ``crc`` is its CRC-32."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._start = source.position
        self.crc = 0

    def error(self, reason: str) -> DecompressionError:
        return DecompressionError("gzip", reason, offset=self._source.position)

    def take(self, size: int) -> bytearray:
        taken = self._source.take(size)
        if len(taken) < size:
            raise self.error("the data ends in the middle")
        self.crc = zlib.crc32(taken, self.crc)
        return taken

    def skip_text(self) -> None:
        """Take a text and the zero byte that ends it."""
        while (view := self._source.next(_TEXT_PIECE)) is not None:
            length = bytes(view).find(0) + 1
            if length:
                self._source.put_back(len(view) - length)
                self.crc = zlib.crc32(view[:length], self.crc)
                return
            self.crc = zlib.crc32(view, self.crc)
            if self._source.position - self._start > LONGEST_HEADER:
                raise self.error(f"the header is longer than {LONGEST_HEADER} bytes")
        raise self.error("the data ends in the middle")
