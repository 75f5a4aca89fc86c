"""Responses of ``http.client`` with bounds for the size of the head and for the pace.

``http.client`` waits for as long as a server drips bytes, takes 102 and 103 for the final answer,
takes a head that breaks off for a whole one, and refuses more than a hundred fields. It allows its
response class to be replaced, and this module has the replacement.
"""

from __future__ import annotations

import errno
import http.client
import io
import socket
import time
from typing import Any

from imgadm.base.text import excerpt
from imgadm.streams.http.answers.head import AnswerHead
from imgadm.streams.http.failures import BadAnswerError

FLOOR_BYTES_A_SECOND = 512
"""The bytes a second below which a server that we wait for has failed."""

_FLOOR_SECONDS = 120.0
_PIECE = 64 << 10
_NO_CODING = frozenset({"", "identity"})


class Floor:
    """The least pace of a server, checked again and again after ``seconds`` of waiting.

    ``seconds`` is four times ``stall_timeout``, at most 120. Only the time spent waiting for the
    server counts, so that a slow reader is not blamed on the server.
    """

    def __init__(self, stall_timeout: float | None) -> None:
        longest = _FLOOR_SECONDS
        self.seconds = longest if stall_timeout is None else min(longest, 4 * stall_timeout)
        self._waited = 0.0
        self._got = 0

    @property
    def size(self) -> int:
        """The bytes that must come in ``seconds``."""
        return int(FLOOR_BYTES_A_SECOND * self.seconds)

    def check(self, waited: float, got: int) -> None:
        """Count ``got`` bytes after ``waited`` seconds. Raises TimeoutError below the floor."""
        self._waited += waited
        self._got += got
        if self._waited < self.seconds:
            return
        if got and self._got < FLOOR_BYTES_A_SECOND * self._waited:
            raise TimeoutError(errno.ETIMEDOUT, f"fewer than {FLOOR_BYTES_A_SECOND} bytes a second")
        self._waited, self._got = 0.0, 0


class TimedReader(io.RawIOBase):
    """The bytes of an answer from the socket ``connected``: first the head, then the rest.

    ``head`` may have been fed with the first of them. :meth:`read_head` ends at the latest at
    ``ends``, a time of :func:`time.monotonic`. Afterwards reads raise TimeoutError if the server is
    slower than the :class:`Floor`.
    """

    def __init__(self, connected: Any, *, ends: float | None, head: AnswerHead) -> None:
        self.connection: socket.socket = connected
        self._raw: io.RawIOBase = connected.makefile("rb", buffering=0)
        self._head = head
        self._ends = ends
        self._rest = b""
        self._idle: float | None = connected.gettimeout()
        self._floor = Floor(self._idle)

    def readable(self) -> bool:
        """Return True."""
        return True

    def read_head(self) -> list[bytes]:
        """Return the lines of the head, the blank one last; none if the server sends nothing.

        Raises :class:`BadAnswerError` for a head that is too long, ConnectionResetError for one
        that breaks off, and TimeoutError.
        """
        while not self._head.is_complete:
            data = self._receive()
            if not data and self._head.is_empty:
                return []
            if not data:
                raise ConnectionResetError("the connection was cut in the middle of a head")
            self._head.feed(data)
        self._rest = self._head.rest()
        if self._ends is not None:
            self.connection.settimeout(self._idle)
        return self._head.lines()

    def readinto(self, memory: Any) -> int | None:
        """Read some bytes after the head into ``memory``."""
        if self._rest:
            size = min(len(memory), len(self._rest))
            memory[:size], self._rest = self._rest[:size], self._rest[size:]
            return size
        began = time.monotonic()
        got = self._raw.readinto(memory)
        self._floor.check(time.monotonic() - began, got or 0)
        return got

    def _receive(self) -> bytes:
        if self._ends is not None:
            left = self._ends - time.monotonic()
            if left <= 0:
                raise TimeoutError("no answer for too long")
            self.connection.settimeout(left if self._idle is None else min(left, self._idle))
        return self._raw.read(_PIECE) or b""

    def close(self) -> None:
        """Close the file that reads from the socket."""
        self._raw.close()
        super().close()


class TimedResponse(http.client.HTTPResponse):
    """A response whose head keeps the bounds, and whose body has exactly one possible length."""

    def begin(self) -> None:
        """Read the head, once."""
        begun: Any = self.headers
        if begun is not None:
            return
        body: Any = self.fp
        self.fp: Any = _HeadFile(body.raw.read_head(), body)
        super().begin()
        if self.fp is not None:
            self.fp = body
        self._check_framing()

    def _check_framing(self) -> None:
        coding = ", ".join(self.headers.get_all("transfer-encoding", [])).strip().lower()
        if coding not in _NO_CODING and coding != "chunked":
            raise BadAnswerError(
                f'the answer is in the transfer coding "{excerpt(coding)}", which nobody asked for'
            )
        lengths = {value.strip() for value in self.headers.get_all("content-length", [])}
        if len(lengths) > 1 and coding != "chunked":
            shown = excerpt(" and ".join(sorted(lengths)))
            raise BadAnswerError(f"the answer has two lengths (Content-Length: {shown})")


def timed_response(
    ends: float | None,
    connected: Any,
    *arguments: Any,
    head: AnswerHead | None = None,
    **settings: Any,
) -> TimedResponse:
    """Return the response whose head is read from the socket ``connected`` until ``ends``.

    ``head`` has the bytes of the answer that have come already.
    """
    reader = TimedReader(connected, ends=ends, head=head or AnswerHead())
    return TimedResponse(_SocketOf(reader), *arguments, **settings)  # type: ignore[arg-type]


class _SocketOf:
    """The one method of a socket that :class:`http.client.HTTPResponse` calls."""

    def __init__(self, reader: TimedReader) -> None:
        self._reader = reader

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._reader)


class _HeadFile:
    """A head as ``http.client`` reads it: the status line, the fields, the blank line.

    ``http.client`` counts the lines that it reads, and refuses more than a hundred. Therefore each
    line that it gets from here joins as many of the fields as fit into one.
    """

    def __init__(self, lines: list[bytes], connection: Any) -> None:
        self._pieces = lines[:1] + _joined(lines[1:-1]) + lines[1:][-1:]
        self._connection = connection

    def readline(self, limit: int) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    def close(self) -> None:
        self._connection.close()

    def flush(self) -> None:
        """Do nothing: there is nothing to write."""


def _joined(lines: list[bytes]) -> list[bytes]:
    """Return ``lines`` joined to pieces that are no longer than ``http.client`` allows a line."""
    pieces: list[bytes] = []
    for line in lines:
        if pieces and len(pieces[-1]) + len(line) <= http.client._MAXLINE:  # type: ignore[attr-defined]
            pieces[-1] += line
        else:
            pieces.append(line)
    return pieces
