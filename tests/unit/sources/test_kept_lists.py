"""Lists of images that are kept, and sent again only after a change."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest

from imgadm.base.errors import ImgadmError
from imgadm.base.files import cache
from imgadm.base.files.cache import Cache

ONE, TWO = ([{"uuid": f"00000000-0000-4000-8000-{number:012d}"}] for number in (1, 2))
TAG = {"ETag": '"one"'}


def tagged(etag: str, images: Any) -> Any:
    """Answer as a server does that has ``images`` and calls them ``etag``."""

    def answer(handler: Any) -> None:
        headers = {"ETag": etag}
        known = handler.headers.get("If-None-Match") == etag
        handler.give((304, headers, b"") if known else (200, headers, images))

    return answer


def asked(web: Any) -> list[str | None]:
    """The entity tags that requests named so far."""
    return [headers.get("if-none-match") for _, headers in web.requests]


@pytest.fixture
def kept(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def files(directory: Path) -> list[Path]:
    return sorted((directory / "cache").iterdir())


@pytest.mark.parametrize("etag", ['"one"', 'W/"one"', "1f2e"])
def test_an_unchanged_list_is_not_sent_again(web: Any, opened: Any, kept: Cache, etag: str) -> None:
    web["/images"] = tagged(etag, ONE)
    for _ in range(3):
        assert opened(web.url, cache=kept).list_images() == ONE
    web["/images"] = tagged('"two"', TWO)
    assert opened(web.url, cache=kept).list_images() == TWO
    assert opened(web.url, cache=kept).list_images() == TWO
    assert asked(web) == [None, etag, etag, etag, '"two"']


def test_every_page_is_kept(web: Any, opened: Any, kept: Cache) -> None:
    images = [{"uuid": f"00000000-0000-4000-8000-{number:012d}"} for number in range(1000)]
    web["/images"] = tagged('"first"', images)
    web[f"/images?limit=1000&marker={images[-1]['uuid']}"] = tagged('"last"', images[-1:])
    for _ in range(2):
        assert opened(web.url, cache=kept).list_images() == images
    assert asked(web) == [None, None, '"first"', '"last"']


def test_only_the_same_request_gets_the_same_reply(
    web: Any, secure_web: Any, opened: Any, kept: Cache, certificate: Path
) -> None:
    for server in (web, secure_web):
        server["*"] = (200, TAG, ONE)
    pem = str(certificate)
    sources: list[dict[str, Any]] = [
        {"url": web.url},
        {"url": web.url, "channel": "dev"},
        {"url": web.url + "/base"},
        {"url": web.url + "?key=1"},
        {"url": web.url + "/datasets", "type": "dsapi"},
        {"url": secure_web.url, "insecure": True},
        {"url": secure_web.url, "ca_bundle": pem},
    ]
    web["/datasets"] = (200, TAG, [{"v": 2, **ONE[0]}])
    for source in sources:
        opened(**source, cache=kept).list_images()
    assert {*asked(web), *asked(secure_web)} == {None}
    for source in sources:
        opened(**source, cache=kept).list_images()
    assert asked(web)[5:] == ['"one"'] * 5
    assert asked(secure_web)[2:] == ['"one"'] * 2


def test_nothing_is_kept_of_a_source_with_a_password(
    web: Any, opened: Any, kept: Cache, tmp_path: Path
) -> None:
    web["*"] = (200, TAG, ONE)
    opened(web.url.replace("//", "//user:secret@"), cache=kept).list_images()
    assert not (tmp_path / "cache").exists()
    opened(f"{web.url}?token=secret", cache=kept).list_images()
    [path] = files(tmp_path)
    assert b"secret" not in path.name.encode() + path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, ONE),
        (200, TAG | {"Cache-Control": "private, No-Store"}, ONE),
        (200, {"ETag": '"a b"'}, ONE),
        (200, {"ETag": "x" * 300}, ONE),
        (200, TAG, {"no": "list"}),
        (200, TAG, b"<html>"),
        (203, TAG, ONE),
        (501, TAG, {"code": "Sad"}),
    ],
)
def test_replies_that_are_not_kept(
    web: Any, opened: Any, kept: Cache, tmp_path: Path, answer: Any
) -> None:
    web["/images"] = answer
    for _ in range(2):
        with contextlib.suppress(ImgadmError):
            assert opened(web.url, cache=kept).list_images() == ONE
    assert asked(web) == [None, None]
    assert not (tmp_path / "cache").exists()


def test_the_reply_of_another_address_is_not_kept(
    web: Any, other_web: Any, opened: Any, kept: Cache
) -> None:
    web["/images"] = (200, TAG, ONE)
    opened(web.url, cache=kept).list_images()
    web["/images"] = (302, {"Location": other_web.url}, b"")
    other_web["*"] = (200, TAG, TWO)
    for _ in range(2):
        assert opened(web.url, cache=kept).list_images() == TWO
    assert asked(web) == [None, '"one"', '"one"']
    assert asked(other_web) == [None, None]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def changed(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"0001", b"0007"))


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def something_else(path: Path) -> None:
    path.write_bytes(b"\xff" * 1000)


def too_large(path: Path) -> None:
    os.truncate(path, cache.MAX_BYTES)


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def unreadable(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


@pytest.mark.parametrize(
    "damage", [cut, changed, emptied, something_else, too_large, a_directory, unreadable]
)
def test_damage_costs_nothing_but_the_transfer(
    web: Any, opened: Any, kept: Cache, tmp_path: Path, damage: Any
) -> None:
    web["/images"] = tagged('"one"', ONE)
    opened(web.url, cache=kept).list_images()
    [path] = files(tmp_path)
    damage(path)
    assert opened(web.url, cache=kept).list_images() == ONE
    assert asked(web) == [None, None]
    assert files(tmp_path) == [path]


def test_a_place_that_cannot_be_written_is_no_error(
    web: Any, opened: Any, kept: Cache, tmp_path: Path
) -> None:
    web["/images"] = tagged('"one"', ONE)
    (tmp_path / "cache").write_text("a file in the way")
    assert opened(web.url, cache=kept).list_images() == ONE
    assert opened(web.url, cache=Cache(Path("/dev/full/cache"))).list_images() == ONE
    assert asked(web) == [None, None]
