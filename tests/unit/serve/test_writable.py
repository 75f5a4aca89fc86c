"""A folder that clients publish to: states, checks, and the files on disk after failures."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from imgadm.base.errors import LockedError
from imgadm.manifest.errors import InvalidManifestError
from imgadm.serve import ImageServer, WritableFolder, Writer

from .conftest import UUID, manifest

DATA = bytes(range(256)) * 1000
SHA1 = hashlib.sha1(DATA).hexdigest()
OTHER = "4d0f2a0e-6b9b-4c5d-9a40-5a6f1c1b0002"
IMAGE = f"/images/{UUID}"
ZVOL = {"nic_driver": "virtio", "disk_driver": "virtio", "cpu_type": "host", "image_size": 10}
TOKEN = "0123456789abcdef"


class Site:
    """A writable server, and a client of it."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.repository = WritableFolder(folder, **settings)
        self.server: ImageServer | None = None

    def serve(self, token: str | None = None) -> Iterator[Site]:
        with self.repository.opened():
            writer = Writer(self.repository, token)
            with ImageServer(self.repository, port=0, writer=writer, idle_timeout=5) as self.server:
                yield self

    def ask(self, method: str, path: str, **settings: Any) -> Any:
        assert self.server is not None
        return requests.request(method, self.server.url + path, timeout=30, **settings)

    def submit(self, uuid: str = UUID, **fields: Any) -> Any:
        path = f"/images/{uuid}?action=import"
        return self.ask("POST", path, json={**manifest(uuid), **ZVOL, **fields})

    def upload(self, data: Any = DATA, query: str = "compression=gzip", uuid: str = UUID) -> Any:
        return self.ask("PUT", f"/images/{uuid}/file?{query}", data=data)

    def act(self, action: str, uuid: str = UUID) -> Any:
        return self.ask("POST", f"/images/{uuid}?action={action}")

    def state(self) -> str:
        """The state of the image and whether it has a file, as the server tells."""
        reply = self.ask("GET", IMAGE)
        if reply.status_code == 404:
            return "none"
        image = reply.json()
        return str(image["state"]) + ("" if image["files"] else ", no file")

    def names(self) -> set[str]:
        """All files in the folder, but for the lock."""
        found = {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}
        return found - {".imgadm", ".imgadm/lock"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    yield from Site(tmp_path).serve()


STATES: dict[str, Callable[[Site], None]] = {
    "none": lambda site: None,
    "unactivated, no file": lambda site: site.submit(),
    "unactivated": lambda site: (site.submit(), site.upload()),
    "active": lambda site: (site.submit(), site.upload(), site.act("activate")),
    "disabled": lambda site: (
        site.submit(),
        site.upload(),
        site.act("activate"),
        site.act("disable"),
    ),
}
ACTIONS: dict[str, Callable[[Site], Any]] = {
    "import": lambda site: site.submit(),
    "add file": lambda site: site.upload(DATA + b"!"),
    "activate": lambda site: site.act("activate"),
    "disable": lambda site: site.act("disable"),
    "enable": lambda site: site.act("enable"),
    "delete": lambda site: site.ask("DELETE", IMAGE),
}
MISSING, TAKEN = "404 ResourceNotFound", "409 ImageUuidAlreadyExists"
FROZEN, DONE = "422 ImageFilesImmutable", "422 ImageAlreadyActivated"
BARE = "unactivated, no file"
TRANSITIONS = [
    ("none", "import", "200", BARE),
    ("none", "add file", MISSING, "none"),
    ("none", "activate", MISSING, "none"),
    ("none", "disable", MISSING, "none"),
    ("none", "delete", MISSING, "none"),
    (BARE, "import", TAKEN, BARE),
    (BARE, "add file", "200", "unactivated"),
    (BARE, "activate", "422 NoActivationNoFile", BARE),
    (BARE, "disable", "200", BARE),
    (BARE, "delete", "204", "none"),
    ("unactivated", "import", TAKEN, "unactivated"),
    ("unactivated", "add file", "200", "unactivated"),
    ("unactivated", "activate", "200", "active"),
    ("unactivated", "enable", "200", "unactivated"),
    ("unactivated", "delete", "204", "none"),
    ("active", "import", TAKEN, "active"),
    ("active", "add file", FROZEN, "active"),
    ("active", "activate", DONE, "active"),
    ("active", "disable", "200", "disabled"),
    ("active", "enable", "200", "active"),
    ("active", "delete", "204", "none"),
    ("disabled", "import", TAKEN, "disabled"),
    ("disabled", "add file", FROZEN, "disabled"),
    ("disabled", "activate", DONE, "disabled"),
    ("disabled", "enable", "200", "active"),
    ("disabled", "delete", "204", "none"),
]


@pytest.mark.parametrize(("before", "action", "answer", "after"), TRANSITIONS)
def test_states(site: Site, before: str, action: str, answer: str, after: str) -> None:
    STATES[before](site)
    assert site.state() == before
    reply = ACTIONS[action](site)
    code = reply.json()["code"] if reply.status_code >= 400 else ""
    assert f"{reply.status_code} {code}".strip() == answer
    assert site.state() == after
    if reply.status_code == 200:
        shown = site.ask("GET", IMAGE)
        assert reply.text == shown.text
        assert reply.headers["ETag"] == shown.headers["ETag"]
    if after == "none":
        assert site.names() == set()
    listed = [image["uuid"] for image in site.ask("GET", "/images").json()]
    assert listed == ([UUID] if after == "active" else [])


def test_published_image_is_a_pair_that_any_server_serves(site: Site) -> None:
    site.submit(published_at="2020-01-01T00:00:00.000Z", tags={"a": 1})
    replaced = site.upload(b"first try")
    assert replaced.json()["files"][0]["size"] == 9
    stored = site.upload(query=f"compression=xz&sha1={SHA1}&dataset_guid=77").json()
    entry = {"sha1": SHA1, "size": len(DATA), "compression": "xz", "dataset_guid": "77"}
    assert (stored["files"], stored["state"]) == ([entry], "unactivated")
    assert site.ask("GET", f"{IMAGE}/file").content == DATA
    active = site.act("activate").json()
    assert active["published_at"] == "2020-01-01T00:00:00.000Z"
    assert site.names() == {f"{UUID}.imgmanifest", f"{UUID}.zvol.xz"}
    assert (site.folder / f"{UUID}.zvol.xz").read_bytes() == DATA
    assert json.loads((site.folder / f"{UUID}.imgmanifest").read_text()) == active
    assert list(active)[:6] == ["v", "uuid", "owner", "name", "version", "state"]


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        ("import-remote&source=http://images.example", "409 ImageUuidAlreadyExists"),
        ("update", "501 NotAvailable"),
        ("export", "501 NotAvailable"),
        ("import-from-datacenter", "501 NotAvailable"),
        ("frob", "422 InvalidParameter"),
        ("", "422 InvalidParameter"),
    ],
)
def test_actions_that_are_refused(site: Site, action: str, answer: str) -> None:
    site.submit()
    reply = site.act(action)
    assert f"{reply.status_code} {reply.json()['code']}" == answer
    assert site.state() == BARE


