"""gzip (RFC 1952), by Intel's ISA-L where it runs and by zlib elsewhere."""

from __future__ import annotations

import functools
import os
import zlib
from typing import Any, Protocol

from imgadm.streams.buffers import Buffer
from imgadm.streams.decoders import MAGIC
from imgadm.streams.decoders.source import ByteSource
from imgadm.streams.errors import DecompressionError
from imgadm.streams.stage import Context, Outlet

#: Compressed bytes that a decoder is given at a time. What it does not need it has to give back, at
#: the end of each member, so that larger pieces make files of many small members slow.
_PIECE = 64 * 1024


class Member(Protocol):
    """Decodes one gzip member; checks its CRC and its length when it ends."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: memoryview | bytes, max_length: int) -> bytes: ...


class ZlibMember:
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


@functools.cache
def _isal() -> Any:
    """ISA-L's module, or None: there is no wheel of it for some processors."""
    try:
        from isal import igzip_lib
    except ImportError:
        return None
    return igzip_lib


def _new_member() -> Member:
    """By ISA-L; by zlib where there is none, or where ``IMGADM_ISAL=0`` forbids it."""
    isal = _isal()
    if isal is None or os.environ.get("IMGADM_ISAL", "1") == "0":
        return ZlibMember()
    member: Member = isal.IgzipDecompressor(flag=isal.DECOMP_GZIP)
    return member


def _errors() -> tuple[Any, ...]:
    return (zlib.error,) if _isal() is None else (_isal().error, zlib.error)


def decode(source: ByteSource, outlet: Outlet, context: Context) -> None:
    """Decode all members. What follows the last is ignored, as gzip does, and noted."""
    while source.peek(2) == MAGIC["gzip"]:
        _decode_member(source, outlet, context)
    ignored = source.skip_rest()
    if ignored:
        context.notes.append(f"ignored {ignored} bytes after the end of the gzip data")


def _decode_member(source: ByteSource, outlet: Outlet, context: Context) -> None:
    # ISA-L wants a whole header at a time (https://github.com/intel/isa-l/issues/224).
    source.peek(_PIECE)
    member = _new_member()
    limit = outlet.pool.size
    while not member.eof:
        context.cancel.check()
        data: memoryview | bytes | None = source.next(_PIECE) if member.needs_input else b""
        if data is None:
            raise DecompressionError("gzip", "the data ends in the middle", offset=source.position)
        try:
            decoded = member.decompress(data, limit)
        except _errors() as error:
            raise DecompressionError("gzip", str(error), offset=source.position) from None
        if decoded:
            outlet.put(Buffer(memoryview(decoded)))
    source.put_back(len(member.unused_data))
