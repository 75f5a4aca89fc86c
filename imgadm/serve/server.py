"""An IMGAPI server on the standard library's threading server."""

from __future__ import annotations

import errno
import ipaddress
import logging
import os
import socket
import threading
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Self

from imgadm.errors import ImgadmError
from imgadm.serve.catalogue import Catalogue
from imgadm.serve.handler import AccessRecord, ConnectionHandler
from imgadm.serve.routes import Routes
from imgadm.serve.writer import Writer

STOP_SECONDS = 5
_POLL_SECONDS = 0.1

_log = logging.getLogger(__name__)


class ConnectionServer(ThreadingHTTPServer):
    """Accepts connections, a thread for each, at most ``max_connections`` at once."""

    request_queue_size = 128

    def __init__(
        self,
        family: socket.AddressFamily,
        address: tuple[str, int],
        routes: Routes,
        *,
        idle_timeout: float,
        max_connections: int,
        on_access: Callable[[AccessRecord], None] | None,
    ) -> None:
        self.address_family = family
        self.routes = routes
        self.idle_timeout = idle_timeout
        self._max_connections = max_connections
        self._on_access = on_access
        self._connections: dict[Any, threading.Thread] = {}
        self._lock = threading.Lock()
        super().__init__(address, ConnectionHandler)

    def server_bind(self) -> None:
        """Bind, without the DNS lookup of the base class."""
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection on its own thread; drop it if there are too many."""
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name="imgadm-serve-connection",
            daemon=True,
        )
        with self._lock:
            accepted = len(self._connections) < self._max_connections
            if accepted:
                self._connections[request] = thread
        if accepted:
            thread.start()
        else:
            _log.warning("connection refused: %d are open", self._max_connections)
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._connections.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what nobody expected; the connection ends."""
        del request
        _log.exception("connection from %s failed", client_address)

    def end_connections(self) -> None:
        """Cut all connections and wait for their threads."""
        with self._lock:
            connections = dict(self._connections)
        for request in connections:
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
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


class ImageServer:
    """Serves ``catalogue`` at ``url`` from :meth:`start` to :meth:`stop`.

    With a ``writer`` its images can be changed. Listens from the moment it is made; ``port`` 0
    picks a free one. ``on_access`` hears of every answered request, on the thread that answered it.
    Connections that are silent for
    ``idle_timeout`` seconds are closed. Raises :class:`ImgadmError` if it cannot listen.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        host: str = "127.0.0.1",
        port: int = 8080,
        *,
        writer: Writer | None = None,
        on_access: Callable[[AccessRecord], None] | None = None,
        idle_timeout: float = 60,
        max_connections: int = 256,
    ) -> None:
        try:
            family, _, _, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            self._server = ConnectionServer(
                family,
                (str(address[0]), port),
                Routes(catalogue, writer),
                idle_timeout=idle_timeout,
                max_connections=max_connections,
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
        return str(self._server.server_address[0])

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The base URL, as an image source takes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def is_exposed(self) -> bool:
        """Whether other machines can connect. There is no authentication: callers should warn."""
        return not ipaddress.ip_address(self.host.partition("%")[0]).is_loopback

    def serve_forever(self) -> None:
        """Serve until another thread calls :meth:`stop`."""
        self._serving = True
        self._server.serve_forever(_POLL_SECONDS)

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
        self._server.server_close()
        self._server.end_connections()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
