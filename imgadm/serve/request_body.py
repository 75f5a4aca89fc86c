"""The body of a request, read while it arrives, and no further than somebody wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from imgadm.serve.conditions import Headers
from imgadm.serve.replies import HttpError

BLOCK_BYTES = 512 << 10
MAX_IGNORED_BYTES = 64 << 10
_MAX_LINE = 256
_MAX_TRAILERS = 32


class Input(Protocol):
    """A connection's input."""

    def readline(self, limit: int, /) -> bytes: ...
    def readinto1(self, buffer: memoryview, /) -> int: ...


class CutBodyError(OSError):
    """The client stopped in the middle, or sent what is no body; the connection must end."""


class RequestBody:
    """One body. ``length`` is the promised one, ``None`` where it comes in chunks.

    ``go_ahead`` is called before the first byte is read, if the client waits for permission to send
    it. Raises :class:`HttpError` for a framing that makes no sense.
    """

    def __init__(self, headers: Headers, stream: Input, go_ahead: Callable[[], None]) -> None:
        self._stream = stream
        self._go_ahead: Callable[[], None] | None = None
        if (headers.get("Expect") or "").lower() == "100-continue":
            self._go_ahead = go_ahead
        self.length = _length(headers)
        #: Whether all of it has been read, so that what follows is the next request.
        self.finished = self.length == 0
        self._left = self.length or 0
        self._memory = bytearray()

    def blocks(self) -> Iterator[memoryview]:
        """Return the bytes in turn, each block valid until the next; :class:`CutBodyError`."""
        if self._go_ahead is not None and not self.finished:
            self._go_ahead()
            self._go_ahead = None
        if not self._memory:
            self._memory = bytearray(min(BLOCK_BYTES, self.length or BLOCK_BYTES))
        if self.length is not None:
            yield from self._promised()
        elif not self.finished:
            yield from self._chunks()
        self.finished = True

    def read(self, limit: int) -> bytes:
        """Return the whole body; :class:`HttpError` if it is longer than ``limit``."""
        body = bytearray()
        if self.length is None or self.length <= limit:
            for block in self.blocks():
                body += block
                if len(body) > limit:
                    break
            else:
                return bytes(body)
        raise HttpError(413, "RequestEntityTooLarge", f"the body has more than {limit} bytes")

    def skip(self) -> None:
        """Read past what nobody wanted, if that is little; else :attr:`finished` stays false."""
        wanted = self.length is not None and self._left <= MAX_IGNORED_BYTES
        if not self.finished and self._go_ahead is None and wanted:
            for _ in self.blocks():
                pass

    def _promised(self) -> Iterator[memoryview]:
        while self._left:
            block = self._block(self._left)
            self._left -= len(block)
            yield block

    def _chunks(self) -> Iterator[memoryview]:
        while True:
            digits = self._line().partition(b";")[0].strip()
            if not digits or len(digits) > 15 or digits.strip(b"0123456789abcdefABCDEF"):
                raise CutBodyError("a chunk without a size")
            left = int(digits, 16)
            if left == 0:
                break
            while left:
                block = self._block(left)
                left -= len(block)
                yield block
            if self._line().strip():
                raise CutBodyError("a chunk that is longer than its size")
        for _ in range(_MAX_TRAILERS):
            if not self._line().strip():
                return
        raise CutBodyError("too many trailers")

    def _block(self, most: int) -> memoryview:
        view = memoryview(self._memory)[:most]
        try:
            size = self._stream.readinto1(view)
        except OSError as error:
            raise CutBodyError(str(error)) from error
        if not size:
            raise CutBodyError("the connection ended in the middle of a body")
        return view[:size]

    def _line(self) -> bytes:
        try:
            line = self._stream.readline(_MAX_LINE)
        except OSError as error:
            raise CutBodyError(str(error)) from error
        if not line.endswith(b"\n"):
            raise CutBodyError("the connection ended in the middle of a body")
        return line


def _length(headers: Headers) -> int | None:
    """Return the promised length, ``None`` for chunks (RFC 9112, section 6)."""
    encoding, promised = headers.get("Transfer-Encoding"), headers.get("Content-Length")
    if encoding is not None:
        if promised is not None or encoding.strip().lower() != "chunked":
            raise HttpError(400, "InvalidHeader", "the body is framed in a way that is not known")
        return None
    promised = "0" if promised is None else promised.strip()
    if not (promised.isascii() and promised.isdigit() and len(promised) < 19):
        raise HttpError(400, "InvalidHeader", "Content-Length is not a number of bytes")
    return int(promised)
