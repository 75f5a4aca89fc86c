"""``imgadm publish``: to ``imgadm serve --writable``, and to servers that do not behave."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.disks import boot_sector, raw_disk, some

from .host import Finished, Host, Running, sha256, wait_until
from .images import COMPRESS, Image, chain_of_three, disk_sha256, sample_image, small_image

GOOD = small_image(nic_driver="virtio", disk_driver="virtio", cpu_type="host", image_size=16)
ZVOL = {"nic_driver": "virtio", "disk_driver": "virtio", "cpu_type": "host", "image_size": 32}
TOKEN = "a-token-that-nobody-guesses"
PATH = f"/images/{GOOD.uuid}"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    directory = tmp_path / "files"
    directory.mkdir()
    return directory


def publish(
    host: Host, files: Path, url: str, image: Image = GOOD, *options: str, **settings: Any
) -> Finished:
    return start(host, files, url, image, *options, **settings).finish()


def start(
    host: Host, files: Path, url: str, image: Image = GOOD, *options: str, **settings: Any
) -> Running:
    (files / "m.json").write_text(json.dumps(image.manifest))
    (files / "i").write_bytes(image.data)
    words = ("publish", *options, "-m", "m.json", "-f", "i", url)
    return host.start(*words, cwd=files, **settings)


@dataclass
class Site:
    url: str
    folder: Path
    running: Running

    def names(self) -> set[str]:
        found = {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}
        return found - {".imgadm", ".imgadm/lock"}


@pytest.fixture
def site(host: Host, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Start ``imgadm serve --writable`` on a folder."""
    folder = tmp_path / "site"
    folder.mkdir()
    sites: list[Site] = []

    def serve(*options: str) -> Site:
        words = ("serve", "-w", "-q", "-l", "127.0.0.1:0", *options, str(folder))
        running = host.start(*words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert running.process.stdout is not None
        line = running.process.stdout.readline()
        assert line.endswith(", and taking more\n"), line
        sites.append(Site(line.split(" at ")[1].split(",")[0], folder, running))
        return sites[-1]

    yield serve
    for one in sites:
        if one.running.process.poll() is None:
            one.running.signal(signal.SIGTERM)
            one.running.finish()


def lines_of(image: Image, url: str) -> list[str]:
    name, version = image.manifest["name"], image.manifest["version"]
    compression = image.manifest["files"][0]["compression"]
    return [
        f"Imported image {image.uuid} ({name}, {version}, state=unactivated)",
        f'Added file "i" (compression "{compression}") to image {image.uuid}',
        f"Activated image {image.uuid}",
        f"Successfully published image {image.uuid} to {url}",
    ]


def test_chain_is_published_and_imported_again(
    host: Host, files: Path, site: Callable[..., Site]
) -> None:
    served = site()
    full, first, second = (image.having(**ZVOL) for image in chain_of_three())
    for image in (full, first, second):
        done = publish(host, files, served.url, image)
        assert (done.status, done.stderr) == (0, "")
        assert done.lines == lines_of(image, served.url)
    done = host.run("import", "-S", served.url, second.uuid)
    assert (done.status, done.stderr) == (0, "")
    assert sha256(host.disk(second.uuid)) == disk_sha256("zvol-incr2")
    again = publish(host, files, served.url, full)
    assert (again.status, again.stdout) == (1, "")
    wanted = f'{served.url}: image uuid "{full.uuid}" already exists'
    assert again.error() == ("ImageUuidAlreadyExists", wanted)
    assert len(served.names()) == 6


@pytest.mark.parametrize("compression", COMPRESS)
def test_every_compression(
    host: Host, files: Path, site: Callable[..., Site], compression: str
) -> None:
    served = site()
    image = sample_image("zvol-128k", compression).having(**ZVOL).promising(dataset_guid="123")
    done = publish(host, files, f"{served.url}/", image, "--json")
    assert (done.status, done.stderr) == (0, "")
    kinds = [event["event"] for event in done.events if event["event"] != "transferring"]
    assert kinds == ["manifest-accepted", "file-added", "image-activated", "image-published"]
    [pair] = served.folder.glob("*.imgmanifest")
    assert json.loads(pair.read_text())["files"] == [
        {**image.manifest["files"][0], "dataset_guid": "123"}
    ]
    [file] = served.folder.glob("*.zvol*")
    assert file.read_bytes() == image.data


def test_disk_goes_to_the_server_with_no_file_in_between(
    host: Host, files: Path, site: Callable[..., Site]
) -> None:
    served = site()
    content = {0: boot_sector() + some(300_000), 5 << 20: some(5000, 2)}
    disk = raw_disk(files / "disk", 6 << 20, content)
    words = ("create", "--disk", "disk", "name=tiny", "version=1", "os=linux", "-c", "xz")
    done = host.run(*words, "-p", served.url, cwd=files)
    assert (done.status, done.stderr) == (0, "")
    [pair] = served.folder.glob("*.imgmanifest")
    manifest = json.loads(pair.read_text())
    uuid = manifest["uuid"]
    assert done.lines[-1] == f"Successfully published image {uuid} to {served.url}"
    assert manifest["files"][0]["dataset_guid"].isdigit()
    assert [path.name for path in files.iterdir()] == ["disk"]
    assert host.run("import", "-S", served.url, uuid).status == 0
    assert sha256(host.disk(uuid)) == sha256(disk)


def test_disk_that_changes_is_not_published(
    host: Host, files: Path, site: Callable[..., Site]
) -> None:
    served = site()
    disk = raw_disk(files / "disk", 24 << 20, {0: some(24 << 20)})
    words = ("create", "--disk", "disk", "name=tiny", "version=1", "os=linux", "-c", "xz")
    running = host.start(*words, "-p", served.url, cwd=files)
    wait_until(lambda: any(name.endswith("upload.partial") for name in served.names()))
    with disk.open("r+b") as file:
        file.write(b"changed")
    failed = running.finish()
    assert (failed.status, served.names()) == (1, set())
    code, said = failed.error()
    assert (code, said.split(":")[0]) == (
        "InvalidDisk",
        'the disk "disk" has changed while it was read',
    )


def test_token(host: Host, files: Path, site: Callable[..., Site]) -> None:
    (files / "token").write_text(TOKEN + "\n")
    (files / "token").chmod(0o600)
    served = site("--token-file", str(files / "token"))
    refused = publish(host, files, served.url)
    assert (refused.status, refused.error()[0], served.names()) == (1, "UnauthorizedError", set())
    assert refused.error()[1].endswith("Bearer TOKEN; name a file with a token: --token-file")
    (files / "other").write_text(TOKEN[::-1] + "x\n")
    (files / "other").chmod(0o600)
    refused = publish(host, files, served.url, GOOD, "--token-file", "other")
    assert (refused.status, served.names()) == (1, set())
    assert refused.error()[1].endswith("; the server refuses the token in the file of --token-file")
    done = publish(host, files, served.url, GOOD, "--token-file", "token")
    assert (done.status, done.lines) == (0, lines_of(GOOD, served.url))


def test_too_large_for_the_server(host: Host, files: Path, site: Callable[..., Site]) -> None:
    served = site("--max-upload", "1K")
    done = publish(host, files, served.url)
    wanted = f"{served.url}: the file is too big, at most 1024 bytes are taken"
    assert (done.status, done.error()) == (1, ("Upload", wanted))
    assert done.lines == lines_of(GOOD, served.url)[:1]
    assert served.names() == set()


def test_ctrl_c_and_a_reader_that_goes_leave_nothing(
    host: Host, files: Path, site: Callable[..., Site]
) -> None:
    served = site()
    os.mkfifo(files / "pipe")
    running = host.start("publish", "-m", "m.json", "-f", "pipe", served.url, cwd=files)
    (files / "m.json").write_text(json.dumps(GOOD.manifest))
    with (files / "pipe").open("wb") as pipe:
        pipe.write(GOOD.data[:100])
        pipe.flush()
        wait_until(lambda: bool(served.names()))
        running.signal(signal.SIGINT)
        done = running.finish(timeout=10)
    assert done.status == 130
    assert done.stderr == "imgadm publish: error (Interrupted): interrupted\n"
    assert served.names() == set()

    reading, writing = os.pipe()
    os.close(reading)
    done = publish(host, files, served.url, stdout=writing)
    os.close(writing)
    assert (done.status, done.stderr, served.names()) == (141, "", set())


def kill_a_publication(host: Host, files: Path, served: Site, *, whole: bool) -> None:
    """Leave on the server what a publication does that is killed during, or after, the upload."""
    (files / "m.json").write_text(json.dumps(GOOD.manifest))
    if whole:
        for path, method, data in (
            (f"{PATH}?action=import", "POST", json.dumps(GOOD.manifest).encode()),
            (f"{PATH}/file?compression=gzip", "PUT", GOOD.data),
        ):
            kind = {"Content-Type": "application/json"}
            request = Request(served.url + path, data, kind, method=method)
            with urlopen(request, timeout=30) as reply:
                assert reply.status == 200
        return
    pipe = files / "pipe"
    os.mkfifo(pipe)
    running = host.start("publish", "-m", "m.json", "-f", "pipe", served.url, cwd=files)
    with pipe.open("wb") as writing:
        writing.write(GOOD.data[:100])
        writing.flush()
        wait_until(lambda: any(name.endswith("upload.partial") for name in served.names()))
        running.signal(signal.SIGKILL)
        running.finish()
    wait_until(lambda: not any(name.endswith("upload.partial") for name in served.names()))


@pytest.mark.parametrize("whole", [False, True], ids=["during the upload", "after the upload"])
def test_remains_of_a_killed_publication_are_taken_over(
    host: Host, files: Path, site: Callable[..., Site], whole: bool
) -> None:
    served = site()
    kill_a_publication(host, files, served, whole=whole)
    done = publish(host, files, served.url)
    assert (done.status, done.lines) == (0, lines_of(GOOD, served.url))
    assert served.names() == {f"{GOOD.uuid}.imgmanifest", f"{GOOD.uuid}.zvol.gz"}
    assert host.run("import", "-S", served.url, GOOD.uuid).status == 0


OTHERS = [
    GOOD.having(description="another"),
    GOOD.having(tags={"a": 1}),
    GOOD.having(public=not GOOD.manifest.get("public", True)),
    GOOD.promising(sha1="0" * 40),
]


@pytest.mark.parametrize("image", OTHERS, ids=["more", "tags", "public", "another file"])
def test_remains_of_another_publication_are_left_alone(
    host: Host, files: Path, site: Callable[..., Site], image: Image
) -> None:
    served = site()
    kill_a_publication(host, files, served, whole=True)
    before = served.names()
    done = publish(host, files, served.url, image)
    code, message = done.error()
    assert (done.status, done.stdout, code) == (1, "", "ImageUuidAlreadyExists")
    taken = f'{served.url}: image uuid "{GOOD.uuid}" already exists; '
    assert message.startswith(taken + "the server has it unactivated and with another manifest")
    assert served.names() == before


def test_two_publications_at_once_do_not_harm_each_other(
    host: Host, files: Path, site: Callable[..., Site]
) -> None:
    served = site()
    (files / "m.json").write_text(json.dumps(GOOD.manifest))
    os.mkfifo(files / "pipe")
    first = host.start("publish", "-m", "m.json", "-f", "pipe", served.url, cwd=files)
    with (files / "pipe").open("wb") as pipe:
        pipe.write(GOOD.data[:-1])
        pipe.flush()
        wait_until(lambda: any(name.endswith("upload.partial") for name in served.names()))
        second = publish(host, files, served.url)
        wanted = f'{served.url}: the file of image "{GOOD.uuid}" is being uploaded'
        assert (second.status, second.error()) == (1, ("Upload", wanted))
        pipe.write(GOOD.data[-1:])
    assert first.finish().status == 0
    assert served.names() == {f"{GOOD.uuid}.imgmanifest", f"{GOOD.uuid}.zvol.gz"}


def test_publication_that_took_over_leaves_what_was_there(
    host: Host, files: Path, site: Callable[..., Site]
) -> None:
    served = site()
    kill_a_publication(host, files, served, whole=True)
    before = served.names()
    (files / "m.json").write_text(json.dumps(GOOD.manifest))
    (files / "i").write_bytes(GOOD.data[:-1] + b"!")
    done = host.run("publish", "-m", "m.json", "-f", "i", served.url, cwd=files)
    assert (done.status, done.error()[0]) == (1, "UploadError")
    assert done.lines[-1].endswith(
        "another publication has begun it; publish it again to take it over"
    )
    assert served.names() == before


def test_killed_server_is_clean_after_it_starts_again(
    host: Host, files: Path, site: Callable[..., Site]
) -> None:
    served = site()
    os.mkfifo(files / "pipe")
    (files / "m.json").write_text(json.dumps(GOOD.manifest))
    running = host.start("publish", "-m", "m.json", "-f", "pipe", served.url, cwd=files)
    partial = served.folder / ".imgadm" / GOOD.uuid / "upload.partial"
    with (files / "pipe").open("wb") as pipe:
        pipe.write(GOOD.data[:-1])
        pipe.flush()
        wait_until(partial.exists)
        served.running.signal(signal.SIGKILL)
        served.running.finish()
        pipe.write(GOOD.data[-1:])
    done = running.finish()
    assert (done.status, done.error()[0]) == (1, "ClientError")
    warning = f"Warning: Could not delete partially published image {GOOD.uuid}: "
    assert done.lines[-1].startswith(warning)
    again = site()
    assert not partial.exists()
    assert publish(host, files, again.url).status == 0


Behaviour = Callable[["Stubborn"], None]


class Stubborn(BaseHTTPRequestHandler):
    """Does what the test says at one step, and at the others what an image server does."""

    protocol_version = "HTTP/1.1"
    server: StubbornServer

    def serve_step(self) -> None:
        step = self.step()
        self.server.steps.append(step)
        if step in self.server.behaviours:
            self.server.behaviours[step](self)
            return
        self.body()
        self.server.apply(step)
        gone = {"find": 404, "delete": 204}.get(step, 200)
        self.say(200 if self.server.image else gone, self.server.image)

    do_GET = do_PUT = do_POST = do_DELETE = serve_step  # noqa: N815  names of the base

    def step(self) -> str:
        if self.command == "POST":
            return self.path.partition("action=")[2]
        return {"GET": "find", "PUT": "upload", "DELETE": "delete"}[self.command]

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def say(self, status: int, document: Any, kind: str = "application/json") -> None:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if status != 204 else 0))
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


class StubbornServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Stubborn)
        self.behaviours: dict[str, Behaviour] = {}
        self.steps: list[str] = []
        self.image: dict[str, Any] = {}
        self.url = f"http://127.0.0.1:{self.server_port}"

    def apply(self, step: str) -> None:
        """Do what an image server does, and what it says afterwards is the image."""
        if step == "import":
            self.image = {**GOOD.manifest, "state": "unactivated", "files": []}
        elif step == "upload":
            self.image["files"] = GOOD.manifest["files"]
        elif step == "activate":
            self.image["state"] = "active"
        elif step == "delete":
            self.image = {}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients go away here in the middle, as they should."""


@pytest.fixture
def stubborn() -> Iterator[StubbornServer]:
    with StubbornServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def refuse(status: int, document: Any, kind: str = "application/json") -> Behaviour:
    """Answer without having read anything, and hang up."""

    def behave(request: Stubborn) -> None:
        request.say(status, document, kind)
        request.close_connection = True

    return behave


def answer(status: int, **changes: Any) -> Behaviour:
    def behave(request: Stubborn) -> None:
        request.body()
        request.server.apply(request.step())
        request.say(status, {**request.server.image, **changes})

    return behave


def garble(status: int, body: bytes) -> Behaviour:
    """Do what was asked, and answer with something else."""

    def behave(request: Stubborn) -> None:
        request.body()
        request.server.apply(request.step())
        request.say(status, body)

    return behave


def drop(request: Stubborn) -> None:
    """Take everything, do nothing, and hang up."""
    request.body()
    request.close_connection = True


def do_and_drop(request: Stubborn) -> None:
    """Do what was asked, and hang up without a word."""
    request.body()
    request.server.apply(request.step())
    request.close_connection = True


def cut_upload(request: Stubborn) -> None:
    request.rfile.read(10)
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    request.close_connection = True


NO = {"code": "Nope", "message": "not today", "errors": [{"field": "x", "code": "Bad"}]}
HTML = (b"<html>hello</html>", "text/html")
FILE = GOOD.manifest["files"][0]
OTHER_FILE = {**FILE, "sha1": "0" * 40}
SHORT_FILE = {**FILE, "size": 1}
ALL = ["import", "upload", "activate"]
ASKED = ["import", "find"]
UNDONE = ["import", "find", "delete"]

REFUSALS: list[tuple[str, Behaviour, str, str, list[str]]] = [
    ("import", refuse(422, NO), "Nope", "URL: not today\n    x: Bad", ["import"]),
    ("import", refuse(200, *HTML), "InternalError", "URL: a JSON reply was expected", ["import"]),
    ("import", refuse(503, *HTML), "InternalError", "URL: a JSON reply was expected", ASKED),
    ("import", refuse(302, b""), "InternalError", "URL: it redirects with status 302", ASKED),
    ("import", refuse(200, {"uuid": "x"}), "InternalError", "URL: the manifest of image", ASKED),
    ("import", refuse(500, NO), "Nope", "URL: not today", ["import"]),
    ("import", refuse(504, NO), "Nope", "URL: not today", ASKED),
    ("import", garble(200, b"{}"), "InternalError", "URL: the manifest of image", UNDONE),
    ("import", garble(201, b"["), "InternalError", "URL: a JSON reply was expected", UNDONE),
    ("import", garble(504, b"late"), "InternalError", "URL: a JSON reply was expected", UNDONE),
    ("import", drop, "ClientError", "URL: Error: ", ASKED),
    ("import", do_and_drop, "ClientError", "URL: Error: ", UNDONE),
    ("upload", refuse(422, NO), "Nope", "URL: not today", [*ALL[:2], "delete"]),
    ("upload", refuse(500, *HTML), "InternalError", "URL: a JSON reply", [*ALL[:2], "delete"]),
    ("upload", refuse(204, b""), "InternalError", "URL: a JSON reply", [*ALL[:2], "delete"]),
    ("upload", cut_upload, "ClientError", "URL: Error: ", [*ALL[:2], "delete"]),
    ("upload", drop, "ClientError", "URL: Error: ", [*ALL[:2], "delete"]),
    (
        "upload",
        answer(200, files=[OTHER_FILE]),
        "UploadError",
        f"sha1 expected to be {FILE['sha1']}, but was {'0' * 40}",
        [*ALL[:2], "delete"],
    ),
    (
        "upload",
        answer(200, files=[SHORT_FILE]),
        "UploadError",
        f"size expected to be {FILE['size']}, but was 1",
        [*ALL[:2], "delete"],
    ),
    ("upload", answer(200, files=[]), "UploadError", "sha1 expected", [*ALL[:2], "delete"]),
    ("activate", refuse(422, NO), "Nope", "URL: not today", [*ALL, "delete"]),
    ("activate", drop, "ClientError", "URL: Error: ", [*ALL, "find", "delete"]),
]


@pytest.mark.parametrize(("step", "behaviour", "code", "words", "steps"), REFUSALS)
def test_server_that_does_not_play_along_is_left_without_the_image(
    host: Host,
    files: Path,
    stubborn: StubbornServer,
    step: str,
    behaviour: Behaviour,
    code: str,
    words: str,
    steps: list[str],
) -> None:
    stubborn.behaviours[step] = behaviour
    done = publish(host, files, stubborn.url)
    got_code, message = done.error()
    assert (done.status, got_code) == (1, code)
    assert message.startswith(words.replace("URL", stubborn.url))
    assert stubborn.steps == steps
    assert stubborn.image == {}
    assert done.lines == lines_of(GOOD, stubborn.url)[: len(set(steps) & set(ALL)) - 1]


def test_image_that_was_there_is_not_deleted_where_no_answer_comes(
    host: Host, files: Path, stubborn: StubbornServer
) -> None:
    stubborn.behaviours["import"] = drop
    stubborn.image = {**GOOD.manifest, "state": "active"}
    assert publish(host, files, stubborn.url).status == 1
    assert stubborn.steps == ["import", "find"]


@pytest.mark.parametrize(
    ("step", "status", "code"),
    [
        ("upload", 409, "Upload"),
        ("upload", 422, "ImageFilesImmutable"),
        ("activate", 422, "ImageAlreadyActivated"),
    ],
)
def test_image_that_somebody_else_is_about_to_publish_is_not_deleted(
    host: Host, files: Path, stubborn: StubbornServer, step: str, status: int, code: str
) -> None:
    stubborn.behaviours[step] = refuse(status, {"code": code, "message": "no"})
    assert publish(host, files, stubborn.url).error()[0] == code
    assert stubborn.steps == ALL[: ALL.index(step) + 1]


def test_activation_that_is_not_confirmed_is_looked_at(
    host: Host, files: Path, stubborn: StubbornServer
) -> None:
    stubborn.behaviours["activate"] = do_and_drop
    done = publish(host, files, stubborn.url)
    assert (done.status, done.lines) == (0, lines_of(GOOD, stubborn.url))
    assert stubborn.steps == [*ALL, "find"]


def test_what_cannot_be_deleted_is_told(host: Host, files: Path, stubborn: StubbornServer) -> None:
    stubborn.behaviours |= {"upload": refuse(422, NO), "delete": refuse(403, NO)}
    done = publish(host, files, stubborn.url)
    assert (done.status, done.error()[0]) == (1, "Nope")
    start = f"Warning: Could not delete partially published image {GOOD.uuid}: "
    assert done.lines[1] == f"{start}{stubborn.url}: not today"


NOTHING = "0" * 40
FILE_FAULTS: list[tuple[Image, str, str]] = [
    (GOOD.promising(size=1), "UploadError", "image file size error: manifest says 1 bytes, i is "),
    (GOOD.promising(compression="xz"), "UploadError", 'says "xz", i is "gzip"'),
    (GOOD.promising(compression="none"), "UploadError", 'says "none", i is "gzip"'),
    (GOOD.promising(compression="rar"), "InvalidManifest", "rar"),
    (GOOD.having(files=[]), "InvalidManifest", '"files" of the manifest is empty'),
    (GOOD.having(uuid="x"), "InvalidManifest", '"uuid" is not a UUID'),
    (GOOD.of_bytes(b""), "UploadError", "i is empty"),
]


@pytest.mark.parametrize(("image", "code", "words"), FILE_FAULTS)
def test_files_that_do_not_fit_are_found_before_the_server_is_asked(
    host: Host, files: Path, stubborn: StubbornServer, image: Image, code: str, words: str
) -> None:
    done = publish(host, files, stubborn.url, image)
    assert (done.status, done.error()[0], stubborn.steps) == (1, code, [])
    assert words in done.error()[1]


def test_file_with_another_checksum_never_arrives_whole(
    host: Host, files: Path, site: Callable[..., Site]
) -> None:
    served = site()
    done = publish(host, files, served.url, GOOD.promising(sha1=NOTHING))
    wanted = f'manifest says "{NOTHING}", i is "{FILE["sha1"]}"'
    assert done.error() == ("UploadError", f"image file checksum (sha1) error: {wanted}")
    assert served.names() == set()


def test_arguments(host: Host, files: Path) -> None:
    missing = host.run("publish", "-m", "m.json", "-f", "i")
    assert (missing.status, missing.error()) == (2, ("Usage", 'incorrect number of args (0): ""'))
    assert publish(host, files, "ftp://x").error()[0] == "ConfigError"
    assert publish(host, files, "http://127.0.0.1:1").error()[0] == "ClientError"
    done = host.run("publish", "-m", "m.json", "-f", str(files), "http://x", cwd=files)
    assert done.error()[0] == "EISDIR"
    (files / "token").write_text("short")
    done = publish(host, files, "http://x", GOOD, "--token-file", "token")
    assert done.error()[0] == "ConfigError"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-w"], "--writable takes one folder, and neither -i nor -P"),
        (["-w", "-i", "."], "--writable takes one folder, and neither -i nor -P"),
        (["--host-name", "a.example:80", "."], 'invalid --host-name "a.example:80": must be a'),
        (["-w", "--host-name", "", "."], 'invalid --host-name "": must be a name'),
        (["-w", "--max-upload", "much", "."], 'invalid --max-upload "much": must be a size'),
        (["--token-file", "x", "."], "--token-file needs -w,--writable"),
        (["-w", "-l", "0.0.0.0:0", "."], "--writable needs --token-file there"),
    ],
)
def test_what_serve_refuses(host: Host, words: list[str], message: str) -> None:
    done = host.run("serve", *words)
    assert (done.status, done.error()[0]) == (2, "Usage")
    assert message in done.error()[1]
