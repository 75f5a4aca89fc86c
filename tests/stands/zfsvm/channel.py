"""Lines to and from the guest's agent, over the socket behind its virtio port."""

from __future__ import annotations

import socket
import time


class ChannelClosedError(Exception):
    """The machine at the other end is gone."""


class Channel:
    """Lines of text over a connected socket, which it owns. For one thread."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._unread = b""

    def close(self) -> None:
        self._connection.close()

    def send(self, line: str) -> None:
        try:
            self._connection.settimeout(None)
            self._connection.sendall(line.encode() + b"\n")
        except OSError as error:
            raise ChannelClosedError from error

    def receive(self, timeout: float) -> str:
        """The next line; raises :class:`TimeoutError` where none comes within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while b"\n" not in self._unread:
            self._connection.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                received = self._connection.recv(4096)
            except ConnectionError as error:
                raise ChannelClosedError from error
            if not received:
                raise ChannelClosedError
            self._unread += received
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()
