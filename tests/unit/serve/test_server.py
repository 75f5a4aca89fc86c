"""The server over the wire, with friendly, careless and hostile clients."""

from __future__ import annotations

import http.client
import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from imgadm import __version__
from imgadm.base.errors import ImgadmError
from imgadm.base.files.cache import Cache
from imgadm.serve import AccessRecord, FolderCatalogue, GeneratedBytes, HostedImage, ImageServer
from imgadm.sources import ClientOptions, open_source
from imgadm.state.source_config import SourceConfig

from .conftest import CONTENT, UUID, manifest

FILE = f"/images/{UUID}/file"


def ask(server: ImageServer, method: str, path: str, **headers: str) -> Any:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.request(method, server.url + path, headers=fields, timeout=30)


def test_ping(server: ImageServer) -> None:
    reply = ask(server, "GET", "/ping")
    assert reply.json() == {"ping": "pong", "version": __version__, "imgapi": True}
    assert reply.headers["Server"] == f"imgadm/{__version__}"
    assert reply.headers["Content-Type"] == "application/json"


def test_our_own_client(server: ImageServer, sha1: Any) -> None:
    options = ClientOptions(environment={})
    with open_source(SourceConfig(server.url + "/?channel=dev"), options) as source:
        source.ping()
        [image] = source.list_images()
        assert source.get_image(UUID) == image
        assert list(image)[-2:] == ["zebra", "files"]
        assert source.get_image(UUID.replace("3", "4")) is None
        request = source.file_request(UUID)
        content = request.session.get(request.url, headers=request.headers).content
        assert sha1(content) == image["files"][0]["sha1"]


@pytest.mark.parametrize("path", ["/ping", "/images", "/images/", f"/images/{UUID}", FILE])
def test_head_is_get_without_body(server: ImageServer, path: str) -> None:
    get, head = ask(server, "GET", path), ask(server, "HEAD", path)
    assert head.content == b""
    for headers in (get.headers, head.headers):
        del headers["x-request-id"], headers["Date"]
    assert head.headers == get.headers


@pytest.mark.parametrize(
    ("headers", "status", "part", "content_range"),
    [
        ({}, 200, slice(None), None),
        ({"Range": "bytes=0-9"}, 206, slice(0, 10), "bytes 0-9/10240"),
        ({"Range": "bytes=10000-"}, 206, slice(10000, None), "bytes 10000-10239/10240"),
        ({"Range": "bytes=-1"}, 206, slice(-1, None), "bytes 10239-10239/10240"),
        ({"Range": "bytes=0-1,4-5"}, 200, slice(None), None),
        ({"Range": "bytes=10240-"}, 416, None, "bytes */10240"),
        ({"Range": "bytes=5-9", "If-Range": "ETAG"}, 206, slice(5, 10), "bytes 5-9/10240"),
        ({"Range": "bytes=5-9", "If-Range": '"ETAG"'}, 206, slice(5, 10), "bytes 5-9/10240"),
        ({"Range": "bytes=5-9", "If-Range": "DATE"}, 206, slice(5, 10), "bytes 5-9/10240"),
        ({"Range": "bytes=5-9", "If-Range": '"other"'}, 200, slice(None), None),
        ({"Range": "bytes=99999-", "If-Range": '"other"'}, 200, slice(None), None),
        ({"If-None-Match": "ETAG"}, 304, slice(0, 0), None),
        ({"If-None-Match": '"ETAG"', "Range": "bytes=0-1"}, 304, slice(0, 0), None),
        ({"If-Modified-Since": "DATE"}, 304, slice(0, 0), None),
        ({"If-Match": '"other"'}, 412, None, None),
    ],
)
def test_file(
    server: ImageServer,
    sha1: Any,
    headers: dict[str, str],
    status: int,
    part: slice | None,
    content_range: str | None,
) -> None:
    etag, date = sha1(CONTENT), ask(server, "HEAD", FILE).headers["Last-Modified"]
    sent = {
        name: value.replace("ETAG", etag).replace("DATE", date) for name, value in headers.items()
    }
    reply = requests.get(server.url + FILE, headers=sent, timeout=30)
    assert reply.status_code == status
    assert reply.headers.get("Content-Range") == content_range
    if part is not None:
        assert reply.content == CONTENT[part]
        assert reply.headers["ETag"] == f'"{etag}"'
        assert reply.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("path", ["/images", f"/images/{UUID}"])
def test_conditional_json(server: ImageServer, path: str) -> None:
    etag = ask(server, "GET", path).headers["ETag"]
    assert ask(server, "GET", path, If_None_Match=etag).status_code == 304
    assert ask(server, "GET", path, If_None_Match=etag.strip('"')).status_code == 304
    assert ask(server, "GET", path, If_None_Match='"x"').status_code == 200
    assert ask(server, "GET", path, If_Match='"x"').json()["code"] == "PreconditionFailed"


def test_our_client_is_sent_a_list_once(
    server: ImageServer, accesses: list[AccessRecord], folder: Path
) -> None:
    options = ClientOptions(environment={}, cache=Cache(folder / "cache"))
    for name in ("foo", "foo", "bar", "bar"):
        (folder / "foo.json").write_text(json.dumps(manifest(name=name)))
        with open_source(SourceConfig(server.url), options) as source:
            [image] = source.list_images()
            assert image["name"] == name
    server.stop()
    assert [access.status for access in accesses] == [200, 304, 200, 304]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/", 404, "ResourceNotFound"),
        ("/channels", 404, "ResourceNotFound"),
        ("/images/nope", 404, "ResourceNotFound"),
        (f"/images/{UUID.upper()}", 404, "ResourceNotFound"),
        (f"/images/{UUID.replace('3', '4')}", 404, "ResourceNotFound"),
        (f"/images/{UUID.replace('3', '4')}/file", 404, "ResourceNotFound"),
        (f"/images/{UUID}/icon", 404, "ResourceNotFound"),
        (f"/images/{UUID}/../../etc/passwd", 404, "ResourceNotFound"),
        ("/images/..%2f..%2fetc%2fpasswd", 404, "ResourceNotFound"),
        ("/images/%00", 404, "ResourceNotFound"),
        ("/images/%ff", 400, "BadRequestError"),
        ("/images?name=%ff", 400, "BadRequestError"),
        ("/images?" + "a&" * 100, 400, "BadRequestError"),
        ("/images?state=sad", 422, "InvalidParameter"),
        ("http://[/images", 400, "BadRequestError"),
    ],
)
def test_errors(raw: Any, path: str, status: int, code: str) -> None:
    reply = raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    head, _, body = reply.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert json.loads(body)["code"] == code


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "FOO", "get"])
@pytest.mark.parametrize("path", ["/ping", "/images", f"/images/{UUID}", FILE])
def test_it_can_only_be_read(server: ImageServer, method: str, path: str) -> None:
    connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
    for body in (None, b"x" * 5000):
        connection.request(method, path, body)
        reply = connection.getresponse()
        assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD")
        assert json.loads(reply.read())["code"] == "MethodNotAllowedError"
    connection.request("GET", "/ping")
    assert connection.getresponse().status == 200
    connection.close()


def test_connections_are_kept(server: ImageServer, accesses: list[AccessRecord]) -> None:
    connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
    ports = set()
    for path in ("/ping", "/nowhere", FILE, "/images?state=sad", "/ping"):
        connection.request("GET", path)
        connection.getresponse().read()
        assert connection.sock is not None
        ports.add(connection.sock.getsockname())
    connection.close()
    assert len(ports) == 1


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [("abc-123", "abc-123"), ("a b", None), ("x" * 129, None), ("é", None), (None, None)],
)
def test_request_id(server: ImageServer, sent: str | None, echoed: str | None) -> None:
    headers = {} if sent is None else {"x-request-id": sent.encode()}
    got = requests.get(server.url + "/ping", headers=headers, timeout=30).headers["x-request-id"]
    assert got == echoed or (echoed is None and re.fullmatch(r"[0-9a-f-]{36}", got))


def test_access_records(server: ImageServer, accesses: list[AccessRecord]) -> None:
    ask(server, "GET", FILE, Range="bytes=0-9", x_request_id="r1")
    ask(server, "GET", "/nowhere?x=1")
    server.stop()
    # A connection writes its record after the client has the reply: either may come first.
    first, second = sorted(accesses, key=lambda access: access.status)
    assert (first.client, first.method, first.target) == ("127.0.0.1", "GET", FILE)
    assert (first.status, first.sent, first.request_id) == (206, 10, "r1")
    assert (second.target, second.status) == ("/nowhere?x=1", 404)
    assert 0 <= second.seconds < 60


