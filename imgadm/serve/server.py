"""An IMGAPI server: where it listens, and how long."""

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

MAX_CONNECTIONS = 256
_POLL_SECONDS = 0.1
_OTHER_DESCRIPTORS = 32


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


def _affordable(wanted: int) -> int:
    """Return how many connections the limit of open files allows: each may open a file."""
    allow_deep_trees()  # which raises that limit
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return wanted
    return max(2, min(wanted, (limit - _OTHER_DESCRIPTORS) // 2))
