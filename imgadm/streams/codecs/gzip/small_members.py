"""Gzip members so small that what Python does for each would be most of the work.

Files that were made piece by piece consist of millions of them. As many as fit are decoded from one
window into one buffer, by libdeflate, which needs a member to be in memory as a whole.
"""

from __future__ import annotations

import ctypes

from imgadm.base.compressions import COMPRESSION_FORMATS
from imgadm.streams.codecs.byte_source import ByteSource
from imgadm.streams.codecs.gzip import libdeflate
from imgadm.streams.codecs.gzip.header import FLAG_COMMENT, FLAG_EXTRA, FLAG_NAME
from imgadm.streams.codecs.gzip.member_layout import HEADER_SIZE, TRAILER_SIZE, size_by_header
from imgadm.streams.engine.buffers import Buffer
from imgadm.streams.engine.stage import Context, Outlet

#: Bytes of a member, header and trailer included, up to which it is small.
SMALL = 16 * 1024

#: Bytes that are looked at at a time. A small member that its end cuts is decoded twice.
_WINDOW = 16 * SMALL

#: Flags of headers that libdeflate reads as everybody does. It passes over a header's checksum.
_TEXT = 1
_FLAGS = _TEXT | FLAG_EXTRA | FLAG_NAME | FLAG_COMMENT

_BEGINNING = COMPRESSION_FORMATS["gzip"].magics[0] + b"\x08"


class Coalesced:
    """Puts short pieces of content on the outlet together, and long ones as they are."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._buffer: Buffer | None = None
        self._filled = 0

    @property
    def room(self) -> memoryview:
        """Where the next bytes of content may be written before they are :meth:`wrote`."""
        if self._buffer is None:
            self._buffer = self._outlet.buffer()
            self._filled = 0
        return self._buffer.view[self._filled :]

    def wrote(self, size: int) -> None:
        self._filled += size

    @property
    def pending(self) -> bool:
        """Whether there is content that has not been put on the outlet yet."""
        return self._filled > 0

    def put(self, content: bytes) -> None:
        if not self.pending and len(content) > SMALL:
            self._outlet.put(Buffer(memoryview(content)))
            return
        if len(content) > len(self.room):
            self.flush()
        if len(content) > len(self.room):
            self._outlet.put(Buffer(memoryview(content)))
            return
        self.room[: len(content)] = content
        self.wrote(len(content))

    def flush(self) -> None:
        """Put what is pending on the outlet."""
        buffer, self._buffer = self._buffer, None
        filled, self._filled = self._filled, 0
        if buffer is not None:
            if filled:
                self._outlet.put(buffer.keep(filled))
            else:
                buffer.release()


def decode_small_members(
    source: ByteSource, output: Coalesced, context: Context, library: ctypes.CDLL, *, sized: bool
) -> None:
    """Decode members for as long as they are small, and nothing is odd about them.

    What the source is at then is for another decoder, which knows what to say of it; where that is
    to have members that tell their size, they are not ``sized`` here.
    """
    decoder = libdeflate.MemberDecoder(library)
    try:
        while True:
            context.cancel.check()
            window = source.peek(_WINDOW)
            taken = _decode_window(window, output, decoder, sized=sized)
            source.skip(taken)
            if taken < _WINDOW // 2:
                return
    finally:
        decoder.close()


def _decode_window(
    window: bytes, output: Coalesced, decoder: libdeflate.MemberDecoder, *, sized: bool
) -> int:
    """Decode the members at the beginning of ``window``; returns how many bytes they have."""
    at, shortest = 0, len(_BEGINNING) + TRAILER_SIZE
    while window.startswith(_BEGINNING, at) and len(window) - at > shortest:
        flags = window[at + len(_BEGINNING)]
        if flags & ~_FLAGS:
            break
        if (
            flags & FLAG_EXTRA
            and not sized
            and size_by_header(window[at : at + HEADER_SIZE]) is not None
        ):
            break
        decoded = decoder.decode(window, at, output.room)
        if decoded is None and output.pending:
            output.flush()
            decoded = decoder.decode(window, at, output.room)
        if decoded is None:
            break
        used, made = decoded
        output.wrote(made)
        at += used
        if used > SMALL:
            break
    return at
