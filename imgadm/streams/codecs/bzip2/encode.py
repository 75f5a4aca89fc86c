"""The bzip2 encoder, in native code: one stream for every block, joined into one file.

Every bzip2 program reads such files.
"""

from __future__ import annotations

from imgadm._native import bzip2_compress
from imgadm.streams.codecs.encode_pieces import encode_pieces
from imgadm.streams.codecs.loading import EncoderSettings
from imgadm.streams.engine.stage import Context, Inlet, Outlet

_BLOCK_UNIT = 100_000
"""The size in bytes of a block of level 1; a block of level n is n times as large."""

_SPARE = 19
"""The number of bytes that the encoder leaves free in a block."""


def content_size(level: int) -> int:
    """Return the number of bytes of content in every stream but the last.

    That many bytes fit into one block of ``level``.
    """
    return level * _BLOCK_UNIT - _SPARE


def encode(inlet: Inlet, outlet: Outlet, context: Context, settings: EncoderSettings) -> None:
    """Write one stream for every :func:`content_size` bytes of content."""
    encode_pieces(
        *(inlet, outlet, context, lambda content: bzip2_compress(content, settings.level)),
        size=content_size(settings.level),
        threads=settings.threads,
    )
