"""zstd (RFC 8878), by the zstandard package, in frames that can be made at the same time.

The library's own threads write one frame, but a call for a high level can't be interrupted for
seconds. Frames of this size are as small as one frame, to a part in a thousand.
"""

from __future__ import annotations

import zstandard

from imgadm.streams.codecs.encode_pieces import encode_pieces
from imgadm.streams.codecs.loading import EncoderSettings
from imgadm.streams.engine.stage import Context, Inlet, Outlet

#: Bytes of content in a frame, except for the last.
FRAME_CONTENT_SIZE = 4 * 1024 * 1024

#: Bytes after which an encoder looks whether the pipeline is ending.
_STEP = 256 * 1024


def encode(inlet: Inlet, outlet: Outlet, context: Context, settings: EncoderSettings) -> None:
    """Write one frame, with its size and a checksum, for every piece of the content."""

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
