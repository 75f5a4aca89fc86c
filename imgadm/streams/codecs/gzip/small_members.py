"""The decoding of gzip members so small that Python's work for each would be most of the work.

Files that were made piece by piece consist of millions of them. libdeflate, which needs a member to
be whole in memory, decodes as many as fit from one window into one buffer.
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

SMALL = 16 * 1024
"""The largest size in bytes of a small member, header and trailer included."""

_WINDOW = 16 * SMALL
"""The number of bytes that are decoded in one go.

A small member that crosses the end of a window is decoded twice.
"""

_TEXT = 1
_FLAGS = _TEXT | FLAG_EXTRA | FLAG_NAME | FLAG_COMMENT
"""The header flags of members that libdeflate may decode; it does not check a header's checksum."""

_BEGINNING = COMPRESSION_FORMATS["gzip"].magics[0] + b"\x08"


class Coalesced:
    """An output that joins short pieces of content, and passes long ones on as they are."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._buffer: Buffer | None = None
        self._filled = 0

    @property
    def room(self) -> memoryview:
        """The memory for the next bytes of content; the caller then calls :meth:`wrote`."""
        if self._buffer is None:
            self._buffer = self._outlet.buffer()
            self._filled = 0
        return self._buffer.view[self._filled :]

    def wrote(self, size: int) -> None:
        self._filled += size

    @property
    def pending(self) -> bool:
        """Whether content waits that is not on the outlet yet."""
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
        """Put the waiting content on the outlet."""
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
    """Decode members as long as they are small and ordinary.

    Afterwards the source is at the first member that is not; another decoder decodes it or reports
    what is wrong. Without ``sized``, members that record their size are not decoded here either.
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
    """Decode the members at the beginning of ``window``, and return their size in bytes."""
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
