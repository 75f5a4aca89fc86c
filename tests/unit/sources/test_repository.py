"""Publishing to an image server: the requests, and when one is sent again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from imgadm import streams
from imgadm.base.errors import ConfigError
from imgadm.sources import (
    ClientOptions,
    Repository,
    StatusError,
    UnreachableError,
    UnusableReplyError,
)

UUID = "3d0f2a0e-6b9b-4c5d-9a40-5a6f1c1b0001"
IMAGE = {"v": 2, "uuid": UUID, "name": "foo"}
PATH = f"/images/{UUID}"

Opener = Callable[..., Repository]


@pytest.fixture
def repository(pace: Any) -> Iterator[Opener]:
    made: list[Repository] = []

    def open_one(url: str, environment: dict[str, str] | None = None, **rest: Any) -> Repository:
        options = ClientOptions(
            environment=environment or {}, sleep=pace.sleep, clock=pace.clock, request_id="run-1"
        )
        made.append(Repository(url, options, **rest))
        return made[-1]

    yield open_one
    for one in made:
        one.close()


def upload(target: Repository, data: bytes = b"data") -> None:
    request = target.file_request(UUID, compression="gzip", sha1="ab", dataset_guid="7")
    put = streams.http_put(
        request.url, session=request.session, headers=request.headers, size=len(data)
    )
    streams.run(_Bytes(data), put)


class _Bytes(streams.Stage):
    name = "bytes"
    role = "source"

    def __init__(self, data: bytes) -> None:
        self._data = data

    def run(self, context: Any, inlet: Any, outlet: Any) -> None:
        buffer = outlet.buffer()
        buffer.view[: len(self._data)] = self._data
        outlet.put(buffer.keep(len(self._data)))


def test_requests(web: Any, repository: Opener) -> None:
    web["*"] = IMAGE
    target = repository(web.url + "/?channel=dev")
    target.create(IMAGE)
    upload(target)
    target.activate(UUID)
    target.delete(UUID)
    assert web.paths == [
        f"{PATH}?channel=dev&action=import",
        f"{PATH}/file?channel=dev&compression=gzip&sha1=ab&dataset_guid=7",
        f"{PATH}?channel=dev&action=activate",
        f"{PATH}?channel=dev",
    ]
    create = b'{"v":2,"uuid":"3d0f2a0e-6b9b-4c5d-9a40-5a6f1c1b0001","name":"foo"}'
    assert web.bodies == [("POST", create), ("PUT", b"data"), ("POST", b"{}"), ("DELETE", b"")]
    for _, headers in web.requests:
        assert headers["x-request-id"] == "run-1"
        assert headers["user-agent"].startswith("imgadm/")
        assert headers["accept-version"] == "*"
        assert headers["connection"] == "close"
    kinds = [headers.get("content-type") for _, headers in web.requests[:3]]
    assert kinds == ["application/json", "application/octet-stream", "application/json"]


def test_secrets_go_along_and_are_not_shown(web: Any, repository: Opener) -> None:
    web["*"] = (422, {}, {"code": "No", "message": "no"})
    for url, settings, scheme in (
        (web.url.replace("//", "//me:secret@"), {}, "Basic "),
        (web.url, {"token": "secret-token"}, "Bearer secret-token"),
    ):
        target = repository(url, **settings)
        with pytest.raises(StatusError) as caught:
            target.create(IMAGE)
        assert "secret" not in str(caught.value.named())
        with pytest.raises(streams.SendError) as sending:
            upload(target)
        assert "secret" not in str(sending.value)
        for _, headers in web.requests[-2:]:
            assert headers["authorization"].startswith(scheme)


def test_only_an_unsent_request_is_sent_again(
    web: Any, pace: Any, repository: Opener, unused_port: int
) -> None:
    with pytest.raises(UnreachableError) as nobody:
        repository(f"http://127.0.0.1:{unused_port}").create(IMAGE)
    assert (nobody.value.unsent, pace.slept) == (True, [1, 2, 4])

    pace.slept.clear()
    web["*"] = lambda handler: setattr(handler, "close_connection", True)
    with pytest.raises(UnreachableError) as silent:
        repository(web.url).create(IMAGE)
    assert (silent.value.unsent, len(web.requests), pace.slept) == (False, 1, [])

    web["*"] = (503, {}, {"code": "Busy", "message": "later"})
    with pytest.raises(StatusError):
        repository(web.url).activate(UUID)
    assert (len(web.requests), pace.slept) == (2, [])


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((302, {"Location": "/elsewhere"}, b""), UnusableReplyError),
        (b"<html>", UnusableReplyError),
        ([], UnusableReplyError),
        ({"uuid": "other"}, UnusableReplyError),
        ((500, {}, {"code": "InternalError"}), StatusError),
    ],
)
def test_other_replies(web: Any, repository: Opener, answer: Any, kind: type[Exception]) -> None:
    web["*"] = answer
    with pytest.raises(kind):
        repository(web.url).create(IMAGE)
    assert len(web.requests) == 1


def test_deleting_an_image_that_does_not_exist(web: Any, repository: Opener) -> None:
    target = repository(web.url)
    target.delete(UUID)
    assert target.find(UUID) is None
    web["*"] = (403, {}, {"code": "NotYours", "message": "no"})
    with pytest.raises(StatusError):
        target.delete(UUID)


def test_certificates(secure_web: Any, repository: Opener, certificate: Any) -> None:
    secure_web["*"] = IMAGE
    with pytest.raises(UnreachableError, match="certificate not trusted"):
        repository(secure_web.url).create(IMAGE)
    with pytest.raises(streams.SendError, match="certificate not trusted"):
        upload(repository(secure_web.url))
    for settings in (
        {"insecure": True},
        {"environment": {"IMGADM_INSECURE": "1"}},
        {"environment": {"REQUESTS_CA_BUNDLE": str(certificate)}},
    ):
        target = repository(secure_web.url, **settings)
        target.create(IMAGE)
        upload(target)
    assert len(secure_web.bodies) == 6


def test_proxy_of_the_environment(web: Any, other_web: Any, repository: Opener) -> None:
    other_web["*"] = web["*"] = IMAGE
    proxied = repository("http://images.invalid", {"https_proxy": other_web.url})
    proxied.create(IMAGE)
    upload(proxied)
    addresses = [path.partition("?")[0] for path in other_web.paths]
    assert addresses == [f"http://images.invalid{PATH}", f"http://images.invalid{PATH}/file"]
    direct = repository(web.url, {"http_proxy": other_web.url, "no_proxy": "127.0.0.1"})
    upload(direct)
    assert (len(web.requests), len(other_web.requests)) == (1, 2)


def test_an_invalid_address() -> None:
    with pytest.raises(ConfigError):
        Repository("ftp://images.example.com")
