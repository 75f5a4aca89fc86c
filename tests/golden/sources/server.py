"""Serves the recorded sources on loopback, each on a port of its own."""

from __future__ import annotations

import errno
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any

from .misbehaviour import BEHAVIOURS, Behaviour
from .publishing import served
from .replies import Reply, Request

FOUR_DIGIT_PORTS = range(2000, 10000)


class Sources:
    """Sources by placeholder, started when first asked for; a context manager that ends them.

    Their URLs are 21 characters long, as the recorded ones were.
    """

    def __init__(self) -> None:
        self._servers: dict[str, _Server] = {}
        self._log: list[str] = []
        self._published: dict[str, dict[str, Any]] = {}
        self._lock = Lock()

    def url(self, name: str) -> str:
        """The base URL of a source, e.g. of ``$IMGAPI_TRUNC``."""
        if name not in self._servers:
            real = self.url("$IMGAPI") if name != "$IMGAPI" else ""
            source = _Source(name, BEHAVIOURS[name], real, self._record, self._published)
            self._servers[name] = _start(source)
        return f"http://127.0.0.1:{self._servers[name].server_port}"

    def take_requests(self) -> list[str]:
        """``METHOD URL`` of every request since the last call, the source by its placeholder."""
        with self._lock:
            taken, self._log = self._log, []
        return taken

    def take_published(self) -> dict[str, dict[str, Any]]:
        """The images that were given to the sources since the last call, by UUID."""
        taken = {uuid: served(image) for uuid, image in self._published.items()}
        self._published.clear()
        return taken

    def _record(self, line: str) -> None:
        with self._lock:
            self._log.append(line)

    def __enter__(self) -> Sources:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for server in self._servers.values():
            server.shutdown()
            server.server_close()


@dataclass(frozen=True)
class _Source:
    name: str
    behave: Behaviour
    real: str
    record: Callable[[str], None]
    published: dict[str, dict[str, Any]]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = False
    source: _Source

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A program that ends cuts its connections; everything else is reported."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        source = self.server.source
        source.record(f"{self.command} {source.name}{self.path}")
        body = self._body()
        request = Request.parse(self.path, self.command, body, source.published)
        self._send(source.behave(request, source.real))

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  names of the base

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        for piece in _pieces(reply):
            self.wfile.write(piece)
        if reply.cut is not None:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """The log of the sources is kept by their owner."""


def _pieces(reply: Reply) -> Iterator[bytes]:
    if not reply.chunked:
        yield reply.body[: reply.cut]
        return
    for start in range(0, len(reply.body), 8192):
        piece = reply.body[start : start + 8192]
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def _start(source: _Source) -> _Server:
    server = _bind()
    server.source = source
    Thread(target=server.serve_forever, args=(0.05,), name=source.name, daemon=True).start()
    return server


def _bind() -> _Server:
    for port in random.sample(FOUR_DIGIT_PORTS, 200):
        try:
            return _Server(("127.0.0.1", port), _Handler)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise RuntimeError("no free port of four digits")
