"""The directory pool: the common contract, and what is peculiar to directories."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from imgadm import streams
from imgadm.base.errors import FileSystemError, InternalError
from imgadm.pools.directory.pool import DirectoryPool
from imgadm.pools.images import InstalledImage
from tests.python_path import PYTHON_PATH
from tests.unit.native.zstream_builder import StreamBuilder
from tests.unit.pools.conformance import (
    CHAIN,
    Bench,
    PoolConformance,
    manifest_of,
    sample,
    sent_guid,
)


class DirectoryBench(Bench):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.path = directory / "pool"
        self.path.mkdir()

    def open(self) -> DirectoryPool:
        return DirectoryPool(self.path)

    def names(self) -> set[str]:
        return {path.name for path in self.path.iterdir()}

    def disk(self, uuid: str) -> Path:
        return self.path / uuid / "disk.raw"

    def leave_behind(self, uuid: str) -> None:
        for name in (f"{uuid}.0123abcd.partial", f"{uuid}.partial"):
            remains = self.path / name
            remains.mkdir()
            (remains / "disk.raw").write_bytes(b"half a disk")
            (remains / "stream.zfs.01234567.partial").write_bytes(b"half a stream")


@pytest.fixture
def bench(tmp_path: Path) -> DirectoryBench:
    return DirectoryBench(tmp_path)


class TestDirectoryPool(PoolConformance):
    """The contract."""


def test_record_is_json_that_others_can_read(bench: DirectoryBench) -> None:
    image = bench.install("zvol-embedded")
    record = json.loads((bench.path / image.uuid / "image.json").read_text())
    assert record["manifest"] == manifest_of("zvol-embedded")
    assert record["zpool"] == str(bench.path)
    assert set(record["stream"]) >= {"type", "name", "guid", "volume_size", "block_size"}


def test_disk_is_sparse(bench: DirectoryBench) -> None:
    image = bench.install("zvol-embedded")
    status = bench.disk(image.uuid).stat()
    assert status.st_blocks * 512 < status.st_size / 2


@pytest.mark.parametrize("content", [b"", b"{nonsense", b"[]", b'{"manifest": {"uuid": "x"}}'])
def test_image_with_a_bad_record_is_still_there(content: bytes, bench: DirectoryBench) -> None:
    image = bench.install("zvol-embedded")
    (bench.path / image.uuid / "image.json").write_bytes(content)
    assert bench.installed(image.uuid).manifest == {"uuid": image.uuid}
    bench.open().delete(image.uuid)
    assert bench.names() == set()


def test_image_whose_record_names_itself_as_its_origin_has_no_clones(
    bench: DirectoryBench,
) -> None:
    image = bench.install("zvol-embedded")
    record = bench.path / image.uuid / "image.json"
    written = json.loads(record.read_text())
    written["manifest"]["origin"] = image.uuid
    record.write_text(json.dumps(written))
    assert bench.open().children(image.uuid).clones == ()


def test_a_file_with_the_name_of_an_image_is_no_image(bench: DirectoryBench) -> None:
    manifest = manifest_of("zvol-embedded")
    (bench.path / manifest["uuid"]).write_text("precious")
    assert bench.open().get(manifest["uuid"]) is None
    assert list(bench.open().images()) == []
    with (
        pytest.raises(FileSystemError, match="cannot rename"),
        bench.open().receive(manifest, source=None, origin=None) as reception,
    ):
        reception.commit(bench.run(reception, sample("zvol-embedded")))
    assert bench.names() == {manifest["uuid"]}


def test_an_incremental_volume_needs_an_origin_with_a_disk(bench: DirectoryBench) -> None:
    base = bench.install("fs-full")
    with pytest.raises(InternalError, match="is not recorded as a disk"):
        bench.open().receive(manifest_of("zvol-incr", base.uuid), source=None, origin=base)
    assert bench.names() == {base.uuid}


def test_child_needs_the_disk_of_its_base(bench: DirectoryBench) -> None:
    base = bench.install("zvol-full")
    bench.disk(base.uuid).unlink()
    with pytest.raises(FileSystemError, match="No such file or directory"):
        bench.open().receive(manifest_of("zvol-incr", base.uuid), source=None, origin=base)
    assert bench.names() == {base.uuid}


def refusal(
    bench: DirectoryBench, stream: bytes, origin: InstalledImage | None = None, **fields: Any
) -> str:
    """Why ``stream`` is not taken as an image with these ``fields``; nothing of it is left."""
    before = bench.names()
    manifest = manifest_of("fs-odd", None if origin is None else origin.uuid) | fields
    with (
        pytest.raises(streams.ZfsStreamError) as caught,
        bench.open().receive(manifest, source=None, origin=origin) as reception,
    ):
        bench.run(reception, stream)
    assert bench.names() == before
    return f"{caught.value.kind}: {caught.value.message}"


def file_system(**begin: Any) -> bytes:
    builder = StreamBuilder().begin(kind=2, **begin).object(1, 19, 512)
    return bytes(builder.write(0, bytes(512), kind=19).end())


@pytest.mark.parametrize(
    ("begin", "why"),
    [
        ({"features": 0x100000}, "unsupported: got a stream that resumes an interrupted receive"),
        ({"features": 0x200000}, "unsupported: got a redacted stream"),
        ({"features": 0x1000000}, "unsupported: got a raw (encrypted) stream"),
        ({"from_guid": 5, "flags": 0xD}, "origin: got an incremental stream from the snapshot"),
        ({"flags": 0xD}, "format: BEGIN record is of a clone"),
    ],
)
def test_file_system_that_zfs_receive_would_refuse(
    begin: dict[str, Any], why: str, bench: DirectoryBench
) -> None:
    assert refusal(bench, file_system(**begin)).startswith(why)
    base = bench.install("fs-full")
    assert refusal(bench, file_system(**begin), base).startswith(why)


def test_reference_into_another_snapshot(bench: DirectoryBench) -> None:
    builder = StreamBuilder().begin(kind=2, features=3).object(1, 19, 512)
    builder.write(0, bytes(512), kind=19).by_ref(512, 512, 0, guid=7)
    assert "a deduplicated block of the snapshot with guid 7" in refusal(bench, bytes(builder))


@pytest.mark.parametrize("kind", ["zone-dataset", "lx-dataset", "docker"])
def test_volume_is_no_zone(kind: str, bench: DirectoryBench) -> None:
    why = refusal(bench, sample("zvol-full"), type=kind)
    assert why.startswith("unsupported: got the stream of a volume, wanted that of a file system")


def test_file_system_is_no_volume(bench: DirectoryBench) -> None:
    why = refusal(bench, sample("fs-full"), type="zvol")
    assert why.startswith("unsupported: got the stream of a file system, wanted that of a volume")


@pytest.mark.parametrize("name", ["fs-full", "zvol-full"])
def test_other_images_may_be_either(name: str, bench: DirectoryBench) -> None:
    manifest = manifest_of(name) | {"type": "other"}
    with bench.open().receive(manifest, source=None, origin=None) as reception:
        reception.commit(bench.run(reception, sample(name)))
    assert (bench.path / manifest["uuid"] / "stream.zfs").read_bytes() == sample(name)


def test_the_stream_is_kept_without_its_package(bench: DirectoryBench) -> None:
    manifest = manifest_of("zvol-full-props") | {"type": "other"}
    with bench.open().receive(manifest, source=None, origin=None) as reception:
        reception.commit(bench.run(reception, sample("zvol-full-props")))
    directory = bench.path / manifest["uuid"]
    assert (directory / "stream.zfs").read_bytes() == sample("zvol-full")
    record = json.loads((directory / "image.json").read_text())
    assert record["stream"]["guid"] == sent_guid("zvol-full")
    assert record["stream"]["volume_size"] == 32 << 20


def test_file_system_needs_a_base_whose_guid_is_known(bench: DirectoryBench) -> None:
    base = bench.install("fs-full")
    record = bench.path / base.uuid / "image.json"
    written = json.loads(record.read_text())
    assert written["stream"]["guid"] == sent_guid("fs-full")
    for stream in (
        {},
        {"type": "zfs"},
        {"type": "zvol", "guid": "5"},
        {"type": "zfs", "guid": "x"},
    ):
        record.write_text(json.dumps(written | {"stream": stream}))
        with pytest.raises(InternalError, match="not recorded as the stream of a file system"):
            bench.open().receive(
                manifest_of("fs-incr", base.uuid), source=None, origin=bench.installed(base.uuid)
            )
        assert bench.names() == {base.uuid}


@pytest.mark.parametrize(
    ("size", "why"),
    [
        (33, "size: got a volume of 33554432 bytes (32 MiB), wanted one of 33 MiB"),
        (10**30, "size: got a volume of 33554432 bytes (32 MiB), wanted one of"),
        (10, "size: got data up to byte"),
        (32, None),
        (0, None),
        (-1, None),
        (None, None),
        ("big", None),
    ],
)
def test_volume_has_the_size_of_its_manifest(
    size: object, why: str | None, bench: DirectoryBench
) -> None:
    if why is not None:
        told = refusal(bench, sample("zvol-full"), type="zvol", image_size=size)
        assert told.startswith(why)
        return
    manifest = manifest_of("zvol-full") | {"image_size": size}
    with bench.open().receive(manifest, source=None, origin=None) as reception:
        reception.commit(bench.run(reception, sample("zvol-full")))
    assert bench.disk(manifest["uuid"]).stat().st_size == 32 << 20


@pytest.mark.parametrize("name", ["zvol-full", "fs-full"])
def test_pool_is_not_filled_to_its_last_byte(
    name: str, bench: DirectoryBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = os.statvfs(bench.path).f_blocks * os.statvfs(bench.path).f_frsize
    monkeypatch.setattr("imgadm.streams.reserve_of", lambda path: 2 * everything)
    with (
        pytest.raises(OSError, match="No space left"),
        bench.open().receive(manifest_of(name), source=None, origin=None) as reception,
    ):
        bench.run(reception, sample(name))
    assert bench.names() == set()


def test_image_that_has_lost_its_base_cannot_be_sent(bench: DirectoryBench) -> None:
    base = bench.install("zvol-full")
    child = bench.install("zvol-incr", base)
    bench.open().delete(base.uuid)
    with pytest.raises(InternalError, match="has lost its origin"):
        bench.open().send(child)


def test_other_things_in_the_directory_are_left_alone(bench: DirectoryBench) -> None:
    for name in ("lost+found", "README", "x.partial"):
        (bench.path / name).mkdir()
    assert list(bench.open().images()) == []
    image = bench.install("zvol-embedded")
    assert [listed.uuid for listed in bench.open().images()] == [image.uuid]
    assert bench.names() == {image.uuid, "lost+found", "README", "x.partial"}


RECEIVE = """
import sys
from pathlib import Path
from tests.unit.pools.conformance import CHAIN, sample
from tests.unit.pools.directory.test_directory import DirectoryBench, manifest_of

class Again(DirectoryBench):
    def __init__(self, directory):
        self.scratch, self.path = directory, directory / "pool"

bench, base = Again(Path(sys.argv[1])), sys.argv[2]
print("ready", flush=True)
bench.install(CHAIN[1], bench.installed(base))
print("done", flush=True)
"""


@pytest.mark.parametrize("seed", range(12))
def test_process_killed_at_any_moment_leaves_the_whole_image_or_none(
    seed: int, bench: DirectoryBench
) -> None:
    base = bench.install(CHAIN[0])
    child = manifest_of(CHAIN[1])["uuid"]
    process = subprocess.Popen(
        [sys.executable, "-c", RECEIVE, str(bench.scratch), base.uuid],
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": PYTHON_PATH, "PYTHONSAFEPATH": "1"},
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        process.wait(random.Random(seed).uniform(0, 0.4))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    process.stdout.close()
    found = bench.open().get(child)
    if found is not None:
        assert found.manifest == manifest_of(CHAIN[1], base.uuid)
        bench.assert_disk(found, CHAIN[1])
    bench.assert_disk(base, CHAIN[0])
    if found is None:
        bench.assert_disk(bench.install(CHAIN[1], base), CHAIN[1])
    assert bench.names() == {base.uuid, child}
