"""The input of a connection: the heads of requests and their bodies, within limits of time."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from imgadm.serve.http.pace import Pace
from imgadm.serve.http.replies import HttpError
from imgadm.serve.http.request_head import HeadScanner, leading_lines

_PIECE = 64 << 10


class ConnectionInput:
    """The incoming half of ``connection``.

    The first byte of a request may take ``idle_timeout`` seconds, and its whole head another
    ``head_timeout``. ``pace`` measures how fast a body arrives.
    """

    def __init__(
        self,
        connection: socket.socket,
        pace: Pace,
        *,
        idle_timeout: float,
        head_timeout: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._pace = pace
        self._idle_timeout = idle_timeout
        self._head_timeout = head_timeout
        self._clock = clock
        self._held = bytearray()

    def read_head(self) -> bytes | None:
        """Return the next head up to its empty line; ``None`` if the client sends no other request.

        Raises :class:`HttpError` for bytes that are no head, and for a head that is too slow or too
        long.
        """
        scanner = HeadScanner()
        deadline = self._clock() + (self._head_timeout if self._held else self._idle_timeout)
        has_begun = bool(self._held)
        while True:
            if self._held:
                end = scanner.end(self._held)
                if end is not None:
                    return self._take(end)
            try:
                self._connection.settimeout(max(deadline - self._clock(), 0.001))
                data = self._connection.recv(_PIECE)
                is_late = self._clock() > deadline
            except TimeoutError:
                data, is_late = b"", True
            if is_late or not data:
                if leading_lines(self._held) == len(self._held):
                    return None
                if is_late:
                    raise HttpError(
                        408, "RequestTimeout", "the head of the request came too slowly"
                    )
                raise HttpError(400, "BadRequestError", "the head of the request has no end")
            if not has_begun:
                has_begun = True
                deadline = self._clock() + self._head_timeout
            self._held += data

    @property
    def begun(self) -> bytes:
        """The first line of the bytes that have arrived and were not read; it may be cut."""
        return bytes(self._held[:_PIECE]).lstrip(b"\r\n").partition(b"\r\n")[0]

    def readline(self, limit: int) -> bytes:
        """Return a line of a body with its end, or its first ``limit`` bytes if it is longer.

        At the end of the connection it returns what has arrived.
        """
        while True:
            end = self._held.find(b"\n", 0, limit) + 1
            if end or len(self._held) >= limit:
                return self._take(end or limit)
            data = bytearray(_PIECE)
            count = self._receive(memoryview(data))
            if not count:
                return self._take(len(self._held))
            self._held += memoryview(data)[:count]

    def readinto(self, memory: memoryview) -> int:
        """Read some bytes of a body; return their number, 0 at the end of the connection."""
        if not self._held:
            return self._receive(memory)
        count = min(len(memory), len(self._held))
        memory[:count] = self._held[:count]
        del self._held[:count]
        return count

    def _receive(self, memory: memoryview) -> int:
        self._connection.settimeout(self._idle_timeout)
        return self._pace.wait(lambda: self._connection.recv_into(memory))

    def _take(self, count: int) -> bytes:
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken
