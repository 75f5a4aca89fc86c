"""Images of disks, made and installed by the program on a host without ZFS."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.disks import MIB, boot_sector, converted, needs_qemu, raw_disk, some, unzipped
from tests.e2e.imports.host import Host, sha256
from tests.e2e.imports.server import Server, serve_bytes

SIZE = 6 * MIB
BASE = {0: boot_sector(), 512: some(99_488), 3 * MIB: some(MIB, 2), SIZE - 512: b"end"}
CHANGES = (
    {**BASE, 4096: bytes(50_000), 2 * MIB: some(5000, 3)},
    {**BASE, 3 * MIB: bytes(MIB), 5 * MIB + 100: some(9000, 4)},
)
FIELDS = ("name=tiny", "os=linux")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path / "host")
    yield made
    made.end()


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return raw_disk(tmp_path / "disk.raw", SIZE, BASE)


class Images:
    """A folder that images are created in."""

    def __init__(self, host: Host, path: Path) -> None:
        self.host, self.path = host, path
        path.mkdir()

    def create(self, *words: str) -> dict[str, Any]:
        """The manifest of the image that was created; there is one more pair of files."""
        before = set(self.path.iterdir())
        done = self.host.run("create", *words, "-o", str(self.path))
        assert (done.status, done.stderr) == (0, "")
        manifest, file = sorted(set(self.path.iterdir()) - before)
        assert done.lines[-2:] == [
            f'Sending image file to "{file}"',
            f'Saving manifest to "{manifest}"',
        ]
        image: dict[str, Any] = json.loads(manifest.read_bytes())
        assert "Manifest:" in done.lines
        return image

    def file(self, image: dict[str, Any], ending: str = ".zvol") -> Path:
        return self.path / f"{image['name']}-{image['version']}{ending}"

    def install(self, image: dict[str, Any], ending: str = ".zvol") -> None:
        manifest = self.file(image, ".imgmanifest")
        file = self.file(image, ending)
        done = self.host.run("install", "-m", str(manifest), "-f", str(file))
        assert (done.status, done.stderr) == (0, "")


@pytest.fixture
def images(host: Host, tmp_path: Path) -> Images:
    return Images(host, tmp_path / "images")


def test_disk_comes_out_of_an_image_as_it_went_in(images: Images, host: Host, disk: Path) -> None:
    image = images.create("--disk", str(disk), *FIELDS, "version=1.10", "-c", "gzip")
    uuid, file = image.pop("uuid"), image.pop("files")[0]
    assert image == {
        "v": 2,
        "name": "tiny",
        "os": "linux",
        "version": "1.10",
        "type": "zvol",
        "nic_driver": "virtio",
        "disk_driver": "virtio",
        "cpu_type": "host",
        "image_size": 6,
    }
    assert file["compression"] == "gzip"
    images.install(image, ".zvol.gz")
    assert sha256(host.disk(uuid)) == sha256(disk)
    record = json.loads((host.pool / uuid / "image.json").read_bytes())["stream"]
    assert record["guid"] == file["dataset_guid"]
    assert (record["block_size"], record["volume_size"]) == (8192, SIZE)
    host.assert_tidy(uuid)


def test_chain_of_two_increments(images: Images, host: Host, disk: Path, tmp_path: Path) -> None:
    words = ("cpu_type=qemu64", 'requirements={"brand":"kvm"}', "--block-size", "4096")
    image = images.create("--disk", str(disk), *FIELDS, "version=1", *words)
    images.install(image)
    chain, guids = [image["uuid"]], [image["files"][0]["dataset_guid"]]
    for number, holding in enumerate(CHANGES, start=2):
        changed = raw_disk(tmp_path / f"{number}.raw", SIZE + number * 4096, holding)
        origin = f"origin={chain[-1]}"
        image = images.create(
            "--disk", str(changed), "-i", origin, "name=tiny", f"version={number}"
        )
        assert (image["origin"], image["os"], image["cpu_type"]) == (chain[-1], "linux", "qemu64")
        assert (image["image_size"], image["requirements"]) == (7, {"brand": "kvm"})
        assert images.file(image).stat().st_size < MIB // 4
        images.install(image)
        content = host.disk(image["uuid"]).read_bytes()
        assert content == changed.read_bytes().ljust(len(content), b"\0")
        record = json.loads((host.pool / image["uuid"] / "image.json").read_bytes())["stream"]
        assert (record["from_guid"], record["block_size"]) == (guids[-1], 4096)
        chain.append(image["uuid"])
        guids.append(image["files"][0]["dataset_guid"])
    host.assert_tidy(*chain)


@pytest.mark.skipif(shutil.which("zstream") is None, reason="zstream is not installed")
def test_zstream_knows_the_stream(images: Images, disk: Path) -> None:
    image = images.create("--disk", str(disk), *FIELDS, "version=1")
    with images.file(image).open("rb") as stream:
        dump = subprocess.run(["zstream", "dump"], stdin=stream, capture_output=True, text=True)
    guid = f"{int(image['files'][0]['dataset_guid']):x}"
    assert f"toguid = {guid}" in dump.stdout
    assert f"toname = image/{image['uuid']}@final" in dump.stdout
    assert "features = 0\n" in dump.stdout
    assert "Total DRR_WRITE records = " in dump.stdout
    assert "invalid" not in dump.stdout.lower() + dump.stderr.lower()


@needs_qemu
def test_disks_of_virtual_machines(images: Images, host: Host, disk: Path) -> None:
    other = converted(disk, "qcow2", "-c")
    image = images.create("--disk", str(other), *FIELDS, "version=1")
    images.install(image)
    done = host.run("install", "--disk", str(other), "--format", "qcow2", *FIELDS, "version=2")
    assert (done.status, done.stderr) == (0, "")
    for uuid in host.installed():
        assert sha256(host.disk(uuid)) == sha256(disk)
    # What a guest writes to its raw disk may look like anything.
    done = host.run("install", "--disk", str(other), "--format", "raw", *FIELDS, "version=3")
    assert done.status == 0
    [raw] = (uuid for uuid in host.installed() if uuid in done.stdout)
    content = host.disk(raw).read_bytes()
    assert content == other.read_bytes().ljust(len(content), b"\0")


def test_disk_is_installed_and_serves_as_an_origin(
    images: Images, host: Host, disk: Path, tmp_path: Path
) -> None:
    uuid = "3c5e5a8e-8e3f-4b35-9d43-1c9d7d1b2b6a"
    words = ("--disk", str(disk), *FIELDS, "version=1", f"uuid={uuid}", "--block-size", "512")
    done = host.run("install", *words)
    title = f"{uuid} (tiny@1)"
    assert (done.status, done.stderr) == (0, "")
    assert done.lines == [f"Installing image {title}", f"Installed image {title}"]
    assert sha256(host.disk(uuid)) == sha256(disk)
    again = host.run("install", *words)
    assert again.lines == [f"Image {uuid} (tiny 1) is already installed, skipping"]
    shown = json.loads(host.run("get", uuid).stdout)["manifest"]
    assert (shown["image_size"], shown["type"], "published_at" in shown) == (6, "zvol", True)
    changed = raw_disk(tmp_path / "changed.raw", SIZE, CHANGES[0])
    image = images.create("--disk", str(changed), "-i", f"origin={uuid}", *FIELDS, "version=2")
    images.install(image)
    assert sha256(host.disk(image["uuid"])) == sha256(changed)
    host.assert_tidy(uuid, image["uuid"])


def test_disks_arrive_over_http_and_compressed(host: Host, disk: Path, tmp_path: Path) -> None:
    content = disk.read_bytes()
    special = {
        "/disk.raw": serve_bytes(content),
        "/disk.raw.gz": serve_bytes(gzip.compress(content, 1)),
    }
    with Server((), special) as server:
        packed = tmp_path / "disk.raw.xz"
        packed.write_bytes(lzma.compress(content, preset=0))
        for place in (f"{server.url}/disk.raw", f"{server.url}/disk.raw.gz", str(packed)):
            done = host.run("install", "--disk", place, *FIELDS, "version=1")
            assert (done.status, done.stderr) == (0, "")
        for words, message in (
            (f"{server.url}/nothing", "not found"),
            (f"{server.url}/disk.raw --format qcow2", "cannot be read while it arrives"),
        ):
            failed = host.run("install", "--disk", *words.split(), *FIELDS, "version=1")
            assert message in failed.error()[1]
    installed = host.installed()
    assert len(installed) == 3
    for uuid in installed:
        assert sha256(host.disk(uuid)) == sha256(disk)
        record = json.loads((host.pool / uuid / "image.json").read_bytes())
        assert record["manifest"]["image_size"] == 6
    host.assert_tidy(*installed)


PACK = {"raw": bytes, "gzip": gzip.compress, "xz": lzma.compress}


@pytest.mark.parametrize("compression", PACK)
def test_disk_comes_through_a_pipe(
    compression: str, host: Host, disk: Path, tmp_path: Path
) -> None:
    sent = tmp_path / "sent"
    sent.write_bytes(PACK[compression](disk.read_bytes()))
    words = (*FIELDS, "version=1")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cp", sent, pipe]):
        assert host.run("install", "--disk", str(pipe), *words).status == 0
    with subprocess.Popen(["cat", sent], stdout=subprocess.PIPE) as cat:
        done = host.run("install", "--disk", "/dev/stdin", *words, stdin=cat.stdout)
        assert (done.status, done.stderr) == (0, "")
    with sent.open("rb") as file:
        assert host.run("install", "--disk", "/dev/stdin", *words, stdin=file).status == 0
    installed = host.installed()
    assert len(installed) == 3
    assert {sha256(host.disk(uuid)) for uuid in installed} == {sha256(disk)}


@needs_qemu
def test_disk_that_cannot_be_read_twice_says_what_to_do(
    host: Host, disk: Path, tmp_path: Path
) -> None:
    other = converted(disk, "qcow2")
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(other.read_bytes(), 1))
    words = (*FIELDS, "version=1")
    for name, more, message in (
        (str(packed), (), "this is a qcow2 disk, and only a raw disk can be read while it"),
        (str(packed), (), "arrives; decompress it first"),
        ("/dev/stdin", (), "arrives; save it to a file first"),
        ("/dev/stdin", ("--format", "qcow2"), "arrives: save it to a file first"),
    ):
        with subprocess.Popen(["cat", other], stdout=subprocess.PIPE) as cat:
            failed = host.run("install", "--disk", name, *more, *words, stdin=cat.stdout)
        assert failed.error()[0] == ("Usage" if more else "InvalidDisk")
        assert message in failed.error()[1]
    with subprocess.Popen(["cat", other], stdout=subprocess.PIPE) as cat:
        failed = host.run("create", "--disk", "/dev/stdin", *words, stdin=cat.stdout)
    assert "save a pipe or URL to a file first" in failed.error()[1]
    host.assert_tidy()


@needs_qemu
def test_name_of_a_disk_is_bytes(images: Images, host: Host, disk: Path, tmp_path: Path) -> None:
    strange = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.qcow2")
    converted(disk, "qcow2").rename(strange)
    done = host.run("install", "--disk", strange, *FIELDS, "version=1")
    assert (done.status, done.stderr) == (0, "")
    [uuid] = host.installed()
    assert sha256(host.disk(uuid)) == sha256(disk)
    images.create("--disk", strange, *FIELDS, "version=1")


@needs_qemu
def test_damage_that_only_reading_finds_leaves_nothing(host: Host, tmp_path: Path) -> None:
    raw = raw_disk(tmp_path / "disk", SIZE, {0: boot_sector(), 3 * MIB: b"compressible" * 5000})
    packed = converted(raw, "qcow2", "-c")
    content = bytearray(packed.read_bytes())
    end = len(bytes(content).rstrip(b"\0"))
    content[end - 60 : end - 10] = b"\xff" * 50
    packed.write_bytes(content)
    folder = tmp_path / "folder"
    folder.mkdir()
    for words in (("install",), ("create", "-o", str(folder))):
        failed = host.run(*words, "--disk", str(packed), *FIELDS, "version=1")
        assert failed.error()[0] == "InvalidDisk"
        assert "the qcow2 disk is damaged: the" in failed.error()[1]
        assert "data for its byte 3145728" in failed.error()[1]
    assert list(folder.iterdir()) == []
    host.assert_tidy()


def test_odd_disks_are_installed_with_a_warning(host: Host, tmp_path: Path) -> None:
    for path, words, warning in (
        (unzipped("gpt-4m-33sectors.raw", tmp_path), (), "or use --block-size 512, which fits"),
        (unzipped("gpt-4m-33sectors.raw", tmp_path), ("--block-size", "512"), ""),
        (unzipped("vhd-virtualbox-20g.vhd", tmp_path), (), "neither a partition table nor a file"),
    ):
        done = host.run("install", "--disk", str(path), *words, *FIELDS, "version=1")
        assert done.status == 0
        assert warning in done.stderr
        assert done.stderr.count("warning: ") == bool(warning)


def test_what_a_server_sends_in_place_of_a_disk_is_refused(host: Host) -> None:
    page = b"<!DOCTYPE html>\n<title>Directory listing for /</title>" + b"<li>x" * 100
    with Server((), {"/": serve_bytes(page)}) as server:
        failed = host.run("install", "--disk", f"{server.url}/", *FIELDS, "version=1")
    assert failed.error()[0] == "InvalidDisk"
    assert "this is a web page; a server may have sent it" in failed.error()[1]
    host.assert_tidy()


UUID = "5b6ea8f4-6f2f-4c8e-8e0b-2ad4f9f1a0f7"
NAMED = ("name=tiny", "version=1", "os=linux")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("create --disk nothing", "Usage", 'disk path does not exist: "nothing"'),
        ("create --disk http://127.0.0.1:1/disk", "Usage", "no URL here: save the disk to a file"),
        ("create --disk .", "InvalidDisk", "a disk must be a file or a block device"),
        ("create --disk empty", "InvalidDisk", "the disk is empty"),
        ("create --disk packed", "InvalidDisk", "this is gzip data; decompress it first"),
        ("create --disk archive", "InvalidDisk", "this is a tar archive"),
        ("create --disk cut", "InvalidDisk", "the qcow2 disk is cut short: it has only 878592"),
        ("install --disk cut", "InvalidDisk", "the qcow2 disk is cut short: it has only 878592"),
        (
            "install --disk delta",
            "InvalidDisk",
            "only the differences from another disk, its parent",
        ),
        ("install --disk text", "InvalidDisk", "this is a text; a server may have sent it"),
        ("install --disk large", "InvalidDisk", "disks of up to 70368744177664 bytes can be read"),
        ("create --disk layered", "InvalidDisk", "the qcow2 disk has a backing file"),
        ("create --disk disk --format qcow2", "InvalidDisk", "this is no qcow2 disk"),
        ("create --disk disk --format ext4", "Usage", 'invalid --format "ext4": must be one of'),
        ("create --disk disk --block-size 1000", "Usage", "must be a power of two from 512"),
        ("create --disk disk --block-size 262144", "Usage", "larger blocks need features"),
        ("create --format raw", "Usage", "--format describes a disk: name the disk with --disk"),
        ("create --disk disk -s disk", "Usage", "-s runs a script in a machine"),
        ("create --disk disk -i", "Usage", "-i needs origin=UUID"),
        (f"create --disk disk origin={UUID}", "Usage", "origin=UUID needs -i"),
        ("create --disk disk -i origin=x", "InvalidUUID", 'invalid uuid: "x"'),
        (f"create --disk disk -i origin={UUID}", "OriginNotInstalled", f'image "{UUID}" was not'),
        ("create --disk disk type=lx-dataset", "Usage", "becomes an image of type zvol, not"),
        ("create --disk disk image_size=9", "Usage", "the disk has 1 MiB, not image_size=9"),
        ("create --disk disk os=", "ManifestValidation", "invalid image os"),
        ("create --disk disk oops", "Usage", 'invalid manifest field arg "oops"'),
        (f"install --disk disk origin={UUID}", "Usage", "a disk is installed in full"),
        ("install --disk disk -f disk", "Usage", "give only one of them"),
        ("install --disk nothing", "Usage", 'disk path does not exist: "nothing"'),
        ("install --disk layered", "InvalidDisk", "the qcow2 disk has a backing file"),
        ("install --disk disk image_size=9", "Usage", "the disk has 1 MiB, not image_size=9"),
        ("install --disk packed", "UncompressionError", "uncompression error"),
    ],
)
def test_bad_disks_and_words(
    words: str, code: str, message: str, host: Host, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "disk").write_bytes(bytes(MIB))
    (folder / "empty").touch()
    (folder / "packed").write_bytes(gzip.compress(bytes(600)))
    (folder / "archive").write_bytes(bytes(257) + b"ustar".ljust(1000))
    header = b"QFI\xfb\0\0\0\3" + (512).to_bytes(8, "big")
    (folder / "layered").write_bytes(header.ljust(MIB, b"\0"))
    unzipped("qcow2-zlib-cut-512.qcow2", folder).rename(folder / "cut")
    unzipped("vmdk-delta.vmdk", folder).rename(folder / "delta")
    (folder / "text").write_text("404 page not found")
    large = b"QFI\xfb\0\0\0\2" + bytes(12) + b"\0\0\0\x10" + (1000 << 40).to_bytes(8, "big")
    (folder / "large").write_bytes(large.ljust(MIB, b"\0"))
    before = set(folder.iterdir())
    command, *rest = words.split()
    named = NAMED if "--disk" in rest else ()
    if command == "install" and "packed" in rest:
        (folder / "packed").write_bytes(gzip.compress(bytes(60_000))[:-20])
    failed = host.run(command, *named, *rest, cwd=folder)
    found, said = failed.error()
    assert message in said
    assert found == code
    assert failed.status == {"Usage": 2, "OriginNotInstalled": 3}.get(code, 1)
    assert set(folder.iterdir()) == before
    host.assert_tidy()


def test_origin_in_a_zpool_is_explained_and_one_of_file_systems_is_none(
    images: Images, host: Host, disk: Path
) -> None:
    uuid = "7d0f6a8c-54ee-4f45-a1f8-0f4b3c1d2e3f"
    done = host.run("install", "--disk", str(disk), *FIELDS, "version=1", f"uuid={uuid}")
    assert done.status == 0
    words = ("create", "--disk", str(disk), "-i", f"origin={uuid}", *FIELDS, "version=2")
    failed = host.run(*words, "--block-size", "512")
    assert "the origin has blocks of 8192 bytes" in failed.error()[1]
    record = host.pool / uuid / "image.json"
    content = json.loads(record.read_bytes())
    del content["stream"]["block_size"]
    record.write_text(json.dumps(content))
    assert "is not recorded as a disk" in host.run(*words).error()[1]
    assert list(images.path.iterdir()) == []
