"""Image servers of all tempers, on loopback, for the transcripts to talk to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

IMAGES = json.loads((Path(__file__).parent / "images.json").read_text())

Reply = tuple[int, str, bytes]


def as_json(status: int, document: Any) -> Reply:
    return status, "application/json", json.dumps(document).encode()


def offering(images: list[dict[str, Any]]) -> Callable[[str], Reply]:
    """Answer as an image server that has ``images`` does, whatever their state."""
    by_path = {f"/images/{image['uuid']}": image for image in images}

    def answer(path: str) -> Reply:
        if path == "/ping":
            return as_json(200, {"ping": "pong", "imgapi": True})
        if path == "/images":
            return as_json(200, images)
        if path in by_path:
            return as_json(200, by_path[path])
        return as_json(404, {"code": "ResourceNotFound", "message": "image not found"})

    return answer


def registry(status: int, content_type: str, body: bytes) -> Callable[[str], Reply]:
    """Answer as something does that may be a Docker registry."""
    missing = as_json(404, {"errors": [{"code": "NOT_FOUND", "message": "no such page"}]})
    return lambda path: (status, content_type, body) if path == "/v2/" else missing


def always(reply: Reply) -> Callable[[str], Reply]:
    return lambda _path: reply


INVALID_PARAMETERS = {
    "code": "InvalidParameter",
    "message": "invalid params",
    "errors": [
        {"field": "channel", "code": "Invalid", "message": "no such channel"},
        {"field": "os", "code": "Missing"},
    ],
}

# The name of each server is as long as "127.0.0.1:" and a port of five digits, so tables in the
# transcripts are as wide as the real ones.
SERVERS: dict[str, Callable[[str], Reply]] = {
    "images-one:7001": offering(IMAGES["one"]),
    "images-two:7002": offering(IMAGES["two"]),
    "html-pages:7003": always((200, "text/html", b"<html>hi</html>")),
    "sad-server:7004": always(as_json(500, {"code": "InternalError", "message": "server is sad"})),
    "ping-pongs:7005": always(as_json(200, {"ping": "pong"})),
    "bad-params:7006": always(as_json(422, INVALID_PARAMETERS)),
    "busy-texts:7007": always((503, "text/plain", b"busy")),
    "wrong-ones:7008": always(as_json(200, {**IMAGES["one"][0], "e\x1bvil": True})),
    "registries:7009": registry(401, "text/html", b"<html>who are you?</html>"),
    "open-house:7010": registry(200, "application/json", b"{}"),
}


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, str]]:
    """The real address of each server by the name that transcripts call it."""
    running = [(name, _serve(answer)) for name, answer in SERVERS.items()]
    yield {name: f"127.0.0.1:{server.server_port}" for name, server in running}
    for _, server in running:
        server.shutdown()
        server.server_close()


def _serve(answer: Callable[[str], Reply]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content_type, body = answer(urlsplit(self.path).path)
            self.send_response(status)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server
