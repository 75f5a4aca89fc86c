"""The Zstandard encoder (RFC 8878), by the zstandard package, in independent frames.

The library's own threads write one frame, but a call for a high level can't be interrupted for
seconds. All frames of this size together are larger than a single frame by a part in a thousand.
"""

from __future__ import annotations

import zstandard

from imgadm.streams.codecs.encode_pieces import encode_pieces
from imgadm.streams.codecs.loading import EncoderSettings
from imgadm.streams.engine.stage import Context, Inlet, Outlet

FRAME_CONTENT_SIZE = 4 * 1024 * 1024
"""The number of bytes of content in every frame but the last."""

_STEP = 256 * 1024
"""The number of bytes after which an encoder checks for a cancelled pipeline."""


def encode(inlet: Inlet, outlet: Outlet, context: Context, settings: EncoderSettings) -> None:
    """Write a frame, with its content size and a checksum, for every piece of the content."""

    def encode_frame(content: memoryview) -> bytes:
        compressor = zstandard.ZstdCompressor(level=settings.level, write_checksum=True)
        frame = compressor.compressobj(size=len(content))
        parts = []
        for start in range(0, len(content), _STEP):
            context.cancel.check()
            parts.append(frame.compress(content[start : start + _STEP]))
        return b"".join([*parts, frame.flush()])

    encode_pieces(
        *(inlet, outlet, context, encode_frame),
        size=FRAME_CONTENT_SIZE,
        threads=settings.threads,
    )
