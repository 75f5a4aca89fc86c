"""Uploads: the bytes that servers get, and the errors for servers that misbehave."""

from __future__ import annotations

import os
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from imgadm import streams
from tests.unit.streams.stages import Supply, pieces, unending

from .servers import Connection, Request, Server, hang_up

CONTENT = os.urandom(3 << 20)
SMALL = CONTENT[:1000]


@dataclass
class Taker:
    """Takes a body to its end, or ``most`` bytes of it, and answers."""

    answer: bytes = b'{"taken": true}'
    status: str = "200 OK"
    most: int | None = None
    stay: bool = False
    interim: bytes = b""
    body: bytearray = field(default_factory=bytearray)
    ended: bool = False

    def __call__(self, connection: Connection, request: Request) -> None:
        connection.send(self.interim)
        for piece in self._pieces(connection, request):
            self.body += piece
            if self.most is not None and len(self.body) >= self.most:
                break
        else:
            self.ended = True
        head = f"HTTP/1.1 {self.status}\r\nContent-Length: {len(self.answer)}\r\n"
        kind = "Content-Type: application/json; charset=utf-8\r\n\r\n"
        connection.send(f"{head}{kind}".encode() + self.answer)
        if self.stay:
            time.sleep(0.2)
            connection.wait_for_end()

    def _pieces(self, connection: Connection, request: Request) -> Iterator[bytes]:
        raw = _raw(connection, request)
        if "content-length" in request.headers:
            left = int(request.headers["content-length"])
            for piece in raw:
                left -= len(piece)
                yield piece
                if left <= 0:
                    return
        data = b""
        while True:
            while b"\r\n" not in data:
                data += next(raw)
            size, _, data = data.partition(b"\r\n")
            count = int(size, 16)
            while len(data) < count + 2:
                data += next(raw)
            if count == 0:
                return
            yield data[:count]
            data = data[count + 2 :]


def _raw(connection: Connection, request: Request) -> Iterator[bytes]:
    if request.begun:
        yield request.begun
    while piece := connection.socket.recv(1 << 20):
        yield piece
    raise ConnectionError("the client has gone")


def put(url: str, content: bytes = CONTENT, **settings: Any) -> streams.Report:
    source = Supply(pieces(content, 100_000))
    return streams.run(source, streams.checksum("sha1"), streams.http_put(url, **settings))


