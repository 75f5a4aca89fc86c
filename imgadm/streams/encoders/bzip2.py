"""bzip2: one stream for every block, joined, as pbzip2 writes them and every bzip2 reads them."""

from __future__ import annotations

import bz2
import functools

from imgadm.streams.encoders import Settings
from imgadm.streams.encoders.pieces import encode_pieces
from imgadm.streams.stage import Context, Inlet, Outlet

#: Bytes in a block for each level, as the format has it.
_BLOCK_UNIT = 100_000


def encode(inlet: Inlet, outlet: Outlet, context: Context, settings: Settings) -> None:
    """Write one stream for as many bytes as a block of the level is large."""
    encode_pieces(
        *(inlet, outlet, context, functools.partial(_encode_block, settings.level)),
        size=settings.level * _BLOCK_UNIT,
        threads=settings.threads,
    )


def _encode_block(level: int, content: memoryview) -> bytes:
    return bz2.compress(content, level)
