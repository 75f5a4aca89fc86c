"""The header of a gzip member (RFC 1952, section 2.3.1), which may be as long as its maker likes.

ISA-L wants a whole header at a time (https://github.com/intel/isa-l/issues/224), and has no room
for the longest. So headers are read here, and every decoder gets :data:`PLAIN_HEADER` instead.
"""

from __future__ import annotations

import zlib

from imgadm.base.compressions import COMPRESSION_FORMATS
from imgadm.streams.codecs.byte_source import ByteSource
from imgadm.streams.errors import DecompressionError

#: A header without fields: what decoders see of any other.
PLAIN_HEADER = COMPRESSION_FORMATS["gzip"].magics[0] + b"\x08\0\0\0\0\0\0\xff"

#: Bytes of a header, more than which nobody has a use for.
LONGEST_HEADER = 16 * 1024 * 1024

_FLAG_HEADER_CRC, FLAG_EXTRA, FLAG_NAME, FLAG_COMMENT = 2, 4, 8, 16
_RESERVED = 0xE0
_DEFLATE = 8

#: Bytes that are searched for the end of a text at a time.
_TEXT_PIECE = 4096


def skip_header(source: ByteSource) -> None:
    """Take the header that the source is at, and check it.

    Raises DecompressionError if it is none, is cut short, or is longer than anybody needs.
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
    """What has been read of one header; ``crc`` is the CRC-32 of that."""

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
        """Take a text, up to and with the zero byte that ends it."""
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
