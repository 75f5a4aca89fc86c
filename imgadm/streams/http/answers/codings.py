"""Content codings of HTTP answers (RFC 9110, section 8.4.1), undone piece by piece.

Our requests ask for no coding. Caches, proxies and servers of static files use one all the same.
The caller bounds each piece that :class:`Uncoded` returns, however far the coded bytes expand.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any

from imgadm.base.compressions import COMPRESSION_FORMATS
from imgadm.base.text import excerpt
from imgadm.streams.http.failures import BadAnswerError

_PIECE = 64 << 10
_GZIP_MAGIC = COMPRESSION_FORMATS["gzip"].magics[0]
_ZSTD_MAGIC = COMPRESSION_FORMATS["zstd"].magics[0]
_ZSTD_WINDOW = 8 << 20
"""The largest accepted window in bytes; encoders may not need more (RFC 9659, section 3)."""

_ALIASES = {"x-gzip": "gzip"}
_IDENTITY = frozenset({"", "identity", "none"})

ReadCoded = Callable[[int], bytes]
"""A function that returns at most the given number of bytes, and none at the end."""


def coding_of(header: str | None) -> str | None:
    """Return the one coding that ``header``, a Content-Encoding, names; None if it names none.

    Raises :class:`BadAnswerError` for an unknown coding, and for several.
    """
    names = [name.strip().lower() for name in (header or "").split(",")]
    codings = [_ALIASES.get(name, name) for name in names if name not in _IDENTITY]
    if not codings:
        return None
    if len(codings) > 1 or codings[0] not in ("gzip", "deflate", "zstd"):
        shown = excerpt(", ".join(codings))
        raise BadAnswerError(
            f'the answer has the content coding "{shown}", which nobody asked for and imgadm '
            "cannot undo"
        )
    return codings[0]


class Uncoded:
    """The bytes that ``read`` returns, without their ``coding``.

    Bytes that do not begin as this coding does are not coded, whatever the server says, and are
    returned unchanged. Reading raises :class:`BadAnswerError` for damaged bytes, and
    ConnectionResetError if they end too early.
    """

    def __init__(self, coding: str, read: ReadCoded) -> None:
        self._read = read
        self._decoded = self._decode(coding)
        self._limit = 0
        self._first = self._rest = b""

    def read(self, limit: int) -> bytes:
        """Return some bytes, at most ``limit``; none at the end."""
        self._limit = limit
        piece = self._rest or next(self._decoded, b"")
        self._rest = piece[limit:]
        return piece[:limit]

    def _decode(self, coding: str) -> Iterator[bytes]:
        self._first = _some(self._read, 4)
        if coding == "gzip" and self._first.startswith(_GZIP_MAGIC):
            yield from self._inflated(zlib.MAX_WBITS | 16)
        elif coding == "zstd" and self._first == _ZSTD_MAGIC:
            yield from self._from_zstd()
        elif coding == "deflate" and self._first:
            yield from self._inflated(_deflate_bits(self._first))
        else:
            yield from self._as_it_is()

    def _next(self) -> bytes:
        data, self._first = self._first, b""
        return data or self._read(_PIECE)

    def _as_it_is(self) -> Iterator[bytes]:
        while data := self._next():
            yield data

    def _inflated(self, bits: int) -> Iterator[bytes]:
        decoder = zlib.decompressobj(bits)
        data = b""
        try:
            while True:
                if decoder.eof:
                    data = (decoder.unused_data or self._next()).lstrip(b"\0")
                    if not data:
                        return
                    if bits < zlib.MAX_WBITS | 16:
                        raise BadAnswerError("there is something after the end of its content")
                    decoder = zlib.decompressobj(bits)
                elif not data and not (data := self._next()):
                    raise ConnectionResetError("the answer ended in the middle of its content")
                yield from _if_any(decoder.decompress(data, self._limit))
                data = decoder.unconsumed_tail
        except zlib.error as error:
            raise BadAnswerError(f"its content coding is damaged: {error}") from error

    def _from_zstd(self) -> Iterator[bytes]:
        import zstandard

        from imgadm.streams.codecs.zstd.frames import FrameTracker

        frames = FrameTracker()

        class Watched:
            def read(_, size: int) -> bytes:  # noqa: N805  the outer self is used
                data = self._next()
                frames.feed(data)
                return data

        source: Any = Watched()
        library = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        reader = library.stream_reader(source, read_size=_PIECE, read_across_frames=True)
        try:
            while data := reader.read(self._limit):
                yield data
        except zstandard.ZstdError as error:
            raise BadAnswerError(f"its content coding is damaged: {error}") from error
        if not frames.complete:
            raise ConnectionResetError("the answer ended in the middle of its content")


def _if_any(data: bytes) -> Iterator[bytes]:
    if data:
        yield data


def _some(read: ReadCoded, size: int) -> bytes:
    """Return the first ``size`` bytes, or all if there are fewer."""
    got = b""
    while len(got) < size and (more := read(size - len(got))):
        got += more
    return got


def _deflate_bits(first: bytes) -> int:
    """Return the ``wbits`` for zlib that decode data beginning with ``first``.

    The coding "deflate" is the zlib format, but some servers send bare deflate data (RFC 9110,
    section 8.4.1.2).
    """
    is_zlib = first[0] & 0x0F == 8 and int.from_bytes(first[:2], "big") % 31 == 0
    return zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS
