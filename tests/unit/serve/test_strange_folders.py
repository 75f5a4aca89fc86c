"""Pipes, devices and links in a folder that is served: never waited for, never followed out."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import requests

from imgadm.base.files.cache import Cache, CacheEntry
from imgadm.serve import (
    DigestStore,
    FolderCatalogue,
    ImageServer,
    KeptDigests,
    SkippedPair,
    WritableFolder,
    Writer,
)
from imgadm.serve.catalogues import digests, kept_digests
from imgadm.serve.catalogues import folder as folder_module
from imgadm.serve.imgapi import routes

from .conftest import CONTENT, UUID, manifest
from .test_writable import ZVOL

OTHER = UUID.replace("3", "4")
FILE = f"/images/{UUID}/file"
MD5 = base64.b64encode(hashlib.md5(CONTENT).digest()).decode()


def get(server: ImageServer, path: str, **headers: str) -> Any:
    return requests.get(server.url + path, headers=headers, timeout=30)


def uuids(server: ImageServer) -> list[str]:
    return [image["uuid"] for image in get(server, "/images").json()]


def socket_at(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.path.relpath(path))


STRANGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "pipe": (os.mkfifo, "it is a named pipe"),
    "socket": (socket_at, "it is a socket"),
    "directory": (os.mkdir, "it is a directory"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "not to a name in the same folder"),
    "secret": (lambda path: path.symlink_to(__file__), "not to a name in the same folder"),
    "up and back": (
        lambda path: path.symlink_to(f"../{path.parent.name}/x.zvol"),
        "not to a name in the same folder",
    ),
    "loop": (lambda path: path.symlink_to(path.name), "a symbolic link to another one"),
}


@pytest.mark.parametrize("name", ["bar.json", "bar.zvol"])
@pytest.mark.parametrize("kind", STRANGE)
def test_only_regular_files_are_served(
    folder: Path, server: ImageServer, skipped: list[SkippedPair], kind: str, name: str
) -> None:
    make, reason = STRANGE[kind]
    (folder / "bar.json").write_text(json.dumps(manifest(OTHER)))
    (folder / "bar.zvol").write_bytes(b"x")
    (folder / name).unlink()
    make(folder / name)
    assert uuids(server) == [UUID]
    assert get(server, f"/images/{OTHER}").status_code == 404
    assert get(server, f"/images/{OTHER}/file").status_code == 404
    [told] = skipped
    assert told.path == folder / "bar.json"
    assert reason in told.reason


def test_links_inside_of_the_folder_are_followed(folder: Path, server: ImageServer) -> None:
    (folder / "latest.json").symlink_to("bar.manifest")
    (folder / "bar.manifest").write_text(json.dumps(manifest(OTHER)))
    (folder / "latest.zvol").symlink_to("foo.zvol")
    assert get(server, f"/images/{OTHER}/file").content == CONTENT


@pytest.mark.parametrize("target", ["/etc/passwd", "pipe"])
def test_file_that_is_exchanged_between_look_and_use(folder: Path, target: str) -> None:
    image = FolderCatalogue(folder).find(UUID)
    assert image is not None
    os.mkfifo(folder / "pipe")
    (folder / "foo.zvol").unlink()
    (folder / "foo.zvol").symlink_to(target)
    with pytest.raises(OSError, match=r"symbolic link|Too many|is a named pipe"):
        image.open_file()
    (folder / "foo.zvol").unlink()
    os.mkfifo(folder / "foo.zvol")
    with pytest.raises(OSError, match="is a named pipe"):
        image.open_file()


def test_names_that_a_terminal_would_obey(
    folder: Path, server: ImageServer, skipped: list[SkippedPair]
) -> None:
    name = "a\n\x1b[31m\u202e"
    (folder / f"{name}.json").write_text(json.dumps(manifest(OTHER)))
    (folder / f"{name}.zvol").write_bytes(b"abc")
    (folder / f"{name}-alone.json").write_text(json.dumps(manifest(OTHER)))
    assert get(server, f"/images/{OTHER}/file").content == b"abc"
    assert skipped[0].reason.isprintable()


def test_file_has_its_md5(server: ImageServer) -> None:
    for method in ("GET", "HEAD"):
        reply = requests.request(method, server.url + FILE, timeout=30)
        assert reply.headers["Content-MD5"] == MD5
    assert "Content-MD5" not in get(server, FILE, Range="bytes=0-1").headers
    assert "Content-MD5" not in get(server, FILE, **{"If-None-Match": "*"}).headers


def test_md5_is_that_of_what_is_sent(folder: Path, server: ImageServer) -> None:
    for content in (b"one", b"two", b"one"):
        (folder / "foo.zvol").write_bytes(content)
        reply = get(server, FILE)
        assert reply.content == content
        assert base64.b64decode(reply.headers["Content-MD5"]) == hashlib.md5(content).digest()


class Gate:
    """Files whose reading waits until the test says so."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.reached = threading.Event()
        self.readings = 0

    def blocks_of(self, file: BinaryIO) -> Iterator[memoryview]:
        if os.fstat(file.fileno()).st_size == len(CONTENT):
            self.readings += 1
            self.reached.set()
            assert self.open.wait(30)
        yield memoryview(file.read())


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Gate]:
    made = Gate()
    monkeypatch.setattr(digests, "blocks_of", made.blocks_of)
    monkeypatch.setattr(folder_module, "QUICKLY_READ_BYTES", len(CONTENT) - 1)
    (folder / "bar.json").write_text(json.dumps(manifest(OTHER)))
    (folder / "bar.zvol").write_bytes(b"abc")
    yield made
    made.open.set()


