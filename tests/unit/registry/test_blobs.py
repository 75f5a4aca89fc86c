"""Fetching layers: redirects, lost connections, servers that are busy, bytes that are wrong."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from imgadm import streams
from imgadm.registry import Platform, RemoteImage, RemoteLayer, parse_reference
from imgadm.sources.docker_source import DockerSource
from tests.stands.registry.layouts import Layout
from tests.stands.registry.server import Registry
from tests.unit.registry.conftest import FILES, OpenDocker, resolved, write_auth
from tests.unit.streams.http.servers import Answer, Connection, Request, Server
from tests.unit.streams.stages import Collect

CONTENT = random.Random(5).randbytes(10 * 65536)  # or http.client loses the last piece
DIGEST = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
BLOB = f"/v2/a/b/blobs/{DIGEST}"
LAYER = RemoteLayer(DIGEST, len(CONTENT), "none", None)
OF_UNKNOWN_SIZE = RemoteLayer(DIGEST, None, None, None)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def cdn() -> Iterator[Server]:
    with Server() as running:
        yield running


def root(server: Server) -> str:
    return server.url.removesuffix("/file")


def fetch(source: DockerSource, layer: RemoteLayer = LAYER, name: str = "a/b") -> streams.Report:
    """Fetch a layer, check it, and make sure that what comes is what should."""
    reference = parse_reference(name, default_registry=source.config.url)
    image = RemoteImage(reference, DIGEST, {}, None, (layer,), Platform.default())
    sink = Collect()
    report = streams.run(
        source.fetch_layer(image, layer, stall_timeout=5),
        streams.checksum("sha256", expected=layer.digest.removeprefix("sha256:")),
        sink,
    )
    assert sink.content == CONTENT
    return report


def redirect(to: str, status: str = "307 Temporary Redirect") -> Answer:
    return Answer(b"over there", status, {"Location": to})


def rest(connection: Connection, request: Request) -> None:
    """The bytes from where they are asked for, as registries and their stores answer."""
    begin = int(request.headers["range"].removeprefix("bytes=").removesuffix("-"))
    headers = {"Content-Range": f"bytes {begin}-{len(CONTENT) - 1}/{len(CONTENT)}"}
    Answer(CONTENT[begin:], "206 Partial Content", headers)(connection, request)


@pytest.mark.parametrize("status", ["301 A", "302 B", "303 C", "307 D", "308 E"])
def test_a_redirect_to_another_server_without_credentials(
    server: Server, cdn: Server, opened_registry: OpenDocker, tmp_path: Path, status: str
) -> None:
    host = urlsplit(root(server)).netloc
    environment = write_auth(tmp_path, f'{{"auths": {{"{host}": {{"auth": "dTpw"}}}}}}')
    signed = root(cdn) + "/stored?signature=abc"
    server.plan(Answer(status="401 Who", headers={"WWW-Authenticate": "Basic realm=x"}),
                redirect(signed, status))  # fmt: skip
    cdn.plan(Answer(CONTENT))
    fetch(opened_registry(root(server), environment=environment))
    assert [request.headers.get("authorization") for request in server.requests] == [
        None,
        "Basic dTpw",
    ]
    assert [request.path for request in cdn.requests] == ["/stored?signature=abc"]
    assert "authorization" not in cdn.requests[0].headers
    assert cdn.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("to", ["/elsewhere", "../../../elsewhere", "//{host}/elsewhere"])
def test_a_relative_redirect(server: Server, opened_registry: OpenDocker, to: str) -> None:
    host = urlsplit(root(server)).netloc
    server.plan(redirect(to.format(host=host)), Answer(CONTENT))
    fetch(opened_registry(root(server)))
    assert server.requests[0].path == BLOB
    assert server.requests[1].path.endswith("/elsewhere")


def test_a_redirect_in_a_circle(server: Server, opened_registry: OpenDocker) -> None:
    server.plan(redirect(BLOB))
    with pytest.raises(streams.FetchError, match="more than 5 redirects"):
        fetch(opened_registry(root(server)))
    assert len(server.requests) == 6


def test_a_redirect_from_https_to_http(secure_web: Any, cdn: Server, opened_registry: Any) -> None:
    secure_web[BLOB] = (307, {"Location": root(cdn) + "/stored?signature=abc"}, b"")
    with pytest.raises(streams.FetchError, match="from https to http is not followed") as caught:
        fetch(opened_registry(secure_web.url, insecure=True))
    assert cdn.requests == []
    assert "signature" not in caught.value.message


def test_the_real_registry_redirects_to_a_store(
    registry: Registry,
    two_layers: str,
    opened_registry: OpenDocker,
    cdn: Server,
    tmp_path: Path,
) -> None:
    """Which may not give what it should, and nothing but the bytes tells."""

    def store(connection: Connection, request: Request) -> None:
        data = (registry.data / request.path.lstrip("/")).read_bytes()
        Answer(data[:-1] + bytes([data[-1] ^ flips]))(connection, request)

    middleware = [{"name": "redirect", "options": {"baseurl": root(cdn)}}]
    cdn.plan(store)
    with Registry(tmp_path / "r", data=registry.data, middleware={"storage": middleware}) as away:
        flips = 0
        source = opened_registry(away.url)
        image = resolved(source, two_layers)

        def run() -> None:
            sink = Collect()
            streams.run(
                source.fetch_layer(image, image.layers[1]),
                streams.checksum("sha256", expected=image.layers[1].digest.partition(":")[2]),
                streams.decompress("gzip"),
                sink,
            )
            assert sink.content == FILES[1]

        run()
        assert cdn.requests
        flips = 1
        with pytest.raises(streams.ChecksumError):
            run()


def test_a_lost_connection_goes_on_by_another_signed_url(
    server: Server, cdn: Server, opened_registry: OpenDocker
) -> None:
    """The first one has expired by then. Nobody proves anything by an ETag."""
    server.plan(*(redirect(f"{root(cdn)}/s?{number}") for number in (1, 2, 3)))
    cdn.plan(Answer(CONTENT, send=300_000), rest)
    report = fetch(opened_registry(root(server)))
    assert [request.path for request in cdn.requests] == ["/s?1", "/s?2"]
    assert cdn.requests[1].headers["range"] == "bytes=300000-"
    assert "if-range" not in cdn.requests[1].headers
    assert report.notes == ["the connection was lost and resumed once"]


def test_a_server_without_ranges_is_read_again(server: Server, opened_registry: OpenDocker) -> None:
    server.plan(Answer(CONTENT, send=300_000, end="reset"), Answer(CONTENT))
    fetch(opened_registry(root(server)))
    assert server.requests[1].headers["range"].startswith("bytes=")


def test_another_content_after_a_lost_connection(
    server: Server, opened_registry: OpenDocker
) -> None:
    other = bytes(len(CONTENT))
    server.plan(Answer(CONTENT, send=300_000), Answer(other))
    with pytest.raises(streams.ChecksumError):
        fetch(opened_registry(root(server)))


def test_a_layer_of_unknown_size(server: Server, opened_registry: OpenDocker) -> None:
    """Of which everything had come when the connection broke."""

    def at_end(connection: Connection, request: Request) -> None:
        headers = {"Content-Range": f"bytes */{len(CONTENT)}"}
        # As the real one does: it promises the whole blob, and sends a sentence.
        Answer(b"no", "416 Range", headers, promise=len(CONTENT), end="stall")(connection, request)

    def everything_but_the_end(connection: Connection, request: Request) -> None:
        Answer(CONTENT, chunked=True, send=len(CONTENT))(connection, request)

    server.plan(everything_but_the_end, at_end)
    fetch(opened_registry(root(server)), OF_UNKNOWN_SIZE)
    assert [request.headers.get("range") for request in server.requests] == [
        None,
        f"bytes={len(CONTENT)}-",
    ]


WRONG = [
    (Answer(CONTENT[:-1]), streams.SizeError, "the server offers 655359"),
    (Answer(CONTENT + b"x"), streams.SizeError, "the server offers 655361"),
    (Answer(CONTENT + b"x", promise=None), streams.SizeError, "expected 655360 bytes"),
    (Answer(b"y" + CONTENT[1:]), streams.ChecksumError, "sha256"),
    (
        Answer(b'{"errors": [{"code": "BLOB_UNKNOWN", "message": "blob unknown"}]}', "404 No"),
        streams.FetchError,
        "blob unknown",
    ),
    (Answer(b"<html>", "403 No"), streams.FetchError, "answered 403"),
]


@pytest.mark.parametrize(("answer", "error", "words"), WRONG)
def test_what_is_not_the_layer(
    server: Server,
    opened_registry: OpenDocker,
    answer: Answer,
    error: type[streams.StreamError],
    words: str,
) -> None:
    server.plan(answer)
    with pytest.raises(error, match=words):
        fetch(opened_registry(root(server)))


def test_errors_do_not_tell_what_a_signed_url_is_signed_with(
    server: Server, cdn: Server, opened_registry: OpenDocker
) -> None:
    server.plan(redirect(root(cdn) + "/stored?signature=s3cret"))
    cdn.plan(Answer(b"expired", "403 Forbidden"))
    with pytest.raises(streams.FetchError) as caught:
        fetch(opened_registry(root(server)))
    assert caught.value.message == f"{root(cdn)}/stored?signature=*** answered 403 Forbidden"


def test_a_busy_server_gets_the_time_that_it_asks_for(
    server: Server, opened_registry: OpenDocker, pace: Any
) -> None:
    told: list[Any] = []
    server.plan(
        Answer(status="429 Too Many", headers={"Retry-After": "17"}),
        Answer(status="503 Busy"),
        Answer(CONTENT, send=300_000),
        Answer(status="429 Too Many", headers={"Retry-After": "9"}),
        rest,
    )
    fetch(opened_registry(root(server), on_retry=told.append))
    assert pace.slept == [17, 2, 9]
    assert [retry.delay for retry in told] == [17, 2, 9]


def test_a_server_that_asks_for_too_much_time(
    server: Server, opened_registry: OpenDocker, pace: Any
) -> None:
    body = b'{"errors": [{"code": "TOOMANYREQUESTS", "message": "pull rate limit"}]}'
    server.plan(Answer(body, "429 Too Many", {"Retry-After": "3600"}))
    with pytest.raises(streams.FetchError, match="pull rate limit") as caught:
        fetch(opened_registry(root(server)))
    assert caught.value.code == "TOOMANYREQUESTS"
    assert pace.slept == []


def test_addresses_that_the_manifest_has_for_a_foreign_layer(
    server: Server, cdn: Server, secure_web: Any, certificate: Path, opened_registry: OpenDocker
) -> None:
    """Only over https, without the registry's credentials, and after the registry."""
    urls = (root(cdn) + "/plain", secure_web.url + "/layer")
    layer = RemoteLayer(DIGEST, len(CONTENT), "none", None, urls)
    server.plan(Answer(status="404 Not Found"))
    secure_web["/layer"] = CONTENT
    fetch(opened_registry(root(server), environment={"SSL_CERT_FILE": str(certificate)}), layer)
    assert cdn.requests == []
    assert "authorization" not in secure_web.requests[0][1]


