"""What is wrong with a layer, as one clear line."""

from __future__ import annotations

from imgadm.base.text import excerpt
from imgadm.streams.errors import StreamError


class LayerError(StreamError):
    """The archive cannot be unpacked.

    ``kind`` is one of ``truncated``, ``trailing``, ``format``, ``unsupported``, ``limit``, ``name``
    and ``link``; ``entry`` the name of the entry it is about, as far as that is known; ``reason``
    the message without the word "layer".
    """

    def __init__(self, kind: str, reason: str, *, entry: bytes = b"", offset: int | None = None):
        where = f'entry "{excerpt(entry)}": ' if entry else ""
        self.reason = f"{where}{reason}"
        super().__init__(f"layer: {self.reason}", offset=offset)
        self.kind = kind
        self.entry = entry
