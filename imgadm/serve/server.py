"""The server as a whole: a catalogue, the routes to it, and the connections of its clients."""

from __future__ import annotations

import errno
import ipaddress
import os
import resource
import socket
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from imgadm.base.errors import ImgadmError
from imgadm.base.files.open_limit import allow_deep_trees
from imgadm.serve.catalogues.catalogue import Catalogue
from imgadm.serve.http.connection_server import ConnectionServer
from imgadm.serve.http.handler import AccessRecord
from imgadm.serve.http.host_names import HostNames
from imgadm.serve.imgapi.routes import Routes
from imgadm.serve.imgapi.writer import Writer

_MAX_CONNECTIONS = 256
_POLL_SECONDS = 0.1
_OTHER_DESCRIPTORS = 32


class ImageServer:
    """A server of the images in ``catalogue``, at ``url`` from :meth:`start` to :meth:`stop`.

    It listens from the moment it is made; ``port`` 0 picks a free port. With a ``writer`` clients
    can change the images. ``on_access`` is called after every request, on the thread that answered
    it. The server closes a connection that is silent for ``idle_timeout`` seconds, or whose client
    takes more than ``head_timeout`` seconds to send the head of a request. It serves at most
    ``max_connections`` at once. ``host_names`` are the names that clients may use for the server,
    besides its addresses; if there are none and other hosts can connect, they may use any name.

    Raises :class:`ImgadmError` if it cannot listen.
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
        max_connections: int = _MAX_CONNECTIONS,
    ) -> None:
        try:
            family, _, _, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            names = HostNames(host_names, is_local=_is_loopback(address[0]))
            self._server = ConnectionServer(
                family,
                (str(address[0]), port),
                Routes(catalogue, writer, names).answer,
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
        """The address on which the server listens."""
        return str(self._server.address[0])

    @property
    def port(self) -> int:
        """The port on which the server listens."""
        return int(self._server.address[1])

    @property
    def url(self) -> str:
        """The base URL, as an image source takes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def is_exposed(self) -> bool:
        """Whether other hosts can connect.

        The caller should warn then: the server does not ask who reads from it.
        """
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
        """Wait for the end of serving. An interrupt ends the wait, not the serving."""
        while self._thread is not None and self._thread.is_alive():
            self._thread.join(_POLL_SECONDS)

    def stop(self) -> None:
        """Stop listening, and cut the connections. A second call does nothing."""
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


def _affordable(wanted: int) -> int:
    """Return how many connections, up to ``wanted``, the limit of open files allows.

    Each connection may open one file besides its socket.
    """
    allow_deep_trees()  # raises that limit
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return wanted
    return max(2, min(wanted, (limit - _OTHER_DESCRIPTORS) // 2))
