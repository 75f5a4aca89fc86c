"""What arrives on a connection: heads of requests and what follows them, within bounds of time."""

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

    The first byte of a request may take ``idle_timeout`` seconds, all of its head ``head_timeout``.
    ``pace`` is told how fast a body comes.
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
        """Return the next head up to its empty line; ``None`` if there is no other request.

        Raises :class:`HttpError` for what is no head, comes too slowly, or is too long.
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
        """The first line of what has arrived and has not been taken, as far as it goes."""
        return bytes(self._held[:_PIECE]).lstrip(b"\r\n").partition(b"\r\n")[0]

    def readline(self, limit: int) -> bytes:
        """Return a line of a body with its end, or what there is after ``limit`` bytes of it."""
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
        """Read some bytes of a body; returns how many, 0 at the end of the connection."""
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