def test_requests_hidden_in_a_body_are_not_answered(raw: Any) -> None:
    hidden = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for framing in (b"Content-Length: %d" % len(hidden), b"Transfer-Encoding: chunked"):
        reply = raw(b"POST /ping HTTP/1.1\r\nHost: localhost\r\n" + framing + b"\r\n\r\n" + hidden)
        assert reply.count(b"HTTP/1.1 ") == 1
        assert b"hidden" not in reply


def test_pipelined_requests(raw: Any) -> None:
    reply = raw(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
    assert reply.count(b"HTTP/1.1 200 OK") == 3


def test_no_header_can_be_smuggled_out(raw: Any) -> None:
    reply = raw(
        b"GET /%0d%0aX-Evil:%201 HTTP/1.1\r\nHost: localhost\r\n"
        b"x-request-id: a\r\n X-Evil: 1\r\n\r\n"
    )
    assert b"\nX-Evil" not in reply


def test_silent_clients_are_let_go(folder: Path) -> None:
    with (
        ImageServer(Pictures([]), port=0, idle_timeout=0.1) as server,
        socket.create_connection((server.host, server.port), timeout=30) as connection,
    ):
        assert connection.recv(1) == b""


def test_clients_that_stop_reading_are_let_go(folder: Path) -> None:
    made = Picture(manifest(), [b"x" * (1 << 20)] * 64)
    (folder / "foo.zvol").write_bytes(bytes(64 << 20))
    for catalogue in (Pictures([made]), FolderCatalogue(folder)):
        accesses: queue.Queue[AccessRecord] = queue.Queue()
        with (
            ImageServer(catalogue, port=0, idle_timeout=0.2, on_access=accesses.put) as server,
            socket.create_connection((server.host, server.port)) as connection,
        ):
            connection.sendall(f"GET {FILE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert accesses.get(timeout=30).sent < 64 << 20
    assert made.closed.is_set()


def test_a_big_file_arrives_whole(folder: Path, server: ImageServer, sha1: Any) -> None:
    block = os.urandom(1 << 20)
    with (folder / "foo.zvol").open("wb") as file:
        for _ in range(64):
            file.write(block)
    with requests.get(server.url + FILE, stream=True, timeout=30) as reply:
        count = 0
        for got in reply.iter_content(1 << 20):
            assert got == block
            count += 1
    assert count == 64


def test_a_file_that_shrinks_meanwhile(folder: Path, server: ImageServer) -> None:
    path = folder / "foo.zvol"
    path.write_bytes(bytes(64 << 20))
    with socket.create_connection((server.host, server.port), timeout=30) as connection:
        connection.sendall(f"GET {FILE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        received = len(connection.recv(1000))
        os.truncate(path, 32 << 20)
        while got := len(connection.recv(1 << 20)):
            received += got
    assert received < 64 << 20


@dataclass
class Picture:
    """An image whose bytes are made on the fly; an exception among them is raised."""

    manifest: Mapping[str, Any]
    parts: Sequence[bytes | Exception] | None
    size: int | None = None
    closed: threading.Event = field(default_factory=threading.Event)

    def open_file(self) -> GeneratedBytes | None:
        return None if self.parts is None else GeneratedBytes(self._made(self.parts), self.size)

    def _made(
        self, parts: Sequence[bytes | Exception]
    ) -> Generator[bytes | memoryview, None, None]:
        try:
            for part in parts:
                if isinstance(part, Exception):
                    raise part
                yield part
        finally:
            self.closed.set()


@dataclass
class Pictures:
    held: list[HostedImage]

    def images(self) -> list[HostedImage]:
        return self.held

    def find(self, uuid: str) -> HostedImage | None:
        return next((image for image in self.held if image.manifest["uuid"] == uuid), None)


@pytest.mark.parametrize(
    ("size", "version", "framing"),
    [
        (6, "1.1", b"Content-Length: 6\r\n"),
        (None, "1.1", b"Transfer-Encoding: chunked\r\n"),
        (None, "1.0", b"Connection: close\r\n"),
        (6, "1.0", b"Content-Length: 6\r\n"),
    ],
)
def test_generated_files(size: int | None, version: str, framing: bytes) -> None:
    picture = Picture(manifest(), [b"abc", b"", b"def"], size)
    with ImageServer(Pictures([picture]), port=0) as server:
        reply = exchange(
            server, f"GET {FILE} HTTP/{version}\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
    head, _, body = reply.partition(b"\r\n\r\n")
    assert framing in head + b"\r\n"
    assert b"Accept-Ranges" not in head
    chunked = b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"
    assert body == (chunked if b"chunked" in framing else b"abcdef")
    assert picture.closed.is_set()


def exchange(server: ImageServer, request: str) -> bytes:
    with socket.create_connection((server.host, server.port), timeout=30) as connection:
        connection.sendall(request.encode())
        received = b""
        while block := connection.recv(65536):
            received += block
        return received


@pytest.mark.parametrize(
    ("parts", "size"),
    [
        ([b"abc"], 6),
        ([b"abc", b"def"], 5),
        ([b"abc", RuntimeError("broke")], None),
        ([b"abc", OSError("broke")], 6),
    ],
)
def test_generated_files_that_break(
    parts: list[Any], size: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    picture = Picture(manifest(), parts, size)
    with ImageServer(Pictures([picture]), port=0) as server:
        reply = exchange(server, f"GET {FILE} HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b"abc" in reply
    assert not reply.endswith(b"0\r\n\r\n")
    assert b"broke" not in reply
    assert picture.closed.is_set()
    assert "request failed" in caplog.text


def test_an_image_without_file() -> None:
    with ImageServer(Pictures([Picture(manifest(), None)]), port=0) as server:
        reply = ask(server, "GET", FILE)
    assert (reply.status_code, reply.json()["message"]) == (404, f'image "{UUID}" has no file')


def test_failures_of_the_catalogue_are_logged_not_told(
    folder: Path, server: ImageServer, caplog: pytest.LogCaptureFixture
) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    reply = ask(server, "GET", "/images")
    folder.mkdir()
    assert (reply.status_code, reply.json()["code"]) == (500, "InternalError")
    assert str(folder) not in reply.text
    assert str(folder) in caplog.text


def test_stopping_cuts_what_is_being_served() -> None:
    endless = Picture(manifest(), Endless())
    server = ImageServer(Pictures([endless]), port=0).start()
    with socket.create_connection((server.host, server.port), timeout=30) as connection:
        connection.sendall(f"GET {FILE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert connection.recv(4) == b"HTTP"
        server.stop()
        server.stop()
    assert endless.closed.is_set()
    assert [t.name for t in threading.enumerate() if t.name.startswith("imgadm-serve")] == []
    with pytest.raises(requests.ConnectionError):
        requests.get(server.url, timeout=5)


class Endless(Sequence[bytes]):
    def __len__(self) -> int:
        return sys.maxsize

    def __getitem__(self, index: Any) -> Any:
        return bytes(65536)


def test_a_server_that_never_started_can_stop() -> None:
    ImageServer(Pictures([]), port=0).stop()


def test_a_port_in_use(server: ImageServer) -> None:
    with pytest.raises(ImgadmError) as caught:
        ImageServer(Pictures([]), port=server.port)
    assert caught.value.code == "EADDRINUSE"
    assert str(caught.value) == (
        f"cannot listen on 127.0.0.1 port {server.port}: address already in use"
    )


@pytest.mark.parametrize(("host", "port"), [("nowhere.invalid", 0), ("127.0.0.1", 99999)])
def test_addresses_that_are_none(host: str, port: int) -> None:
    with pytest.raises(ImgadmError, match=f"cannot listen on {host} port {port}: "):
        ImageServer(Pictures([]), host, port)


@pytest.mark.parametrize(("host", "exposed"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_exposure(host: str, exposed: bool) -> None:
    server = ImageServer(Pictures([]), host, 0)
    assert server.is_exposed is exposed
    assert server.url == f"http://{host}:{server.port}"
    server.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serving_ends_with_a_signal(folder: Path, number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "imgadm", "serve", "-q", "-l", "127.0.0.1:0", str(folder)]
    environment = {**os.environ, "IMGADM_ROOT": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        url = process.stdout.readline().rpartition(" ")[2].strip()
        assert requests.get(url + "/ping", timeout=30).status_code == 200
        process.send_signal(number)
        assert process.wait(30) == 0
