"""The acceptance of connections, each served on a thread of its own."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import select
import socket
import threading
from collections.abc import Callable

from imgadm.base.errors import ImgadmError
from imgadm.serve.http.connections import Connections, ServedConnection
from imgadm.serve.http.handler import AccessRecord, ConnectionHandler
from imgadm.serve.http.request import Responder

_STOP_SECONDS = 5
_PAUSE_SECONDS = 0.1
_BACKLOG = 128
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_CLIENT_HAS_GONE = (errno.EAGAIN, errno.ECONNABORTED, errno.EINTR, errno.EPROTO)
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)

_log = logging.getLogger(__name__)


class ConnectionServer:
    """A server that accepts connections at ``address`` and lets ``answer`` answer the requests.

    It serves at most ``max_connections`` at once, and of one client at most three quarters of them.
    When it has that many, it makes room for a new one by ending a connection that waits for a
    request or hardly moves. If there is none, new connections wait to be accepted.

    ``idle_timeout`` and ``head_timeout`` are those of :class:`ConnectionInput`, in seconds.
    ``on_access`` is called after every request. Raises OSError if it cannot listen.
    """

    def __init__(
        self,
        family: socket.AddressFamily,
        address: tuple[str, int],
        answer: Responder,
        *,
        idle_timeout: float,
        head_timeout: float,
        max_connections: int,
        on_access: Callable[[AccessRecord], None] | None,
    ) -> None:
        self._answer = answer
        self._idle_timeout = idle_timeout
        self._head_timeout = min(head_timeout, idle_timeout)
        self._on_access = on_access
        self._connections = Connections(max_connections, max(1, max_connections * 3 // 4))
        self._stopped = threading.Event()
        self._listener = _listen(family, address)
        self._wakened, self._waker = socket.socketpair()
        self._is_short = False
        self.address = self._listener.getsockname()

    def serve_forever(self) -> None:
        """Accept connections until :meth:`shutdown`."""
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        poll.register(self._wakened, select.POLLIN)
        while poll.poll() and not self._stopped.is_set():
            if not self._connections.has_room() or not self._accept():
                self._stopped.wait(_PAUSE_SECONDS)

    def _accept(self) -> bool:
        """Serve one more connection; return false if the host lacks memory, files or threads."""
        try:
            connection, address = self._listener.accept()
        except OSError as error:
            if error.errno in _EXHAUSTED:
                self._tell_shortage(os.strerror(error.errno))
            return error.errno in _CLIENT_HAS_GONE
        served = ServedConnection(connection, str(address[0]), self._idle_timeout)
        if not self._connections.has_room_for(served.client):
            _log.warning("connection of %s refused: it has too many", served.address)
            _turn_away(connection)
            return True
        thread = threading.Thread(
            target=self._serve, args=(served,), name="imgadm-serve-connection", daemon=True
        )
        self._connections.add(served, thread)
        try:
            thread.start()
        except RuntimeError as error:
            self._connections.discard(served)
            _turn_away(connection)
            self._tell_shortage(str(error))
            return False
        self._is_short = False
        return True

    def _tell_shortage(self, reason: str) -> None:
        """Make room for the next connection, and log the ``reason`` once."""
        self._connections.make_room()
        if not self._is_short:
            _log.error("connections have to wait: %s", reason.lower())
        self._is_short = True

    def _serve(self, served: ServedConnection) -> None:
        """Serve a connection to its end."""
        handler = ConnectionHandler(
            served,
            self._answer,
            self,
            idle_timeout=self._idle_timeout,
            head_timeout=self._head_timeout,
        )
        try:
            handler.run()
        except Exception:
            _log.exception("connection from %s failed", served.address)
        finally:
            self._connections.discard(served)
            served.connection.close()

    def shutdown(self) -> None:
        """Let :meth:`serve_forever` return soon."""
        self._stopped.set()
        self._waker.send(b"\0")

    def close(self) -> None:
        """Stop listening, cut all connections and wait for their threads."""
        for one in (self._listener, self._wakened, self._waker):
            one.close()
        connections = self._connections.all()
        for served in connections:
            served.cut()
        for thread in connections.values():
            thread.join(_STOP_SECONDS)

    def record(self, access: AccessRecord) -> None:
        """Log a request that was answered, and pass it to ``on_access``."""
        _log.info("%s", access)
        if self._on_access:
            self._on_access(access)

    def report(self, error: Exception) -> None:
        """Log a failure of this server; the client learns no details."""
        is_of_host = isinstance(error, (OSError, ImgadmError))
        _log.error("request failed: %s", error, exc_info=None if is_of_host else error)


def _listen(family: socket.AddressFamily, address: tuple[str, int]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, True)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _turn_away(connection: socket.socket) -> None:
    """Tell a client that there is no room, if that takes no waiting."""
    with contextlib.closing(connection), contextlib.suppress(OSError):
        connection.setblocking(False)
        connection.send(_BUSY)
