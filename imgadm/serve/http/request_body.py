"""The body of a request, read while it arrives and only as far as the program asks for it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Protocol

from imgadm.base.text import excerpt
from imgadm.serve.http.replies import HttpError
from imgadm.serve.http.request_head import RequestHead

_BLOCK_BYTES = 512 << 10
_MAX_IGNORED_BYTES = 64 << 10
_MAX_EXTENSION_BYTES = 16 << 10
"""The most bytes in the extensions of all chunks of a body; this server ignores them."""
_MAX_TRAILER_BYTES = 8 << 10
_MAX_LINE = 1 << 10
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})((?:[ \t]*;[^\x00-\x08\x0a-\x1f\x7f]*)?)\r\n")
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x08\x0a-\x1f\x7f]*\r\n")


class _Input(Protocol):
    """The input of a connection; see :class:`.connection_input.ConnectionInput`."""

    def readline(self, limit: int, /) -> bytes: ...
    def readinto(self, memory: memoryview, /) -> int: ...


class _CutBodyError(HttpError):
    """A body whose client stopped in the middle or is too slow; the connection must end."""

    def __init__(self, cause: OSError | None = None) -> None:
        if isinstance(cause, TimeoutError):
            super().__init__(408, "RequestTimeout", "the body of the request came too slowly")
        else:
            super().__init__(400, "BadRequestError", "the body of the request has no end")


class RequestBody:
    """The body that follows ``head`` in ``stream``.

    ``length`` is its announced length, ``None`` if it comes in chunks. ``finished`` tells whether
    all of it has been read, so that the next request follows. ``go_ahead`` is called before the
    first byte is read if the client waits for permission to send the body. Raises
    :class:`HttpError` for a framing that two programs could read differently.
    """

    def __init__(self, head: RequestHead, stream: _Input, go_ahead: Callable[[], None]) -> None:
        self._stream = stream
        self._go_ahead = go_ahead if head.awaits_permission else None
        self.length = _length(head)
        self.finished = self.length == 0
        self._left = self.length or 0
        self._is_cut = False
        self._memory = bytearray()

    def blocks(self) -> Iterator[memoryview]:
        """Yield the bytes in turn, each block valid until the next.

        Raises :class:`HttpError` for malformed chunks, and if the body ends too early or is too
        slow.
        """
        if self._go_ahead is not None and not self.finished:
            try:
                self._go_ahead()
            except OSError as error:
                raise self._cut(error) from error
            self._go_ahead = None
        if not self._memory:
            self._memory = bytearray(min(_BLOCK_BYTES, self.length or _BLOCK_BYTES))
        if self.length is not None:
            yield from self._promised()
        elif not self.finished:
            yield from self._chunks()
        self.finished = True

    def read(self, limit: int) -> bytes:
        """Return the whole body; raises :class:`HttpError` if it is longer than ``limit``."""
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
        """Read the rest of the body if it is short; otherwise :attr:`finished` stays false."""
        wanted = self.length is not None and self._left <= _MAX_IGNORED_BYTES and not self._is_cut
        if not self.finished and self._go_ahead is None and wanted:
            with contextlib.suppress(_CutBodyError):
                for _ in self.blocks():
                    pass

    def _promised(self) -> Iterator[memoryview]:
        while self._left:
            block = self._block(self._left)
            self._left -= len(block)
            yield block

    def _chunks(self) -> Iterator[memoryview]:
        ignored = 0
        while True:
            line = self._line()
            match = _CHUNK.fullmatch(line)
            if match is None:
                raise _bad_chunk(f'not the size of a chunk: "{excerpt(line.rstrip())}"')
            ignored += len(match[2])
            if ignored > _MAX_EXTENSION_BYTES:
                raise _bad_chunk("the extensions of chunks are too long")
            left = int(match[1], 16)
            if left == 0:
                break
            while left:
                block = self._block(left)
                left -= len(block)
                yield block
            if self._line(2) != b"\r\n":
                raise _bad_chunk("a chunk is longer than its size")
        self._skip_trailer()

    def _skip_trailer(self) -> None:
        """Read the fields after the last chunk, which this server ignores."""
        left = _MAX_TRAILER_BYTES
        while (line := self._line()) != b"\r\n":
            left -= len(line)
            if not _TRAILER.fullmatch(line):
                raise _bad_chunk(f'not a trailer field: "{excerpt(line.rstrip())}"')
            if left < 0:
                raise _bad_chunk("the trailer is too long")

    def _block(self, most: int) -> memoryview:
        view = memoryview(self._memory)[:most]
        try:
            size = self._stream.readinto(view)
        except OSError as error:
            raise self._cut(error) from error
        if not size:
            raise self._cut()
        return view[:size]

    def _line(self, limit: int = _MAX_LINE) -> bytes:
        """Return a line, or its first ``limit`` bytes."""
        try:
            line = self._stream.readline(limit)
        except OSError as error:
            raise self._cut(error) from error
        if not line.endswith(b"\n") and len(line) < limit:
            raise self._cut()
        return line

    def _cut(self, cause: OSError | None = None) -> _CutBodyError:
        self._is_cut = True
        return _CutBodyError(cause)


def _length(head: RequestHead) -> int | None:
    """Return the announced length, ``None`` for chunks (RFC 9112, section 6)."""
    encoding, promised = head.headers.get("Transfer-Encoding"), head.headers.get("Content-Length")
    expected = head.headers.get("Expect")
    if head.minor == 1 and expected is not None and not head.awaits_permission:
        raise HttpError(417, "ExpectationFailed", "only 100-continue can be expected")
    if encoding is not None:
        if promised is not None or head.minor == 0 or encoding.lower() != "chunked":
            raise HttpError(
                400, "InvalidHeader", "the body has to come with Content-Length, or as chunks alone"
            )
        return None
    if promised is None:
        return 0
    if not (promised.isascii() and promised.isdigit() and len(promised) < 19):
        raise HttpError(400, "InvalidHeader", "Content-Length is not a number of bytes")
    return int(promised)


def _bad_chunk(message: str) -> HttpError:
    return HttpError(400, "BadRequestError", message)
