"""The sending of replies: from memory, from a file by the kernel, from a generator."""

from __future__ import annotations

import errno
import functools
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

from imgadm.serve.content import GeneratedBytes, StoredBytes
from imgadm.serve.http.pace import Pace

_MOST_BYTES = 512 << 10
_LEAST_BYTES = 64 << 10
_LONG_SECONDS = 0.25
_NO_SENDFILE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)


class _BrokenBodyError(OSError):
    """A body of another length than announced; the end of the connection tells the client."""


class BodySender:
    """The sending of one reply.

    ``sent`` counts the bytes of the body that were sent, also if sending fails. ``pace`` measures
    how fast the client takes them. The methods raise :class:`TimeoutError` if the client takes
    nothing for ``timeout`` seconds, and other OSErrors.
    """

    def __init__(self, connection: socket.socket, pace: Pace, timeout: float) -> None:
        self._connection = connection
        self._pace = pace
        self._timeout = timeout
        self.sent = 0

    def head(self, text: bytes) -> None:
        """Send status line and header fields."""
        self._all(memoryview(text))

    def memory(self, body: bytes) -> None:
        """Send ``body``."""
        for part in self._pieces(memoryview(body)):
            self.sent += part

    def stored(self, source: StoredBytes, offset: int, length: int) -> None:
        """Send ``length`` bytes of a file, which do not pass through this process.

        If the file changes meanwhile, the client does not get the end.
        """
        move = self._sendfile if hasattr(os, "sendfile") else self._copy
        most = _LEAST_BYTES
        with _blocking(self._connection, self._timeout):
            while self.sent < length:
                if source.has_changed():
                    raise _BrokenBodyError("the file was changed while it was sent")
                began = time.monotonic()
                try:
                    count = move(source, offset + self.sent, min(length - self.sent, most))
                except BlockingIOError:
                    raise TimeoutError("the client takes no bytes") from None
                except OSError as error:
                    if move == self._copy or error.errno not in _NO_SENDFILE:
                        raise
                    move = self._copy
                    continue
                if count == 0:
                    raise _BrokenBodyError(f"the file ended after {self.sent} of {length} bytes")
                self.sent += count
                # After short calls other threads see that a slow client moves; long ones cost less.
                quick = time.monotonic() - began < _LONG_SECONDS
                most = min(most * 2, _MOST_BYTES) if quick else _LEAST_BYTES

    def generated(self, source: GeneratedBytes, *, chunked: bool) -> None:
        """Send all bytes that ``source`` yields; ``chunked`` frames them as chunks."""
        for chunk in source.chunks:
            if not len(chunk):
                continue
            if source.size is not None and self.sent + len(chunk) > source.size:
                raise _BrokenBodyError(f"more than the announced {source.size} bytes were made")
            if chunked:
                self._all(memoryview(f"{len(chunk):x}\r\n".encode()))
            for part in self._pieces(memoryview(chunk)):
                self.sent += part
            if chunked:
                self._all(memoryview(b"\r\n"))
        if source.size is not None and self.sent != source.size:
            raise _BrokenBodyError(f"{self.sent} of the announced {source.size} bytes were made")
        if chunked:
            self._all(memoryview(b"0\r\n\r\n"))

    def _all(self, view: memoryview) -> None:
        for _ in self._pieces(view):
            pass

    def _pieces(self, view: memoryview) -> Iterator[int]:
        """Send ``view`` piece by piece, and yield the size of each."""
        self._connection.settimeout(self._timeout)
        while view:
            count = self._pace.wait(functools.partial(self._connection.send, view))
            view = view[count:]
            yield count

    def _sendfile(self, source: StoredBytes, offset: int, most: int) -> int:
        number, file = self._connection.fileno(), source.file.fileno()
        return self._pace.wait(lambda: os.sendfile(number, file, offset, most))

    def _copy(self, source: StoredBytes, offset: int, most: int) -> int:
        data = os.pread(source.file.fileno(), min(most, _LEAST_BYTES), offset)
        return self._pace.wait(lambda: self._connection.send(data)) if data else 0


@contextmanager
def _blocking(connection: socket.socket, seconds: float) -> Iterator[None]:
    """Let the kernel watch over the time limit of ``connection`` inside the block.

    Python's own time limit needs a ``poll`` before every call, and a call then sends no more than a
    socket buffer. Blocking calls send megabytes each, for 40% less processor time.
    """
    whole = int(seconds)
    limit = struct.pack("@ll", whole, int((seconds - whole) * 1_000_000))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    connection.settimeout(None)
    try:
        yield
    finally:
        connection.settimeout(seconds)
