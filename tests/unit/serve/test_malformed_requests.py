"""Requests that two programs could read differently are refused and end the connection."""

from __future__ import annotations

import json
import logging
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from imgadm.serve import AccessRecord, ImageServer, WritableFolder, Writer
from imgadm.serve.http.replies import HttpError
from imgadm.serve.http.request_head import MAX_REQUEST_HEAD_BYTES, HeadScanner, parse_head

from .conftest import UUID, manifest
from .test_writable import ZVOL

PING = b"GET /ping HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"
SECOND = b"GET /images?second HTTP/1.1\r\nHost: localhost\r\n\r\n"

ANSWER = re.compile(rb"HTTP/1\.1 [0-9]{3} ")

MALFORMED = [
    # the request line
    (b"GET\r\n\r\n", 400),
    (b"GET /ping\r\n", 400),
    (b"GET /ping\r\n\r\n", 400),
    (b"GET /ping HTTP/0.9\r\n" + HOST + b"\r\n", 400),
    (b"GET /ping HTTP/9\r\n" + HOST + b"\r\n", 400),
    (b"GET /ping HTTP/4.0\r\n" + HOST + b"\r\n", 400),
    (b"GET /ping HTTP/1.1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /ping HTTP/01.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /ping HTTP/1.+1\r\n" + HOST + b"\r\n", 400),
    (b"GET /ping http/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /ping HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    (b"GET /ping HTTP/1.1 x\r\n" + HOST + b"\r\n", 400),
    (b"GET  /ping HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET\t/ping HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b" GET /ping HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /pi ng HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /p\xc3\xafng HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /ping\x1b[2J HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET ping HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET ?x HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /ping#part HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET ftp://localhost/ping HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET http://me@localhost/ping HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET http:///ping HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"G(T /ping HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"A" * 65 + b" /ping HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    (b"GET /" + b"a" * 10_000, 414),
    (b"\r\n" * 3 + PING + HOST + b"\r\n", 400),
    (b"\n" + PING + HOST + b"\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    (b"\xff" * 100, 400),
    (b"\0", 400),
    (b"SSH-2.0-client\r\n", 400),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + PING + HOST + b"\r\n", 400),
    (b"GET /ping HTTP/1.1\r\nHost: localhost\r\n", 400),
    (b"GE", 400),
    # ends of lines, and bytes that may be one
    (b"GET /ping HTTP/1.1\nHost: localhost\n\n", 400),
    (PING + b"Host: localhost\n\r\n", 400),
    (PING + HOST + b"X: a\rY: b\r\n\r\n", 400),
    (PING + HOST + b"X: a\r\r\n\r\n", 400),
    (PING + HOST + b"X: a\0b\r\n\r\n", 400),
    (PING + HOST + b"X: a\x0bb\r\n\r\n", 400),
    (PING + HOST + b"X: \x1b[31m\r\n\r\n", 400),
    (PING + HOST + b"X: \x7f\r\n\r\n", 400),
    (PING + HOST + b"\r\r\n", 400),
    # fields
    (PING + HOST + b"no colon\r\n\r\n", 400),
    (PING + HOST + b": nameless\r\n\r\n", 400),
    (PING + HOST + b"X : a\r\n\r\n", 400),
    (PING + HOST + b"X\t: a\r\n\r\n", 400),
    (PING + HOST + b"X: a\r\n folded\r\n\r\n", 400),
    (PING + HOST + b"X: a\r\n\tfolded\r\n\r\n", 400),
    (PING + b" " + HOST + b"\r\n", 400),
    (PING + HOST + b"X\xe9: a\r\n\r\n", 400),
    (PING + HOST + b"(X): a\r\n\r\n", 400),
    (PING + HOST + b"\x00\x01\r\n\r\n", 400),
    (PING + HOST + b"X: " + b"a" * 70_000 + b"\r\n\r\n", 431),
    (PING + HOST + b"X: y\r\n" * 200 + b"\r\n", 431),
    (PING + HOST + (b"X: " + b"y" * 500 + b"\r\n") * 80 + b"\r\n", 431),
    # whose request it is
    (PING + b"\r\n", 400),
    (PING + HOST + HOST + b"\r\n", 400),
    (PING + HOST + b"host: evil.example\r\n\r\n", 400),
    (PING + b"Host: \r\n\r\n", 400),
    (PING + b"Host: a b\r\n\r\n", 400),
    (PING + b"Host: localhost/\r\n\r\n", 400),
    (PING + b"Host: localhost:http\r\n\r\n", 400),
    (PING + b"Host: me@localhost\r\n\r\n", 400),
    (PING + b"Host: localhost, localhost\r\n\r\n", 400),
    (PING + HOST + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", 400),
    (PING + HOST + b"Content-Type: text/a\r\nContent-Type: text/b\r\n\r\n", 400),
    # where the request ends
    (PING + HOST + b"Content-Length: -5\r\n\r\n", 400),
    (PING + HOST + b"Content-Length: +5\r\n\r\nhello", 400),
    (PING + HOST + b"Content-Length: 5,5\r\n\r\nhello", 400),
    (PING + HOST + b"Content-Length: 5, 5\r\n\r\nhello", 400),
    (PING + HOST + b"Content-Length: 5 5\r\n\r\nhello", 400),
    (PING + HOST + b"Content-Length: 0x5\r\n\r\nhello", 400),
    (PING + HOST + b"Content-Length: 5_0\r\n\r\nhello", 400),
    (PING + HOST + b"Content-Length: 5.0\r\n\r\nhello", 400),
    (PING + HOST + b"Content-Length: \xb2\r\n\r\nhello", 400),
    (PING + HOST + b"Content-Length: \r\n\r\n", 400),
    (PING + HOST + b"Content-Length: x\r\n\r\n", 400),
    (PING + HOST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", 400),
    (PING + HOST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
    (PING + HOST + b"Content-Length: 5\r\ncontent-length: 6\r\n\r\nhello", 400),
    (PING + HOST + b"Content-Length : 5\r\n\r\nhello", 400),
    (PING + HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
    (PING + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (PING + HOST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n", 400),
    (PING + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    (PING + HOST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    (PING + HOST + b"Transfer-Encoding: identity\r\n\r\n", 400),
    (PING + HOST + b"Transfer-Encoding: xchunked\r\n\r\n", 400),
    (PING + HOST + b'Transfer-Encoding: "chunked"\r\n\r\n', 400),
    (PING + HOST + b"Transfer-Encoding:\x0bchunked\r\n\r\n", 400),
    (PING + HOST + b"Transfer-Encoding: \r\n\r\n", 400),
    (b"GET /ping HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (PING + HOST + b"Expect: the-unexpected\r\n\r\n", 417),
]

ODD_BUT_CLEAR = [
    (PING + HOST + b"Content-Length: \t5 \r\n\r\nhello", 200),
    (PING + HOST + b"Content-Length: 00005\r\n\r\nhello", 200),
    (b"\r\n" + PING + HOST + b"\r\n", 200),
    (PING + b"hOsT:localhost\r\n\r\n", 200),
    (PING + HOST + b"X:\r\nX: \r\nx: a\tb\xe9\r\n\r\n", 200),
    (b"GET http://localhost/ping HTTP/1.1\r\nHost: other.example\r\n\r\n", 200),
    (b"GET /ping HTTP/1.7\r\n" + HOST + b"\r\n", 200),
    (b"GET /%70ing?x=%20 HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    (b"get /ping HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    (b"GET //ping HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    (b"GET //other.example/ping HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    (b"GET /images HTTP/1.1\r\n" + HOST + b"Range: bytes=0-5\r\nIf-Range: \xff\r\n\r\n", 200),
]


def shown(value: Any) -> str | None:
    return f"{bytes(value[:70])!r}..{len(value)}" if isinstance(value, bytes) else None


@pytest.mark.parametrize(("request_bytes", "status"), MALFORMED, ids=shown)
def test_malformed_request_is_answered_and_ends_the_connection(
    raw: Any,
    server: ImageServer,
    accesses: list[AccessRecord],
    caplog: pytest.LogCaptureFixture,
    request_bytes: bytes,
    status: int,
) -> None:
    with caplog.at_level(logging.WARNING):
        reply = raw(request_bytes + (SECOND if len(request_bytes) > 60 else b""))
    assert reply.startswith(f"HTTP/1.1 {status} ".encode())
    assert len(ANSWER.findall(reply)) == 1
    head, _, body = reply.partition(b"\r\n\r\n")
    assert b"\r\nConnection: close" in head
    assert json.loads(body)["message"].isprintable()
    assert requests.get(server.url + "/ping", timeout=30).status_code == 200
    server.stop()
    assert [access.status for access in accesses] == [status, 200]
    assert all((access.method + access.target).isprintable() for access in accesses)
    assert [record for record in caplog.records if record.name.startswith("imgadm")] == []


@pytest.mark.parametrize(("request_bytes", "status"), ODD_BUT_CLEAR, ids=shown)
def test_odd_but_unambiguous_requests_are_answered(
    raw: Any, request_bytes: bytes, status: int
) -> None:
    reply = raw(request_bytes + SECOND)
    assert reply.startswith(f"HTTP/1.1 {status} ".encode())
    assert len(ANSWER.findall(reply)) == 2


@pytest.mark.parametrize("line", [b"", b"Connection: close\r\n", b"Connection: x, Close\r\n"])
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_connection_is_kept_where_both_want_that(raw: Any, version: bytes, line: bytes) -> None:
    reply = raw(b"GET /ping HTTP/" + version + b"\r\n" + HOST + line + b"\r\n" + SECOND)
    assert reply.count(b"HTTP/1.1 200 ") == (2 if version == b"1.1" and not line else 1)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=60) | st.sampled_from([one for one, _ in MALFORMED]), st.data())
def test_faults_do_not_depend_on_how_the_bytes_arrive(request_bytes: bytes, data: Any) -> None:
    whole = verdict([request_bytes])
    pieces, rest = [], request_bytes[: MAX_REQUEST_HEAD_BYTES + 2]
    while rest and len(pieces) < 40:
        count = data.draw(st.integers(1, max(1, len(rest))))
        pieces.append(rest[:count])
        rest = rest[count:]
    assert verdict([*pieces, rest]) == whole


def verdict(pieces: list[bytes]) -> Any:
    """What a reader says of a head that arrives in pieces."""
    scanner, received, end = HeadScanner(), b"", None
    try:
        for piece in pieces:
            received += piece
            if piece and end is None:
                end = scanner.end(received)
        return None if end is None else parse_head(received[:end]).target
    except HttpError as error:
        return error.status


@pytest.fixture
def writable(tmp_path: Path) -> Iterator[ImageServer]:
    folder = WritableFolder(tmp_path)
    with (
        folder.opened(),
        ImageServer(folder, port=0, writer=Writer(folder), idle_timeout=5) as server,
    ):
        body = {**manifest(), **ZVOL}
        path = f"{server.url}/images/{UUID}"
        assert requests.post(f"{path}?action=import", json=body, timeout=30).ok
        yield server


def put_chunks(server: ImageServer, chunks: bytes) -> bytes:
    """Upload ``chunks``; returns all that comes back until the connection ends."""
    with socket.create_connection((server.host, server.port), 30) as connection:
        target = f"/images/{UUID}/file?compression=none"
        head = f"PUT {target} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode() + chunks)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while block := connection.recv(65536):
            received += block
        return received


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\n",
        b"\r\n",
        b"-3\r\nabc\r\n0\r\n\r\n",
        b"+3\r\nabc\r\n0\r\n\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b" 3\r\nabc\r\n0\r\n\r\n",
        b"3 \r\nabc\r\n0\r\n\r\n",
        b"3\nabc\r\n0\r\n\r\n",
        b"3\rabc\r\n0\r\n\r\n",
        b"3;a\nb\r\nabc\r\n0\r\n\r\n",
        b"3;a\rb\r\nabc\r\n0\r\n\r\n",
        b"3;\0\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"3\r\nabc0\r\n\r\n",
        b"3\r\nabc \r\n0\r\n\r\n",
        b"1" * 20 + b"\r\n",
        b"3;" + b"x" * 2000 + b"\r\nabc\r\n0\r\n\r\n",
        (b"1;" + b"x" * 900 + b"\r\na\r\n") * 20 + b"0\r\n\r\n",
        b"3\r\nabc\r\n0\r\nno colon\r\n\r\n",
        b"3\r\nabc\r\n0\r\nX: a\r\n folded\r\n\r\n",
        b"3\r\nabc\r\n0\r\nX: a\nY: b\r\n\r\n",
        b"3\r\nabc\r\n0\r\n" + b"X: abcdefgh\r\n" * 1000 + b"\r\n",
    ],
    ids=shown,
)
def test_bad_chunks_are_refused_and_store_nothing(writable: ImageServer, chunks: bytes) -> None:
    reply = put_chunks(writable, chunks + SECOND)
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert len(ANSWER.findall(reply)) == 1
    assert requests.get(f"{writable.url}/images/{UUID}", timeout=30).json()["files"] == []


@pytest.mark.parametrize("chunks", [b"", b"3", b"3\r\n", b"3\r\nab", b"3\r\nabc\r\n", b"3\r\nabc"])
def test_cut_chunks_store_nothing(writable: ImageServer, chunks: bytes) -> None:
    reply = put_chunks(writable, chunks)
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert b"has no end" in reply
    assert len(ANSWER.findall(reply)) == 1
    assert requests.get(f"{writable.url}/images/{UUID}", timeout=30).json()["files"] == []


@pytest.mark.parametrize(
    ("chunks", "size"),
    [
        (b"3\r\nabc\r\n0\r\n\r\n", 3),
        (b"0000003\r\nabc\r\n000\r\n\r\n", 3),
        (b'A;name="value";b\r\n0123456789\r\n0 ;x\r\n\r\n', 10),
        (b"3\r\nabc\r\n0\r\nX-Sum: 7\r\nY:\r\n\r\n", 3),
        (b"1\r\na\r\n" * 50_000 + b"0\r\n\r\n", 50_000),
        (b"1;x\r\na\r\n" * 5_000 + b"0\r\n\r\n", 5_000),
    ],
    ids=shown,
)
def test_chunks_of_any_number_and_size(writable: ImageServer, chunks: bytes, size: int) -> None:
    reply = put_chunks(writable, chunks + SECOND)
    assert reply.startswith(b"HTTP/1.1 200 ")
    assert len(ANSWER.findall(reply)) == 2
    files = requests.get(f"{writable.url}/images/{UUID}", timeout=30).json()["files"]
    assert files[0]["size"] == size
