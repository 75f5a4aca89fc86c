"""A web server on real sockets that answers as a test has planned, well or badly."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal

End = Literal["close", "reset", "stall"]


@dataclass
class Request:
    """``begun`` is what came of the body together with the head."""

    path: str
    headers: dict[str, str]
    begun: bytes = b""


class Connection:
    """One accepted connection. ``wait_for_end`` lasts until the client or the server goes."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected

    def read_request(self) -> Request | None:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self.socket.recv(65536)
            if not piece:
                return None
            data += piece
        head, _, begun = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in fields}
        return Request(first.split(" ")[1], headers, begun)

    def send(self, data: bytes | memoryview) -> None:
        self.socket.sendall(data)

    def wait_for_end(self) -> None:
        with contextlib.suppress(OSError):
            while self.socket.recv(65536):
                pass

    def reset(self) -> None:
        """Make the coming close an abortive one, with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


Behaviour = Callable[[Connection, Request], None]


@dataclass
class Answer:
    """Status, headers and body; ``send`` bytes of it before the connection ends as ``end`` says.

    ``promise`` is the Content-Length: True for the right one, None for none, a number or text for
    a wrong one.
    """

    body: bytes = b""
    status: str = "200 OK"
    headers: dict[str, str] = field(default_factory=dict)
    promise: bool | int | str | None = True
    chunked: bool = False
    send: int | None = None
    end: End = "close"
    piece: int = 65536
    pause: float = 0.0

    def __call__(self, connection: Connection, request: Request) -> None:
        headers = {"Connection": "close", **self.headers}
        if self.chunked:
            headers["Transfer-Encoding"] = "chunked"
        if self.promise is True and not self.chunked:
            headers["Content-Length"] = str(len(self.body))
        elif self.promise is not None and self.promise is not True:
            headers["Content-Length"] = str(self.promise)
        lines = [f"HTTP/1.1 {self.status}", *(f"{name}: {headers[name]}" for name in headers)]
        connection.send("\r\n".join([*lines, "", ""]).encode())
        cut = self.send is not None
        sent = memoryview(self.body)[: self.send]
        for at in range(0, len(sent), self.piece):
            piece = sent[at : at + self.piece]
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece) if self.chunked else piece)
            time.sleep(self.pause)
        if self.chunked and not cut:
            connection.send(b"0\r\n\r\n")
        if self.end == "stall":
            connection.wait_for_end()
        elif self.end == "reset":
            time.sleep(0.05)  # a reset may overtake what was sent before it
            connection.reset()


@dataclass
class RangeAnswer:
    """The rest of ``body`` if it is asked for under its ETag (RFC 9110, 13.1.5), else all of it."""

    body: bytes
    etag: str
    send: int | None = None
    end: End = "close"

    def __call__(self, connection: Connection, request: Request) -> None:
        begin = 0
        headers = {"ETag": self.etag, "Accept-Ranges": "bytes"}
        status = "200 OK"
        asked = request.headers.get("range", "")
        if asked and request.headers.get("if-range") == self.etag:
            begin = int(asked.removeprefix("bytes=").removesuffix("-"))
            status = "206 Partial Content"
            headers["Content-Range"] = f"bytes {begin}-{len(self.body) - 1}/{len(self.body)}"
        Answer(self.body[begin:], status, headers, send=self.send, end=self.end)(
            connection, request
        )


def hang_up(connection: Connection, request: Request) -> None:
    """Closes without an answer."""


def never_answer(connection: Connection, request: Request) -> None:
    connection.wait_for_end()


class Server:
    """Gives the planned answers one after the other, and the last of them again and again."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self._plan: list[Behaviour] = []
        self._tls = tls
        self._lock = threading.Lock()
        self._connected: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'http' if tls is None else 'https'}://localhost:{self.port}/file"

    def plan(self, *behaviours: Behaviour) -> str:
        """Plan the answers; returns the address."""
        self._plan = list(behaviours)
        return self.url

    def refuse(self) -> None:
        """Take no further connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def __enter__(self) -> Server:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.refuse()
        with self._lock:
            connected = list(self._connected)
        for connection in connected:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connected, _ = self._listener.accept()
                self._start(self._serve, connected)

    def _serve(self, connected: socket.socket) -> None:
        with self._lock:
            self._connected.add(connected)
        try:
            if self._tls is not None:
                connected = self._tls.wrap_socket(connected, server_side=True)
            connection = Connection(connected)
            request = connection.read_request()
            if request is not None:
                with self._lock:
                    self.requests.append(request)
                    behaviour = self._plan.pop(0) if len(self._plan) > 1 else self._plan[0]
                behaviour(connection, request)
        except OSError:
            pass  # the client went away
        finally:
            with self._lock:
                self._connected.discard(connected)
            connected.close()
