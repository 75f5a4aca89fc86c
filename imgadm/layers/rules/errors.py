"""The error of a layer that cannot be unpacked, and the printing of names from its archive."""

from __future__ import annotations

from imgadm.streams.errors import StreamError

_LONGEST_SHOWN = 200


class LayerError(StreamError):
    """A layer's archive cannot be unpacked.

    ``kind`` is one of ``truncated``, ``trailing``, ``format``, ``unsupported``, ``limit``, ``name``
    and ``link``. ``entry`` is the name of the entry that is wrong, or empty if that is not known.
    ``reason`` is the message without the word "layer".
    """

    def __init__(self, kind: str, reason: str, *, entry: bytes = b"", offset: int | None = None):
        where = f'entry "{shown_name(entry)}": ' if entry else ""
        self.reason = f"{where}{reason}"
        super().__init__(f"layer: {self.reason}", offset=offset)
        self.kind = kind
        self.entry = entry


def shown_name(name: bytes) -> str:
    """Return a name from an archive as one printable line of bounded length."""
    text = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in name[: _LONGEST_SHOWN + 1].decode("utf-8", "backslashreplace")
    )
    return text if len(name) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