def test_nobody_waits_while_a_large_file_is_read_for_its_sha1(
    server: ImageServer, gate: Gate, sha1: Callable[[bytes], str]
) -> None:
    got: list[Any] = []
    waiting = [
        threading.Thread(target=lambda: got.append(get(server, f"/images/{UUID}").json()))
        for _ in range(3)
    ]
    for thread in waiting:
        thread.start()
    assert gate.reached.wait(30)
    assert get(server, "/ping").status_code == 200
    assert get(server, f"/images/{OTHER}").json()["files"][0]["sha1"] == sha1(b"abc")
    listed = {image["uuid"]: image["files"][0] for image in get(server, "/images").json()}
    assert listed[OTHER]["sha1"] == sha1(b"abc")
    assert listed[UUID] == {"size": len(CONTENT), "compression": "none"}
    assert got == []
    gate.open.set()
    for thread in waiting:
        thread.join()
    assert [image["files"][0]["sha1"] for image in got] == [sha1(CONTENT)] * 3
    assert gate.readings == 1


def test_clients_that_wait_for_a_sha1_make_room(
    folder: Path, gate: Gate, skipped: list[SkippedPair]
) -> None:
    catalogue = FolderCatalogue(folder, skipped.append)
    with ImageServer(catalogue, port=0, max_connections=3) as server:
        waiting = [socket.create_connection((server.host, server.port), 30) for _ in range(3)]
        for connection in waiting:
            connection.sendall(f"GET /images/{UUID} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert gate.reached.wait(30)
        assert get(server, "/ping").status_code == 200
        gate.open.set()
        answers = [connection.recv(12) for connection in waiting]
        for connection in waiting:
            connection.close()
    assert sorted(answers) == [b"", b"HTTP/1.1 200", b"HTTP/1.1 200"]
    assert skipped == []


def test_file_whose_md5_takes_long_is_sent_without(
    folder: Path, server: ImageServer, gate: Gate, monkeypatch: pytest.MonkeyPatch, sha1: Any
) -> None:
    monkeypatch.setattr(routes, "MD5_SECONDS", 0.05)
    entry = {"sha1": sha1(CONTENT), "size": len(CONTENT), "compression": "none"}
    (folder / "foo.json").write_text(json.dumps(manifest(files=[entry])))
    reply = get(server, FILE)
    assert reply.content == CONTENT
    assert "Content-MD5" not in reply.headers


@pytest.mark.parametrize("wish", ["md5=0", "sha-256=5, md5=0", "md5 = 0 ,sha-512=1"])
def test_client_without_use_for_the_md5_does_not_wait_for_it(
    folder: Path, server: ImageServer, gate: Gate, sha1: Any, wish: str
) -> None:
    entry = {"sha1": sha1(CONTENT), "size": len(CONTENT), "compression": "none"}
    (folder / "foo.json").write_text(json.dumps(manifest(files=[entry])))
    reply = get(server, FILE, **{"Want-Repr-Digest": wish})
    assert (reply.content, "Content-MD5" in reply.headers) == (CONTENT, False)
    assert not gate.reached.is_set()


def test_md5_of_a_large_file_is_kept_for_the_next_server(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sha1: Any
) -> None:
    monkeypatch.setattr(digests, "WORTH_KEEPING", 1)
    monkeypatch.setattr(kept_digests, "WORTH_KEEPING", 1)
    monkeypatch.setattr(digests, "_UNSURE_NS", 0)
    keeper = KeptDigests(Cache(tmp_path / "cache"), folder)

    def md5() -> str | None:
        catalogue = FolderCatalogue(folder, digests=DigestStore(keeper))
        with ImageServer(catalogue, port=0) as server:
            field: str | None = get(server, FILE).headers.get("Content-MD5")
            return field

    entry = {"sha1": sha1(CONTENT), "size": len(CONTENT), "compression": "none"}
    (folder / "foo.json").write_text(json.dumps(manifest(files=[entry])))
    assert md5() == MD5
    with monkeypatch.context() as patch:
        patch.setattr(digests, "blocks_of", None)
        assert md5() == MD5
    times = (folder / "foo.zvol").stat()
    (folder / "foo.zvol").write_bytes(CONTENT[::-1])
    os.utime(folder / "foo.zvol", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert md5() == base64.b64encode(hashlib.md5(CONTENT[::-1]).digest()).decode()
    for damaged in (b"", b"{", b"[[1]]", b'{"a": 1}', b"[1]", b'[[1,2,3,4,5,"a","x"]]'):
        (kept,) = (tmp_path / "cache").iterdir()
        keeper.cache.keep(f"digests of the files in {folder.resolve()}", CacheEntry("1", damaged))
        assert kept.exists()
        assert DigestStore(keeper).known((1, 2, 3, 4, 5)) is None


def test_file_that_changes_while_it_is_read_has_no_digest(
    folder: Path, server: ImageServer, gate: Gate, skipped: list[SkippedPair]
) -> None:
    got: list[int] = []
    thread = threading.Thread(target=lambda: got.append(get(server, f"/images/{UUID}").status_code))
    thread.start()
    assert gate.reached.wait(30)
    (folder / "foo.zvol").write_bytes(CONTENT[:-1])
    gate.open.set()
    thread.join()
    assert got == [404]
    assert skipped[-1].reason == "foo.zvol: the file changes while it is read"


def test_file_that_is_replaced_after_it_was_opened_is_sent_without_md5(folder: Path) -> None:
    image = FolderCatalogue(folder).find(UUID)
    assert image is not None
    source = image.open_file()
    (folder / "new").write_bytes(b"new")
    (folder / "new").rename(folder / "foo.zvol")
    assert source.md5(30) is None
    assert source.file.read() == CONTENT
    source.close()


def test_file_that_is_written_to_while_it_is_sent_has_no_end(folder: Path) -> None:
    size = 64 << 20
    (folder / "foo.zvol").write_bytes(bytes(size))
    with (
        ImageServer(FolderCatalogue(folder), port=0) as server,
        socket.create_connection((server.host, server.port), timeout=30) as connection,
    ):
        connection.sendall(f"GET {FILE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        received = len(connection.recv(1000))
        with (folder / "foo.zvol").open("r+b") as file:
            file.write(b"x")
        while got := len(connection.recv(1 << 20)):
            received += got
    assert received < size


def test_files_are_sent_where_the_kernel_cannot(
    folder: Path, server: ImageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any) -> int:
        raise OSError(22, "Invalid argument")

    content = os.urandom(3 << 20)
    (folder / "foo.zvol").write_bytes(content)
    monkeypatch.setattr(os, "sendfile", refuse)
    assert get(server, FILE).content == content
    monkeypatch.delattr(os, "sendfile")
    assert get(server, FILE).content == content
    assert get(server, FILE, Range="bytes=5-").content == content[5:]


def test_uploaded_file_is_never_read_for_its_digests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(file: BinaryIO) -> Iterator[memoryview]:
        raise AssertionError

    monkeypatch.setattr(digests, "blocks_of", fail)
    repository = WritableFolder(tmp_path)
    with (
        repository.opened(),
        ImageServer(repository, port=0, writer=Writer(repository)) as server,
    ):
        path = f"{server.url}/images/{UUID}"
        body = {**manifest(), **ZVOL}
        assert requests.post(f"{path}?action=import", json=body, timeout=30).ok
        assert requests.put(f"{path}/file?compression=none", CONTENT, timeout=30).ok
        for _ in range(2):
            assert get(server, FILE).headers["Content-MD5"] == MD5
            requests.post(f"{path}?action=activate", timeout=30)


FORGED = [
    {"files": [{"sha1": "../../secret", "size": 6, "compression": "none"}]},
    {"files": [{"sha1": "/etc/passwd", "size": 6, "compression": "none"}]},
    {"files": [{"sha1": "A" * 40, "size": 6, "compression": "none"}]},
    {"files": [{"size": 6, "compression": "none"}]},
    {"files": [{"sha1": "a" * 40, "compression": "none"}]},
    {"files": [{"sha1": "a" * 40, "size": 6, "compression": "../x"}]},
    {"files": ["x"]},
    {"files": {}},
    {"uuid": OTHER},
    {"state": "active"},
    {"type": "../x"},
]


@pytest.mark.parametrize("changes", FORGED, ids=str)
def test_draft_that_names_a_file_elsewhere_is_refused(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    from imgadm.manifest.errors import InvalidManifestError

    (tmp_path / "secret").write_bytes(b"secret")
    draft = tmp_path / ".imgadm" / UUID
    draft.mkdir(parents=True)
    made = {"disabled": False, "public": False, "owner": UUID, "state": "unactivated", "files": []}
    (draft / "manifest.json").write_text(json.dumps({**manifest(), **ZVOL, **made, **changes}))
    with pytest.raises(InvalidManifestError, match="is damaged"), WritableFolder(tmp_path).opened():
        pass
    assert (tmp_path / "secret").read_bytes() == b"secret"


def _link_root(folder: Path, outside: Path) -> None:
    (folder / ".imgadm").symlink_to(outside)


def _link_draft(folder: Path, outside: Path) -> None:
    (folder / ".imgadm").mkdir()
    (folder / ".imgadm" / UUID).symlink_to(outside)


def _link_lock(folder: Path, outside: Path) -> None:
    (folder / ".imgadm").mkdir()
    (folder / ".imgadm" / "lock").symlink_to(outside / "lock")


def _pipe_as_lock(folder: Path, outside: Path) -> None:
    (folder / ".imgadm").mkdir()
    os.mkfifo(folder / ".imgadm" / "lock")


def _open_root(folder: Path, outside: Path) -> None:
    (folder / ".imgadm").mkdir()
    (folder / ".imgadm").chmod(0o777)


def _deletion_elsewhere(folder: Path, outside: Path) -> None:
    (folder / ".imgadm").mkdir()
    stamp = list(digests.stamp_of((outside / "kept").lstat())[1:])
    words = {"manifest": "none.json", "file": str(outside / "kept"), "stamp": stamp}
    (folder / ".imgadm" / "deletion.json").write_text(json.dumps(words))


@pytest.mark.parametrize(
    ("plant", "words"),
    [
        (_link_root, 'imgadm" is a symbolic link'),
        (_link_draft, f'{UUID}" is a symbolic link'),
        (_link_lock, "a symbolic link"),
        (_pipe_as_lock, "a named pipe"),
        (_open_root, "chmod go-w"),
        (_deletion_elsewhere, "is damaged; remove it"),
    ],
)
def test_things_planted_among_drafts_are_refused(
    tmp_path: Path, plant: Callable[[Path, Path], None], words: str
) -> None:
    from imgadm.base.errors import ImgadmError

    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (outside / "kept").write_bytes(b"kept")
    plant(folder, outside)
    with pytest.raises(ImgadmError, match=words), WritableFolder(folder).opened():
        pass
    assert [path.name for path in outside.iterdir()] == ["kept"]


def test_another_file_of_a_deleted_name_is_kept(tmp_path: Path) -> None:
    (tmp_path / ".imgadm").mkdir()
    words = {"manifest": "foo.json", "file": "foo.zvol", "stamp": [1, 2, 3, 4]}
    (tmp_path / ".imgadm" / "deletion.json").write_text(json.dumps(words))
    (tmp_path / "foo.zvol").write_bytes(b"another")
    with WritableFolder(tmp_path).opened():
        pass
    assert (tmp_path / "foo.zvol").read_bytes() == b"another"
    assert not (tmp_path / ".imgadm" / "deletion.json").exists()


def test_files_of_drafts_are_not_followed(tmp_path: Path) -> None:
    repository = WritableFolder(tmp_path)
    sha1 = hashlib.sha1(CONTENT).hexdigest()
    with (
        repository.opened(),
        ImageServer(repository, port=0, writer=Writer(repository)) as server,
    ):
        path = f"{server.url}/images/{UUID}"
        body = {**manifest(), **ZVOL}
        assert requests.post(f"{path}?action=import", json=body, timeout=30).ok
        assert requests.put(f"{path}/file?compression=none", CONTENT, timeout=30).ok
        stored = tmp_path / ".imgadm" / UUID / sha1
        stored.rename(tmp_path / "elsewhere")
        stored.symlink_to(tmp_path / "elsewhere")
        assert get(server, FILE).status_code == 500
