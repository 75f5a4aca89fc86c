"""The Zstandard decoder (RFC 8878), by the zstandard package."""

from __future__ import annotations

from typing import Any

import zstandard

from imgadm.streams.codecs.byte_source import ByteSource
from imgadm.streams.codecs.zstd.frames import FrameTracker
from imgadm.streams.engine.stage import Context, Outlet
from imgadm.streams.errors import DecompressionError

_WINDOW_LIMIT = 128 * 1024 * 1024
"""The largest accepted window, in bytes: that of ``zstd --ultra -22``. It bounds the memory."""

_READ_SIZE = 256 * 1024


class _TrackedSource:
    """A source for the library to read, which shows ``frames`` every byte."""

    def __init__(self, source: ByteSource, frames: FrameTracker) -> None:
        self._source = source
        self._frames = frames

    def read(self, size: int) -> bytes:
        data = self._source.read(size)
        self._frames.feed(data)
        return data


def decode(source: ByteSource, outlet: Outlet, context: Context) -> None:
    """Decode all frames. Every frame must be complete, and nothing may follow the last."""
    frames = FrameTracker()
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_LIMIT)
    tracked: Any = _TrackedSource(source, frames)  # the library calls only read()
    reader = decompressor.stream_reader(tracked, read_size=_READ_SIZE, read_across_frames=True)
    try:
        while True:
            context.cancel.check()
            buffer = outlet.buffer()
            size = reader.readinto(buffer.view)
            if size == 0:
                buffer.release()
                break
            outlet.put(buffer.keep(size))
    except zstandard.ZstdError as error:
        raise DecompressionError("zstd", str(error), offset=source.position) from None
    # The library takes the end of the input for the end of the data, even within a frame.
    if not frames.complete:
        raise DecompressionError("zstd", "the data ends in the middle", offset=source.position)