@pytest.mark.parametrize("fault", ["404 Not Found", "500 Broken", "401 Who"])
def test_mirrors_come_first_and_are_passed_over(
    server: Server, cdn: Server, opened_registry: OpenDocker, fault: str
) -> None:
    headers = {"WWW-Authenticate": "Basic realm=x"} if fault.startswith("401") else {}
    cdn.plan(Answer(b"", fault, headers))
    server.plan(Answer(CONTENT))
    mirrors = {urlsplit(root(server)).netloc: [root(cdn) + "/its/cache"]}
    fetch(opened_registry(root(server), mirrors=mirrors))
    assert [request.path for request in cdn.requests] == [f"/v2/its/cache/a/b/blobs/{DIGEST}"]
    assert [request.path for request in server.requests] == [BLOB]


def test_a_mirror_that_dies_in_the_middle(
    server: Server, cdn: Server, opened_registry: OpenDocker
) -> None:
    cdn.plan(Answer(CONTENT, send=300_000), Answer(status="500 Broken"))
    server.plan(rest)
    mirrors = {urlsplit(root(server)).netloc: [root(cdn)]}
    fetch(opened_registry(root(server), mirrors=mirrors))
    assert [request.headers["range"] for request in server.requests] == ["bytes=300000-"]


def test_layers_of_an_image_in_a_layout_of_its_own(
    registry: Registry, layout: Layout, opened_registry: OpenDocker
) -> None:
    """A megabyte that does not compress, from the real registry, byte for byte."""
    blob = random.Random(9).randbytes(1 << 20)
    layout.tag("v", layout.add_image([blob], compression="none"))
    layout.push("v", f"{registry.host}/big/layer")
    source = opened_registry(registry.url)
    image = resolved(source, "big/layer")
    sink = Collect()
    streams.run(source.fetch_layer(image, image.layers[0]), sink)
    assert sink.content == blob
