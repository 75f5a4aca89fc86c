"""The error of a layer that cannot be unpacked."""

from __future__ import annotations

from imgadm.base.text import excerpt
from imgadm.streams.errors import StreamError


class LayerError(StreamError):
    """A layer's archive cannot be unpacked.

    ``kind`` is one of ``truncated``, ``format``, ``unsupported``, ``limit``, ``name`` and ``link``.
    ``offset`` is the byte of the uncompressed archive at which it failed, None if not known.
    ``entry`` is the name of the entry that is wrong, or empty if that is not known. ``reason`` is
    the message without the word "layer".
    """

    def __init__(self, kind: str, reason: str, *, entry: bytes = b"", offset: int | None = None):
        where = f'entry "{excerpt(entry)}": ' if entry else ""
        self.reason = f"{where}{reason}"
        super().__init__(f"layer: {self.reason}", offset=offset)
        self.kind = kind
        self.entry = entry
