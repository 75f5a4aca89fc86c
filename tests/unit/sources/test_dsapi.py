"""The DSAPI client against real servers."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from imgadm.base.errors import ConfigError
from imgadm.sources import UnusableReplyError
from imgadm.sources.errors import SourcePingError

UUID = "01b2c898-945f-11e1-a523-af1afbe22822"
OWNER = "352971aa-31ba-496c-9ade-a379feaecd52"
V1 = {
    "uuid": UUID,
    "name": "smartos",
    "version": "1.6.3",
    "creator_uuid": OWNER,
    "creator_name": "sdc",
    "published_at": "2012-05-02T15:15Z",
    "image_size": "5120",
    "files": [{"path": "smartos.zfs.bz2", "url": "/files/1", "sha1": "a" * 40, "size": 3}],
}
V2 = {
    "uuid": UUID,
    "name": "smartos",
    "version": "1.6.3",
    "published_at": "2012-05-02T15:15:00Z",
    "image_size": 5120,
    "files": [{"sha1": "a" * 40, "size": 3, "compression": "bzip2"}],
    "owner": OWNER,
    "public": True,
    "disabled": False,
    "state": "active",
    "v": 2,
}


def with_file(url: object) -> dict[str, Any]:
    return V1 | {"files": [{"url": url}]}


@pytest.mark.parametrize("slash", ["", "/"])
def test_requests(web: Any, opened: Any, slash: str) -> None:
    web["/old/ping"] = {"ping": "pong"}
    web["/old/datasets"] = [V1]
    web[f"/old/datasets/{UUID}"] = V1
    source = opened(web.url + "/old/datasets" + slash, type="dsapi", channel="dev")
    source.ping()
    assert source.list_images() == [V2]
    assert source.get_image(UUID) == V2
    assert source.get_image("not-a-uuid") is None
    assert source.get_image(OWNER) is None
    assert web.paths == [
        "/old/ping",
        "/old/datasets",
        f"/old/datasets/{UUID}",
        f"/old/datasets/{OWNER}",
    ]
    assert all("accept-version" not in headers for _, headers in web.requests)


@pytest.mark.parametrize("url", ["http://a.example", "http://a.example/datasets/x", "datasets"])
def test_urls_of_something_else(opened: Any, url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        opened(url, type="dsapi")
    assert caught.value.message == f'"dsapi" source URL does not end with "/datasets": "{url}"'


@pytest.mark.parametrize("pong", [(201, {}, {}), (500, {}, {}), (200, {}, b"<html>")])
def test_no_pong(web: Any, opened: Any, pong: Any) -> None:
    web["/ping"] = pong
    with pytest.raises(SourcePingError, match='unexpected ping error with "dsapi" image source'):
        opened(web.url + "/datasets", type="dsapi").ping()


@pytest.mark.parametrize("url", ["/files/1", "../files/1", "{home}/files/1", "{away}/files/1"])
def test_the_file_is_where_the_manifest_says(
    web: Any, other_web: Any, opened: Any, url: str
) -> None:
    web[f"/datasets/{UUID}"] = with_file(url.format(home=web.url, away=other_web.url))
    web["/files/1"] = other_web["/files/1"] = b"abc"
    home = web.url.replace("://", "://me:secret@")
    request = opened(home + "/datasets", type="dsapi").file_request(UUID)
    assert request.session.get(request.url, headers=request.headers).content == b"abc"
    elsewhere = "away" in url
    [(_, headers)] = [one for one in [*web.requests, *other_web.requests] if "files" in one[0]]
    token = base64.b64encode(b"me:secret").decode()
    assert headers.get("authorization") == (None if elsewhere else f"Basic {token}")


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (with_file(None), "the URL of the file of image .* is null, an HTTP URL was expected"),
        (with_file(""), "an HTTP URL was expected"),
        (with_file("ftp://a/b"), "is ftp://a/b, an HTTP URL was expected"),
        (with_file("file:///etc/passwd"), "an HTTP URL was expected"),
        (with_file("http://[::1"), "an HTTP URL was expected"),
        (V1 | {"files": []}, "an HTTP URL was expected"),
        (V1 | {"files": {}}, "an HTTP URL was expected"),
        ((404, {}, b""), "is not any more"),
    ],
)
def test_files_that_are_nowhere(web: Any, opened: Any, manifest: Any, reason: str) -> None:
    web[f"/datasets/{UUID}"] = manifest
    with pytest.raises(UnusableReplyError, match=reason):
        opened(web.url + "/datasets", type="dsapi").file_request(UUID)


def test_a_file_without_tls_of_a_source_with_tls(secure_web: Any, web: Any, opened: Any) -> None:
    secure_web[f"/datasets/{UUID}"] = with_file(web.url + "/files/1")
    source = opened(secure_web.url + "/datasets", type="dsapi", insecure=True)
    with pytest.raises(UnusableReplyError, match="which is not https as the source is"):
        source.file_request(UUID)


def test_a_manifest_of_no_known_version(web: Any, opened: Any) -> None:
    nameless = {name: value for name, value in V1.items() if name != "creator_uuid"}
    web["/datasets"] = [nameless]
    web[f"/datasets/{UUID}"] = nameless
    source = opened(web.url + "/datasets", type="dsapi")
    for ask in (source.list_images, lambda: source.get_image(UUID)):
        with pytest.raises(UnusableReplyError, match=f"image {UUID}: .*does not have a .v. field"):
            ask()
