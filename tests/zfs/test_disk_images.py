"""Images of disks, made by the program where there is no ZFS, on a real zpool."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.disks import MIB, boot_sector, raw_disk, some
from tests.e2e.imports.host import Host, sha256
from tests.stands.zfsvm import Session, volume_digests

from .guest_host import GuestHost

SIZE = 6 * MIB
BASE = {0: boot_sector() + some(99_488), 3 * MIB: some(MIB, 2), SIZE - 512: b"end"}
GENERATIONS = (
    (SIZE, BASE),
    (SIZE, {**BASE, 4096: bytes(50_000), 2 * MIB: some(5000, 3)}),
    (SIZE + MIB, {0: boot_sector(), 3 * MIB: some(MIB, 2), 5 * MIB + 100: some(9000, 4)}),
)
BLOCK_SIZES = (512, 8192, 131072)


@pytest.fixture
def builder(tmp_path: Path) -> Iterator[Host]:
    """A host without ZFS, whose images are a directory pool's."""
    made = Host(tmp_path / "builder")
    yield made
    made.end()


def create_chain(
    builder: Host, disks: list[Path], folder: Path, block_size: int
) -> list[dict[str, Any]]:
    """Manifests of images of the disks, each based on the last; their files are in ``folder``."""
    folder.mkdir()
    chain: list[dict[str, Any]] = []
    for number, disk in enumerate(disks):
        prefix = folder / str(number)
        words = ["--disk", str(disk), "name=chain", f"version={number}", "-o", str(prefix)]
        if chain:
            words += ["-i", f"origin={chain[-1]['uuid']}"]
        else:
            words += ["os=linux", "--block-size", str(block_size)]
        done = builder.run("create", *words)
        assert (done.status, done.stderr) == (0, "")
        files = ["-m", f"{prefix}.imgmanifest", "-f", f"{prefix}.zvol"]
        assert builder.run("install", *files).status == 0
        chain.append(json.loads(Path(f"{prefix}.imgmanifest").read_bytes()))
    return chain


def test_chains_of_disks_are_received(
    zones: Session, host: GuestHost, builder: Host, tmp_path: Path
) -> None:
    """By ``zfs receive`` alone, and by an install of the real program."""
    disks = [
        raw_disk(tmp_path / f"{number}.raw", size, holding)
        for number, (size, holding) in enumerate(GENERATIONS)
    ]
    script: list[str] = []
    wanted: list[str] = []
    digests: dict[str, str] = {}
    for block_size in BLOCK_SIZES:
        folder = zones.exchange / f"disks-{block_size}"
        chain = create_chain(builder, disks, folder, block_size)
        base = "-"
        for number, (image, disk) in enumerate(zip(chain, disks, strict=True)):
            dataset = f"zones/disk-{block_size}-{number}"
            stream = shlex.quote(f"{folder}/{number}.zvol")
            script.append(f"zfs receive {dataset} <{stream} || exit 1")
            script.append(f"zfs get -Hp -o value volsize,volblocksize,origin {dataset}")
            script.append(f"zfs get -Hp -o value guid {dataset}@final")
            guid = image["files"][0]["dataset_guid"]
            wanted += [str(disk.stat().st_size), str(block_size), base, guid]
            base = f"{dataset}@final"
            digests[dataset] = sha256(disk)
    assert zones.check("\n".join(script), timeout=250).splitlines() == wanted
    assert volume_digests(zones, *digests) == list(digests.values())

    folder = zones.exchange / "disks-8192"
    uuids = [json.loads((folder / f"{n}.imgmanifest").read_bytes())["uuid"] for n in range(3)]
    for number in range(3):
        done = host.run(
            *("install", "-m", f"{folder}/{number}.imgmanifest", "-f", f"{folder}/{number}.zvol")
        )
        assert (done.status, done.stderr) == (0, "")
    origins = host.traces().origins
    assert [origins[f"zones/{uuid}"] for uuid in uuids] == [
        "-",
        *(f"zones/{uuid}@final" for uuid in uuids[:-1]),
    ]
    assert volume_digests(zones, *(f"zones/{uuid}" for uuid in uuids)) == list(map(sha256, disks))


def test_disk_is_installed_into_a_zpool(zones: Session, host: GuestHost) -> None:
    disk = raw_disk(zones.exchange / "disk.raw", SIZE + 512, {**BASE, SIZE: b"odd"})
    uuid = "0f6c0b6e-6a62-4c7e-9df5-6d0cb6b1a6b5"
    words = ("name=tiny", "version=1", "os=linux", f"uuid={uuid}")
    done = host.run("install", "--disk", str(disk), "--block-size", "16384", *words)
    assert (done.status, done.lines[-1]) == (0, f"Installed image {uuid} (tiny@1)")
    assert f"zeros fill it up to {SIZE + 16384}" in done.stderr
    found = host.traces()
    assert found.origins == {f"zones/{uuid}": "-"}
    assert found.snapshots == [f"zones/{uuid}@final"]
    assert (found.held_locks, found.temporary_files, found.processes) == ([], [], [])
    [record] = host.records().values()
    assert (record["manifest"]["image_size"], record["manifest"]["type"]) == (7, "zvol")
    properties = "volsize,volblocksize,refreservation"
    shown = zones.check(f"zfs get -Hp -o value {properties} zones/{uuid}").split()
    assert shown == [str(SIZE + 16384), "16384", "0"]
    content = disk.read_bytes().ljust(SIZE + 16384, b"\0")
    assert volume_digests(zones, f"zones/{uuid}") == [hashlib.sha256(content).hexdigest()]

    cut = zones.exchange / "cut.raw.gz"
    zones.check(f"gzip -1 <{shlex.quote(str(disk))} | head -c 500000 >{shlex.quote(str(cut))}")
    failed = host.run("install", "--disk", str(cut), "name=cut", "version=1", "os=linux")
    assert (failed.status, failed.error()[0]) == (1, "UncompressionError")
    assert host.traces() == found
