"""``imgadm install``: an image from local files, and what is wrong with them."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from .conftest import Serve
from .host import Finished, Host, sha256
from .images import COMPRESS, Image, chain_of_three, disk_sha256, sample, sample_image, small_image

GOOD = small_image()


class Files:
    """A manifest and a file for ``-m`` and ``-f``."""

    def __init__(self, directory: Path) -> None:
        self.manifest, self.file = directory / "image.json", directory / "image.zvol"

    def install(self, host: Host, *options: str, **settings: Any) -> Finished:
        words = ("-m", str(self.manifest), "-f", str(self.file))
        return host.run("install", *options, *words, **settings)

    def hold(self, image: Image) -> None:
        self.manifest.write_text(json.dumps(image.manifest))
        self.file.write_bytes(image.data)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.mark.parametrize("compression", COMPRESS)
def test_image_of_any_compression(compression: str, host: Host, files: Files) -> None:
    image = sample_image("zvol-128k", compression)
    files.hold(image)
    before = (files.manifest.read_bytes(), sha256(files.file))
    done = files.install(host)
    assert (done.status, done.stderr) == (0, "")
    assert done.lines == [f"Installing image {image.title}", f"Installed image {image.title}"]
    assert sha256(host.disk(image.uuid)) == disk_sha256("zvol-128k")
    assert (files.manifest.read_bytes(), sha256(files.file)) == before
    host.assert_tidy(image.uuid)


def test_chain_is_installed_base_first(host: Host, files: Files) -> None:
    base, middle, top = chain_of_three()
    for image, wanted in ((middle, base), (top, middle)):
        files.hold(image)
        done = files.install(host)
        assert (done.status, done.error()) == (
            3,
            (
                "OriginNotInstalled",
                f'origin image "{wanted.uuid}" was not found on directory pool "{host.pool}"',
            ),
        )
        files.hold(wanted)
        assert files.install(host).status == 0
    files.hold(top)
    assert files.install(host, "-q").status == 0
    assert sha256(host.disk(top.uuid)) == disk_sha256("zvol-incr2")
    host.assert_tidy(base.uuid, middle.uuid, top.uuid)


def test_installed_already(host: Host, files: Files) -> None:
    files.hold(GOOD)
    assert files.install(host).status == 0
    done = files.install(host)
    words = f"{GOOD.manifest['name']} {GOOD.manifest['version']}"
    assert done.stdout == f"Image {GOOD.uuid} ({words}) is already installed, skipping\n"
    assert done.status == 0


BAD_CONTENT = {
    "wrong size": (GOOD.promising(size=5), "DownloadError", "image file size error: manifest says"),
    "wrong sha1": (
        GOOD.promising(sha1="0" * 40),
        "DownloadError",
        f'image file checksum (sha1) error: manifest says "{"0" * 40}", ',
    ),
    "wrong compression": (GOOD.promising(compression="xz"), "UncompressionError", "expected xz"),
    "truncated": (GOOD.of_bytes(GOOD.data[:-100]), "UncompressionError", "gzip"),
    "empty": (GOOD.of_bytes(b""), "ManifestValidation", "size"),
    "no stream": (
        GOOD.of_bytes(b"text" * 1000, compression="none"),
        "InvalidStream",
        "cannot be received",
    ),
    "its own origin": (GOOD.having(origin=GOOD.uuid), "OriginNotInstalled", GOOD.uuid),
    "no name": (GOOD.having(name=None), "ManifestValidation", "invalid manifest: name"),
    "hostile uuid": (GOOD.having(uuid="../../etc"), "InvalidUUID", "../../etc"),
    "hostile name": (GOOD.having(name="a\nb"), "ManifestValidation", "name"),
    "file without a size": (GOOD.promising(size=None), "ManifestValidation", '"size"'),
}


@pytest.mark.parametrize("name", BAD_CONTENT)
def test_bad_content(name: str, host: Host, files: Files) -> None:
    image, code, words = BAD_CONTENT[name]
    files.hold(image)
    done = files.install(host)
    assert (done.status, done.error()[0]) == (3 if code == "OriginNotInstalled" else 1, code)
    assert words in done.error()[1]
    host.assert_tidy()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"{nonsense", "not JSON"),
        (b"[]", "a JSON object was expected"),
        (b"[" * 100_000, "nested deeper"),
        (b'"\xff"', "not UTF-8"),
        (b" " * (5 << 20), "too big"),
    ],
)
def test_manifest_that_is_none(content: bytes, words: str, host: Host, files: Files) -> None:
    files.hold(GOOD)
    files.manifest.write_bytes(content)
    done = files.install(host)
    assert (done.status, done.error()[0]) == (1, "InvalidManifest")
    assert done.error()[1].startswith("manifest is invalid: ")
    assert words in done.error()[1]
    host.assert_tidy()


def test_endless_manifest(host: Host, files: Files) -> None:
    files.hold(GOOD)
    files.manifest = Path("/dev/zero")
    assert files.install(host).error()[0] == "InvalidManifest"


def test_paths_that_are_not_there(host: Host, files: Files, tmp_path: Path) -> None:
    files.hold(GOOD)
    there, files.file = files.file, tmp_path / "none"
    done = files.install(host)
    assert (done.status, done.error()) == (
        2,
        ("Usage", f'file path does not exist: "{files.file}"'),
    )
    files.manifest, files.file = tmp_path / "none", there
    done = files.install(host)
    assert done.error() == ("Usage", f'manifest path does not exist: "{files.manifest}"')


def test_directories_instead_of_files(host: Host, files: Files, tmp_path: Path) -> None:
    files.hold(GOOD)
    there, files.file = files.file, tmp_path
    assert "is a directory" in files.install(host).error()[1]
    files.manifest, files.file = tmp_path, there
    assert files.install(host).error()[0] == "EISDIR"
    host.assert_tidy()


def test_file_from_a_pipe(host: Host, files: Files) -> None:
    files.hold(GOOD)
    with files.file.open("rb") as source:
        cat = subprocess.Popen(["cat"], stdin=source, stdout=subprocess.PIPE)
        files.file = Path("/dev/stdin")
        done = files.install(host, stdin=cat.stdout)
        assert cat.stdout is not None
        cat.stdout.close()
        cat.wait()
    assert (done.status, done.stderr) == (0, "")
    assert sha256(host.disk(GOOD.uuid)) == disk_sha256("zvol-embedded")
    host.assert_tidy(GOOD.uuid)


def test_file_from_a_named_pipe_that_ends_early(host: Host, files: Files) -> None:
    files.hold(GOOD)
    files.file = files.file.with_name("pipe")
    os.mkfifo(files.file)
    writer = threading.Thread(target=files.file.write_bytes, args=(GOOD.data[:-100],))
    writer.start()
    done = files.install(host)
    writer.join()
    assert (done.status, done.error()[0]) == (1, "DownloadError")
    assert "image file size error" in done.error()[1]
    host.assert_tidy()


def test_compression_is_told_from_the_file_where_the_manifest_has_no_file(
    host: Host, files: Files
) -> None:
    files.hold(GOOD)
    manifest = {key: value for key, value in GOOD.manifest.items() if key != "files"}
    files.manifest.write_text(json.dumps(manifest))
    files.file.write_bytes(COMPRESS["zstd"](sample("zvol-embedded")))
    done = files.install(host)
    assert (done.status, done.stderr) == (0, "")
    assert sha256(host.disk(GOOD.uuid)) == disk_sha256("zvol-embedded")


def test_events(host: Host, files: Files) -> None:
    files.hold(GOOD)
    done = files.install(host, "--json")
    kinds = [event["event"] for event in done.events if event["event"] != "transferring"]
    assert kinds == ["install-begins", "file-verified", "image-installed"]
    again = files.install(host, "--json")
    assert [event["event"] for event in again.events] == ["already-installed"]


def test_installed_image_is_offered_to_others(host: Host, files: Files, serve: Serve) -> None:
    files.hold(GOOD)
    assert files.install(host).status == 0
    assert "source" not in json.loads(host.run("get", GOOD.uuid).stdout)