@pytest.mark.parametrize("content", [CONTENT, SMALL, b""], ids=["large", "small", "empty"])
@pytest.mark.parametrize("known", [True, False], ids=["known", "chunked"])
def test_server_gets_all_bytes_and_its_answer_is_kept(
    server: Server, content: bytes, known: bool
) -> None:
    taker = Taker(interim=b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\na: b\r\n\r\n")
    size = len(content) if known else None
    report = put(server.plan(taker), content, size=size, headers={"X-Mine": "yes"})
    assert bytes(taker.body) == content
    assert report.facts["answer"] == streams.UploadAnswer(200, "application/json", taker.answer)
    assert report.bytes_out == len(content)
    [request] = server.requests
    assert request.headers["x-mine"] == "yes"
    assert request.headers["content-type"] == "application/octet-stream"
    if known and content:
        assert request.headers["content-length"] == str(len(content))
    else:
        assert request.headers["transfer-encoding"] == "chunked"


@pytest.mark.parametrize("size", [len(CONTENT), None], ids=["known", "chunked"])
@pytest.mark.parametrize("stay", [True, False], ids=["stays", "goes"])
def test_answer_before_the_end_is_the_error(server: Server, size: int | None, stay: bool) -> None:
    taker = Taker(b'{"code": "Full"}', "422 No", most=100_000, stay=stay)
    url = server.plan(taker)
    with pytest.raises(streams.SendError, match="answered 422 after .* bytes") as caught:
        streams.run(
            Supply(unending() if size is None else pieces(CONTENT * 20, 65536)),
            streams.http_put(url, size=None if size is None else size * 20),
        )
    assert caught.value.answer == streams.UploadAnswer(422, "application/json", taker.answer)
    assert (caught.value.stage, caught.value.begun) == ("upload", True)


def test_success_before_the_end_is_none(server: Server) -> None:
    url = server.plan(Taker(most=1, stay=True))
    with pytest.raises(streams.SendError, match="answered 200 after .* before it had everything"):
        streams.run(Supply(unending()), streams.http_put(url))


@pytest.mark.parametrize("status", ["301 Moved", "404 Not Found", "500 Broken"])
def test_other_answers_are_errors(server: Server, status: str) -> None:
    with pytest.raises(streams.SendError, match=f"answered {status[:3]}$") as caught:
        put(server.plan(Taker(b"no", status)), SMALL, size=len(SMALL))
    assert caught.value.answer is not None
    assert caught.value.answer.body == b"no"


def go_deaf(connection: Connection, request: Request) -> None:
    """Takes nothing, says nothing, and stays."""
    threading.Event().wait(0.6)


def cut(connection: Connection, request: Request) -> None:
    connection.socket.recv(1000)
    connection.reset()


@pytest.mark.parametrize(
    ("behaviour", "content", "code", "words"),
    [
        (go_deaf, CONTENT * 4, "ETIMEDOUT", "took no bytes for 0.2 seconds"),
        (go_deaf, SMALL, "ETIMEDOUT", "no answer within 0.3 seconds"),
        (cut, CONTENT * 4, "ECONNRESET", "localhost"),
        (hang_up, SMALL, "ECONNRESET", "localhost"),
    ],
    ids=["deaf", "mute", "cut", "hung-up"],
)
def test_bad_connection_is_an_error_with_a_code(
    server: Server, behaviour: Any, content: bytes, code: str, words: str
) -> None:
    url = server.plan(behaviour)
    with pytest.raises(streams.SendError, match=words) as caught:
        put(url, content, size=len(content), stall_timeout=0.2, answer_timeout=0.3)
    assert (caught.value.code, caught.value.begun) == (code, True)
    assert len(server.requests) == 1, "an upload is never tried again"


def test_nobody_there(server: Server) -> None:
    url = server.plan(hang_up)
    server.refuse()
    with pytest.raises(streams.SendError) as caught:
        put(url)
    assert (caught.value.code, caught.value.begun) == ("ECONNREFUSED", False)


@pytest.mark.parametrize(("promised", "got"), [(len(SMALL) + 1, "1000"), (len(SMALL) - 1, "more")])
def test_other_length_than_promised_never_looks_complete(
    server: Server, promised: int, got: str
) -> None:
    taker = Taker()
    with pytest.raises(streams.SizeError, match=f"{promised} bytes were promised .* got {got}"):
        put(server.plan(taker), SMALL, size=promised)
    assert not taker.ended


@pytest.mark.parametrize("known", [True, False], ids=["known", "chunked"])
def test_bytes_that_nobody_vouches_for_never_look_complete(server: Server, known: bool) -> None:
    taker = Taker()
    url = server.plan(taker)
    with pytest.raises(streams.ChecksumError):
        streams.run(
            Supply(pieces(CONTENT, 100_000)),
            streams.checksum("sha1", expected="0" * 40),
            streams.http_put(url, size=len(CONTENT) if known else None),
        )
    assert not taker.ended
    assert len(taker.body) < len(CONTENT)


class Interrupted(Exception):
    pass


def interrupt_after(seconds: float) -> Callable[[streams.Report], None]:
    deadline = time.monotonic() + seconds

    def on_progress(report: streams.Report) -> None:
        if time.monotonic() > deadline:
            raise Interrupted

    return on_progress


@pytest.mark.parametrize("content", [CONTENT * 8, SMALL], ids=["sending", "waiting"])
def test_ends_at_once_when_the_pipeline_does(server: Server, content: bytes) -> None:
    released = threading.Event()

    def hold(connection: Connection, request: Request) -> None:
        released.wait(30)

    url = server.plan(hold)
    try:
        with pytest.raises(Interrupted):
            streams.run(
                Supply(pieces(content, 65536)),
                streams.http_put(url, size=len(content)),
                on_progress=interrupt_after(0.3),
                interval=0.05,
            )
        assert not released.is_set()
    finally:
        released.set()


def test_session_brings_headers_and_credentials_but_no_old_connection(server: Server) -> None:
    taker = Taker()
    with requests.Session() as session:
        session.auth = ("me", "secret")
        session.headers["user-agent"] = "imgadm/4 "
        put(server.plan(taker), SMALL, size=len(SMALL), session=session)
    [request] = server.requests
    assert request.headers["authorization"].startswith("Basic ")
    assert request.headers["user-agent"] == "imgadm/4"


def test_proxy_of_the_session_is_used(server: Server) -> None:
    taker = Taker()
    proxy = server.plan(taker).removesuffix("/file")
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = {"http": proxy}
        put("http://images.invalid/file", CONTENT, size=len(CONTENT), session=session)
    assert [request.path for request in server.requests] == ["http://images.invalid/file"]
    assert bytes(taker.body) == CONTENT


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    key = path.with_name("key.pem")
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj"]
    names = ["/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", *words, *names, "-keyout", str(key), "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + key.read_bytes())
    return path


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[Server]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with Server(context) as server:
        yield server


@pytest.mark.parametrize("known", [True, False], ids=["known", "chunked"])
def test_tls(tls_server: Server, certificate: Path, known: bool) -> None:
    taker = Taker()
    url = tls_server.plan(taker)
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(certificate)
        put(url, CONTENT, size=len(CONTENT) if known else None, session=session)
    assert bytes(taker.body) == CONTENT


def test_tls_answer_before_the_end(tls_server: Server, certificate: Path) -> None:
    url = tls_server.plan(Taker(b"{}", "409 Conflict", most=10, stay=True))
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(certificate)
        with pytest.raises(streams.SendError, match="answered 409 after"):
            streams.run(Supply(unending()), streams.http_put(url, session=session))


@pytest.mark.filterwarnings("ignore:Unverified HTTPS")
def test_unknown_certificate_is_refused_and_accepted_on_demand(tls_server: Server) -> None:
    taker = Taker()
    url = tls_server.plan(taker)
    with requests.Session() as session:
        session.trust_env = False
        with pytest.raises(streams.SendError) as caught:
            put(url, SMALL, session=session)
        refused = ("DEPTH_ZERO_SELF_SIGNED_CERT", False)
        assert (caught.value.code, caught.value.begun) == refused
        session.verify = False
        put(url, SMALL, session=session)
    assert bytes(taker.body) == SMALL
