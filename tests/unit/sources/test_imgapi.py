"""The IMGAPI client against real servers, most of which misbehave."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import requests

from imgadm import __version__
from imgadm.base.errors import ConfigError, InternalError
from imgadm.client.errors import APIError, ClientError
from imgadm.client.redirects import RefusedRedirectError
from imgadm.sources import Retry, SourceError, StatusError, UnreachableError, UnusableReplyError
from imgadm.sources.errors import SourcePingError

UUID = "3d0f2a0e-6b9b-4c5d-9a40-5a6f1c1b0001"
MANIFEST = {"v": 2, "uuid": UUID, "name": "foo", "zebra": 1, "version": "1"}
PONG = {"ping": "pong", "version": "4.13.1", "imgapi": True}
SAD = {"code": "InternalError", "message": "it broke"}
HTML = b"<html><body>Not an IMGAPI</body></html>"


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def test_request_headers(web: Any, opened: Any) -> None:
    web["/ping"] = PONG
    opened(web.url, user_agent_extra="extra\r\n/1").ping()
    [(_, headers)] = web.requests
    assert headers["accept"] == "application/json"
    assert headers["accept-version"] == "~2"
    assert headers["x-request-id"] == "run-1"
    assert headers["date"].endswith("GMT")
    pattern = rf"imgadm/{re.escape(__version__)} \(python/3\.\S+; OpenSSL/[\w.]+\) extra/1"
    assert re.fullmatch(pattern, headers["user-agent"])


@pytest.mark.parametrize(
    ("environment", "pattern"),
    [
        ({"REQ_ID": "a", "req_id": "b"}, "a"),
        ({"req_id": "b"}, "b"),
        ({"REQ_ID": "a\r\nX: y"}, r"[0-9a-f-]{36}"),
        ({}, r"[0-9a-f-]{36}"),
    ],
)
def test_request_id(web: Any, opened: Any, environment: dict[str, str], pattern: str) -> None:
    web["/ping"] = PONG
    opened(web.url, request_id="", environment=environment).ping()
    assert re.fullmatch(pattern, web.requests[0][1]["x-request-id"])


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ((200, {}, PONG), None),
        ((200, {"Content-Type": "text/plain"}, b'{"imgapi": 1}'), None),
        ((200, {}, {"ping": "pong"}), ""),
        ((200, {}, []), ""),
        ((203, {}, PONG), None),
        ((500, {}, {"code": "Sad", "message": "server is sad"}), ": SadError: server is sad"),
        ((500, {}, SAD), ": InternalError: it broke"),
        (
            (200, {"Content-Type": "text/html"}, HTML),
            ": Error: statusCode 200, response not JSON:\n    " + HTML.decode(),
        ),
        (
            (404, {}, b"a\x1b\nb" + b"x" * 2000),
            ": Error: statusCode 404, response not JSON:\n    a\\x1b\n    b" + "x" * 1020 + "...",
        ),
    ],
)
def test_ping(web: Any, opened: Any, answer: Any, cause: str | None) -> None:
    web["/base/ping"] = answer
    url = web.url + "/base/"
    if cause is None:
        opened(url).ping()
        return
    with pytest.raises(SourcePingError) as caught:
        opened(url).ping()
    assert str(caught.value) == f'unexpected ping error with "imgapi" image source "{url}"{cause}'


def test_ping_of_a_dead_server(opened: Any, unused_port: int) -> None:
    url = f"http://user:secret@127.0.0.1:{unused_port}"
    with pytest.raises(SourcePingError) as caught:
        opened(url).ping()
    shown = f'"imgapi" image source "http://***@127.0.0.1:{unused_port}"'
    assert str(caught.value) == (f"unexpected ping error with {shown}: Error: connect ECONNREFUSED")


def test_get_image(web: Any, opened: Any) -> None:
    web[f"/images/{UUID}"] = MANIFEST
    source = opened(web.url)
    assert list(source.get_image(UUID).items()) == list(MANIFEST.items())
    assert source.get_image(uuid(5)) is None
    asked = len(web.requests)
    for strange in ("", "nope", UUID.upper(), "../../etc/passwd", f"{UUID}\n"):
        assert source.get_image(strange) is None
    assert len(web.requests) == asked


@pytest.mark.parametrize(
    ("coding", "body"), [("br", b"x"), ("gzip", b"\x1f\x8bxxxxxxxxxxxxxxxx"), ("a, b", b"x")]
)
def test_an_image_that_does_not_exist(web: Any, opened: Any, coding: str, body: bytes) -> None:
    web["*"] = (404, {"Content-Encoding": coding}, body)
    assert opened(web.url).get_image(UUID) is None


def test_file_request(web: Any, opened: Any) -> None:
    web[f"/images/{UUID}/file?channel=dev"] = (200, {}, b"bytes")
    request = opened(web.url, channel="dev").file_request(UUID)
    with request.session.get(request.url, headers=request.headers, stream=True) as response:
        assert response.raw.read() == b"bytes"
    [(_, headers)] = web.requests
    assert headers["accept-encoding"] == "identity"
    assert headers["user-agent"].startswith("imgadm/")


@pytest.mark.parametrize(
    ("query", "channel", "sent"),
    [
        ("", None, ""),
        ("?channel=dev", None, "?channel=dev"),
        ("?channel=dev&key=1", None, "?key=1&channel=dev"),
        ("?channel=dev", "release", "?channel=release"),
        ("", "a b&c", "?channel=a+b%26c"),
    ],
)
def test_channels(web: Any, opened: Any, query: str, channel: str | None, sent: str) -> None:
    web["*"] = []
    source = opened(web.url + "/" + query, channel=channel)
    source.list_images()
    assert source.file_request(UUID).url.endswith(f"/file{sent}")
    assert web.paths == [f"/images{sent}"]


def pages(count: int, *, page: int = 1000, ignore: bool = False) -> Any:
    """Answer as a server with ``count`` images does, that returns ``page`` of them at once."""
    images = [{"uuid": uuid(number)} for number in range(count)]

    def answer(handler: Any) -> None:
        marker = re.search(r"limit=1000&marker=(\S+)", handler.path)
        first = 0 if ignore or not marker else int(marker[1][-12:])
        handler.server.answers[handler.path] = images[first : first + page]
        handler.server.requests.pop()
        handler.do_GET()

    return answer


@pytest.mark.parametrize(
    ("count", "requests_made"), [(0, 1), (1, 1), (999, 1), (1000, 2), (1001, 2), (2500, 3)]
)
def test_paging(web: Any, opened: Any, count: int, requests_made: int) -> None:
    web["*"] = pages(count)
    assert [image["uuid"] for image in opened(web.url).list_images()] == [
        uuid(number) for number in range(count)
    ]
    assert len(web.requests) == requests_made


def test_a_server_that_ignores_paging(web: Any, opened: Any) -> None:
    web["*"] = pages(1500, page=1500, ignore=True)
    assert len(opened(web.url).list_images()) == 1500
    assert web.paths == ["/images", f"/images?limit=1000&marker={uuid(1499)}"]


def test_errors_are_shown_in_two_ways(web: Any, opened: Any, unused_port: int) -> None:
    web["*"] = (500, {}, SAD)
    url = web.url
    with pytest.raises(StatusError) as caught:
        opened(url).list_images()
    error = caught.value
    assert (error.code, error.status, error.body) == ("InternalError", 500, SAD)
    assert (str(error.named()), error.named().code) == (f"{url}: it broke", "InternalError")
    assert (str(error.bare()), error.bare().code) == ("it broke", "InternalError")
    assert isinstance(error.bare(), APIError)

    dead = f"http://127.0.0.1:{unused_port}"
    with pytest.raises(UnreachableError) as refused:
        opened(dead).get_image(UUID)
    named, bare = refused.value.named(), refused.value.bare()
    assert isinstance(named, ClientError)
    assert (str(named), named.code) == (f"{dead}: Error: connect ECONNREFUSED", "ClientError")
    assert (str(bare), bare.code) == ("connect ECONNREFUSED", "ECONNREFUSED")


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ({"code": "Sad", "message": "no"}, "Sad", "no"),
        ({"error": {"code": "Sad", "message": "no"}}, "Sad", "no"),
        ({"message": "only this"}, "InternalError", "only this"),
        ({"code": 5, "message": ["x"]}, "InternalError", "HTTP status 422"),
        ({"code": "bad code\n", "message": "a\x1b[2J\nb"}, "InternalError", "a\\x1b[2J\\nb"),
        ({}, "InternalError", "HTTP status 422"),
        (
            {
                "code": "InvalidParameter",
                "message": "no",
                "errors": [{"field": "f", "code": "Invalid", "message": "m"}, {"field": "g"}, 5],
            },
            "InvalidParameter",
            "no\n    f: Invalid: m\n    g",
        ),
    ],
)
def test_error_bodies(web: Any, opened: Any, body: Any, code: str, text: str) -> None:
    web["*"] = (422, {}, body)
    with pytest.raises(StatusError) as caught:
        opened(web.url).get_image(UUID)
    assert caught.value.code == code
    assert str(caught.value.named()) == f"{web.url}: {text}"


def cut(handler: Any) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[1, 2")
    handler.close_connection = True


def endless(handler: Any) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n")
    try:
        while True:
            handler.wfile.write(b" " * 65536)
    except OSError:
        handler.close_connection = True


def garbage(handler: Any) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    handler.close_connection = True


@pytest.mark.parametrize(
    ("answer", "code", "text"),
    [
        (
            (200, {"Content-Type": "text/html"}, HTML),
            "InternalError",
            "got status 200 OK, text/ht",
        ),
        ((200, {}, b""), "InternalError", "got status 200 OK and an empty body"),
        ((403, {}, b"<b>no</b>"), "InternalError", "got status 403 Forbidden: <b>no</b>"),
        ((599, {}, b"\x1b"), "InternalError", "got status 599: \\x1b"),
        ((500, {}, [1]), "InternalError", "got status 500 Internal Server Error"),
        ((200, {}, {"uuid": uuid(9)}), "InternalError", f"was expected, got that of {uuid(9)}"),
        ((200, {}, []), "InternalError", "a manifest was expected, got an array"),
        ((200, {}, b"[" * 100_000), "InternalError", "a JSON reply was expected"),
        ((200, {"Content-Encoding": "gzip"}, b"no"), "InternalError", "got status 200 OK: no"),
        ((200, {"Content-Encoding": "br"}, b"no"), "InternalError", 'content coding "br"'),
        ((302, {"Location": "/elsewhere"}, HTML), None, None),
        ((302, {"Location": "ftp://h/"}, b""), "InternalError", "a redirect to a ftp: address"),
        ((302, {"Location": "http://[h/"}, b""), "InternalError", "a redirect to nowhere"),
        ((302, {"Location": "http://h:x/"}, b""), "InternalError", "a redirect to nowhere"),
        ((302, {"Location": ""}, b""), "InternalError", "status 302 without an address"),
        ((302, {"Location": "http://[:]/b"}, b""), "InternalError", "a redirect to nowhere"),
        ((302, {"Location": "http://a..b/"}, b""), "InternalError", '"a..b" is no host name'),
        ((302, {"Location": "[:]/b"}, b""), None, None),
        ((302, {"Location": "http:///b"}, b""), None, None),
        ((302, {"Location": "//[:]/b"}, b""), "InternalError", "a redirect to nowhere"),
        ((302, {"Location": "http://[::1/b"}, b""), "InternalError", "a redirect to nowhere"),
        ((302, {"Location": "http://h:99999/b"}, b""), "InternalError", "a redirect to nowhere"),
        ((302, {"Location": " "}, b""), "InternalError", "status 302 without an address"),
        ((302, {}, b""), "InternalError", "status 302 without an address"),
        (cut, "ECONNRESET", "the connection was cut in the middle of a reply"),
        (endless, "InternalError", "the reply is longer than 4194304 bytes"),
        (garbage, "ECONNRESET", "no valid HTTP reply"),
    ],
)
def test_replies_that_make_no_sense(
    web: Any, opened: Any, answer: Any, code: str | None, text: str | None
) -> None:
    web[f"/images/{UUID}"] = answer
    if text is None:
        assert opened(web.url).get_image(UUID) is None
        return
    with pytest.raises(SourceError) as caught:
        opened(web.url).get_image(UUID)
    error = caught.value
    assert error.code == code
    assert error.message.startswith(f"{web.url}: ")
    assert text in error.message
    assert error.message.isprintable()
    if isinstance(error, UnusableReplyError):
        assert error.bare().message == error.named().message == error.message
        assert isinstance(error.bare(), InternalError)


@pytest.mark.parametrize("body", [{}, [5], [{"uuid": 5}], [{}], "x"])
def test_lists_that_are_none(web: Any, opened: Any, body: Any) -> None:
    web["/images"] = body
    with pytest.raises(UnusableReplyError, match="list of images"):
        opened(web.url).list_images()


def test_redirects_are_followed(web: Any, other_web: Any, opened: Any) -> None:
    web[f"/images/{UUID}"] = (301, {"Location": f"{other_web.url}/moved"}, b"")
    other_web["/moved"] = (302, {"Location": "/here"}, b"")
    other_web["/here"] = MANIFEST
    assert opened(web.url).get_image(UUID) == MANIFEST


def test_redirects_go_nowhere_for_ever(web: Any, opened: Any) -> None:
    web["*"] = (302, {"Location": "/again"}, b"x")
    with pytest.raises(UnusableReplyError, match="more than 5 redirects"):
        opened(web.url).list_images()
    assert len(web.requests) == 6


def test_a_redirect_with_an_endless_body(web: Any, opened: Any) -> None:
    def redirect(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 302 Found\r\nLocation: /ok\r\n\r\n")
        endless(handler)

    web["/images"] = redirect
    web["/ok"] = []
    assert opened(web.url).list_images() == []


def test_no_redirect_from_https_to_http(web: Any, secure_web: Any, opened: Any) -> None:
    secure_web["*"] = (302, {"Location": web.url}, b"")
    source = opened(secure_web.url, insecure=True)
    with pytest.raises(UnusableReplyError, match="from https to http is not followed"):
        source.list_images()
    request = source.file_request(UUID)
    with pytest.raises(RefusedRedirectError):
        request.session.get(request.url, headers=request.headers, stream=True)
    assert web.requests == []


def test_certificates(secure_web: Any, opened: Any, certificate: Any) -> None:
    secure_web["*"] = PONG
    url = secure_web.url
    with pytest.raises(UnreachableError, match="certificate not trusted: self-signed") as caught:
        opened(url).get_image(UUID)
    assert caught.value.code == "DEPTH_ZERO_SELF_SIGNED_CERT"
    pem = str(certificate)
    opened(url, ca_bundle=pem).ping()
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        opened(url, environment={name: pem}).ping()
    opened(url, insecure=True, environment={"REQUESTS_CA_BUNDLE": pem}).ping()
    opened(url, environment={"IMGADM_INSECURE": "1"}).ping()
    with pytest.raises(ConfigError, match='SSL_CERT_FILE is "/nowhere", which does not exist'):
        opened(url, environment={"SSL_CERT_FILE": "/nowhere"}).ping()


def test_a_certificate_for_another_name(secure_web: Any, opened: Any, certificate: Any) -> None:
    url = secure_web.url.replace("127.0.0.1", "localhost")
    with pytest.raises(UnreachableError) as caught:
        opened(url, ca_bundle=str(certificate)).list_images()
    assert caught.value.code == "ERR_TLS_CERT_ALTNAME_INVALID"


def test_tls_with_a_server_that_has_none(web: Any, opened: Any) -> None:
    with pytest.raises(UnreachableError) as caught:
        opened(web.url.replace("http:", "https:")).list_images()
    assert caught.value.code == "EPROTO"
    assert "the server may speak plain http only" in caught.value.message


def test_proxy(proxy: Any, opened: Any) -> None:
    auth = proxy.url.replace("//", "//user:pw@")
    opened("http://images.invalid/x", environment={"http_proxy": auth}).ping()
    source = opened("https://images.invalid", environment={"https_proxy": proxy.url})
    with pytest.raises(UnreachableError):
        source.get_image(UUID)
    assert proxy.seen[:2] == [
        "GET http://images.invalid/x/ping Basic dXNlcjpwdw==",
        "CONNECT images.invalid:443",
    ]


def test_no_proxy(web: Any, proxy: Any, opened: Any) -> None:
    web["/ping"] = PONG
    environment = {"http_proxy": proxy.url, "NO_PROXY": "127.0.0.1"}
    opened(web.url, environment=environment).ping()
    assert proxy.seen == []


def test_a_dead_proxy_is_named(web: Any, opened: Any, unused_port: int) -> None:
    proxy = f"http://user:secret@127.0.0.1:{unused_port}"
    with pytest.raises(UnreachableError) as caught:
        opened(web.url, environment={"http_proxy": proxy}).list_images()
    assert caught.value.code == "ECONNREFUSED"
    assert caught.value.reason == (
        f"connect ECONNREFUSED (proxy http://***@127.0.0.1:{unused_port})"
    )


def test_unknown_host(opened: Any) -> None:
    with pytest.raises(UnreachableError) as caught:
        opened("http://images.invalid").list_images()
    assert (caught.value.code, caught.value.reason) == ("ENOTFOUND", "getaddrinfo ENOTFOUND")


def test_a_server_that_says_nothing(opened: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(UnreachableError) as caught:
            opened(url, read_timeout=0.05, retry_delays=()).list_images()
    assert (caught.value.code, caught.value.reason) == ("ETIMEDOUT", "read ETIMEDOUT")


def test_retries_are_told_and_end(opened: Any, pace: Any, unused_port: int) -> None:
    url = f"http://127.0.0.1:{unused_port}"
    told: list[Retry] = []
    with pytest.raises(UnreachableError):
        opened(url, on_retry=told.append).list_images()
    assert told == [
        Retry(url, "connect ECONNREFUSED", attempt, delay)
        for attempt, delay in ((1, 1), (2, 2), (3, 4))
    ]
    assert pace.slept == [1, 2, 4]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_an_overloaded_server_is_asked_again(web: Any, opened: Any, pace: Any, status: int) -> None:
    web["/images"] = [(status, {}, HTML), (status, {}, HTML), (200, {}, [])]
    assert opened(web.url).list_images() == []
    assert pace.slept == [1, 2]
    web["/ping"] = (status, {}, {"code": "Busy", "message": "later"})
    with pytest.raises(SourcePingError, match="BusyError: later"):
        opened(web.url).ping()


def test_a_server_gets_the_time_that_it_asks_for(web: Any, opened: Any, pace: Any) -> None:
    web["/images"] = [
        (429, {"Retry-After": "30"}, HTML),
        (503, {"Retry-After": "20"}, HTML),
        (503, {"Retry-After": "soon"}, HTML),
        (200, {}, []),
    ]
    assert opened(web.url, retry_delays=(1, 2, 4)).list_images() == []
    assert pace.slept == [30, 20, 4]


def test_a_server_that_asks_for_too_much_time(web: Any, opened: Any, pace: Any) -> None:
    web["/images"] = (429, {"Retry-After": "61"}, SAD)
    with pytest.raises(StatusError):
        opened(web.url).list_images()
    assert pace.slept == []


def test_a_cut_reply_is_read_again(web: Any, opened: Any) -> None:
    answers = [cut, lambda handler: handler.server.answers.update({"/images": []}) or cut(handler)]
    web["/images"] = lambda handler: answers.pop(0)(handler)
    assert opened(web.url).list_images() == []
    assert len(web.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 422, 501, 505])
def test_other_errors_are_final(web: Any, opened: Any, pace: Any, status: int) -> None:
    web["*"] = (status, {}, SAD)
    with pytest.raises(StatusError):
        opened(web.url).list_images()
    assert pace.slept == []


def test_retries_end_when_time_is_up(opened: Any, pace: Any, unused_port: int) -> None:
    with pytest.raises(UnreachableError):
        opened(f"http://127.0.0.1:{unused_port}", retry_delays=(20, 20, 20)).list_images()
    assert pace.slept == [20]


@pytest.mark.parametrize(("cap", "slept"), [("0", []), ("1", [1]), ("9", [1, 2, 4])])
def test_retries_can_be_capped(
    opened: Any, pace: Any, unused_port: int, cap: str, slept: list[float]
) -> None:
    url = f"http://127.0.0.1:{unused_port}"
    with pytest.raises(UnreachableError):
        opened(url, environment={"IMGADM_CONNECT_RETRIES": cap}).list_images()
    assert pace.slept == slept


def test_a_body_that_trickles(web: Any, opened: Any, pace: Any) -> None:
    ended = threading.Event()

    def trickle(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        pace.now += 301
        handler.wfile.write(b" ")
        ended.wait(10)
        handler.close_connection = True

    web["/images"] = trickle
    with pytest.raises(UnreachableError, match="not complete after 300 seconds"):
        opened(web.url).list_images()
    ended.set()
    assert len(web.requests) == 1


def test_one_source_serves_many_threads(web: Any, opened: Any) -> None:
    web[f"/images/{UUID}"] = MANIFEST
    source = opened(web.url)
    got: list[Any] = []
    threads = [
        threading.Thread(target=lambda: got.append(source.get_image(UUID))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [MANIFEST] * 8


def test_closing_ends_the_connections_and_may_be_repeated(web: Any, opened: Any) -> None:
    web["/ping"] = PONG
    source = opened(web.url)
    with source:
        source.ping()
        assert not web.ended.acquire(blocking=False)
    assert web.ended.acquire(timeout=10)
    source.close()


def test_opening_a_source_loads_no_http_library() -> None:
    script = (
        "import sys; from imgadm.sources import *;"
        "from imgadm.state.source_config import SourceConfig;"
        "open_source(SourceConfig('http://h')).get_image('nope');"
        "print([m for m in ('requests', 'urllib3', 'http.client', 'ssl') if m in sys.modules])"
    )
    got = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert got.stdout == "[]\n"


def test_credentials_stay_with_their_host(
    web: Any, secure_web: Any, opened: Any, certificate: Path
) -> None:
    web["/images"] = (302, {"Location": secure_web.url + "/images"}, b"")
    secure_web["/images"] = []
    url = web.url.replace("//", "//user:secret@")
    assert opened(url, ca_bundle=str(certificate)).list_images() == []
    assert "authorization" in web.requests[0][1]
    assert "authorization" not in secure_web.requests[0][1]


def test_insecure_is_for_the_named_server_alone(web: Any, secure_web: Any, opened: Any) -> None:
    """Where it sends us to is checked; IMGADM_INSECURE is for everybody."""
    unchecked: list[str] = []
    secure_web["/images"] = []
    assert opened(secure_web.url, insecure=True, on_unchecked=unchecked.append).list_images() == []
    assert {*unchecked} == {secure_web.url.removeprefix("https://")}
    web["/images"] = (302, {"Location": secure_web.url + "/images"}, b"")
    with pytest.raises(UnreachableError, match="certificate not trusted"):
        opened(web.url, insecure=True).list_images()
    assert opened(web.url, environment={"IMGADM_INSECURE": "1"}).list_images() == []


def test_callers_get_a_session_of_requests(web: Any, opened: Any) -> None:
    assert isinstance(opened(web.url).file_request(UUID).session, requests.Session)
