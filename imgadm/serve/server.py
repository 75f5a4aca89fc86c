"""An IMGAPI server: a thread for each connection, and a thread that accepts them."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import logging
import os
import resource
import select
import socket
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from imgadm.errors import ImgadmError
from imgadm.open_files import allow_deep_trees
from imgadm.serve.catalogue import Catalogue
from imgadm.serve.connections import Connections, ServedConnection
from imgadm.serve.handler import AccessRecord, ConnectionHandler
from imgadm.serve.host_names import HostNames
from imgadm.serve.routes import Routes
from imgadm.serve.writer import Writer

STOP_SECONDS = 5
MAX_CONNECTIONS = 256
_POLL_SECONDS = 0.1
_BACKLOG = 128
_OTHER_DESCRIPTORS = 32
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_CLIENT_HAS_GONE = (errno.EAGAIN, errno.ECONNABORTED, errno.EINTR, errno.EPROTO)
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)

_log = logging.getLogger(__name__)


class ConnectionServer:
    """Accepts connections, a thread for each, at most ``max_connections`` at once.

    When there are as many, those that wait for a request, or hardly move, make room for new ones.
    Where none does, new ones wait to be accepted. One client gets three quarters of them at most.
    """

    def __init__(
        self,
        family: socket.AddressFamily,
        address: tuple[str, int],
        routes: Routes,
        *,
        idle_timeout: float,
        head_timeout: float,
        max_connections: int,
        on_access: Callable[[AccessRecord], None] | None,
    ) -> None:
        self._routes = routes
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
                self._stopped.wait(_POLL_SECONDS)

    def _accept(self) -> bool:
        """Serve one more connection; false if this host has no means to just now."""
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
        """Make room for the next connection, and say once why that had to be."""
        self._connections.make_room()
        if not self._is_short:
            _log.error("connections have to wait: %s", reason.lower())
        self._is_short = True

    def _serve(self, served: ServedConnection) -> None:
        """Serve a connection to its end."""
        handler = ConnectionHandler(
            served,
            self._routes,
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
        """Have :meth:`serve_forever` return soon."""
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
            thread.join(STOP_SECONDS)

    def record(self, access: AccessRecord) -> None:
        """Tell of an answered request."""
        _log.info("%s", access)
        if self._on_access:
            self._on_access(access)

    def report(self, error: Exception) -> None:
        """Log a failure of ours; the client learns no details."""
        _log.error("request failed: %s", error, exc_info=error)


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
    """Say that there is no room, as far as that can be done without waiting."""
    with contextlib.closing(connection), contextlib.suppress(OSError):
        connection.setblocking(False)
        connection.send(_BUSY)


def _affordable(wanted: int) -> int:
    """Return how many connections the limit of open files allows: each may open a file."""
    allow_deep_trees()  # which raises that limit
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return wanted
    return max(2, min(wanted, (limit - _OTHER_DESCRIPTORS) // 2))


class ImageServer:
    """Serves ``catalogue`` at ``url`` from :meth:`start` to :meth:`stop`.

    With a ``writer`` its images can be changed. Listens from the moment it is made; ``port`` 0
    picks a free one. ``on_access`` hears of every answered request, on the thread that answered it.
    Connections that are silent for ``idle_timeout`` seconds are closed, and those whose request
    takes more than ``head_timeout`` seconds to say. ``host_names`` are what clients may call the
    server, besides its addresses; where other hosts can connect, none allows any name. Raises
    :class:`ImgadmError` if it cannot listen.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        host: str = "127.0.0.1",
        port: int = 8080,
        *,
        writer: Writer | None = None,
        on_access: Callable[[AccessRecord], None] | None = None,
        host_names: Sequence[str] = (),
        idle_timeout: float = 60,
        head_timeout: float = 20,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        try:
            family, _, _, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            self._server = ConnectionServer(
                family,
                (str(address[0]), port),
                Routes(catalogue, writer, HostNames(host_names, is_local=_is_loopback(address[0]))),
                idle_timeout=idle_timeout,
                head_timeout=head_timeout,
                max_connections=_affordable(max_connections),
                on_access=on_access,
            )
        except (OSError, OverflowError) as error:
            number = error.errno if isinstance(error, OSError) else None
            known = errno.errorcode.get(number or 0)
            reason = os.strerror(number) if number and known else str(error)
            raise ImgadmError(
                f"cannot listen on {host} port {port}: {reason.lower()}", code=known, cause=error
            ) from error
        self._thread: threading.Thread | None = None
        self._serving = False

    @property
    def host(self) -> str:
        """The address that is listened on."""
        return str(self._server.address[0])

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.address[1])

    @property
    def url(self) -> str:
        """The base URL, as an image source takes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def is_exposed(self) -> bool:
        """Whether other machines can connect. There is no authentication: callers should warn."""
        return not _is_loopback(self.host)

    def serve_forever(self) -> None:
        """Serve until another thread calls :meth:`stop`."""
        self._serving = True
        self._server.serve_forever()

    def start(self) -> Self:
        """Serve on a thread of its own."""
        self._serving = True
        self._thread = threading.Thread(target=self.serve_forever, name="imgadm-serve", daemon=True)
        self._thread.start()
        return self

    def wait(self) -> None:
        """Return when serving has ended; an interrupt ends the wait, not the serving."""
        while self._thread is not None and self._thread.is_alive():
            self._thread.join(_POLL_SECONDS)

    def stop(self) -> None:
        """Stop listening and cut what is being served. May be called twice."""
        if self._serving:
            self._serving = False
            self._server.shutdown()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._server.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _is_loopback(address: object) -> bool:
    return ipaddress.ip_address(str(address).partition("%")[0]).is_loopback