def test_create_gives_a_uuid(site: Site) -> None:
    fields = {**manifest(), **ZVOL}
    del fields["uuid"], fields["v"]
    made = site.ask("POST", "/images", json=fields).json()
    assert (made["state"], made["owner"]) == ("unactivated", "00000000-0000-0000-0000-000000000000")
    assert site.ask("GET", f"/images/{made['uuid']}").json() == made


FAULTS: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("POST", f"{IMAGE}?action=import", {"json": manifest(OTHER)}, "422 InvalidParameter", "uuid"),
    ("POST", f"{IMAGE}?action=import", {"json": []}, "400 InvalidContent", "an array"),
    ("POST", f"{IMAGE}?action=import", {"data": b"{}"}, "400 InvalidContent", "application/json"),
    ("POST", f"{IMAGE}?action=import", {"json": manifest(v=77.5, name="")}, "422 V", ": name"),
    ("POST", f"{IMAGE}?action=import", {"json": {"uuid": UUID}}, "422 V", "name, version, type"),
    ("POST", f"{IMAGE}?action=import", {"json": manifest()}, "422 V", "nic_driver, disk_driver"),
    ("POST", f"{IMAGE}?action=import", {"json": manifest(x=1)}, "422 InvalidParameter", '"x"'),
    ("POST", f"{IMAGE}?action=import&account={UUID}", {"json": {}}, "403 OperatorOnly", ""),
    ("POST", f"{IMAGE}?action=import&source=x", {"json": {}}, "400 NotImplemented", ""),
    (
        "POST",
        f"{IMAGE}?action=import",
        {"json": {**manifest(origin=OTHER), **ZVOL}},
        "422 OriginDoesNotExist",
        OTHER,
    ),
    (
        "POST",
        f"{IMAGE}?action=import",
        {"json": {**manifest(), **ZVOL}, "headers": {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}},
        "400 BadDigest",
        "MD5",
    ),
    ("POST", "/images", {"json": manifest(state="active")}, "422 V", "state"),
    ("POST", "/images", {"json": manifest()}, "422 InvalidParameter", '"uuid"'),
    ("POST", f"{IMAGE}?action=import-remote&source=x", {}, "501 NotAvailable", "import-remote"),
    ("POST", f"{IMAGE}?action=import-remote", {}, "422 ValidationFailed", "source"),
    (
        "POST",
        f"{IMAGE}?action=import-remote&source=x&account={UUID}",
        {},
        "403 OperatorOnly",
        "account",
    ),
    ("POST", f"{IMAGE}?action=frob", {}, "404 ResourceNotFound", UUID),
    ("POST", "/images?action=create-from-vm", {"json": {}}, "422 InvalidParameter", "action"),
    ("POST", "/ping", {}, "405 MethodNotAllowedError", "POST"),
    ("PUT", "/images", {}, "405 MethodNotAllowedError", "PUT"),
    ("DELETE", f"{IMAGE}/file", {}, "405 MethodNotAllowedError", "DELETE"),
    ("PUT", f"{IMAGE}/file", {"data": DATA}, "422 InvalidParameter", "missing"),
    ("PUT", f"{IMAGE}/file?compression=lzma", {"data": DATA}, "422 InvalidParameter", "lzma"),
    ("PUT", f"{IMAGE}/file?compression=xz&sha1=x", {"data": DATA}, "422 InvalidParameter", "40"),
    ("PUT", f"{IMAGE}/file?compression=xz&source=x", {"data": DATA}, "400 NotImplemented", ""),
]


