"""One fault of a server has one code and one wording, whatever was requested from it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from imgadm import streams
from imgadm.client.errors import UnreachableError, UnusableReplyError
from tests.unit.streams.http.servers import Answer, Connection, Request, Server
from tests.unit.streams.stages import Collect, Supply

UUID = "3d0f2a0e-6b9b-4c5d-9a40-5a6f1c1b0001"
SECRET = "hunter2"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def ask_for_manifest(source: Any) -> UnreachableError | UnusableReplyError:
    with pytest.raises((UnreachableError, UnusableReplyError)) as caught:
        source.get_image(UUID)
    return caught.value


def download(source: Any) -> streams.FetchError:
    request = source.file_request(UUID)
    with pytest.raises(streams.FetchError) as caught:
        streams.run(
            streams.http_get(request.url, session=request.session, delays=()),
            streams.checksum("sha1"),
            Collect(),
        )
    return caught.value


def upload(source: Any) -> streams.SendError:
    request = source.file_request(UUID)
    with pytest.raises(streams.SendError) as caught:
        streams.run(Supply([b"x"]), streams.http_put(request.url, session=request.session))
    return caught.value


def test_an_unknown_certificate(secure_web: Any, opened: Any) -> None:
    source = opened(secure_web.url)
    document, file, sent = ask_for_manifest(source), download(source), upload(source)
    code = "DEPTH_ZERO_SELF_SIGNED_CERT"
    words = f"certificate not trusted: self-signed certificate ({code})"
    assert [document.code, file.code, sent.code] == [code] * 3
    assert document.reason == words
    assert file.message == f"{secure_web.url}/images/{UUID}/file: {words}"
    assert sent.message == file.message
    assert document.permanent
    assert file.final


def test_a_certificate_for_another_name(secure_web: Any, opened: Any, certificate: Any) -> None:
    url = secure_web.url.replace("127.0.0.1", "localhost")
    source = opened(url, ca_bundle=str(certificate))
    document, file = ask_for_manifest(source), download(source)
    assert document.code == file.code == "ERR_TLS_CERT_ALTNAME_INVALID"
    assert file.message == f"{url}/images/{UUID}/file: {document.reason}"


def redirecting(web: Any, to: str) -> None:
    web["*"] = (302, {"Location": to}, b"")


def test_a_certificate_after_a_redirect(web: Any, secure_web: Any, opened: Any) -> None:
    """Both errors name the URL that failed, without its secrets."""
    there = secure_web.url.replace("://", f"://me:{SECRET}@") + f"/there?sig={SECRET}"
    redirecting(web, there)
    source = opened(web.url)
    document, file = ask_for_manifest(source), download(source)
    assert document.code == file.code == "DEPTH_ZERO_SELF_SIGNED_CERT"
    assert document.message.endswith(f" (redirected to {secure_web.url}/there)")
    assert file.message.startswith(f"{secure_web.url}/there: certificate not trusted")
    assert SECRET not in document.message + file.message


def test_nobody_is_where_a_redirect_leads(web: Any, opened: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    redirecting(web, f"http://127.0.0.1:{port}/there?token={SECRET}")
    source = opened(web.url)
    document, file = ask_for_manifest(source), download(source)
    at = f"http://127.0.0.1:{port}/there"
    assert document.reason == f"connect ECONNREFUSED (redirected to {at})"
    assert file.message == f"{at}: Connection refused"
    assert document.code == file.code == "ECONNREFUSED"


def damaged(connection: Connection, request: Request) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    connection.send(head + b"5\r\nhello\r\n5\r\nhe")


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (damaged, "the connection was cut in the middle of a reply"),
        (
            Answer(b"x" * 99, headers={"Content-Encoding": "gzip, gzip"}),
            'the answer has the content coding "gzip, gzip", which nobody asked for and imgadm '
            "cannot undo",
        ),
    ],
    ids=["cut", "coded"],
)
def test_a_body_that_fails_after_a_redirect(
    web: Any, server: Server, opened: Any, behaviour: Any, words: str
) -> None:
    """The head came well, so that no request of ``requests`` has failed."""
    at = server.plan(behaviour)
    redirecting(web, f"{at}?token={SECRET}")
    source = opened(web.url, retry_delays=())
    document, file = ask_for_manifest(source), download(source)
    assert document.reason == f"{words} (redirected to {at})"
    assert file.message.startswith(f"{at}: {words}")
    assert SECRET not in document.message + file.message


def test_a_redirect_that_is_refused_after_another(web: Any, server: Server, opened: Any) -> None:
    at = server.plan(Answer(status="302 Found", headers={"Location": f"ftp://h/?t={SECRET}"}))
    redirecting(web, f"{at}?token={SECRET}")
    source = opened(web.url)
    document, file = ask_for_manifest(source), download(source)
    words = "a redirect to a ftp: address is not followed"
    assert document.reason == f"{words} (redirected to {at})"
    assert file.message == f"{at}: {words}"
    assert isinstance(file.__cause__, requests.exceptions.InvalidSchema)
