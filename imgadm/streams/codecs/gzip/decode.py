"""gzip (RFC 1952), by Intel's ISA-L where it runs and by zlib elsewhere.

Members that tell their size are decoded by libdeflate, where there is one.
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

#: Compressed bytes that a decoder is given at a time, at least and at most. What it does not need
#: it has to give back, at the end of each member, so that files of small members get small pieces.
_FIRST_PIECE = 512
_PIECE = 64 * 1024

#: So often is it tried in vain to decode many small members in one go, before each is by itself.
_FRUITLESS_ATTEMPTS = 16

#: More decode no faster than what follows can take it, and only need memory.
_MOST_THREADS = 8


class _Member(Protocol):
    """Decodes one gzip member; checks its CRC and its length when it ends."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: memoryview | bytes, max_length: int) -> bytes: ...


class _ZlibMember:
    """zlib's decoder, which hands back the input that it had no room for, as one that keeps it."""

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
    """By ISA-L; by zlib where there is none."""
    isal = isal_library.load_igzip()
    if isal is None:
        return _ZlibMember()
    member: _Member = isal.IgzipDecompressor(flag=isal.DECOMP_GZIP)
    return member


def _errors() -> tuple[Any, ...]:
    isal = isal_library.load_igzip()
    return (zlib.error,) if isal is None else (isal.error, zlib.error)


def decode(source: ByteSource, outlet: Outlet, context: Context) -> None:
    """Decode all members. What follows the last is ignored, as gzip does, and noted.

    Members that tell their size are decoded several at a time, for as long as it is true, and small
    ones many in one go.
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
    """By libdeflate, into memory that is used again; where there is none, as any other member."""
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
        # Where the content is as long as it may be, the trailer has yet to be read.
        content = member.decompress(memoryview(compressed), size + 1)
    except _errors():
        return None
    whole = member.eof and not member.unused_data and len(content) == size
    return Buffer(memoryview(content)) if whole else None


def _decode_member(
    source: ByteSource, output: Coalesced, context: Context, limit: int, piece: int
) -> None:
    """Decode one member, ``piece`` bytes of it first, ``limit`` bytes of content at a time."""
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