@pytest.mark.parametrize(("method", "path", "settings", "answer", "words"), FAULTS)
def test_faults(
    site: Site, method: str, path: str, settings: dict[str, Any], answer: str, words: str
) -> None:
    reply = site.ask(method, path, **settings)
    body = reply.json()
    assert f"{reply.status_code} {body['code']}".startswith(answer)
    assert words in body["message"]
    assert site.names() == set()


UPLOAD_FAULTS: list[tuple[Any, str, str, str]] = [
    (b"", "", "400 Download", "image file size is 0 bytes, empty files are not allowed"),
    (
        DATA,
        f"&sha1={'0' * 40}",
        "400 Download",
        f"does not match the uploaded file sha1 hash, {SHA1}",
    ),
    (bytes(2_000_001), "", "400 Upload", "at most 2000000 bytes"),
    (iter([bytes(1_000_000)] * 3), "", "400 Upload", "at most 2000000 bytes"),
]


@pytest.mark.parametrize(("data", "query", "answer", "words"), UPLOAD_FAULTS)
def test_refused_uploads_leave_the_file_that_was_there(
    tmp_path: Path, data: Any, query: str, answer: str, words: str
) -> None:
    for site in Site(tmp_path, max_upload=2_000_000).serve():
        site.submit()
        site.upload(b"good")
        before = site.names()
        reply = site.upload(data, f"compression=gzip{query}")
        body = reply.json()
        assert f"{reply.status_code} {body['code']}" == answer
        assert words in body["message"]
        assert site.names() == before
        assert site.ask("GET", f"{IMAGE}/file").content == b"good"


