"""bzip2, by the native encoder: one stream for every block, joined, as every bzip2 reads them."""

from __future__ import annotations

from imgadm._native import bzip2_compress
from imgadm.streams.codecs.encode_pieces import encode_pieces
from imgadm.streams.codecs.loading import EncoderSettings
from imgadm.streams.engine.stage import Context, Inlet, Outlet

#: Bytes in a block for each level, as the format has it, and those that are left free in it.
_BLOCK_UNIT = 100_000
_SPARE = 19


def content_size(level: int) -> int:
    """Bytes of content in a stream, except for the last: what fits into one block."""
    return level * _BLOCK_UNIT - _SPARE


def encode(inlet: Inlet, outlet: Outlet, context: Context, settings: EncoderSettings) -> None:
    """Write one stream for as many bytes as a block of the level is large."""
    encode_pieces(
        *(inlet, outlet, context, lambda content: bzip2_compress(content, settings.level)),
        size=content_size(settings.level),
        threads=settings.threads,
    )
