"""Bodies of replies onto a socket: from memory, from a file by the kernel, from a generator."""

from __future__ import annotations

import socket

from imgadm.serve.catalogue import GeneratedBytes, StoredBytes


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
        if length == 0:
            return
        try:
            self._connection.sendfile(source.file, offset, length)
        finally:
            self.sent = max(0, source.file.tell() - offset)
        if self.sent != length:
            raise BrokenBodyError(f"the file ended after {self.sent} of {length} bytes")

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