def test_upload_that_cannot_fit_is_refused_before_it_begins(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.submit()

    class Full:
        f_bavail, f_frsize = 10, 512

    monkeypatch.setattr("imgadm.serve.catalogues.writable.uploads.os.statvfs", lambda path: Full)
    reply = site.upload()
    assert (reply.status_code, reply.json()["code"]) == (503, "StorageIsDown")
    assert reply.json()["message"] == f"{len(DATA)} bytes are needed, 5120 are available"


@pytest.mark.parametrize(
    ("before", "action"),
    [
        ("none", "import"),
        (BARE, "add file"),
        ("unactivated", "add file"),
        ("unactivated", "activate"),
        ("unactivated", "disable"),
        ("active", "disable"),
        ("active", "delete"),
    ],
)
@pytest.mark.parametrize("step", [1, 2])
def test_full_disk(
    site: Site, monkeypatch: pytest.MonkeyPatch, before: str, action: str, step: int
) -> None:
    STATES[before](site)
    names, state = site.names(), site.state()
    sync, count = os.fsync, 0

    def full(descriptor: int) -> None:
        nonlocal count
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        count += is_file
        if is_file and count >= step:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        reply = ACTIONS[action](site)
    if action == "delete" or count < step:
        assert reply.ok
        return
    assert (reply.status_code, reply.json()["code"]) == (503, "StorageIsDown")
    assert "no space left" in reply.json()["message"]
    assert (site.names(), site.state()) == (names, state)


class Slow:
    """An upload that goes on when the test says so."""

    def __init__(self, site: Site) -> None:
        assert site.server is not None
        self.connection = socket.create_connection((site.server.host, site.server.port), 30)
        head = f"PUT {IMAGE}/file?compression=none HTTP/1.1\r\nHost: localhost\r\n"
        head += "Content-Length: 10\r\n\r\n"
        self.connection.sendall(head.encode() + b"12345")
        partial = site.folder / ".imgadm" / UUID / "upload.partial"
        while not partial.exists():
            threading.Event().wait(0.005)

    def finish(self) -> str:
        self.connection.sendall(b"67890")
        with self.connection as connection:
            return connection.recv(65536).decode()


def test_second_upload_of_the_same_file_is_refused_while_the_first_comes(site: Site) -> None:
    site.submit()
    slow = Slow(site)
    reply = site.upload()
    assert (reply.status_code, reply.json()["code"]) == (409, "Upload")
    assert slow.finish().startswith("HTTP/1.1 200 ")
    assert site.ask("GET", f"{IMAGE}/file").content == b"1234567890"


@pytest.mark.parametrize(
    ("meanwhile", "answer"),
    [
        (lambda site: site.ask("DELETE", IMAGE), "404 Not Found"),
        (lambda site: (site.ask("DELETE", IMAGE), site.submit()), "404 Not Found"),
        (lambda site: site.act("activate"), "422 Unprocessable"),
    ],
    ids=["deleted", "made-anew", "activated"],
)
def test_upload_to_an_image_that_changes_meanwhile(
    site: Site, meanwhile: Callable[[Site], Any], answer: str
) -> None:
    site.submit()
    site.upload()
    slow = Slow(site)
    meanwhile(site)
    after = site.names()
    assert slow.finish().startswith(f"HTTP/1.1 {answer}")
    assert site.names() == after


def test_request_with_an_unwanted_body_is_answered_although_the_body_is_cut(site: Site) -> None:
    assert site.server is not None
    site.submit()
    head = f"DELETE {IMAGE} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n".encode()
    address = (site.server.host, site.server.port)
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(head + b"abc")
        connection.shutdown(socket.SHUT_WR)
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 204 ")
    assert site.state() == "none"


def test_upload_that_is_cut_leaves_nothing(site: Site) -> None:
    site.submit()
    before = site.names()
    slow = Slow(site)
    slow.connection.close()
    while site.names() != before:
        threading.Event().wait(0.005)
    assert site.upload().status_code == 200


def test_origin_cannot_be_deleted(site: Site) -> None:
    STATES["active"](site)
    assert site.submit(OTHER, origin=UUID).status_code == 200
    reply = site.ask("DELETE", IMAGE)
    assert (reply.status_code, reply.json()["code"]) == (422, "ImageHasDependentImages")
    assert site.ask("DELETE", f"/images/{OTHER}").status_code == 204
    assert site.ask("DELETE", IMAGE).status_code == 204


def test_pair_that_was_put_there_by_hand(site: Site) -> None:
    (site.folder / "mine.json").write_text(json.dumps(manifest()))
    (site.folder / "mine.zvol").write_bytes(DATA)
    assert site.submit().status_code == 409
    assert site.act("disable").json()["state"] == "disabled"
    assert site.state() == "disabled"
    assert site.ask("DELETE", IMAGE).status_code == 204
    assert site.names() == set()


def test_file_that_is_in_the_way_is_never_replaced(site: Site) -> None:
    mine = site.folder / f"{UUID}.zvol.gz"
    site.submit()
    site.upload()
    mine.write_bytes(b"mine")
    assert site.act("activate").json()["code"] == "ImageUuidAlreadyExists"
    site.ask("DELETE", IMAGE)
    assert site.submit().json()["code"] == "ImageUuidAlreadyExists"
    assert mine.read_bytes() == b"mine"


def test_condition_of_an_action(site: Site) -> None:
    STATES["unactivated"](site)
    path, etag = f"{IMAGE}?action=activate", site.ask("GET", IMAGE).headers["ETag"]
    refused = site.ask("POST", path, headers={"If-Match": '"other"'})
    assert (refused.status_code, refused.json()["code"]) == (412, "PreconditionFailed")
    assert site.ask("POST", path, headers={"If-Match": etag}).status_code == 200


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", f"Basic {TOKEN}", "Bearer"])
def test_only_clients_with_the_token_change_images(
    tmp_path: Path, authorization: str | None
) -> None:
    for site in Site(tmp_path).serve(TOKEN):
        headers = {"Authorization": authorization} if authorization else {}
        path, body = f"{IMAGE}?action=import", {**manifest(), **ZVOL}
        refused = site.ask("POST", path, json=body, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (401, "UnauthorizedError")
        assert refused.headers["WWW-Authenticate"] == "Bearer"
        assert site.ask("GET", "/images").status_code == 200
        headers = {"Authorization": f"Bearer {TOKEN}"}
        assert site.ask("POST", path, json=body, headers=headers).status_code == 200


def test_only_clients_with_the_token_see_inactive_images(tmp_path: Path) -> None:
    known = {"Authorization": f"Bearer {TOKEN}"}
    for site in Site(tmp_path).serve(TOKEN):
        body = {**manifest(), **ZVOL}
        site.ask("POST", f"{IMAGE}?action=import", json=body, headers=known)
        for path in ("/images?state=all", "/images?state=unactivated"):
            assert site.ask("GET", path).json() == []
            assert len(site.ask("GET", path, headers=known).json()) == 1
        put = f"{IMAGE}/file?compression=none"
        assert site.ask("PUT", put, data=DATA, headers=known).status_code == 200
        for path in (IMAGE, f"{IMAGE}/file"):
            for method in ("GET", "HEAD"):
                assert site.ask(method, path).status_code == 404
                assert site.ask(method, path, headers=known).status_code == 200
        for action in ("activate", "disable"):
            site.ask("POST", f"{IMAGE}?action={action}", headers=known)
            for path in (IMAGE, f"{IMAGE}/file"):
                assert site.ask("GET", path).status_code == 200


def test_web_pages_change_nothing(site: Site) -> None:
    site.submit()
    reply = site.ask("POST", f"{IMAGE}?action=disable", headers={"Origin": "http://evil.example"})
    assert (reply.status_code, site.ask("GET", IMAGE).json()["disabled"]) == (403, False)


def test_permission_to_send_is_given_only_where_the_file_is_wanted(site: Site) -> None:
    assert site.server is not None
    site.submit()
    for path, answer in (
        (f"/images/{OTHER}/file?compression=none", b"HTTP/1.1 404 "),
        (f"{IMAGE}/file?compression=none", b"HTTP/1.1 100 "),
    ):
        with socket.create_connection((site.server.host, site.server.port), 30) as connection:
            head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\n"
            head += "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"
            connection.sendall(head.encode())
            assert connection.recv(13) == answer


def test_restart_takes_up_what_a_killed_server_left(tmp_path: Path) -> None:
    for site in Site(tmp_path).serve():
        STATES["unactivated"](site)
        site.submit(OTHER)
    here, there = tmp_path / ".imgadm" / UUID, tmp_path / ".imgadm" / OTHER
    (there / "upload.partial").write_bytes(b"half")
    (there / SHA1).write_bytes(DATA)  # was uploaded, but not yet named by the manifest
    (tmp_path / f".{UUID}.imgmanifest.999999999.0123abcd").write_bytes(b"{")
    (here / SHA1).rename(tmp_path / f"{UUID}.zvol.gz")  # killed in the middle of an activation
    for site in Site(tmp_path).serve():
        waiting = [draft.manifest["uuid"] for draft in site.repository.unactivated()]
        assert sorted(waiting) == sorted([UUID, OTHER])
        assert site.ask("GET", f"{IMAGE}/file").content == DATA
        assert {path.name for path in there.iterdir()} == {"manifest.json"}
        assert [path.name for path in tmp_path.iterdir()] == [".imgadm"]
        assert site.act("activate").status_code == 200
    here.mkdir()  # killed at the very end of an activation
    (here / "manifest.json").write_text("{}")
    for site in Site(tmp_path).serve():
        assert not here.exists()
        assert site.state() == "active"


def test_files_that_another_program_is_writing_are_left_alone(tmp_path: Path) -> None:
    written = tmp_path / f".disk.imgmanifest.{os.getppid()}.0123abcd"
    written.write_bytes(b"{")
    with WritableFolder(tmp_path).opened():
        assert written.exists()


def test_damaged_draft_is_named(tmp_path: Path) -> None:
    draft = tmp_path / ".imgadm" / UUID
    draft.mkdir(parents=True)
    (draft / "manifest.json").write_text("{")
    with pytest.raises(InvalidManifestError, match=f"{UUID}/manifest.json.* is damaged"):
        next(Site(tmp_path).serve())


def test_one_server_writes_to_a_folder(site: Site) -> None:
    with pytest.raises(LockedError, match='the folder ".*" is locked by another server'):
        next(Site(site.folder).serve())
