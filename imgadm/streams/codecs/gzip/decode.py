"""The gzip decoder (RFC 1952).

Intel's ISA-L decodes where it runs, zlib elsewhere. Where libdeflate is available, it decodes
members that record their size in the header, and small members.
"""

from __future__ import annotations

import ctypes
import zlib
from typing import Any, Protocol

from imgadm.base.compressions import COMPRESSION_FORMATS
from imgadm.streams.codecs.byte_source import ByteSource
from imgadm.streams.codecs.gzip import isal_library, libdeflate
from imgadm.streams.codecs.gzip.header import PLAIN_HEADER, skip_header
from imgadm.streams.codecs.gzip.member_layout import CONTENT_SIZE, HEADER_SIZE, size_by_header
from imgadm.streams.codecs.gzip.sized_members import DecodeWhole, decode_sized_members
from imgadm.streams.codecs.gzip.small_members import SMALL, Coalesced, decode_small_members
from imgadm.streams.codecs.processors import usable_processors
from imgadm.streams.engine.buffers import Buffer, BufferPool
from imgadm.streams.engine.stage import Context, Outlet
from imgadm.streams.errors import DecompressionError

_MAGIC = COMPRESSION_FORMATS["gzip"].magics[0]

_FIRST_PIECE = 512
"""The smallest number of compressed bytes that a decoder gets at a time.

A decoder gives back the bytes that it does not need at the end of each member. Therefore files of
small members get small pieces.
"""

_PIECE = 64 * 1024
"""The largest number of compressed bytes that a decoder gets at a time."""

_FRUITLESS_ATTEMPTS = 16
"""The number of vain attempts to decode small members in one go; then each is decoded alone."""

_MOST_THREADS = 8
"""The largest number of threads; more would need memory and not make an import faster."""


class _Member(Protocol):
    """A decoder of one gzip member, which checks the CRC and the length at its end."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: memoryview | bytes, max_length: int) -> bytes: ...


class _ZlibMember:
    """A decoder by zlib that keeps the input for which there was no room in the output."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._decoder.eof and not self._decoder.unconsumed_tail

    def decompress(self, data: memoryview | bytes, max_length: int) -> bytes:
        return self._decoder.decompress(self._decoder.unconsumed_tail or data, max_length)


def _new_member() -> _Member:
    """Return a decoder by ISA-L, or by zlib where ISA-L is missing."""
    isal = isal_library.load_igzip()
    if isal is None:
        return _ZlibMember()
    member: _Member = isal.IgzipDecompressor(flag=isal.DECOMP_GZIP)
    return member


def _errors() -> tuple[Any, ...]:
    isal = isal_library.load_igzip()
    return (zlib.error,) if isal is None else (isal.error, zlib.error)


def decode(source: ByteSource, outlet: Outlet, context: Context) -> None:
    """Decode all members, then ignore and note the bytes behind the last one, as gzip does.

    Members that record their size are decoded several at a time, as long as the sizes are true.
    Many small members are decoded in one go.
    """
    threads = min(usable_processors(), _MOST_THREADS)
    trusted = threads > 1
    library = libdeflate.load_libdeflate()
    decode_whole = _whole_decoder(library)
    output, last_size, attempts = Coalesced(outlet), _PIECE, _FRUITLESS_ATTEMPTS
    while source.peek(2) == _MAGIC:
        start = source.position
        if trusted and size_by_header(source.peek(HEADER_SIZE)) is not None:
            output.flush()
            trusted = decode_sized_members(source, outlet, context, decode_whole, threads)
            continue
        if library is not None and last_size <= SMALL and attempts:
            decode_small_members(source, output, context, library, sized=not trusted)
            attempts -= source.position == start
            last_size = _PIECE
            continue
        _decode_member(source, output, context, outlet.pool.size, 2 * last_size)
        last_size = source.position - start
    output.flush()
    ignored = source.skip_rest()
    if ignored:
        context.notes.append(f"ignored {ignored} bytes after the end of the gzip data")


def _whole_decoder(library: ctypes.CDLL | None) -> DecodeWhole:
    """Return a decoder by libdeflate into reused memory, or else by ISA-L or zlib."""
    if library is None:
        return _decode_whole
    pool = BufferPool(CONTENT_SIZE)

    def decode_by_libdeflate(member: bytearray, size: int) -> Buffer | None:
        buffer = pool.get()
        if libdeflate.decode_member(library, member, buffer.view, size):
            return buffer.keep(size)
        buffer.release()
        return None

    return decode_by_libdeflate


def _decode_whole(compressed: bytearray, size: int) -> Buffer | None:
    member = _new_member()
    try:
        # With room for ``size`` bytes only, the decoder would stop before it reads the trailer.
        content = member.decompress(memoryview(compressed), size + 1)
    except _errors():
        return None
    whole = member.eof and not member.unused_data and len(content) == size
    return Buffer(memoryview(content)) if whole else None


def _decode_member(
    source: ByteSource, output: Coalesced, context: Context, limit: int, piece: int
) -> None:
    """Decode one member.

    The decoder first gets ``piece`` compressed bytes. It makes at most ``limit`` bytes of content
    at a time.
    """
    skip_header(source)
    member = _new_member()
    member.decompress(PLAIN_HEADER, limit)
    piece = max(_FIRST_PIECE, min(piece, _PIECE))
    while not member.eof:
        context.cancel.check()
        data: memoryview | bytes | None = b""
        if member.needs_input:
            data = source.next(piece)
            piece = min(4 * piece, _PIECE)
        if data is None:
            raise DecompressionError("gzip", "the data ends in the middle", offset=source.position)
        try:
            decoded = member.decompress(data, limit)
        except _errors() as error:
            raise DecompressionError("gzip", str(error), offset=source.position) from None
        if decoded:
            output.put(decoded)
    source.put_back(len(member.unused_data))
