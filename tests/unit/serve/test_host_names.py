"""The names that a client may use for a server; a web page with another name gets nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from imgadm.serve import FolderCatalogue, ImageServer
from imgadm.serve.http.host_names import HostNames, is_host_name
from imgadm.serve.http.replies import HttpError

OWN = [
    "localhost",
    "LocalHost",
    "localhost.",
    "localhost:8080",
    "localhost:",
    "127.0.0.1",
    "127.0.0.1:1",
    "127.1.2.3",
    "[::1]",
    "[::1]:8080",
    "[::ffff:127.0.0.1]",
]
FOREIGN = [
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil-localhost",
    "192.0.2.1",
    "0.0.0.0",
    "[::]",
    "[2001:db8::1]",
    "127.1",
    "2130706433",
    "0x7f000001",
]
NONE = [
    "",
    " ",
    "a b",
    "localhost/",
    "localhost:x",
    "a@localhost",
    "[::1",
    "::1",
    "localhost:999999",
]


def status(names: HostNames, authority: str) -> int:
    try:
        names.check(authority)
    except HttpError as error:
        return error.status if error.body["message"].isprintable() else 0
    return 200


@pytest.mark.parametrize(
    ("names", "own", "foreign"),
    [
        (HostNames(), 200, 421),
        (HostNames(["mirror.example"]), 200, 421),
        (HostNames(is_local=False), 200, 200),
    ],
)
def test_names(names: HostNames, own: int, foreign: int) -> None:
    assert {status(names, one) for one in OWN} == {own}
    assert {status(names, one) for one in FOREIGN} == {foreign}
    assert {status(names, one) for one in NONE} == {400}


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        *[(text, True) for text in ("a", "images.example.", "192.0.2.1", "2001:db8::1:2", "[::1]")],
        *[(text, False) for text in ("", "a:8080", "[::1]:80", "http://a.b/", "a b", "u@a", "a/b")],
    ],
)
def test_names_that_can_be_host_names(text: str, is_one: bool) -> None:
    assert is_host_name(text) == is_one
    if is_one:
        assert status(HostNames([text]), f"[{text}]:1" if text.count(":") > 3 else text) == 200


def test_more_names() -> None:
    names = HostNames(["Mirror.example", "other.example."], is_local=False)
    for host in ("mirror.example:80", "OTHER.example", "192.0.2.1", "[2001:db8::1]", "localhost"):
        assert status(names, host) == 200
    assert status(names, "evil.example") == 421


@pytest.mark.parametrize("path", ["/ping", "/images", "/images?state=all", "/nowhere"])
def test_server_of_this_host(server: ImageServer, path: str) -> None:
    def ask(host: str, method: str = "GET") -> Any:
        return requests.request(method, server.url + path, headers={"Host": host}, timeout=30)

    for method in ("GET", "HEAD", "POST", "DELETE"):
        refused = ask("rebound.example", method)
        assert (refused.status_code, refused.headers["Connection"]) == (421, "close")
    assert ask("rebound.example").json() == {
        "code": "MisdirectedRequest",
        "message": 'this server does not answer to the name "rebound.example": call it 127.0.0.1, '
        "or start it with --host-name",
    }
    assert ask("localhost").status_code != 421


def test_server_with_a_name(folder: Path) -> None:
    with ImageServer(FolderCatalogue(folder), port=0, host_names=["images.example"]) as server:
        for host, wanted in (("images.example", 200), ("localhost", 200), ("evil.example", 421)):
            reply = requests.get(server.url + "/ping", headers={"Host": host}, timeout=30)
            assert reply.status_code == wanted
