"""Every recorded stream, packed in every way, becomes the disk that it was sent from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from imgadm.serve import FolderCatalogue, ImageServer

from .conftest import Serve
from .host import Host, sha256
from .images import (
    COMPRESS,
    Image,
    chain_of_three,
    disk_sha256,
    sample,
    sample_image,
)

DISK_OF = {
    "zvol-full": "zvol-full",
    "zvol-full-compressed": "zvol-full",
    "zvol-128k": "zvol-128k",
    "zvol-embedded": "zvol-embedded",
}
CHAIN_DISKS = ["zvol-full", "zvol-incr", "zvol-incr2"]


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("stream", DISK_OF)
def test_zvol_image_becomes_its_disk(
    stream: str, compression: str, host: Host, serve: Serve
) -> None:
    image = sample_image(stream, compression)
    server = serve(image)
    done = host.run("import", "-S", server.url, image.uuid)
    assert (done.status, done.stderr) == (0, "")
    assert done.lines == [
        f'Importing {image.title} from "{server.url}"',
        f"Gather image {image.uuid} ancestry",
        f"Must download and install 1 image ({human(len(image.data))})",
        f"Downloaded image {image.uuid} ({human(len(image.data))})",
        f"Imported image {image.title}",
    ]
    assert sha256(host.disk(image.uuid)) == disk_sha256(DISK_OF[stream])
    host.assert_tidy(image.uuid)


@pytest.mark.parametrize("compression", COMPRESS)
def test_file_system_image_is_kept_as_its_stream(
    compression: str, host: Host, serve: Serve
) -> None:
    base = sample_image("fs-full", compression)
    child = sample_image("fs-incr", compression, origin=base)
    done = host.run("import", "-S", serve(base, child).url, child.uuid)
    assert (done.status, done.stderr) == (0, "")
    for image, stream in ((base, "fs-full"), (child, "fs-incr")):
        kept = (host.pool / image.uuid / "stream.zfs").read_bytes()
        assert hashlib.sha256(kept).digest() == hashlib.sha256(sample(stream)).digest()
    host.assert_tidy(base.uuid, child.uuid)


@pytest.mark.parametrize("compression", COMPRESS)
def test_chain_arrives_base_first(compression: str, host: Host, serve: Serve) -> None:
    chain = chain_of_three(compression)
    done = host.run("import", "-S", serve(*chain).url, chain[-1].uuid)
    assert (done.status, done.stderr) == (0, "")
    assert [line for line in done.lines if line.startswith("Imported")] == [
        f"Imported image {image.title}" for image in chain
    ]
    assert_disks_of(host, chain)


def test_rest_of_a_chain_arrives_on_what_is_installed(host: Host, serve: Serve) -> None:
    chain = chain_of_three()
    server = serve(*chain)
    for image, known in zip(chain, [[], chain[:1], chain[:2]], strict=True):
        done = host.run("import", "-S", server.url, image.uuid)
        assert (done.status, done.stderr) == (0, "")
        assert [line for line in done.lines if line.endswith("already installed")] == [
            f"Image {ancestor.uuid} already installed" for ancestor in reversed(known)
        ]
    assert_disks_of(host, chain)
    assert server.requests.count(f"/images/{chain[0].uuid}/file") == 1


def test_installed_images_are_listed_shown_and_deleted(host: Host, serve: Serve) -> None:
    chain = chain_of_three()
    assert host.run("import", "-S", serve(*chain).url, chain[-1].uuid).status == 0
    base, middle, top = chain

    listed = host.run("list", "-H", "-o", "uuid,name,origin").lines
    assert sorted(line.split() for line in listed) == sorted(
        [image.uuid, image.manifest["name"], image.manifest.get("origin", "-")] for image in chain
    )
    assert f'"uuid": "{top.uuid}"' in host.run("get", top.uuid).stdout

    again = host.run("import", top.uuid)
    words = f"{top.manifest['name']} {top.manifest['version']}"
    assert again.lines == [f"Image {top.uuid} ({words}) is already installed, skipping"]

    refused = host.run("delete", base.uuid)
    assert refused.status == 1
    assert refused.error()[0] == "ImageHasDependentClones"
    for image, left in ((top, {base.uuid, middle.uuid}), (middle, {base.uuid}), (base, set())):
        assert host.run("delete", image.uuid).status == 0
        host.assert_tidy(*left)
    assert host.run("get", top.uuid).status == 3


def test_hosts_import_from_each_other(tmp_path: Path, serve: Serve) -> None:
    chain = chain_of_three()
    first, second = Host(tmp_path / "first"), Host(tmp_path / "second")
    assert first.run("import", "-S", serve(*chain).url, chain[-1].uuid).status == 0

    serving = first.start("serve", "-l", "127.0.0.1:0")
    assert serving.process.stdout is not None
    url = serving.process.stdout.readline().split()[-1]
    try:
        done = second.run("import", "-S", url, chain[-1].uuid)
    finally:
        serving.process.terminate()
        serving.finish()
    assert (done.status, done.stderr) == (0, "")
    assert_disks_of(second, chain)


def test_folder_of_pairs_is_a_source(tmp_path: Path, host: Host) -> None:
    image = sample_image("zvol-full", "zstd")
    (tmp_path / "debian.json").write_text(json.dumps(image.manifest))
    (tmp_path / "debian.zvol.zst").write_bytes(image.data)
    with ImageServer(FolderCatalogue(tmp_path), port=0) as server:
        done = host.run("import", "-S", server.url, image.uuid)
    assert (done.status, done.stderr) == (0, "")
    assert sha256(host.disk(image.uuid)) == disk_sha256("zvol-full")


def assert_disks_of(host: Host, chain: list[Image]) -> None:
    disks = [sha256(host.disk(image.uuid)) for image in chain]
    assert disks == [disk_sha256(name) for name in CHAIN_DISKS]
    host.assert_tidy(*(image.uuid for image in chain))


def human(size: int) -> str:
    """A size as it is printed: one decimal digit, the rest cut off."""
    unit, scale = ("MiB", 1 << 20) if size >= 1 << 20 else ("KiB", 1 << 10)
    return f"{size * 10 // scale / 10:.1f} {unit}"
