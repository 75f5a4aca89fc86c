"""Servers and proxies that never answer, and bodies whose end proves nothing."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from imgadm import streams
from imgadm.streams.http.connection import TimedAdapter
from tests.unit.streams.stages import Collect

from .servers import Answer, Connection, Request, Server

CONTENT = bytes(range(256)) * 4096
SHORT = 0.3


@contextmanager
def listening(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port whose connections ``behave`` takes over, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        open_now: list[socket.socket] = []

        def serve() -> None:
            try:
                while True:
                    open_now.append(listener.accept()[0])
                    behave(open_now[-1])
            except OSError:
                pass

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connected in open_now:
                connected.close()
            thread.join()


def say_nothing(connected: socket.socket) -> None:
    """Accepts, and leaves it at that."""


def drip(piece: bytes) -> Callable[[socket.socket], None]:
    ended = threading.Event()

    def behave(connected: socket.socket) -> None:
        connected.recv(65536)
        while not ended.wait(0.03):
            connected.sendall(piece)

    return behave


@contextmanager
def session(**settings: object) -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.trust_env = False
        for name, value in settings.items():
            setattr(made, name, value)
        for scheme in ("http://", "https://"):
            made.mount(scheme, TimedAdapter(2 * SHORT))
        yield made


def fetch(url: str, made: requests.Session, **more: object) -> tuple[streams.Report, bytes]:
    sink = Collect()
    get = streams.http_get(
        url, session=made, stall_timeout=SHORT, connect_timeout=SHORT, delays=(), **more
    )  # type: ignore[arg-type]
    report = streams.run(get, sink)
    return report, sink.content


# A TLS record that promises 16 KiB of handshake; its bytes keep each single wait short.
HALF_A_RECORD = b"\x16\x03\x03\x40\x00"


@pytest.mark.parametrize(
    "behave", [say_nothing, drip(b"\0"), drip(HALF_A_RECORD)], ids=["silent", "dripping", "records"]
)
def test_a_handshake_that_never_ends(behave: Callable[[socket.socket], None]) -> None:
    with (
        listening(behave) as port,
        session() as made,
        pytest.raises(streams.FetchError) as caught,
    ):
        fetch(f"https://127.0.0.1:{port}/", made)
    assert caught.value.code in ("ETIMEDOUT", "EPROTO")


@pytest.mark.parametrize(
    "behave",
    [say_nothing, drip(b"x"), drip(b"HTTP/1.1 200 Established\r\n"), drip(b"X: y\r\n")],
    ids=["silent", "dripping", "lines", "fields"],
)
def test_a_proxy_that_never_connects(behave: Callable[[socket.socket], None]) -> None:
    with listening(behave) as port:
        proxies = {"https": f"http://127.0.0.1:{port}"}
        with session(proxies=proxies) as made, pytest.raises(streams.FetchError) as caught:
            fetch("https://127.0.0.1:1/", made)
    assert caught.value.code in ("ETIMEDOUT", "ECONNRESET")


def test_a_name_that_takes_for_ever(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    answered = threading.Event()
    resolve = socket.getaddrinfo

    def slowly(*arguments: object, **settings: object) -> object:
        answered.wait(10)
        return resolve(*arguments, **settings)  # type: ignore[arg-type]

    url = server.plan(Answer(CONTENT))
    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    with session() as made, pytest.raises(streams.FetchError) as caught:
        fetch(url, made)
    answered.set()
    assert caught.value.code == "ETIMEDOUT"


def test_a_redirect_names_the_address_that_failed(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    there = f"http://u:secret@127.0.0.1:{port}/there?token=secret"
    server.plan(Answer(status="302 Found", headers={"Location": there}))
    with session() as made, pytest.raises(streams.FetchError) as caught:
        fetch(server.url, made)
    assert str(caught.value) == f"http://127.0.0.1:{port}/there: Connection refused"


def end_of_tls(connection: Connection, request: Request) -> None:
    """Sends all there is, without a length, and ends TLS as it should be ended."""
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n" + CONTENT)
    assert isinstance(connection.socket, ssl.SSLSocket)
    connection.socket.unwrap()


def cut_of_tls(connection: Connection, request: Request) -> None:
    """Sends a part, without a length, and ends the connection below TLS."""
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n" + CONTENT[:-1000])


def test_a_body_without_length_ends_with_tls(tls_server: Server, certificate: Path) -> None:
    with session(verify=str(certificate)) as made:
        report, content = fetch(tls_server.plan(end_of_tls), made)
    assert content == CONTENT
    assert report.facts["open_ended"] is True


def test_a_body_without_length_that_is_cut_below_tls(tls_server: Server, certificate: Path) -> None:
    with session(verify=str(certificate)) as made, pytest.raises(streams.FetchError, match="cut"):
        fetch(tls_server.plan(cut_of_tls), made)


@pytest.mark.parametrize(
    ("answer", "size", "open_ended"),
    [
        (Answer(CONTENT), None, False),
        (Answer(CONTENT, chunked=True), None, False),
        (Answer(CONTENT, promise=None), None, True),
        (Answer(CONTENT, promise=None), len(CONTENT), False),
    ],
    ids=["a length", "chunks", "nothing", "a size of our own"],
)
def test_whether_anybody_knew_the_length(
    server: Server, answer: Answer, size: int | None, open_ended: bool
) -> None:
    with session() as made:
        report, content = fetch(server.plan(answer), made, size=size)
    assert content == CONTENT
    assert report.facts.get("open_ended", False) is open_ended


@pytest.mark.parametrize("promise", [True, None])
def test_a_download_below_the_floor_is_given_up(
    way: str, server: Server, promise: bool | None
) -> None:
    """Each byte comes in time, but all of them would take hours."""
    dripping = Answer(CONTENT, piece=1, pause=0.02, promise=promise)
    with session() as made, pytest.raises(streams.FetchError) as caught:
        streams.run(
            streams.http_get(server.plan(dripping), session=made, stall_timeout=0.2, delays=(0.0,)),
            streams.checksum("sha1"),
            streams.into_process(["cat"]),
        )
    assert caught.value.code == "ETIMEDOUT"


def test_a_slow_reader_is_no_slow_server(server: Server) -> None:
    """Only the time spent waiting for the server counts."""
    with session() as made:
        get = streams.http_get(
            server.plan(Answer(CONTENT)), session=made, stall_timeout=0.05, delays=()
        )
        slow = Collect(on_piece=lambda: threading.Event().wait(0.3))
        assert streams.run(get, slow).bytes_in == len(CONTENT)


RANGED = '"a"'


@pytest.mark.parametrize("status", ["400 Bad Request", "416 No", "501 Not Implemented"])
def test_a_server_that_knows_no_ranges_is_asked_for_the_whole(server: Server, status: str) -> None:
    tagged = {"ETag": RANGED}
    server.plan(
        Answer(CONTENT, headers=tagged, send=1000),
        Answer(b"no ranges here", status),
        Answer(CONTENT, headers=tagged),
    )
    with session() as made:
        sink = Collect()
        streams.run(
            streams.http_get(server.url, session=made, delays=(0.0,)),
            streams.checksum("sha1"),
            sink,
        )
    assert sink.content == CONTENT
    assert [request.headers.get("range") for request in server.requests] == [
        None,
        "bytes=1000-",
        None,
    ]
