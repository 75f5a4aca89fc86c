"""The head of an HTTP answer: read within bounds of bytes and time, interim answers passed over.

``http.client`` waits for as long as a server drips, takes 102 and 103 for the answer, a head that
breaks off for a whole one, and refuses more than a hundred fields. It lets its responses be
replaced, and that is where this comes in.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import time
from typing import Any

from imgadm.streams.http.failures import BadAnswerError, one_line

MAX_HEAD_BYTES = 512 << 10
"""Of everything that comes before a body, interim answers included."""

FLOOR_BYTES_A_SECOND = 512
"""A server that sends fewer than that, while we wait for it, has failed."""

FLOOR_SECONDS = 120.0
"""Seconds of waiting after which the floor is looked at, again and again."""

_INTERIM = re.compile(rb"HTTP/1\.[0-9] 1(?!01)[0-9][0-9](?![0-9])")
_NO_CODING = frozenset({"", "identity"})


class TimedReader(io.RawIOBase):
    """What comes from ``connected``, after what was ``heard`` of it already.

    Until ``ends``, a time of :func:`time.monotonic`, is taken away, each wait ends then at the
    latest. After that a peer has to send no less than the floor. Raises TimeoutError.
    """

    def __init__(self, connected: Any, *, ends: float | None = None, heard: bytes = b"") -> None:
        self.connection: socket.socket = connected
        self._raw: io.RawIOBase = connected.makefile("rb", buffering=0)
        self._heard = heard
        self._ends = ends
        self._idle: float | None = connected.gettimeout()
        self._window = FLOOR_SECONDS if self._idle is None else min(FLOOR_SECONDS, 4 * self._idle)
        self._waited = 0.0
        self._got = 0

    def readable(self) -> bool:
        return True

    def head_has_come(self) -> None:
        """Let the body take its time."""
        if self._ends is not None:
            self._ends = None
            self.connection.settimeout(self._idle)

    def readinto(self, memory: Any) -> int | None:
        if self._heard:
            size = min(len(memory), len(self._heard))
            memory[:size], self._heard = self._heard[:size], self._heard[size:]
            return size
        began = time.monotonic()
        if self._ends is not None:
            left = self._ends - began
            if left <= 0:
                raise TimeoutError("no answer for too long")
            self.connection.settimeout(left if self._idle is None else min(left, self._idle))
        got = self._raw.readinto(memory)
        if self._ends is None:
            self._check_floor(time.monotonic() - began, got or 0)
        return got

    def _check_floor(self, waited: float, got: int) -> None:
        self._waited += waited
        self._got += got
        if self._waited < self._window:
            return
        if got and self._got < FLOOR_BYTES_A_SECOND * self._window:
            raise TimeoutError(f"fewer than {FLOOR_BYTES_A_SECOND} bytes a second")
        self._waited, self._got = 0.0, 0

    def close(self) -> None:
        self._raw.close()
        super().close()


class TimedResponse(http.client.HTTPResponse):
    """A response whose head comes within bounds, and whose body is framed in one way only."""

    def begin(self) -> None:
        begun: Any = self.headers
        if begun is not None:
            return
        body: Any = self.fp
        self.fp: Any = _Head(read_head(body), body)
        super().begin()
        if self.fp is not None:
            self.fp = body
        body.raw.head_has_come()
        self._check_framing()

    def _check_framing(self) -> None:
        coding = ", ".join(self.headers.get_all("transfer-encoding", [])).strip().lower()
        if coding not in _NO_CODING and coding != "chunked":
            raise BadAnswerError(
                f'the answer is in the transfer coding "{one_line(coding)}", which nobody asked for'
            )
        lengths = {value.strip() for value in self.headers.get_all("content-length", [])}
        if len(lengths) > 1 and coding != "chunked":
            shown = one_line(" and ".join(sorted(lengths)))
            raise BadAnswerError(f"the answer has two lengths (Content-Length: {shown})")


class ReadFrom:
    """As much of a socket as :class:`http.client.HTTPResponse` asks for."""

    def __init__(self, reader: TimedReader) -> None:
        self._reader = reader

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._reader)


class _Head:
    """A head as ``http.client`` reads it: a line, then more lines at a time than it can count."""

    def __init__(self, lines: list[bytes], connection: Any) -> None:
        self._pieces = lines[:1] + _joined(lines[1:-1]) + lines[1:][-1:]
        self._connection = connection

    def readline(self, limit: int) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    def close(self) -> None:
        self._connection.close()

    def flush(self) -> None:
        """There is nothing to write."""


def read_head(stream: Any) -> list[bytes]:
    """Return the lines of the head of the answer, the blank one last; none where nothing comes.

    Interim answers before it (RFC 9110, section 15.2) are passed over, lines that are no fields
    left out. Raises :class:`BadAnswerError` for what is too long, ConnectionResetError for a head
    that breaks off, TimeoutError.
    """
    left = MAX_HEAD_BYTES
    while True:
        lines: list[bytes] = []
        while not lines or lines[-1].rstrip(b"\r\n"):
            line = stream.readline(left + 1)
            left -= len(line)
            if left < 0:
                raise BadAnswerError(f"there is no answer in the first {MAX_HEAD_BYTES} bytes")
            if not line.endswith(b"\n"):
                if not lines and not line:
                    return []
                raise ConnectionResetError("the connection was cut in the middle of a head")
            if not lines or b":" in line or line[:1] in b" \t\r\n":
                lines.append(line)
        if not is_interim(lines[0]):
            return lines


def is_interim(head: bytes) -> bool:
    """Tell whether ``head`` is, or begins, an answer that another one follows."""
    return _INTERIM.match(head) is not None


def _joined(lines: list[bytes]) -> list[bytes]:
    """Return the lines joined to pieces no longer than a line may be."""
    pieces: list[bytes] = []
    for line in lines:
        if pieces and len(pieces[-1]) + len(line) <= http.client._MAXLINE:  # type: ignore[attr-defined]
            pieces[-1] += line
        else:
            pieces.append(line)
    return pieces
