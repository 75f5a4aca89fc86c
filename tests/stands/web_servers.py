"""A web server that answers as a test demands, over TLS if need be, and a proxy."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from imgadm.sources import ClientOptions, open_source
from imgadm.sources.source import Source
from imgadm.state.source_config import SourceConfig

Answer = Any
"""Status, headers and body of a reply; a body alone; or a function of the handler."""


class Web(ThreadingHTTPServer):
    """Answers by path; ``requests`` has what was asked, path with query and headers.

    ``bodies`` has what came with those that change something; ``ended`` is released for every
    connection that ends.
    """

    daemon_threads = True

    def __init__(self, scheme: str = "http") -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.bodies: list[tuple[str, bytes]] = []
        self.ended = threading.Semaphore(0)
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"{scheme}://127.0.0.1:{self.server_port}"

    def __setitem__(self, path: str, answer: Answer) -> None:
        self.answers[path] = answer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell of what went wrong, unless it is that the client has gone."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.requests]


class Handler(BaseHTTPRequestHandler):
    server: Web
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.requests.append(
            (self.path, {name.lower(): value for name, value in self.headers.items()})
        )
        answer = self.server.answers.get(self.path, self.server.answers.get("*", (404, {}, b"")))
        if isinstance(answer, list) and answer and isinstance(answer[0], tuple):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer(self)
        else:
            self.give(answer)

    def give(self, answer: Any) -> None:
        """Send status, headers and body, or just a body."""
        status, headers, body = answer if isinstance(answer, tuple) else (200, {}, answer)
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers = {"Content-Type": "application/json"} | headers
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append((self.command, body))
        self.do_GET()

    do_PUT = do_DELETE = do_POST  # noqa: N815  names of the base

    def finish(self) -> None:
        super().finish()
        self.server.ended.release()

    def log_message(self, *args: Any) -> None:
        pass


def serving(server: ThreadingHTTPServer) -> Iterator[Any]:
    thread = threading.Thread(target=lambda: server.serve_forever(0.02))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def web() -> Iterator[Web]:
    yield from serving(Web())


@pytest.fixture
def other_web() -> Iterator[Web]:
    yield from serving(Web())


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key in the same file."""
    folder = tmp_path_factory.mktemp("tls")
    key, pem = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-days", "2", "-keyout", str(key), "-out", str(pem)]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "both.pem").write_bytes(key.read_bytes() + pem.read_bytes())
    return pem


@pytest.fixture
def secure_web(certificate: Path) -> Iterator[Web]:
    server = Web("https")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.with_name("both.pem"))
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
    yield from serving(server)


@dataclass
class Pace:
    """A clock that only sleeping moves."""

    now: float = 0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def clock(self) -> float:
        return self.now


@pytest.fixture
def pace() -> Pace:
    return Pace()


Opener = Callable[..., Source]


@pytest.fixture
def opened(pace: Pace) -> Iterator[Opener]:
    """Open sources without the environment of the test run; they are closed afterwards."""
    sources: list[Source] = []

    def open_one(url: str, **settings: Any) -> Source:
        config = {
            name: settings.pop(name) for name in ("type", "insecure", "channel") if name in settings
        }
        settings = {
            "environment": {},
            "sleep": pace.sleep,
            "clock": pace.clock,
            "request_id": "run-1",
        } | settings
        sources.append(open_source(SourceConfig(url, **config), ClientOptions(**settings)))
        return sources[-1]

    yield open_one
    for source in sources:
        source.close()


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Proxy(ThreadingHTTPServer):
    """Relays plain requests, notes tunnels and refuses them."""

    daemon_threads = True

    def __init__(self) -> None:
        self.seen: list[str] = []
        super().__init__(("127.0.0.1", 0), ProxyHandler)
        self.url = f"http://127.0.0.1:{self.server_port}"


class ProxyHandler(BaseHTTPRequestHandler):
    server: Proxy

    def do_GET(self) -> None:
        auth = self.headers.get("Proxy-Authorization", "")
        self.server.seen.append(f"GET {self.path} {auth}".strip())
        body = b'{"ping": "pong", "imgapi": true}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_CONNECT(self) -> None:
        self.server.seen.append(f"CONNECT {self.path}")
        self.send_error(403)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    yield from serving(Proxy())
