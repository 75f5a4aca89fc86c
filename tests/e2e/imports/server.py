"""An image server that does what a test says, where it says so, and is well-behaved elsewhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from .images import Image

Behaviour = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request, which a behaviour answers."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.answer(self)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer with the body and its length; ``Content_Length`` gives another one."""
        given = {"Content-Type": "application/octet-stream", "Content-Length": str(len(body))}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        self.send_response(status)
        for name, value in given.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True


class Server(ThreadingHTTPServer):
    """Serves ``images`` as an IMGAPI server does, ``special`` requests by what they map to.

    ``special`` is by path; a list has one behaviour for each request, the last for all further.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        images: Iterable[Image],
        special: dict[str, Behaviour | list[Behaviour]] | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self._images = {image.uuid: image for image in images}
        self._special = special or {}
        self._lock = threading.Lock()
        self.requests: list[str] = []
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, request: Request) -> None:
        with self._lock:
            count = self.requests.count(request.path)
            self.requests.append(request.path)
        behaviour = self._special.get(request.path, self._well)
        if isinstance(behaviour, list):
            behaviour = behaviour[min(count, len(behaviour) - 1)]
        behaviour(request)

    def _well(self, request: Request) -> None:
        match request.path.split("/")[1:]:
            case ["ping"]:
                as_json({"ping": "pong", "imgapi": True})(request)
            case ["images", uuid] if uuid in self._images:
                as_json(self._images[uuid].manifest)(request)
            case ["images", uuid, "file"] if uuid in self._images:
                serve_bytes(self._images[uuid].data)(request)
            case _:
                as_json({"code": "ResourceNotFound", "message": "image not found"}, 404)(request)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is what many of these tests are about."""


def as_json(document: Any, status: int = 200) -> Behaviour:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return lambda request: request.answer(status, body, Content_Type="application/json")


def html(status: int) -> Behaviour:
    body = b"<html><body>It works!</body></html>"
    return lambda request: request.answer(status, body, Content_Type="text/html")


def redirect(target: str) -> Behaviour:
    return lambda request: request.answer(302, Location=target)


def serve_bytes(data: bytes, etag: str | None = None) -> Behaviour:
    """The whole data; parts of it too, where an ``etag`` says that it is still the same."""

    def behave(request: Request) -> None:
        tag = {} if etag is None else {"ETag": etag}
        wanted = request.headers.get("Range")
        if etag is None or wanted is None or request.headers.get("If-Range") != etag:
            request.answer(200, data, **tag)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        there = f"bytes {start}-{len(data) - 1}/{len(data)}"
        request.answer(206, data[start:], Content_Range=there, **tag)

    return behave


def cut_after(count: int, data: bytes, etag: str | None = None) -> Behaviour:
    """Promise all of the data, and end the connection after so many bytes."""

    def behave(request: Request) -> None:
        tag = {} if etag is None else {"ETag": etag}
        request.answer(200, data[:count], Content_Length=str(len(data)), **tag)
        request.close_connection = True

    return behave


def stall_after(count: int, data: bytes, released: threading.Event) -> Behaviour:
    """Promise all of the data, and keep silent after so many bytes until ``released``."""

    def behave(request: Request) -> None:
        request.answer(200, data[:count], Content_Length=str(len(data)))
        released.wait(60)
        request.close_connection = True

    return behave


def drop(request: Request) -> None:
    """End the connection without a word."""
    request.close_connection = True
