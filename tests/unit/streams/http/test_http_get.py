"""Downloads from servers that answer well, oddly and wrongly, at the first attempt."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from imgadm import streams
from tests.unit.streams.stages import Collect

from .servers import Answer, Server, hang_up, never_answer

CONTENT = random.Random(1).randbytes(3_000_001)
SHA1 = hashlib.sha1(CONTENT).hexdigest()


def fetch(url: str, content: bytes = CONTENT, **options: object) -> streams.Report:
    """Fetches and makes sure that just ``content`` came."""
    sink = Collect()
    get = streams.http_get(url, **options)  # type: ignore[arg-type]
    report = streams.run(get, streams.checksum("sha1"), sink)
    assert sink.content == content
    assert report.bytes_in == len(content)
    return report


@pytest.mark.parametrize(
    "answer",
    [
        Answer(CONTENT),
        Answer(CONTENT, piece=1, send=10),
        Answer(CONTENT, chunked=True),
        Answer(CONTENT, chunked=True, piece=7777),
        Answer(CONTENT, chunked=True, promise=5),
        Answer(CONTENT, promise=None),
        Answer(CONTENT, promise="many"),
        Answer(CONTENT, promise="9" * 30, chunked=True),
        Answer(CONTENT, headers={"Content-Encoding": "gzip"}),
    ],
    ids=[
        "plain",
        "first bytes alone",
        "chunked",
        "odd chunks",
        "chunks and a length",
        "no length",
        "nonsense as length",
        "chunks and a huge length",
        "content encoding",
    ],
)
def test_every_form_of_answer_brings_the_same_bytes(
    way: str, server: Server, answer: Answer
) -> None:
    if answer.send is not None:
        rest = Answer(CONTENT)
        report = fetch(server.plan(answer, rest))
        assert report.notes == ["the connection was lost and resumed once"]
    else:
        report = fetch(server.plan(answer))
        assert report.notes == []


@pytest.mark.parametrize("size", [0, 1, 5, 6, 7, 8191, 8192, 8193, 65536, 524_288, 524_289])
def test_any_size_arrives(way: str, server: Server, size: int) -> None:
    content = CONTENT[:size]
    assert fetch(server.plan(Answer(content)), content, size=size).total == size


def test_bytes_beyond_the_promised_length_are_no_part_of_the_answer(
    way: str, server: Server
) -> None:
    fetch(server.plan(Answer(CONTENT, promise=len(CONTENT) - 10)), CONTENT[:-10])


def test_redirects_are_followed(way: str, server: Server) -> None:
    moved = Answer(status="302 Found", headers={"Location": "/elsewhere"})
    fetch(server.plan(moved, Answer(CONTENT)))
    assert [request.path for request in server.requests] == ["/file", "/elsewhere"]


def test_headers_and_session_are_used(server: Server) -> None:
    with requests.Session() as session:
        session.headers["X-Session"] = "yes"
        fetch(server.plan(Answer(CONTENT)), session=session, headers={"X-Own": "too"})
    headers = server.requests[0].headers
    assert (headers["x-session"], headers["x-own"]) == ("yes", "too")
    assert headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("answer", "options", "message"),
    [
        (Answer(CONTENT), {"size": 5}, "expected 5 bytes, the server offers 3000001"),
        (Answer(CONTENT, promise=None), {"length_required": True}, "(Content-Length: None)"),
        (
            Answer(CONTENT, promise="long"),
            {"length_required": True, "size": 5},
            "(Content-Length: long)",
        ),
        (Answer(b"longer", promise=None), {"size": 5}, "expected 5 bytes, the server sends more"),
        (Answer(b"longer", chunked=True), {"size": 5}, "expected 5 bytes, the server sends more"),
        (
            Answer(b"short", promise=None),
            {"size": 6, "delays": (0.0,)},
            "the connection ended early (tried 2 times, got 5 bytes of 6)",
        ),
        (
            Answer(b"short", promise=6),
            {"delays": (0.0,)},
            "the connection ended early (tried 2 times, got 5 bytes of 6)",
        ),
    ],
)
def test_wrong_lengths_are_told(
    way: str, server: Server, answer: Answer, options: dict[str, object], message: str
) -> None:
    with pytest.raises(streams.SizeError) as caught:
        fetch(server.plan(answer), **options)
    assert message in str(caught.value)
    assert caught.value.stage == "fetch"


HTML = "<html><body>Not here</body></html>"


@pytest.mark.parametrize(
    ("answer", "status", "code", "message"),
    [
        (
            Answer(
                json.dumps({"code": "ResourceNotFound", "message": "image not found"}).encode(),
                "404 Not Found",
                {"Content-Type": "application/json"},
            ),
            404,
            "ResourceNotFound",
            "image not found",
        ),
        (Answer(b'{"code": 5}', "500 Oops"), 500, None, "URL answered 500 Oops"),
        (Answer(b"[1, 2]", "500 Oops"), 500, None, "URL answered 500 Oops"),
        (
            Answer(HTML.encode(), "404 Not Found", {"Content-Type": "text/html"}),
            404,
            None,
            "URL answered 404 Not Found",
        ),
        (
            Answer(b" gone \n", "410 Gone", {"Content-Type": "text/plain; charset=utf-8"}),
            410,
            None,
            "URL answered 410 Gone: gone",
        ),
        (Answer(b"", "204 No Content"), 204, None, "URL answered 204 No Content"),
        (Answer(b"par", "206 Partial Content"), 206, None, "URL answered 206 Partial Content"),
        (Answer(b"cut", "503 Busy", promise=99), 503, None, "URL answered 503 Busy"),
        (
            Answer(b"not gzip", "500 Oops", {"Content-Encoding": "gzip"}),
            500,
            None,
            "URL answered 500 Oops",
        ),
        (Answer(b"\xff\xfe", "500 Oops", chunked=True), 500, None, "URL answered 500 Oops"),
    ],
    ids=["json", "half json", "list", "html", "text", "204", "206", "cut", "not gzip", "binary"],
)
def test_answers_that_are_not_the_file(
    server: Server, answer: Answer, status: int, code: str | None, message: str
) -> None:
    with pytest.raises(streams.FetchError) as caught:
        fetch(server.plan(answer), delays=())
    assert (caught.value.status, caught.value.code) == (status, code)
    assert str(caught.value) == message.replace("URL", server.url)
    assert len(server.requests) == 1


def test_redirects_that_lead_nowhere(server: Server) -> None:
    around = Answer(status="302 Found", headers={"Location": server.url})
    with pytest.raises(streams.FetchError, match="more than 30 redirects"):
        fetch(server.plan(around))
    nowhere = Answer(status="302 Found", headers={"Location": "file:///etc/passwd"})
    with pytest.raises(streams.FetchError, match="No connection adapters"):
        fetch(server.plan(nowhere))


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(streams.FetchError) as caught:
        fetch(f"http://127.0.0.1:{port}/")
    assert caught.value.code == "ECONNREFUSED"


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [(hang_up, "ECONNRESET"), (never_answer, "ETIMEDOUT")],
    ids=["hangs up", "silent"],
)
def test_no_answer(server: Server, behaviour: object, code: str | None) -> None:
    with pytest.raises(streams.FetchError) as caught:
        fetch(server.plan(behaviour), stall_timeout=0.2, delays=())  # type: ignore[arg-type]
    assert caught.value.code == code
    assert caught.value.transient


def test_a_checksum_is_needed_for_the_kernel_to_move_the_bytes(way: str, server: Server) -> None:
    sink = Collect()
    cut = Answer(CONTENT, send=1_000_000)
    report = streams.run(streams.http_get(server.plan(cut, Answer(CONTENT))), sink)
    assert sink.content == CONTENT
    assert report.notes == ["the connection was lost and resumed once"]


@pytest.fixture
def trusting(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[requests.Session]:
    # These go before what a session says (https://github.com/psf/requests/issues/3829).
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with requests.Session() as session:
        session.verify = str(certificate)
        yield session


@pytest.mark.parametrize("chunked", [False, True])
def test_https(way: str, tls_server: Server, trusting: requests.Session, chunked: bool) -> None:
    fetch(tls_server.plan(Answer(CONTENT, chunked=chunked)), session=trusting)


def test_https_resumes(tls_server: Server, trusting: requests.Session) -> None:
    plan = [Answer(CONTENT, send=1_000_000, end="reset"), hang_up, Answer(CONTENT)]
    report = fetch(tls_server.plan(*plan), session=trusting, delays=(0.0, 0.0))
    assert report.notes == ["the connection was lost and resumed 2 times"]


def test_a_silent_connection_does_not_hold_up_the_end(
    tls_server: Server, trusting: requests.Session
) -> None:
    def fail() -> None:
        raise ValueError("enough")

    url = tls_server.plan(Answer(CONTENT, send=1_000_000, end="stall"))
    with pytest.raises(ValueError, match="enough"):
        streams.run(
            streams.http_get(url, session=trusting, stall_timeout=1000),  # longer than a test lasts
            Collect(on_piece=fail),
        )


def test_an_unknown_certificate_is_refused_at_once(tls_server: Server) -> None:
    with pytest.raises(streams.FetchError, match="certificate not trusted: self-signed") as caught:
        fetch(tls_server.plan(Answer(CONTENT)))
    assert caught.value.code == "DEPTH_ZERO_SELF_SIGNED_CERT"
    assert not caught.value.transient


MD5 = base64.b64encode(hashlib.md5(CONTENT).digest()).decode()
OTHER_MD5 = base64.b64encode(bytes(16)).decode()


@pytest.mark.parametrize("header", [MD5, MD5.rstrip("="), f"{MD5}, {MD5}"])
def test_content_md5(server: Server, header: str) -> None:
    """Some leave the padding out, and a proxy may say it twice."""
    url = server.plan(Answer(CONTENT, headers={"Content-MD5": header}))
    report = fetch(url, content_md5="required")
    assert report.facts["content_md5"] == MD5


@pytest.mark.parametrize(
    "header", ["", "x", OTHER_MD5, f"{MD5}, {OTHER_MD5}", hashlib.md5(CONTENT).hexdigest()]
)
def test_content_md5_of_something_else(server: Server, header: str) -> None:
    url = server.plan(Answer(CONTENT, headers={"Content-MD5": header}))
    with pytest.raises(streams.ChecksumError):
        fetch(url, content_md5="required")


def test_content_md5_is_shown_in_part(server: Server) -> None:
    url = server.plan(Answer(CONTENT, headers={"Content-MD5": "\x1b[31m" + "A" * 3000}))
    with pytest.raises(streams.ChecksumError) as caught:
        fetch(url, content_md5="required")
    assert str(caught.value.wanted).isprintable()
    assert len(str(caught.value.wanted)) < 100
