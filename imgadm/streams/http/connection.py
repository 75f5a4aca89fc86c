"""Connections with one deadline for each exchange.

An exchange lasts from the resolution of the host's name to the end of the answer's head.

``requests`` and ``urllib3`` bound each single wait. A server can string such waits together without
end: the addresses of a name one after the other, a handshake or a head byte by byte, interim
answers.
"""

from __future__ import annotations

import functools
import http.client
import ssl
import time
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError
from urllib3.util.ssl_ import create_urllib3_context, resolve_cert_reqs

from imgadm.streams.engine.interruptions import interruptible
from imgadm.streams.http.answers.response import timed_response

EXCHANGE_SECONDS = 75.0
"""Seconds until the head of the answer is complete: 15 to connect, and then 60."""

if TYPE_CHECKING:
    _Connection = HTTPConnection
else:
    _Connection = object


class _Timed(_Connection):
    """A connection whose exchanges take at most ``exchange_seconds`` each."""

    exchange_seconds = EXCHANGE_SECONDS
    _ends: float | None = None

    def connect(self) -> None:
        self.response_class = http.client.HTTPResponse  # for the answer of a proxy
        try:
            interruptible(
                super().connect,
                None,
                seconds=self._deadline() - time.monotonic(),
                discard=lambda _: self.close(),
            )
        except TimeoutError as error:
            self._ends = None
            raise ConnectTimeoutError(self, "no connection for too long") from error
        except BaseException:
            self._ends = None
            raise

    def request(self, *arguments: Any, **settings: Any) -> None:
        self._deadline()
        super().request(*arguments, **settings)

    def getresponse(self) -> Any:
        self.response_class = functools.partial(timed_response, self._deadline())  # type: ignore[assignment]
        try:
            return super().getresponse()
        finally:
            self._ends = None

    def _deadline(self) -> float:
        if self._ends is None:
            self._ends = time.monotonic() + self.exchange_seconds
        return self._ends


class _PlainConnection(_Timed, HTTPConnection):
    pass


class _TlsConnection(_Timed, HTTPSConnection):
    def connect(self) -> None:
        _notice_missing_ends(self)
        super().connect()


class CheckingAdapter(HTTPAdapter):
    """An adapter that checks the certificate of an https proxy for every server.

    ``requests`` does not check it for requests to servers over plain http, although such requests
    may send a password to the proxy.
    """

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Set up the checks of the connection pool ``conn``, for its own scheme."""
        asked = f"https://{conn.host}/" if conn.scheme == "https" else url
        super().cert_verify(conn, asked, verify, cert)  # type: ignore[no-untyped-call]


class TimedAdapter(CheckingAdapter):
    """An adapter whose requests have their answers within ``exchange_seconds``.

    A request that takes longer raises ConnectTimeout or ReadTimeout of requests.
    """

    def __init__(self, exchange_seconds: float = EXCHANGE_SECONDS, **settings: Any) -> None:
        self._pools = _pool_classes(exchange_seconds)
        super().__init__(**settings)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **options: Any
    ) -> None:
        """Make the pools, of connections with a deadline."""
        super().init_poolmanager(connections, maxsize, block, **options)
        self._take_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Return the pools for ``proxy``, of connections with a deadline."""
        manager = super().proxy_manager_for(proxy, **options)
        self._take_pools(manager)
        return manager

    def _take_pools(self, manager: PoolManager) -> None:
        manager.pool_classes_by_scheme = self._pools


def _notice_missing_ends(connection: HTTPSConnection) -> None:
    """Let a reader distinguish the end of TLS from a connection that was cut.

    Python takes both for an end, unless the context says otherwise and the socket's
    ``suppress_ragged_eofs`` is off.
    """
    if connection.ssl_context is None:
        requirement = resolve_cert_reqs(connection.cert_reqs)
        connection.ssl_context = create_urllib3_context(cert_reqs=requirement)
    connection.ssl_context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)


def _pool_classes(seconds: float) -> dict[str, type[HTTPConnectionPool]]:
    own = {"exchange_seconds": seconds}
    plain = type("TimedConnection", (_PlainConnection,), own)
    secure = type("TimedConnection", (_TlsConnection,), own)
    return {
        "http": type("TimedPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("TimedPool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }
